"""Research endpoint: reports which lines of news and figures can be used."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from ba2_trade_platform.api.http.dependencies import Console
from ba2_trade_platform.market.research.sources import FileReport

router = APIRouter(prefix="/research", tags=["research"])


class ResearchReport(BaseModel):
    """Where research comes from, and what each file of it holds."""

    sentence: str
    files: list[FileReport]


@router.get("")
def research(console: Console) -> ResearchReport:
    """Read the files of research, and tell what can be used of them."""
    return ResearchReport(sentence=console.research.describe(), files=list(console.research.files()))
