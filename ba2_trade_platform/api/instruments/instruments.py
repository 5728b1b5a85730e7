"""Instrument endpoints: find, add, change and delete, and CSV import and export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import Field
from starlette.convertors import Convertor, register_url_convertor

from ba2_trade_platform.api.http.answers import Answer, Items, Page
from ba2_trade_platform.api.http.dependencies import Asker, Console, Limit, RequestBody
from ba2_trade_platform.api.http.fields import Flag, SymbolText, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.instruments.csv_files import MOST_BYTES
from ba2_trade_platform.core.instruments.instruments import LONGEST, MAX_LABELS, Instrument, InstrumentFields
from ba2_trade_platform.core.instruments.symbol_parsing import Report


class SymbolConvertor(Convertor[str]):
    """A symbol in a path, which may hold a slash; the other paths below /instruments are none."""

    regex = r"(?!(?:labels|import|export)$).+"

    def convert(self, value: str) -> str:
        """Return the symbol."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it stands in a path."""
        return value


register_url_convertor("symbol", SymbolConvertor())
router = APIRouter(prefix="/instruments", tags=["instruments"])
Symbol = Annotated[str, Path(min_length=1, max_length=80, description="The symbol, such as AAPL or BTC/USD")]
Csv = Annotated[
    str, Field(max_length=MOST_BYTES, description="The file's text; its first line names the columns, in any order")
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


class InstrumentImportBody(RequestBody):
    """A file, and whether it is only looked through."""

    text: Csv
    preview: Flag = False


class ReportAnswer(Answer, of=Report):
    """What became of each line; with `is_preview`, what would."""

    sentence: str


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
def import_instruments(body: InstrumentImportBody, console: Console, asker: Asker) -> Response:
    """Add and change the instruments of a CSV file with a column `symbol`, all in one transaction."""
    report = console.instruments.imports.instruments(body.text, by=asker, preview=body.preview)
    return report_file(report)


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_instruments(console: Console) -> Response:
    """Return every instrument as a CSV file that imports again."""
    return csv_file(console.instruments.imports.instruments_file(), "instruments.csv")


@router.get("/{symbol:symbol}", responses=documented(404))
def get_instrument(symbol: Symbol, console: Console) -> Instrument:
    """Return one instrument with the watchlists that hold it."""
    return console.instruments.catalog.get(symbol)


@router.patch("/{symbol:symbol}", responses=documented(404))
def change_instrument(symbol: Symbol, body: InstrumentBody, console: Console, asker: Asker) -> Instrument:
    """Change what is given."""
    return console.instruments.catalog.change(symbol, by=asker, **body.sent())


@router.delete("/{symbol:symbol}", status_code=204, responses=documented(404, 409))
def delete_instrument(symbol: Symbol, console: Console, asker: Asker) -> None:
    """Delete an instrument that no watchlist and no schedule needs; its analyses stay."""
    console.instruments.catalog.delete(symbol, by=asker)
