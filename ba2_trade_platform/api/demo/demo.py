"""Demo endpoint: loads the demo desk."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from ba2_trade_platform.api.http.dependencies import Asker, Console
from ba2_trade_platform.api.http.problems import documented

router = APIRouter(prefix="/demo", tags=["demo"])


class Seeded(BaseModel):
    """The demo desk that was loaded."""

    queued: int
    sentence: str


@router.post("", status_code=201, responses=documented(409))
def seed(console: Console, asker: Asker) -> Seeded:
    """Load the demo desk: experts, a watchlist and a first batch in which some fail on purpose."""
    queued = console.demo.desk.seed(by=asker)
    return Seeded(queued=queued, sentence=f"Demo desk loaded: {queued} analyses queued")
