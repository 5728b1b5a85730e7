"""Backup endpoints: list backups, and make one now."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.operations import backups

router = APIRouter(prefix="/backups", tags=["health"])


class Backup(Answer, of=backups.Backup):
    """One copy, or the failed try to make one; a `good` one can be restored. `deleted_at`: its file is gone since."""

    good: bool
    sentence: str


class BackupList(BaseModel):
    """The newest 100, newest first, and when they are made."""

    items: list[Backup]
    folder: str
    sentence: str
    next_at: datetime | None
    under_way: bool


@router.get("")
def list_backups(console: Console) -> BackupList:
    """List the backups."""
    service = console.operations.backups
    return BackupList(
        items=[Backup.model_validate(backup) for backup in service.list()],
        folder=str(service.folder),
        sentence=service.plan.sentence,
        next_at=service.plan.next(console.store.clock.now()),
        under_way=service.under_way,
    )


@router.post("", status_code=201, responses=documented(409))
def make_backup(console: Console, asker: Asker) -> Backup:
    """Make a backup now; answers once it is made and verified, some seconds for each gigabyte."""
    return Backup.model_validate(console.operations.backups.make(by=asker))
