"""Research files: nothing after as_of, one symbol only, and a bad line costs itself and is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.core.contracts.language_models import Article, ReportedFigure
from ba2_trade_platform.demo.market import DemoMarket, DemoResearch
from ba2_trade_platform.market.research.folder import LARGEST_FILE, ResearchFolder
from ba2_trade_platform.market.research.sources import FileReport, ResearchAt

AS_OF = datetime(2014, 12, 31, 21, tzinfo=UTC)


def folder_with(path: Path, **files: str) -> ResearchFolder:
    for name, text in files.items():
        (path / f"{name}.csv").write_text(text, encoding="utf-8")
    return ResearchFolder(path)


def headlines(articles: object) -> list[str]:
    assert isinstance(articles, list)
    return [article.headline for article in articles]


def report(folder: ResearchFolder, name: str) -> FileReport:
    return next(file for file in folder.files() if file.name == name)


def test_an_article_is_seen_from_its_second_on_and_not_one_second_before(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        news="published_at,symbol,headline\n"
        "2014-12-31T21:00:00Z,AAPL,on time\n"
        "2014-12-31T21:00:01Z,AAPL,a second late\n"
        "2014-12-31T21:00:01+00:00,AAPL,late too\n",
    )
    assert headlines(ResearchAt(folder, AS_OF).articles("AAPL", days=14, limit=20)) == ["on time"]
    a_second_on = ResearchAt(folder, AS_OF + timedelta(seconds=1))
    assert headlines(a_second_on.articles("AAPL", days=14, limit=20)) == ["a second late", "late too", "on time"]


def test_a_figure_is_known_from_its_publication_on(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        figures="published_at,symbol,name,value\n"
        "2014-12-31T21:00:01Z,AAPL,late,1\n2014-12-31T21:00:00Z,AAPL,on time,2\n2014-12-01T00:00:00Z,AMD,other,3\n",
    )
    assert [figure.name for figure in ResearchAt(folder, AS_OF).figures("AAPL")] == ["on time"]


def test_zones_are_understood_and_not_ignored(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        posts="published_at,symbol,headline\n"
        "2014-12-31T16:00:00-05:00,AAPL,at the close in New York\n"
        "2014-12-31T21:00:00-05:00,AAPL,five hours later\n"
        "2015-01-01T05:59:00+09:00,AAPL,a minute before in Tokyo\n",
    )
    seen = ResearchAt(folder, AS_OF).posts("AAPL", days=1, limit=9)
    assert headlines(seen) == ["at the close in New York", "a minute before in Tokyo"]


def test_only_the_symbol_itself_is_answered_for(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path, news="published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,one\n2014-12-30T00:00:00Z,AMD,two\n"
    )
    known = ResearchAt(folder, AS_OF)
    assert headlines(known.articles("AMD", days=14, limit=20)) == ["two"]
    assert headlines(known.articles("A", days=14, limit=20)) == []


def test_days_and_limit_bound_what_is_answered(tmp_path: Path) -> None:
    lines = "".join(f"2014-12-{day:02}T12:00:00Z,AAPL,day {day}\n" for day in range(1, 32))
    folder = folder_with(tmp_path, news=f"published_at,symbol,headline\n{lines}")
    known = ResearchAt(folder, AS_OF)
    assert headlines(known.articles("AAPL", days=2, limit=20)) == ["day 31", "day 30"]
    assert headlines(known.articles("AAPL", days=14, limit=1)) == ["day 31"]
    assert known.articles("AAPL", days=-1, limit=20) == []
    assert known.articles("AAPL", days=14, limit=-5) == []


def test_a_naive_instant_has_no_window(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has no time zone"):
        ResearchAt(folder_with(tmp_path), AS_OF.replace(tzinfo=None))


def test_the_window_does_not_move_when_its_as_of_is_assigned(tmp_path: Path) -> None:
    known = ResearchAt(
        folder_with(tmp_path, news="published_at,symbol,headline\n2015-01-02T00:00:00Z,AAPL,late\n"), AS_OF
    )
    known.as_of = datetime(2016, 1, 1, tzinfo=UTC)
    assert known.articles("AAPL", days=900, limit=9) == []


def test_each_bad_line_is_named_and_costs_no_other(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        news="Published_At,SYMBOL,headline,url,sentiment\n"
        "2014-12-30T00:00:00,AAPL,no zone,,\n"
        "yesterday,AAPL,no instant,,\n"
        '2014-12-30T00:00:00Z,AAPL,"two\nlines",https://example.com/a,0.5\n'
        "2014-12-30T00:00:00Z,a apl,small,,\n"
        "2014-12-30T00:00:00Z,AAPL,\n"
        "2014-12-30T00:00:00Z,AAPL,,,\n"
        "\n"
        "2014-12-30T00:00:00Z,AAPL,bad mood,,-7\n"
        "2014-12-30T00:00:00Z,AAPL,a link,javascript:alert(1),\n",
    )
    found = report(folder, "news.csv")
    assert found.problems == (
        "news.csv, line 2: published_at '2014-12-30T00:00:00' has no time zone;"
        " write 2014-12-31T21:00:00Z or ...-05:00",
        "news.csv, line 3: published_at 'yesterday' is not an instant (2014-12-31T21:00:00Z)",
        "news.csv, line 6: 'A APL' is not a symbol",
        "news.csv, line 7: 3 cells where the header names 5",
        "news.csv, line 8: the headline is empty",
        "news.csv, line 10: sentiment '-7' is not from -1 to 1",
    )
    assert (found.items, found.bad_lines, found.newest) == (2, 6, datetime(2014, 12, 30, tzinfo=UTC))
    seen = ResearchAt(folder, AS_OF).articles("AAPL", 14, 20)
    assert [(one.headline, one.url, one.sentiment) for one in seen] == [
        ("two\nlines", "https://example.com/a", 0.5),
        ("a link", "", None),
    ]


def test_an_unclosed_quote_is_reported_where_it_opens(tmp_path: Path) -> None:
    folder = folder_with(
        tmp_path,
        news='published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,"open\n2014-12-30T00:00:00Z,AAPL,swallowed\n',
    )
    assert report(folder, "news.csv").problems == ("news.csv, line 2: unexpected end of data, up to line 3",)


def test_many_bad_lines_are_counted_and_a_hundred_shown(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, figures="published_at,symbol,name,value\n" + "now,AAPL,revenue,1\n" * 1000)
    found = report(folder, "figures.csv")
    assert (found.items, found.bad_lines, len(found.problems)) == (0, 1000, 100)


def test_a_missing_column_and_an_empty_file_are_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, news="published_at,symbol\n2014-12-30T00:00:00Z,AAPL\n", posts="")
    needed = "published_at, symbol, headline"
    assert report(folder, "news.csv").problems == (
        f"news.csv, line 1: the column headline is missing (needed: {needed})",
    )
    assert report(folder, "posts.csv").problems == ("posts.csv, line 1: there is no header",)


def test_a_line_that_is_no_utf8_is_left_out_and_costs_no_other(tmp_path: Path) -> None:
    lines = (
        "published_at,symbol,headline",
        "2014-12-30T00:00:00Z,AAPL,Caf\xe9 opens",
        "2014-12-29T00:00:00Z,AAPL,It is flat\x00",
    )
    (tmp_path / "news.csv").write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode("latin-1"))
    folder = ResearchFolder(tmp_path)
    assert headlines(ResearchAt(folder, AS_OF).articles("AAPL", 14, 20)) == ["It is flat"]
    said = "news.csv, line 2: it is not UTF-8: save the file as CSV in UTF-8, or its words would be others"
    assert report(folder, "news.csv").problems == (said,)


@pytest.mark.parametrize(("cut", "kept"), [(0, ["\u9f8d\u5e74"]), (1, [])])
def test_utf16_is_read_as_spreadsheets_write_it(tmp_path: Path, cut: int, kept: list[str]) -> None:
    content = "published_at,symbol,headline\n2014-12-30T00:00:00Z,AAPL,\u9f8d\u5e74\n".encode("utf-16")
    (tmp_path / "news.csv").write_bytes(content[: len(content) - cut])
    folder = ResearchFolder(tmp_path)
    assert headlines(ResearchAt(folder, AS_OF).articles("AAPL", 14, 20)) == kept
    assert bool(report(folder, "news.csv").problems) is bool(cut)


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "news.csv").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    assert "at most 67108864 are read" in report(ResearchFolder(tmp_path), "news.csv").problems[0]


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    folder = folder_with(tmp_path)
    known = ResearchAt(folder, AS_OF)
    assert known.figures("AAPL") == []
    folder_with(
        tmp_path,
        figures="published_at,symbol,name,value,unit,period\n2014-10-20T20:30:00Z,AAPL,revenue,42.1,bn USD,2014Q4\n",
    )
    revenue = ReportedFigure(datetime(2014, 10, 20, 20, 30, tzinfo=UTC), "revenue", 42.1, "bn USD", "2014Q4")
    assert known.figures("AAPL") == [revenue]
    (tmp_path / "figures.csv").unlink()
    assert known.figures("AAPL") == []


@given(
    minutes=st.lists(st.integers(-100_000, 100_000), max_size=30),
    offset=st.integers(-14 * 60, 14 * 60),
    days=st.integers(-5, 400),
    limit=st.integers(-5, 50),
)
def test_no_window_ever_shows_what_comes_after_it(minutes: list[int], offset: int, days: int, limit: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    items = [Article((AS_OF + timedelta(minutes=one)).astimezone(zone), f"{one}") for one in minutes]
    seen = ResearchAt(Listed(items), AS_OF).articles("AAPL", days, limit)
    assert all(article.published_at <= AS_OF for article in seen)
    assert len(seen) <= max(0, limit)
    assert list(seen) == sorted(seen, key=lambda article: article.published_at, reverse=True)


class Listed(DemoResearch):
    """A source that holds a list, in whatever order."""

    def __init__(self, items: list[Article]) -> None:
        super().__init__(DemoMarket())
        self._items = items

    def articles(self, symbol: str) -> list[Article]:  # noqa: ARG002 - the protocol's
        """Return the list."""
        return self._items


def test_the_demo_market_reports_dividends_and_splits_once_they_have_happened() -> None:
    source = DemoResearch(DemoMarket())
    before = ResearchAt(source, datetime(2014, 6, 9, 13, 29, 59, tzinfo=UTC)).figures("AAPL")
    after = ResearchAt(source, datetime(2014, 6, 9, 13, 30, tzinfo=UTC)).figures("AAPL")
    assert after[0] == ReportedFigure(
        datetime(2014, 6, 9, 13, 30, tzinfo=UTC), "stock split", 7.0, "new shares for one old"
    )
    assert "stock split" not in [figure.name for figure in before if figure.published_at.year == 2014]
    paid = [figure for figure in after if figure.name == "cash dividend"]
    assert paid
    assert (paid[0].unit, paid[0].period[:3]) == ("USD per share", "ex ")
    assert ResearchAt(source, AS_OF).figures("NOBODY") == []
    assert list(source.articles("AAPL")) == list(source.posts("AAPL")) == list(source.files()) == []


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"BA2_RESEARCH_DIR is .*, which is not a folder"):
        ResearchFolder(tmp_path / "nowhere")
