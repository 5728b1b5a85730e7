"""Open files: as many as the connections need, so that none of them takes the last one from the database."""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)
OWN_FILES = 200  # the console's own: database, memory, logs, backups and what it asks of others
FEWEST = 10


def connections_that_fit(wanted: int) -> int:
    """Raise this process's limit of open files where that is allowed; return how many connections fit below it."""
    try:
        import resource  # noqa: PLC0415 - POSIX only
    except ImportError:
        return wanted
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = wanted + OWN_FILES
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return wanted
    soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    fit = min(wanted, max(FEWEST, soft - OWN_FILES))
    if fit < wanted:
        log.warning("%d connections at once instead of %d: this machine allows %d open files", fit, wanted, soft)
    return fit
