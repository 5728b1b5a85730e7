"""Retention endpoints: preview old archives, and pack them away."""

from __future__ import annotations

from fastapi import APIRouter

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.attempts import retention

router = APIRouter(prefix="/retention", tags=["retention"])


class Packable(Answer, of=retention.Packing):
    """What could be packed away now; `days` 0: nothing ever is. At most 10,000 archives at once, then `more`."""

    sentence: str


class PackedAway(Answer, of=retention.PackedAway):
    """What was packed away, and into which file."""

    sentence: str


@router.get("")
def preview(console: Console) -> Packable:
    """Tell how many archives of attempts are old enough to be packed away."""
    return Packable.model_validate(console.retention.preview())


@router.post("/pack", responses=documented(409))
def pack(console: Console, asker: Asker) -> PackedAway:
    """Pack old archives away into a zip file in the data folder; never the newest attempt of an analysis."""
    return PackedAway.model_validate(console.retention.pack_away(by=asker))
