"""Forms by layout: the nine bars with every separator, encoding, mark and order of day and month."""

from __future__ import annotations

from tests.unit.market.nine_bars import (
    BARS,
    HEAD,
    NAMED,
    Written,
    comma,
    german,
    lines,
    ohlc,
    plain,
)

LAYOUTS: tuple[Written, ...] = (
    Written("plain", lines(["date,open,high,low,close,volume"], plain())),
    Written("plain, lines ended as in Windows", lines([HEAD], plain(), end="\r\n")),
    Written("plain, lines ended as in an old Mac", lines([HEAD], plain(), end="\r")),
    Written("plain with a mark of UTF-8", b"\xef\xbb\xbf" + lines([HEAD], plain())),
    Written("UTF-16", lines([HEAD], plain()).decode().encode("utf-16")),
    Written("UTF-16 without its mark", lines([HEAD], plain()).decode().encode("utf-16-le")),
    Written("UTF-16, big end first", b"\xfe\xff" + lines([HEAD], plain()).decode().encode("utf-16-be")),
    Written("with a note in Windows-1252", "Kurse von Müller\n".encode("cp1252") + lines([HEAD], plain())),
    Written("parted by semicolons", lines([NAMED], plain(";"))),
    Written("semicolons and decimal commas", lines([NAMED], plain(";", number=comma))),
    Written("semicolons, German numbers", lines([NAMED], plain(";", "%d.%m.%Y", german))),
    Written("parted by tabs", lines([HEAD.replace(",", "\t")], plain("\t"))),
    Written("parted by bars", lines([HEAD.replace(",", "|")], plain("|"))),
    Written("sep= line of Excel", lines(["sep=;", NAMED], plain(";", number=comma))),
    Written(
        "quoted, thousands parted",
        lines([HEAD], lambda b: f'"{b[0]}",' + ",".join(f'"{p:,.2f}"' for p in b[1:5]) + f',"{b[5]:,}"'),
    ),
    Written(
        "Swiss apostrophes",
        lines([NAMED], lambda b: f"{b[0]};" + ohlc(b, lambda p: f"{p:,.2f}".replace(",", "'"), ";") + f";{b[5]}"),
    ),
    Written(
        "French blanks",
        lines(
            [NAMED],
            lambda b: (
                f"{b[0]:%d/%m/%Y};"
                + ohlc(b, lambda p: f"{p:,.2f}".replace(",", "\u202f").replace(".", ","), ";")
                + f";{b[5]}"
            ),
        ),
    ),
    Written("no volume, as of an index", lines([HEAD[:-7]], lambda b: f"{b[0]},{ohlc(b)}"), "^ACME", volume=None),
    Written("two title lines", lines(["Acme Corporation", "Prices in USD", HEAD], plain())),
    Written("a closing line of words", lines([HEAD], plain()) + b'"Downloaded from Barchart.com as of 06-17-2014"\n'),
    Written("rows that end with a separator", lines([HEAD], lambda b: plain()(b) + ",")),
    Written("pandas, an index without a name", lines([",Open,High,Low,Close,Volume"], plain())),
    Written("pandas, a numbered index", lines([f",{HEAD}"], lambda b: f"{BARS.index(b)},{plain()(b)}")),
    Written("days as 20140605", lines([HEAD], plain(day="%Y%m%d"))),
    Written("days as 2014/06/05", lines([HEAD], plain(day="%Y/%m/%d"))),
    Written("days as 05-Jun-2014", lines([HEAD], plain(day="%d-%b-%Y"))),
    Written("days as 5-Jun-14", lines([HEAD], plain(day="%d-%b-%y"))),
    Written("newest first", lines([HEAD], plain(), newest_first=True)),
)
