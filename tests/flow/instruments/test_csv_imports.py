"""CSV imports: previewed, then written at once; a desk shows the new symbols, each with its next run."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from ba2_trade_platform.core.base.errors import Invalid, Refused
from ba2_trade_platform.core.instruments.instruments import InstrumentFields
from ba2_trade_platform.core.instruments.service import InstrumentServices
from tests.flow.instruments.watchlist_desk import answers, schedule
from tests.platforms import TRADER
from tests.sql import ask, change, dump, one
from tests.stepped import Desk

CELLS = st.sampled_from(
    ["AAPL", "msft", "ZZZZ", "n o", "", "=1+1", "'=x", "Tech", "x" * 81, "USD", "dollars", "a|b", "a;b"]
)


def test_instruments_are_added_changed_and_answered_line_by_line(lists: InstrumentServices) -> None:
    lists.catalog.add("AAPL", InstrumentFields(name="Apple", labels=("old",)), by=TRADER)
    text = "Symbol;Currency;Labels\nAAPL;usd;core|us\nMSFT;USD;\nMSFT;EUR;\nGPS;dollars;\nno way;;\n"
    seen = lists.imports.instruments(text, by=TRADER, preview=True)
    assert seen.sentence == "1 to be added, 1 to be changed, 1 there already, 2 not usable"
    assert lists.catalog.page().total == 1
    done = lists.imports.instruments(text, by=TRADER)
    assert answers(done) == [
        (2, "AAPL", "changed"),
        (3, "MSFT", "added"),
        (4, "MSFT", "duplicate"),
        (5, "GPS", "invalid"),
        (6, "no way", "invalid"),
    ]
    assert lists.catalog.get("MSFT").name == "Microsoft Corporation"  # the price provider says so
    apple = lists.catalog.get("AAPL")
    assert (apple.name, apple.currency, apple.labels) == ("Apple", "USD", ("core", "us"))


def test_an_export_imports_again_and_changes_nothing(desk: Desk, lists: InstrumentServices) -> None:
    lists.catalog.add("ODD", InstrumentFields(name='=HYPERLINK("x"),;', labels=("a b", "-c")), by=TRADER)
    mine = desk.platform.instruments.watchlists.create("+Mine; or yours", by=TRADER).id
    desk.platform.instruments.watchlists.add_text(mine, "ODD AAPL", by=TRADER)
    tables = "SELECT * FROM instrument", "SELECT * FROM watchlist_item"
    before = [ask(desk.file, table) for table in tables]
    instruments = lists.imports.instruments(lists.imports.instruments_file(), by=TRADER)
    watchlists = lists.imports.watchlists(lists.imports.watchlists_file(), by=TRADER)
    assert (instruments.sentence, watchlists.sentence) == ("2 there already", "2 there already")
    assert [ask(desk.file, table) for table in tables] == before


def test_a_file_that_fails_half_way_changes_nothing(desk: Desk, lists: InstrumentServices) -> None:
    change(
        desk.file,
        "CREATE TRIGGER broken BEFORE INSERT ON watchlist WHEN NEW.name = 'B' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    before = dump(desk.file)
    with pytest.raises(IntegrityError):
        lists.imports.watchlists("watchlist,symbol\nA,AAPL\nB,MSFT\n", by=TRADER)
    assert dump(desk.file) == before


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), max_size=6), st.sampled_from(",;"))
def test_every_line_of_any_file_is_answered_as_the_preview_said(
    lists: InstrumentServices, rows: list[tuple[str, str, str]], parted: str
) -> None:
    text = "\n".join(parted.join(row) for row in [("symbol", "watchlist", "currency"), *rows])
    for read in (lists.imports.instruments, lists.imports.watchlists):
        try:
            seen = read(text, by=TRADER, preview=True)
        except Invalid:
            continue
        done = read(text, by=TRADER)
        assert done.lines == seen.lines
        assert len(done.lines) == sum(any(cell.strip() for cell in row) for row in rows)


def test_instruments_are_found_by_text_and_label_page_by_page(lists: InstrumentServices) -> None:
    rows = "".join(f"S{number:05},Company {number},{'odd' if number % 2 else ''}\n" for number in range(20_000))
    lists.imports.instruments(f"symbol,name,labels\n{rows}", by=TRADER)
    first = lists.catalog.page(label="odd", limit=3)
    assert ([item.symbol for item in first.items], first.total) == (["S00001", "S00003", "S00005"], 10_000)
    then = lists.catalog.page(label="odd", cursor=first.next_cursor, limit=1)
    assert [item.symbol for item in then.items] == ["S00007"]
    assert [item.symbol for item in lists.catalog.page("company 19999").items] == ["S19999"]
    assert lists.catalog.page("s0000").total == 10
    assert lists.catalog.page("100%").total == 0
    assert lists.catalog.labels() == ["odd"]


def test_an_instrument_that_is_needed_is_not_deleted(desk: Desk, lists: InstrumentServices) -> None:
    watchlists = desk.platform.instruments.watchlists
    mine = watchlists.create("Mine", by=TRADER).id
    watchlists.add_text(mine, "AAPL", by=TRADER)
    schedule(desk, symbols='["AAPL"]')
    with pytest.raises(Refused, match="AAPL is on Mine and analysed by Morning: take it off there first"):
        lists.catalog.delete("AAPL", by=TRADER)
    watchlists.remove(mine, ["AAPL"], by=TRADER)
    change(desk.file, "UPDATE schedule SET archived_at = '2026-11-02'")
    analysis_id = desk.submit(desk.expert())
    lists.catalog.delete("aapl", by=TRADER)
    assert one(desk.file, "SELECT COUNT(*) FROM instrument") == 0
    assert desk.row(analysis_id).symbol == "AAPL"


def test_an_item_shows_the_earliest_run_of_any_schedule_that_covers_it(desk: Desk, lists: InstrumentServices) -> None:
    watchlists = desk.platform.instruments.watchlists
    mine, other = (watchlists.create(name, by=TRADER).id for name in ("Mine", "Other"))
    watchlists.add_text(mine, "AAPL MSFT INTC", by=TRADER)
    watchlists.add_text(other, "AAPL", by=TRADER)
    schedule(desk, other, name="By list")
    schedule(desk, symbols='["AAPL", "MSFT"]', name="By name")
    change(desk.file, "UPDATE schedule SET next_at = '2026-12-02 09:00:00' WHERE name = 'By name'")

    def runs() -> dict[str, str | None]:
        items = lists.rows.page(mine).items
        return {item.symbol: item.next_run and item.next_run.schedule for item in items}

    assert runs() == {"AAPL": "By list", "MSFT": "By name", "INTC": None}
    assert [run.schedule for run in lists.symbols.read("AAPL").runs] == ["By list", "By name"]
    change(desk.file, "UPDATE schedule SET enabled = 0 WHERE name = 'By list'")
    assert runs() == {"AAPL": "By name", "MSFT": "By name", "INTC": None}


def test_an_item_shows_what_its_last_analysis_recommended_once_it_is_completed(
    desk: Desk, lists: InstrumentServices
) -> None:
    mine = desk.platform.instruments.watchlists.create("Mine", by=TRADER).id
    desk.platform.instruments.watchlists.add_text(mine, "AAPL MSFT", by=TRADER)
    worker, expert = desk.worker(), desk.expert(max_concurrent=2)
    good, bad = desk.submit(expert, "AAPL"), desk.submit(expert, "MSFT")
    worker.tick()
    worker.succeed(worker.leased[good], confidence=71, price=Decimal("110.5"))
    worker.fail(worker.leased[bad])
    apple, microsoft = lists.rows.page(mine).items
    assert (apple.action, apple.confidence, float(apple.price_then or 0)) == ("HOLD", 71, 110.5)
    assert (microsoft.last_status, microsoft.error_code, microsoft.action) == ("failed", "AUTH", None)
    assert [item.symbol for item in lists.rows.page(mine, sort="status").items] == ["AAPL", "MSFT"]
    assert lists.rows.page(mine, "micro").total == 1
    (answer,) = lists.symbols.read("AAPL").current
    assert (answer.expert, answer.action, answer.analysis_id) == ("Scripted", "HOLD", good)
