"""Instrument endpoints: find, add, change and delete, and CSV import and export."""

from __future__ import annotations

from base64 import b64decode
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field

from ba2_trade_platform.api.http.answers import Answer, Items, Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, Limit, OneWay, RequestBody
from ba2_trade_platform.api.http.fields import Flag, SymbolText, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.api.http.symbol_paths import BELOW_INSTRUMENTS
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.base.text_encodings import ENCODINGS, MOST_BYTES, Candidate
from ba2_trade_platform.core.instruments.instruments import LONGEST, MAX_LABELS, Instrument, InstrumentFields
from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.symbol_parsing import FileReading, Report

CHOICES = [*ENCODINGS, None]
BASE64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
router = APIRouter(prefix="/instruments", tags=["instruments"])
Symbol = Annotated[str, Path(min_length=1, max_length=80, description="The symbol, such as AAPL or BTC/USD")]
Csv = Annotated[
    str, Field(max_length=MOST_BYTES, description="The file's text; one of its first lines names the columns")
]


class InstrumentAnswers(Page[Instrument, str | None]):
    """One page by symbol; `total` is counted to 10,001."""

    total: int


class InstrumentBody(RequestBody):
    """What is said of an instrument; an empty text is: not known."""

    name: Annotated[str, Field(max_length=LONGEST["name"])] = ""
    type: Annotated[str, Field(max_length=LONGEST["type"])] = "stock"
    exchange: Annotated[str, Field(max_length=LONGEST["exchange"])] = ""
    currency: Annotated[
        str, Field(max_length=20, description="Three letters, or empty"), said(pattern=r"^\s*([A-Za-z]{3})?\s*$")
    ] = ""
    calendar: Annotated[
        str, Field(max_length=LONGEST["calendar"], description="The exchange whose sessions it keeps, such as XNYS")
    ] = ""
    labels: Annotated[
        list[Annotated[str, Field(max_length=40), said(pattern="^[^,;|]*$")]],
        Field(max_length=MAX_LABELS, description="Words of your own"),
    ] = []


class NewInstrument(InstrumentBody):
    """An instrument to be added."""

    symbol: SymbolText


class FileBody(OneWay):
    """A file as its text, or as its bytes in an encoding, and how it is to be read where that leaves a choice."""

    WAYS = {"text": "string", "data": "string"}

    text: Csv | None = None
    data: Annotated[
        str | None,
        Field(max_length=4 * MOST_BYTES // 3 + 4, description="The file's bytes, in base64"),
        said(pattern=BASE64),
    ] = None
    encoding: Annotated[
        str | None,
        Field(max_length=40, description="Of `data`; needed where it is not certain"),
        said(enum=CHOICES),
    ] = None
    column: Annotated[
        str | None, Field(max_length=200, description="Heading or number of the column that has the symbols")
    ] = None
    doubtful: Annotated[Flag, Field(description="Also lines that may be cash, currencies or words of the file")] = False
    preview: Flag = False

    def file(self) -> ListFile:
        """Return the file; raises Invalid for bytes that are no base64."""
        return ListFile(self._content(), self.encoding, self.column, self.doubtful)

    def _content(self) -> bytes | str:
        if self.text is not None:
            return self.text
        try:
            return b64decode(self.data or "", validate=True)
        except ValueError as error:
            raise Invalid(f"data is no base64: {error}", code="FILE_UNREADABLE") from error


class CandidateAnswer(Answer, of=Candidate):
    """An encoding that the file may have, and how it reads then."""


class ReadingAnswer(Answer, of=FileReading, but=["candidates"]):
    """How the file was read, and which other encodings and columns may be chosen."""

    candidates: list[CandidateAnswer]


class ReportAnswer(Answer, of=Report, but=["reading"]):
    """What became of each line; with `is_preview`, what would. `reading` is of a file."""

    sentence: str
    reading: ReadingAnswer | None


def report_file(report: Report) -> Response:
    """Answer with a report as JSON, written here and not on the pages' loop: it may have twenty thousand lines."""
    return Response(ReportAnswer.model_validate(report).model_dump_json(), media_type="application/json")


def csv_file(text: str, name: str) -> Response:
    """Answer with a file to be stored."""
    head = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=head)


@router.get("")
def list_instruments(
    console: Console,
    q: Annotated[str | None, Query(max_length=200, description="A symbol's beginning, or words of a name")] = None,
    label: Annotated[str | None, Query(max_length=40)] = None,
    cursor: Annotated[str | None, Query(max_length=40, description="next_cursor of the page before")] = None,
    limit: Limit = 100,
) -> InstrumentAnswers:
    """Return instruments by symbol."""
    return InstrumentAnswers.model_validate(console.instruments.catalog.page(q, label, cursor, limit))


@router.post("", status_code=201, responses=documented(409))
def add_instrument(body: NewInstrument, console: Console, asker: Asker) -> Instrument:
    """Add an instrument."""
    return console.instruments.catalog.add(body.symbol, InstrumentFields(**body.sent("symbol")), by=asker)


@router.get("/labels")
def labels(console: Console) -> Items[str]:
    """Return every label that an instrument bears."""
    return Items(items=console.instruments.catalog.labels())


@router.post("/import", response_model=ReportAnswer, responses=documented(409))
def import_instruments(body: FileBody, console: Console, asker: Asker) -> Response:
    """Add and change the instruments of a CSV file with a column `symbol`, all in one transaction."""
    report = console.instruments.imports.instruments(body.file(), by=asker, preview=body.preview)
    return report_file(report)


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_instruments(console: Console) -> Response:
    """Return every instrument as a CSV file that imports again."""
    return csv_file(console.instruments.imports.instruments_file(), "instruments.csv")


@router.get(f"/{BELOW_INSTRUMENTS}", responses=documented(404))
def get_instrument(symbol: Symbol, console: Console) -> Instrument:
    """Return one instrument with the watchlists that hold it."""
    return console.instruments.catalog.get(symbol)


@router.patch(f"/{BELOW_INSTRUMENTS}", responses=documented(404))
def change_instrument(symbol: Symbol, body: InstrumentBody, console: Console, asker: Asker) -> Instrument:
    """Change what is given."""
    return console.instruments.catalog.change(symbol, by=asker, **body.sent())


@router.delete(f"/{BELOW_INSTRUMENTS}", status_code=204, responses=documented(404, 409))
def delete_instrument(symbol: Symbol, console: Console, asker: Asker) -> None:
    """Delete an instrument that no watchlist and no schedule needs; its analyses stay."""
    console.instruments.catalog.delete(symbol, by=asker)
