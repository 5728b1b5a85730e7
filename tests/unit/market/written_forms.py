"""Written forms: the same nine bars as each tool writes them, and the table of the forms in the documents.

`python -m tests.unit.market.written_forms` writes that table anew.
"""

from __future__ import annotations

from pathlib import Path

from ba2_trade_platform.market.calendars.sessions import session_calendar
from ba2_trade_platform.market.folder.price_file import PriceFile, read_price_file
from tests.places import ROOT
from tests.unit.market.forms_by_layout import LAYOUTS
from tests.unit.market.forms_by_tool import COLLECTIONS, TOOLS
from tests.unit.market.nine_bars import Written

DOCUMENT = ROOT / "docs/price-folder.md"
BEGIN, END = "<!-- forms: begin -->", "<!-- forms: end -->"
WRITTEN: tuple[Written, ...] = (*LAYOUTS, *TOOLS, *COLLECTIONS)


def understood(written: Written, folder: Path) -> PriceFile:
    """Return what is read of one written file."""
    path = folder / f"{written.symbol}.csv"
    path.write_bytes(written.content)
    return read_price_file(path, session_calendar(written.calendar), written.symbol)


def table(folder: Path) -> str:
    """Return the table of all forms for the documents."""
    rows = ["| as written by | its first lines | understood as |", "| --- | --- | --- |"]
    for written in WRITTEN:
        file = understood(written, folder)
        said = "; ".join([file.form, *file.repaired])
        rows.append(f"| {written.title} | {_shown(written.content)} | {said} |".replace("`_`", ""))
    return "\n".join(rows)


def _shown(content: bytes) -> str:
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = content.decode("utf-16")
    else:
        text = content.decode("utf-16-le" if content[1:2] == b"\0" else "utf-8-sig", "replace")
    lines = [line for line in text.splitlines() if line.strip()]
    bars = next(place for place, line in enumerate(lines) if sum(map(str.isdigit, line)) > 12)
    short = [line if len(line) <= 56 else f"{line[:56]}…" for line in lines[: bars + 1]]
    return "<br>".join(f"`{line}`".replace("|", "¦").replace("\t", "→") for line in short)


def with_table(text: str, made: str) -> str:
    """Return the document's text with this table between its marks."""
    begin, rest = text.split(BEGIN)
    return f"{begin}{BEGIN}\n{made}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(), table(Path(scratch))))
