"""Files for a debate about the bundled market: news, posts and figures for four analysts, and known prices."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

SYMBOLS = ("MSFT", "AAPL", "AMD", "COST", "INTC")
PRICES = """provider,model,valid_from,input,cached,output,source
lab,*,2020-01-01,10,1,30,this test
lab-two,*,2020-01-01,10,1,30,this test
"""
KEY = "sk-test-0123456789"


def write_research(folder: Path, headline: str = "A large order was won", symbols: Sequence[str] = SYMBOLS) -> Path:
    """Write a folder with something to read for every analyst of these symbols; return it."""
    folder.mkdir(parents=True, exist_ok=True)
    quoted = '"' + headline.replace('"', '""') + '"'
    texts = [f"2014-12-30T15:00:00Z,{symbol},{quoted},Wire" for symbol in symbols]
    for name in ("news.csv", "posts.csv"):
        (folder / name).write_text("\n".join(["published_at,symbol,headline,source", *texts]) + "\n")
    figures = [f"2014-11-20T15:00:00Z,{symbol},dividend,0.31,USD" for symbol in symbols]
    (folder / "figures.csv").write_text("\n".join(["published_at,symbol,name,value,unit", *figures]) + "\n")
    return folder


def money(tokens: tuple[int, int]) -> Decimal:
    """Return what a call of so many tokens in and out costs by PRICES."""
    return Decimal(10 * tokens[0] + 30 * tokens[1]) / 1_000_000
