"""Brokers' files: small lists in the forms in which brokers, screeners and spreadsheets write them."""

from __future__ import annotations

from typing import NamedTuple


class Form(NamedTuple):
    """A file, the symbols in it, what is passed over, and what a person is asked about."""

    text: str
    symbols: tuple[str, ...]
    passed: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()


FORMS = {
    "schwab": Form(
        '"Positions for account Roth ...123 as of 04:48 PM ET, 2026/11/27"\r\n\r\n'
        '"Symbol","Description","Qty (Quantity)","Price","Security Type",\r\n'
        '"AAPL","APPLE INC","10","$278.10","Equity",\r\n"BRK/B","BERKSHIRE HATHAWAY","1","$1","Equity",\r\n'
        '"AAPL 01/16/2026 250.00 C","CALL APPLE","1","$3","Option",\r\n'
        '"Cash & Cash Investments","--","--","--","Cash and Money Market",\r\n'
        '"Account Total","--","--","--","--",\r\n',
        ("AAPL", "BRK/B"),
        ("AAPL 01/16/2026 250.00 C", "Cash & Cash Investments", "Account Total"),
    ),
    "schwab all accounts": Form(
        '"Positions for All-Accounts as of 09:00 AM ET"\n\n"Individual ...1"\n'
        '"Symbol","Description","Qty"\n"MSFT","MICROSOFT","1"\n"Account Total","--","--"\n\n"Roth ...2"\n'
        '"Symbol","Qty","Description"\n"IBM","2","IBM CORP"\n"Account Total","--","--"\n',
        ("MSFT", "IBM"),
        ("Account Total", "Roth ...2", "Account Total"),
    ),
    "fidelity": Form(
        "Account Number,Account Name,Symbol,Description,Quantity,Last Price,Type\r\n"
        "Z1,Individual,AAPL,APPLE INC,10,$278.10,Cash,\r\n"
        "Z1,Individual,SPAXX**,HELD IN MONEY MARKET,,,Cash,\r\n"
        "Z1,Individual, -AAPL260116C250,AAPL JAN 16 2026 $250 CALL,1,$3,Margin,\r\n"
        "Z1,Individual,Pending Activity,,,$1,\r\n\r\n"
        '"The data and information in this spreadsheet is provided to you solely for your use"\r\n\r\n'
        '"Date downloaded Nov-27-2026 4:48 p.m ET"\r\n',
        ("AAPL",),
        (
            "SPAXX**",
            "-AAPL260116C250",
            "Pending Activity",
            "The data and information in this spreads",
            "Date downloaded Nov-27-2026 4:48 p.m ET",
        ),
    ),
    "ibkr activity": Form(
        "Statement,Header,Field Name,Field Value\nStatement,Data,BrokerName,Interactive Brokers\n"
        'Statement,Data,Period,"November 27, 2026"\n'
        "Open Positions,Header,DataDiscriminator,Asset Category,Currency,Symbol,Quantity\n"
        "Open Positions,Data,Summary,Stocks,USD,AAPL,10\nOpen Positions,Data,Summary,Stocks,USD,BRK B,1\n"
        "Open Positions,Data,Summary,Equity and Index Options,USD,AAPL 19DEC25 250 C,1\n"
        "Open Positions,Total,,Stocks,USD,,11\n"
        "Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time\n"
        "Trades,Data,Order,Stocks,USD,TSLA,x\n"
        "Financial Instrument Information,Header,Asset Category,Symbol,Description\n"
        "Financial Instrument Information,Data,Stocks,NVDA,NVIDIA\n",
        ("AAPL", "BRK.B"),
        ("AAPL 19DEC25 250 C",),
    ),
    "ibkr activity in german": Form(
        "Statement,Header,Feldname,Wert\nStatement,Data,Title,Umsatz\n"
        "Offene Positionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Menge\n"
        "Offene Positionen,Data,Summary,Aktien,EUR,SAP,3\nTransaktionen,Header,DataDiscriminator,Symbol\n"
        "Transaktionen,Data,Order,TSLA\n",
        ("SAP",),
    ),
    "ibkr flex": Form(
        '"ClientAccountID","CurrencyPrimary","AssetClass","Symbol","Description","ISIN","ListingExchange"\n'
        '"U1","USD","STK","AAPL","APPLE INC","US0378331005","NASDAQ"\n'
        '"U1","GBP","STK","VOD","VODAFONE","GB00BH4HKS39","LSE"\n'
        '"U1","USD","OPT","AAPL  260116C00250000","CALL","",""\n'
        '"U1","USD","CASH","EUR.USD","EUR.USD","",""\n"U1","USD","FUT","ESZ6","ES 18DEC26","","CME"\n'
        '"ClientAccountID","Symbol","TradeDate"\n"U1","IBM","20261127"\n',
        ("AAPL", "VOD.L", "IBM"),
        ("AAPL  260116C00250000", "EUR.USD"),
        ("ESZ6",),
    ),
    "degiro": Form(
        "Product,Symbol/ISIN,Amount,Closing,Local value,,Value in EUR\n"
        'CASH & CASH FUND & FTX CASH (EUR),,,,EUR 1.00,,1.00\nAPPLE INC,US0378331005,10,"278,10",USD 1,,1\n'
        "ASML HOLDING,ASML,1,1,EUR 1,,1\n",
        ("ASML",),
        ("CASH & CASH FUND & FTX CASH (EUR)",),
        ("US0378331005",),
    ),
    "trading 212": Form(
        "Action,Time,ISIN,Ticker,Name,No. of shares,Currency (Price / share)\n"
        "Market buy,2026-11-27,US0378331005,AAPL,Apple,1,USD\nDeposit,2026-11-26,,,,,\n"
        "Interest on cash,2026-11-26,,,,,\n",
        ("AAPL",),
        ("Deposit", "Interest on cash"),
    ),
    "etoro": Form(
        "Ticker,Asset type,Units\nAAPL,Stocks,1\nBTC,Crypto,0.1\nEURUSD,Currencies,1\nSPX500,CFD,1\n",
        ("AAPL", "EURUSD"),
        (),
        ("BTC", "SPX500"),
    ),
    "tradingview": Form(
        "###TECH,NASDAQ:AAPL,NYSE:BRK.B,###LONDON,LSE:VOD,###INDIA,NSE:M_M",
        ("AAPL", "BRK.B", "VOD.L", "M&M.NS"),
        ("###TECH", "###LONDON", "###INDIA"),
    ),
    "tradingview by lines": Form(
        "###A\nNASDAQ:MSFT\nTSX:SHOP\nXETR:SAP\nTSE:7203\n",
        ("MSFT", "SHOP.TO", "SAP.DE", "7203.T"),
        ("###A",),
    ),
    "yahoo": Form(
        "Symbol,Current Price,Date,Time,Change,Open,High,Low,Volume,Trade Date,Purchase Price,Quantity,Comment\n"
        "AAPL,278.1,2026/11/27,16:00 EST,1,1,1,1,1,20261127,1,1,\n"
        "VOD.L,70,2026/11/27,16:00 GMT,1,1,1,1,1,,,,,\n",
        ("AAPL", "VOD.L"),
    ),
    "finviz": Form(
        '"No.","Ticker","Company","Sector","P/E"\n1,"A","Agilent","Healthcare",20\n'
        '2,"ALL","Allstate Corp","Financial",9\n',
        ("A", "ALL"),
    ),
    "excel with a separator": Form(
        "sep=;\nwatchlist;symbol\nTech;AAPL\nTech;MSFT\n",
        ("AAPL", "MSFT"),
    ),
    "excel with a bar": Form(
        '"sep=|"\r\nSymbol|Note\r\nAAPL|a, b; c\r\n',
        ("AAPL",),
    ),
    "excel texts": Form(
        'Symbol,Price\n="0700.HK",400\n="AAPL",1\n',
        ("0700.HK", "AAPL"),
    ),
    "symbol and ticker": Form(
        "Symbol,Ticker,Name\nAAPL,AAPL.O,Apple\n",
        ("AAPL",),
    ),
    "german": Form(
        "Kürzel;Bezeichnung;Währung\nSAP.DE;SAP SE;EUR\nGesamt;;\n",
        ("SAP.DE",),
        ("Gesamt",),
    ),
    "french": Form(
        "Symbole;Nom;Devise\nMC.PA;LVMH;EUR\nTotal;;\n",
        ("MC.PA",),
        ("Total",),
    ),
    "spanish": Form(
        "Símbolo;Nombre\nSAN.MC;Banco Santander\n",
        ("SAN.MC",),
    ),
    "chinese": Form(
        "代码,名称,价格\n600519.SS,贵州茅台,1500\n合计,,\n",
        ("600519.SS",),
        ("合计",),
    ),
    "japanese": Form(
        "銘柄コード\t銘柄名\n7203.T\tトヨタ自動車\n\uff17\uff12\uff10\uff13.\uff34\tトヨタ\n",
        ("7203.T", "7203.T"),
    ),
    "bloomberg": Form(
        "Ticker,Px\nAAPL US Equity,1\nVOD LN Equity,2\nSAP GY Equity,3\nBRK/B US Equity,4\n",
        ("AAPL", "VOD.L", "SAP.DE", "BRK/B"),
    ),
    "factset": Form(
        "Symbol,Px\nAAPL-US,1\nVOD-GB,2\nBTC-USD,3\n",
        ("AAPL", "VOD.L", "BTC-USD"),
    ),
    "classes": Form(
        "Symbol,Px\nBRK B,1\nBRK.B,1\nBRK-B,1\nBRK/B,1\nBRKB,1\n",
        ("BRK.B", "BRK.B", "BRK-B", "BRK/B", "BRKB"),
    ),
    "unseen": Form(
        "\ufeffSymbol\u200b,Px\n\u202aAAPL\u202c,1\n\u00a0MSFT\u00ad,2\n",
        ("AAPL", "MSFT"),
    ),
    "a title of commas": Form(
        "My list, as of 5 pm, today, and more, for you\nTicker;Px\nAAPL;1\n",
        ("AAPL",),
    ),
    "a title that is a heading": Form(
        "Symbols\nTicker,Px\nAAPL,1\n",
        ("AAPL",),
    ),
    "currencies": Form(
        "Symbol,Quantity\nAAPL,1\nUSD,1000\nCASH,5\nEUR,3\n",
        ("AAPL",),
        (),
        ("USD", "CASH", "EUR"),
    ),
    "currencies with names": Form(
        "Symbol,Description\nUSD,US Dollar\nUSD,ProShares Ultra Semiconductors\nCASH,Pathward Financial\n"
        "ALL,Allstate\n",
        ("USD", "CASH", "ALL"),
        ("USD",),
    ),
    "cusips": Form(
        "Symbol,Description\n912828YK0,US TREASURY\n037833100,APPLE INC\nIBM,IBM\n",
        ("037833100", "IBM"),
        (),
        ("912828YK0",),
    ),
    "plain": Form(
        "AAPL\nMSFT\n\nBRK B\nUSD\n",
        ("AAPL", "MSFT", "BRK.B"),
        (),
        ("USD",),
    ),
}
REFUSED = {
    "Product,ISIN,Value\nAPPLE,US0378331005,1\n": "line 1 has Product, ISIN, Value: choose which of them",
    "Code,Company\nAAPL,Apple\n": "line 1 has Code, Company: choose which of them",
    "AAPL,Apple\nMSFT,Microsoft\n": "line 1 has AAPL, Apple: choose",
    "My stocks\nAAPL\n": "line 1 has My stocks: choose",
    "Trades,Header,Symbol\nTrades,Data,IBM\nFees,Header,Symbol\nFees,Data,T\n": "names symbols in Trades, Fees",
    "": "The file is empty",
    "sep=;\n": "The file is empty",
    "Symbol,Symbol\nA,B\n": "The column symbol stands twice in its line",
}
