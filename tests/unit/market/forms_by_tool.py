"""Forms by tool: the nine bars as providers, platforms and collections write them."""

from __future__ import annotations

from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from tests.unit.market.nine_bars import (
    BARS,
    COINS,
    HEAD,
    Bar,
    Written,
    at,
    german,
    lines,
    mega,
    midnight,
    ohlc,
    ohlcv,
    plain,
    rounded,
)

levels = ["Price,Close,High,Low,Open,Volume", "Ticker" + ",ACME" * 5, "Date,,,,,"]
old = ["," + ",".join(["Adj Close", "Close", "High", "Low", "Open", "Volume"]), "" + ",ACME" * 6, "Date,,,,,,"]


def closing(b: Bar) -> str:
    return f"{b[4]:.2f},{b[2]:.2f},{b[3]:.2f},{b[1]:.2f},{b[5]}"


TOOLS: tuple[Written, ...] = (
    Written("yfinance, download", lines(levels, lambda b: f"{b[0]},{closing(b)}")),
    Written("yfinance, download, before 0.2.51", lines(old, lambda b: f"{b[0]},{b[4] / 2:.2f},{closing(b)}")),
    Written(
        "yfinance, two symbols",
        lines(
            [
                "Price,Close,Close,High,High,Low,Low,Open,Open,Volume,Volume",
                "Ticker" + ",ACME,OTHER" * 5,
                "Date" + "," * 10,
            ],
            lambda b: f"{b[0]}," + ",".join(f"{cell},1" for cell in closing(b).split(",")),
        ),
    ),
    Written(
        "yfinance, group_by ticker",
        lines(
            ["Ticker" + ",ACME" * 5, "Price,Open,High,Low,Close,Volume", "Date,,,,,"],
            lambda b: f"{b[0]},{ohlcv(b)}",
        ),
    ),
    Written(
        "yfinance, history",
        lines([f"{HEAD},Dividends,Stock Splits"], lambda b: f"{at(b, 0):%Y-%m-%d %H:%M:%S}-04:00,{ohlcv(b)},0.0,0.0"),
    ),
    Written(
        "Yahoo, downloaded",
        lines(["Date,Open,High,Low,Close,Adj Close,Volume"], lambda b: f"{b[0]},{ohlc(b)},{b[4] / 3:.4f},{b[5]}"),
    ),
    Written("Stooq", lines([HEAD], plain())),
    Written("Stooq, in Polish", lines(["Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen"], plain())),
    Written(
        "Stooq, its database",
        lines(
            ["<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"],
            lambda b: f"ACME.US,D,{b[0]:%Y%m%d},000000,{ohlcv(b)},0",
        ),
    ),
    Written(
        "Metastock",
        lines(["<TICKER>,<DTYYYYMMDD>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"], lambda b: f"ACME,{b[0]:%Y%m%d},{ohlcv(b)}"),
    ),
    Written("Alpha Vantage", lines(["timestamp,open,high,low,close,volume"], plain(), newest_first=True)),
    Written(
        "Alpha Vantage, adjusted",
        lines(
            ["timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"],
            lambda b: f"{b[0]},{ohlc(b)},{b[4] / 2:.4f},{b[5]},0.0000,1.0",
            newest_first=True,
        ),
    ),
    Written(
        "Alpha Vantage, numbered",
        lines(["date,1. open,2. high,3. low,4. close,5. volume"], plain()),
    ),
    Written(
        "Nasdaq",
        lines(
            ["Date,Close/Last,Volume,Open,High,Low"],
            lambda b: f"{b[0]:%m/%d/%Y},${b[4]:.2f},{b[5]},${b[1]:.2f},${b[2]:.2f},${b[3]:.2f}",
            newest_first=True,
        ),
    ),
    Written(
        "Investing.com",
        lines(
            ['"Date","Price","Open","High","Low","Vol.","Change %"'],
            lambda b: (
                f'"{b[0]:%m/%d/%Y}","{b[4]:,.2f}","{b[1]:,.2f}","{b[2]:,.2f}","{b[3]:,.2f}","{mega(b[5])}","0.1%"'
            ),
            newest_first=True,
        ),
        volume=rounded,
    ),
    Written(
        "Investing.com, older days",
        lines(
            ['"Date","Price","Open","High","Low","Vol.","Change %"'],
            lambda b: f'"{b[0]:%b %d, %Y}","{b[4]:,.2f}","{b[1]:,.2f}","{b[2]:,.2f}","{b[3]:,.2f}","","0.1%"',
            newest_first=True,
        ),
        volume=lambda _: 0.0,
    ),
    Written(
        "Investing.com, in German",
        lines(
            ['"Datum","Zuletzt","Eröffn.","Hoch","Tief","Vol.","+/- %"'],
            lambda b: (
                f'"{b[0]:%d.%m.%Y}","{german(b[4])}","{german(b[1])}","{german(b[2])}","{german(b[3])}",'
                f'"{mega(b[5]).replace(".", ",")}","0,1%"'
            ),
            newest_first=True,
        ),
        volume=rounded,
    ),
    Written(
        "TradingView, seconds since 1970",
        lines(["time,open,high,low,close,Volume"], lambda b: f"{at(b, 9, 30).timestamp():.0f},{ohlcv(b)}"),
    ),
    Written(
        "TradingView, stamps",
        lines(
            ["time,open,high,low,close,Volume"],
            lambda b: f"{at(b, 9, 30).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ},{ohlcv(b)}",
        ),
    ),
    Written(
        "MetaTrader 5",
        lines(
            ["\t".join(["<DATE>", "<OPEN>", "<HIGH>", "<LOW>", "<CLOSE>", "<TICKVOL>", "<VOL>", "<SPREAD>"])],
            lambda b: f"{b[0]:%Y.%m.%d}\t{ohlc(b, sep=chr(9))}\t{b[5]}\t0\t3",
        )
        .decode()
        .encode("utf-16"),
    ),
    Written("MetaTrader 4", lines([], lambda b: f"{b[0]:%Y.%m.%d},00:00,{ohlcv(b)}")),
    Written(
        "Interactive Brokers",
        lines(["date,open,high,low,close,volume,average,barCount"], lambda b: f"{b[0]:%Y%m%d},{ohlcv(b)},1.0,9"),
    ),
    Written(
        "Interactive Brokers, no trades",
        lines(
            ["date,open,high,low,close,volume,average,barCount"],
            lambda b: f"{b[0]:%Y%m%d}  00:00:00,{ohlc(b)},-1,-1.0,-1",
        ),
        volume=None,
    ),
    Written(
        "Alpaca, stamps in UTC",
        lines(
            ["symbol,timestamp,open,high,low,close,volume,trade_count,vwap"],
            lambda b: f"ACME,{at(b, 0).astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00,{ohlcv(b)},9,1.0",
        ),
    ),
    Written(
        "a Tokyo share stamped in UTC",
        lines(
            ["Datetime,Open,High,Low,Close,Volume"],
            lambda b: f"{at(b, 0, 0, ZoneInfo('Asia/Tokyo')).astimezone(UTC):%Y-%m-%d %H:%M:%S}+00:00,{ohlcv(b)}",
        ),
        calendar="XTKS",
    ),
)


names = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote,ignore"


def kline(b: Bar, per_second: int) -> str:
    begin, length = int(midnight(b).timestamp()) * per_second, 86_400 * per_second
    return f"{begin},{ohlcv(b)},{begin + length - 1},1.0,9,1.0,1.0,0"


def pair(b: Bar) -> str:
    return f"{midnight(b).timestamp():.0f},{b[0]} 00:00:00,ACME/USD,{ohlc(b)},{b[5]},1.0"


COLLECTIONS: tuple[Written, ...] = (
    Written("Binance klines, a header", lines([names], lambda b: kline(b, 1000)), calendar=COINS),
    Written("Binance klines, milliseconds", lines([], lambda b: kline(b, 1000)), calendar=COINS),
    Written("Binance klines, microseconds", lines([], lambda b: kline(b, 10**6)), calendar=COINS),
    Written(
        "CryptoDataDownload",
        lines(
            ["https://www.CryptoDataDownload.com", "unix,date,symbol,open,high,low,close,Volume ACME,Volume USD"],
            pair,
            newest_first=True,
        ),
        calendar=COINS,
    ),
    Written(
        "Dukascopy",
        lines(["Gmt time,Open,High,Low,Close,Volume"], lambda b: f"{b[0]:%d.%m.%Y} 00:00:00.000,{ohlcv(b)}"),
    ),
    Written(
        "Kaggle, all stocks in one file",
        lines(["date,open,high,low,close,volume,Name"], lambda b: f"{b[0]},{ohlcv(b)},ACME\n{b[0]},1,2,1,2,5,OTHER"),
    ),
    Written(
        "Kaggle, one file a stock",
        lines(["Date,Open,High,Low,Close,Volume,OpenInt"], lambda b: f"{b[0]},{ohlcv(b)},0"),
    ),
    Written(
        "NSE of India",
        lines(
            ['"Date","series","OPEN","HIGH","LOW","PREV. CLOSE","close","vwap","VOLUME","VALUE"'],
            lambda b: (
                f'"{b[0]:%d-%b-%Y}","EQ",'
                + ",".join(f'"{p:,.2f}"' for p in (b[1], b[2], b[3], 1.0, b[4], 1.0))
                + f',"{b[5]:,}","1"'
            ),
            newest_first=True,
        ),
    ),
    Written(
        "rows without a price, as Yahoo once wrote them",
        lines(
            [HEAD],
            lambda b: plain()(b) + (f"\n{b[0] + timedelta(days=1)},null,null,null,null,null" if b is BARS[1] else ""),
        ),
    ),
)
