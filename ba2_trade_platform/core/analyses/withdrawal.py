"""Withdrawal: undoes a re-run that no worker has claimed yet, in one transaction, from the re-run's archive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from ba2_trade_platform.core.analyses.analysis_rows import AnalysisWithExpert, row_of
from ba2_trade_platform.core.attempts import archives
from ba2_trade_platform.core.attempts.archive_files import ArchiveFiles
from ba2_trade_platform.core.attempts.attempts import Change, standings
from ba2_trade_platform.core.attempts.lifecycle import Event, after
from ba2_trade_platform.core.attempts.transitions import Transitions
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.base.transactions import Transaction
from ba2_trade_platform.core.contracts.queue import Dispatcher
from ba2_trade_platform.db import tables as t
from ba2_trade_platform.vocabulary import Outcome, Status, Trigger

_T = t.attempt.c
_RERUNS = (Trigger.RERUN, Trigger.BULK)


@dataclass(frozen=True)
class Withdrawn:
    """A re-run that was withdrawn: the analysis stands failed again, as it was before."""

    analysis_id: int
    status: Status
    attempt: int
    reruns_used: int
    max_reruns: int
    updated_at: datetime

    @property
    def sentence(self) -> str:
        """Say what was withdrawn."""
        return (
            f"Re-run of analysis {self.analysis_id} withdrawn: it stands failed as it was after attempt {self.attempt} "
            f"(re-run {self.reruns_used}/{self.max_reruns})"
        )


class Withdrawal:
    """Withdraws re-runs, one a call; the caller's transaction makes it whole."""

    def __init__(self, dispatcher: Dispatcher, transitions: Transitions, archive_files: ArchiveFiles) -> None:
        self._dispatcher = dispatcher
        self._transitions = transitions
        self._archive_files = archive_files

    def withdraw_in(
        self, transaction: Transaction, analysis_id: int, who: int, reason: str | None, now: datetime
    ) -> tuple[Withdrawn, Any]:
        """Withdraw the re-run of this one for actor `who`; return what stands again, and the row as it was.

        Raises NotFound, also ARCHIVE_MISSING and ARCHIVE_UNREADABLE of a packed archive; Refused NOT_WITHDRAWABLE: it
        was claimed, it is no re-run, or its archive holds too little.
        """
        session = transaction.session
        row = row_of(session, analysis_id)
        opened = session.execute(_OPENED, {"analysis_id": row.id, "number": row.attempt}).one()
        unclaimed = opened.trigger in _RERUNS and opened.started_at is None
        subject = f"analysis {row.id}"
        after(row.status, Event.WITHDRAW, subject, unclaimed_rerun=unclaimed, code="NOT_WITHDRAWABLE")
        number, contents = self._left_before(session, row)
        columns = archives.restore(session, row.id, number, contents)
        change = Change(
            standings(session, [row.id])[row.id],
            now,
            reason=reason or "withdrawn",
            columns={**columns, "reruns_used": row.reruns_used - 1},
            returns_to=number,
        )
        self._transitions.apply(transaction, Event.WITHDRAW, [change], by=who)
        self._dispatcher.cancel(session, row.id)
        return Withdrawn(row.id, Status.FAILED, number, row.reruns_used - 1, row.max_reruns, now), row

    def _left_before(self, session: Session, row: AnalysisWithExpert) -> tuple[int, Any]:
        """Return the number of the attempt that the re-run followed, and what that one had left."""
        found = session.execute(_FOLLOWED, {"analysis_id": row.id, "number": row.attempt}).one()
        contents = archives.expand(found.contents)
        if contents is None and found.packed_into is not None:
            contents = self._unpacked(session, row.id, found)
        if not contents or "analysis" not in contents:
            sentence = (
                f"The re-run of analysis {row.id} was queued by an earlier version, which kept too little to undo it; "
                "cancel it instead"
            )
            raise Refused(sentence, code="NOT_WITHDRAWABLE", status=row.status.value)
        return found.number, contents

    def _unpacked(self, session: Session, analysis_id: int, found: Any) -> Any:
        """Take an attempt's archive out of its file again: it belongs to an attempt that is the present one."""
        contents, trace = self._archive_files.read(found.packed_into, analysis_id, found.number)
        if trace:
            archives.keep_tracebacks(session, {(analysis_id, found.number): trace})
        session.execute(
            update(t.attempt).where(_T.analysis_id == analysis_id, _T.number == found.number).values(packed_into=None)
        )
        return contents


_OPENED = select(_T.trigger, _T.started_at).where(
    _T.analysis_id == bindparam("analysis_id"), _T.number == bindparam("number")
)
_FOLLOWED = (
    select(_T.number, _T.packed_into, t.archive.c.contents)
    .outerjoin(t.archive, t.archive.c.attempt_id == _T.id)
    .where(_T.analysis_id == bindparam("analysis_id"), _T.number < bindparam("number"), _T.outcome != Outcome.WITHDRAWN)
    .order_by(_T.number.desc())
    .limit(1)
)
