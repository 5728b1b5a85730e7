"""Structured logging: each line a sentence for a person plus key-values that a program can filter by."""

from __future__ import annotations

import logging

import structlog
from structlog.stdlib import BoundLogger, PositionalArgumentsFormatter, filter_by_level, render_to_log_kwargs

PROCESSORS = (filter_by_level, PositionalArgumentsFormatter(), render_to_log_kwargs)


def get_logger(name: str) -> BoundLogger:
    """Return a logger whose `log.warning(sentence, *arguments, key=value)` keeps the key-values on the record.

    The message is the sentence alone; `extra` carries the rest to whatever handler wants it. Nothing global is set.
    """
    logger: BoundLogger = structlog.wrap_logger(
        logging.getLogger(name),
        processors=PROCESSORS,
        wrapper_class=BoundLogger,
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return logger
