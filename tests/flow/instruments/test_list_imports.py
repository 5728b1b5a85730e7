"""List imports: brokers' files find the desk's own spelling, and a possible other company is asked about."""

from __future__ import annotations

from base64 import b64encode

import httpx
import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.instruments.instruments import InstrumentFields
from ba2_trade_platform.core.instruments.list_files import ListFile
from ba2_trade_platform.core.instruments.service import InstrumentServices
from tests.api.clients import client_of
from tests.flow.instruments.watchlist_desk import answers
from tests.platforms import TRADER
from tests.unit.instruments.brokers_files import FORMS

POLISH = "symbol,name\r\nPKN.WA,Orlen Spółka Łódź\r\n".encode("cp1250")


def test_a_file_in_an_uncertain_encoding_is_previewed_and_not_written_until_it_is_chosen(
    lists: InstrumentServices,
) -> None:
    seen = lists.imports.instruments(ListFile(POLISH), by=TRADER, preview=True)
    assert seen.reading is not None
    assert (seen.sentence, seen.reading.encoding) == ("1 to be added", "windows-1250")
    assert "Read as windows-1250, which is assumed." in seen.reading.sentence
    with pytest.raises(Invalid, match="choose its encoding"):
        lists.imports.instruments(ListFile(POLISH), by=TRADER)
    assert lists.catalog.page().total == 0
    lists.imports.instruments(ListFile(POLISH, "windows-1252"), by=TRADER)
    wrong = lists.catalog.get("PKN.WA")
    assert "perhaps Orlen Spółka Łódź" in wrong.name_hint
    lists.imports.instruments(ListFile(POLISH, "windows-1250"), by=TRADER)
    right = lists.catalog.get("PKN.WA")
    assert (right.name, right.name_hint) == ("Orlen Spółka Łódź", "")


@pytest.mark.parametrize("name", FORMS)
def test_a_form_adds_its_positions_to_a_watchlist_and_again_nothing(lists: InstrumentServices, name: str) -> None:
    mine = lists.watchlists.create("Mine", by=TRADER).id
    data = FORMS[name].text.encode()
    done = lists.imports.watchlists(ListFile(data), by=TRADER, into=mine, unknown=True)
    one_share = {"BRK-B": "BRK.B", "BRK/B": "BRK.B"} if "BRK.B" in FORMS[name].symbols else {}
    assert set(lists.watchlists.symbols(mine)) == {one_share.get(symbol, symbol) for symbol in FORMS[name].symbols}
    again = lists.imports.watchlists(ListFile(data), by=TRADER, into=mine, unknown=True)
    assert {line.fate.value for line in again.lines} <= {"duplicate", "passed over", "asked"}
    assert len(again.lines) == len(done.lines)


def test_the_spelling_that_the_desk_knows_is_taken_whatever_the_file_writes(lists: InstrumentServices) -> None:
    for symbol in ("BRK-B", "VOD.L", "NASDAQ:MSFT"):
        lists.catalog.add(symbol, InstrumentFields(name=symbol), by=TRADER)
    mine = lists.watchlists.create("Mine", by=TRADER).id
    text = "Symbol\nBRK B\nBRK/B\nLSE:VOD\nNASDAQ:MSFT\nAAPL US\n"
    report = lists.imports.watchlists(text, by=TRADER, into=mine)
    assert [(line.text, line.reason) for line in report.lines] == [
        ("BRK-B", "written BRK B"),
        ("BRK-B", "given twice; written BRK/B"),
        ("VOD.L", "written LSE:VOD"),
        ("NASDAQ:MSFT", ""),
        ("AAPL", "written AAPL US"),
    ]
    assert lists.watchlists.symbols(mine) == ("BRK-B", "VOD.L", "NASDAQ:MSFT", "AAPL")


def test_a_symbol_that_trades_in_another_currency_than_the_file_says_is_asked_for(lists: InstrumentServices) -> None:
    mine = lists.watchlists.create("Mine", by=TRADER).id
    text = "Ticker,Name,Currency (Price / share),Shares\nAAPL,Apple,USD,1\nMSFT,Microsafe plc,GBX,1\nINTC,Intel,,1\n"
    report = lists.imports.watchlists(text, by=TRADER, into=mine)
    assert [line.fate.value for line in report.lines] == ["added", "asked", "added"]
    assert (
        "MSFT trades in GBX by the file; the price provider has Microsoft Corporation in USD" in report.lines[1].reason
    )
    assert lists.watchlists.symbols(mine) == ("AAPL", "INTC")
    seen = lists.imports.instruments(text, by=TRADER, preview=True)
    assert [line.fate.value for line in seen.lines] == ["duplicate", "asked", "duplicate"]


def test_pasted_classes_are_asked_for_and_a_neighbour_is_named(lists: InstrumentServices) -> None:
    mine = lists.watchlists.create("Mine", by=TRADER).id
    report = lists.watchlists.add_text(mine, "AAPL, BRK B\nMSFT F", by=TRADER)
    assert [(text, fate) for _, text, fate in answers(report)][:2] == [("AAPL", "added"), ("BRK B", "invalid")]
    assert "write BRK.B, or BRK, B" in report.lines[1].reason


