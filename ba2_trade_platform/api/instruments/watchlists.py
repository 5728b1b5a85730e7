"""Watchlist endpoints: make, rename, fill, reorder and delete, and CSV import and export."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from ba2_trade_platform.api.http.answers import Answer, Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, Limit, OneWay, RequestBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Flag, Name, QueryId, RowId, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.api.instruments.instruments import FileBody, ReportAnswer, csv_file, report_file
from ba2_trade_platform.core.instruments.symbol_parsing import MOST
from ba2_trade_platform.core.instruments.watchlist_rows import SORTS, WatchlistRow
from ba2_trade_platform.core.instruments.watchlists import WatchlistSummary

router = APIRouter(prefix="/watchlists", tags=["watchlists"])
ListId = Annotated[int, Path(ge=1, le=MAX_ID, description="The watchlist"), DIGITS]
Symbols = Annotated[list[Annotated[str, Field(max_length=80)]], Field(max_length=MOST)]
Unknown = Annotated[Flag, Field(description="Also symbols that the price provider does not know")]


class WatchlistNameBody(RequestBody):
    """A watchlist's name."""

    name: Name


class WatchlistItemsBody(OneWay):
    """What goes on a watchlist: symbols, or a text as it was pasted."""

    WAYS = {"symbols": "array", "text": "string"}

    symbols: Symbols | None = None
    text: Annotated[str | None, Field(max_length=40_000)] = None
    unknown: Unknown = False


class ReorderBody(RequestBody):
    """Which symbols move, and to which place the first of them goes; 1 is the top."""

    symbols: Symbols
    to: RowId


class WatchlistImportBody(FileBody):
    """A file with the columns `watchlist` and `symbol`; `into` puts all of it on one watchlist."""

    into: RowId | None = None
    unknown: Unknown = False


class WatchlistAnswer(Answer, of=WatchlistSummary):
    """A watchlist with its symbols in their order."""

    symbols: list[str]


class ItemAnswers(Answer):
    """One page of a watchlist's symbols, of `total`."""

    items: list[WatchlistRow]
    total: int


class RemovedAnswer(BaseModel):
    """What was taken off."""

    sentence: str
    symbols: list[str]


@router.get("")
def list_watchlists(console: Console) -> Items[WatchlistSummary]:
    """Return every watchlist with its size and the schedules that analyse it."""
    return Items(items=list(console.instruments.watchlists.summaries()))


@router.post("", status_code=201, responses=documented(409))
def make_watchlist(body: WatchlistNameBody, console: Console, asker: Asker) -> WatchlistSummary:
    """Make an empty watchlist."""
    return console.instruments.watchlists.create(body.name, by=asker)


@router.post("/import", response_model=ReportAnswer, responses=documented(404, 409))
def import_watchlists(body: WatchlistImportBody, console: Console, asker: Asker) -> Response:
    """Add a CSV file's symbols to the watchlists it names, which are made where there are none; one transaction."""
    take = console.instruments.imports.watchlists
    return report_file(take(body.file(), by=asker, into=body.into, unknown=body.unknown, preview=body.preview))


@router.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}}}})
def export_watchlists(
    console: Console, watchlist: Annotated[QueryId | None, Query(description="Only this one")] = None
) -> Response:
    """Return the watchlists as a CSV file that imports again."""
    return csv_file(console.instruments.imports.watchlists_file(watchlist), "watchlists.csv")


@router.get("/{watchlist_id:int}", responses=documented(404))
def get_watchlist(watchlist_id: ListId, console: Console) -> WatchlistAnswer:
    """Return one watchlist with its symbols."""
    watchlists = console.instruments.watchlists
    symbols = {"symbols": watchlists.symbols(watchlist_id)}
    return WatchlistAnswer.model_validate(vars(watchlists.get(watchlist_id)) | symbols)


@router.patch("/{watchlist_id:int}", responses=documented(404, 409))
def rename_watchlist(watchlist_id: ListId, body: WatchlistNameBody, console: Console, asker: Asker) -> WatchlistSummary:
    """Give a watchlist another name."""
    return console.instruments.watchlists.rename(watchlist_id, body.name, by=asker)


@router.delete("/{watchlist_id:int}", status_code=204, responses=documented(404, 409))
def delete_watchlist(watchlist_id: ListId, console: Console, asker: Asker) -> None:
    """Delete a watchlist that no schedule analyses; its instruments and analyses stay."""
    console.instruments.watchlists.delete(watchlist_id, by=asker)


@router.get("/{watchlist_id:int}/items", responses=documented(404))
def items(
    watchlist_id: ListId,
    console: Console,
    q: Annotated[str | None, Query(max_length=200, description="Words of a symbol or a name")] = None,
    sort: Annotated[str, Query(max_length=20), said(enum=list(SORTS))] = "order",
    skip: Annotated[int, Query(ge=0, le=1_000_000), DIGITS] = 0,
    limit: Limit = 100,
) -> ItemAnswers:
    """Return symbols with their last analysis, when and how it ended, its recommendation and the next run."""
    return ItemAnswers.model_validate(console.instruments.rows.page(watchlist_id, q, sort, skip, limit))


@router.post("/{watchlist_id:int}/items", response_model=ReportAnswer, responses=documented(404))
def add_items(watchlist_id: ListId, body: WatchlistItemsBody, console: Console, asker: Asker) -> Response:
    """Add symbols; each is answered: added, duplicate, unknown or invalid."""
    watchlists = console.instruments.watchlists
    if body.text is not None:
        report = watchlists.add_text(watchlist_id, body.text, by=asker, unknown=body.unknown)
    else:
        report = watchlists.add_symbols(watchlist_id, body.symbols or [], by=asker, unknown=body.unknown)
    return report_file(report)


@router.delete("/{watchlist_id:int}/items", responses=documented(404))
def remove_items(
    watchlist_id: ListId, symbol: Annotated[list[str], Query(max_length=1_000)], console: Console, asker: Asker
) -> RemovedAnswer:
    """Take symbols off a watchlist; the parameter is repeated for several."""
    removed = console.instruments.watchlists.remove(watchlist_id, symbol, by=asker)
    return RemovedAnswer(sentence=removed.sentence, symbols=[name for name, _ in removed.places])


@router.post("/{watchlist_id:int}/order", status_code=204, responses=documented(404))
def reorder(watchlist_id: ListId, body: ReorderBody, console: Console, asker: Asker) -> None:
    """Move symbols to another place of the list."""
    console.instruments.watchlists.reorder(watchlist_id, body.symbols, body.to, by=asker)