def test_a_pasted_table_gives_its_symbols_and_no_word_of_a_name(lists: InstrumentServices) -> None:
    mine = lists.watchlists.create("Mine", by=TRADER).id
    table = "Symbol\tName\tPrice\nAAPL\tMSFT rival\t278\nUSD\t\t1\nTotal\t\t9\n"
    report = lists.watchlists.add_text(mine, table, by=TRADER)
    assert [fate for _, _, fate in answers(report)] == ["added", "asked", "passed over"]
    with pytest.raises(Invalid, match="copy its headings too, or only the symbols"):
        lists.watchlists.add_text(mine, "AAPL\tMSFT rival\nIBM\tINTC rival\n", by=TRADER)
    assert lists.watchlists.symbols(mine) == ("AAPL",)
    lists.watchlists.add_text(mine, "MSFT\tINTC", by=TRADER)
    assert lists.watchlists.symbols(mine) == ("AAPL", "MSFT", "INTC")


def test_a_word_of_a_file_is_no_company_unless_the_desk_has_it(lists: InstrumentServices) -> None:
    seen = lists.imports.instruments("symbol\nUSD\nCASH\n", by=TRADER)
    assert seen.sentence == "2 to be decided by you"
    lists.catalog.add("USD", InstrumentFields(name="USD"), by=TRADER)
    assert lists.imports.instruments(lists.imports.instruments_file(), by=TRADER).sentence == "1 there already"
    assert lists.imports.instruments(ListFile("symbol\nCASH\n", doubtful=True), by=TRADER).sentence == "1 added"


async def test_the_api_takes_bytes_and_the_choices(platform: Platform) -> None:
    async with client_of(platform) as client:
        body = {"data": b64encode(POLISH).decode(), "preview": True}
        seen = (await client.post("/instruments/import", json=body)).json()
        assert seen["reading"]["candidates"][0] == {"encoding": "windows-1250", "sample": "Orlen Spółka Łódź"}
        refused = await client.post("/instruments/import", json=body | {"preview": False})
        assert (refused.status_code, refused.json()["code"]) == (409, "ENCODING_UNCERTAIN")
        done = await client.post("/instruments/import", json=body | {"preview": False, "encoding": "windows-1250"})
        assert (done.status_code, done.json()["sentence"]) == (200, "1 added")
        await _refusals(client)


async def _refusals(client: httpx.AsyncClient) -> None:
    for body, status, words in (
        ({"data": "%%"}, 422, "data is no base64"),
        ({"data": "c3ltYm9s", "text": "symbol"}, 422, "give either text or data"),
        ({"text": "Code,Name\nA,B\n"}, 409, "choose which of them, or its number"),
        ({"text": "Code,Name\nA,B\n", "column": "x"}, 409, "has a column x"),
        ({"data": "c3ltYm9s", "encoding": "ebcdic"}, 422, "ebcdic is no encoding"),
    ):
        answer = await client.post("/instruments/import", json=body)
        assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize("head", ["Symbol,Exchange", "symbol,exchange,name", "Ticker,Exchange,Qty"])
def test_a_line_that_names_an_exchange_never_means_the_namesake_of_another(
    lists: InstrumentServices, head: str
) -> None:
    lists.catalog.add("VOD", InstrumentFields(name="Vodafone ADR", exchange="NASDAQ", currency="USD"), by=TRADER)
    lists.catalog.add("SAP", InstrumentFields(name="SAP", calendar="XETR"), by=TRADER)
    cells = ("VOD,LSE,3", "SAP,XETRA,4", "RY,TSX,5")
    text = "\n".join([head, *(line[: None if head.count(",") == 2 else -2] for line in cells)])
    mine = lists.watchlists.create("Mine", by=TRADER).id
    report = lists.imports.watchlists(text, by=TRADER, into=mine, unknown=True)
    assert [(line.text, line.fate.value) for line in report.lines] == [
        ("VOD", "asked"),
        ("SAP", "added"),
        ("RY.TO", "added"),
    ]
    assert report.lines[0].reason == (
        "VOD trades at LSE by the file; the desk has Vodafone ADR at NASDAQ: write the symbol of the exchange that is "
        "meant"
    )
    assert lists.imports.instruments(text, by=TRADER).lines[0].fate.value == "asked"
    assert lists.catalog.get("VOD").exchange == "NASDAQ"


def test_a_known_symbol_in_another_currency_is_asked_for_too(lists: InstrumentServices) -> None:
    lists.catalog.add("VOD", InstrumentFields(name="Vodafone ADR", currency="USD"), by=TRADER)
    (line,) = lists.imports.instruments("Symbol,Currency,Qty\nVOD,GBX,3\n", by=TRADER).lines
    assert line.reason.startswith("VOD trades in GBX by the file; the desk has Vodafone ADR in USD")


def test_an_export_comes_back_as_it_was_whatever_its_exchanges(lists: InstrumentServices) -> None:
    lists.catalog.add("VOD", InstrumentFields(name="Vodafone", exchange="LSE"), by=TRADER)
    lists.catalog.add("BRK-B", InstrumentFields(name='="B"', exchange="NYSE"), by=TRADER)
    before = lists.imports.instruments_file()
    report = lists.imports.instruments(before, by=TRADER)
    assert {line.fate.value for line in report.lines} == {"duplicate"}
    assert lists.imports.instruments_file() == before


def test_one_share_in_three_spellings_is_one_instrument(lists: InstrumentServices) -> None:
    report = lists.imports.instruments("Symbol,Qty\nBRK.B,1\nBRK-B,1\nBRK/B,1\nBRK B,1\nRDS/A,1\nRDS.A,1\n", by=TRADER)
    assert [(line.text, line.fate.value) for line in report.lines if line.fate.value != "duplicate"] == [
        ("BRK.B", "added"),
        ("RDS/A", "added"),
    ]
