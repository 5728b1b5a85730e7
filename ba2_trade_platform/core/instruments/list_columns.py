"""List columns: the names under which brokers, screeners and spreadsheets of several languages head their columns."""

from __future__ import annotations

import re
import unicodedata

from ba2_trade_platform.core.base.sanitizing import clean_name


def _names(text: str) -> tuple[str, ...]:
    return tuple(" ".join(name.split()) for name in text.split("|"))


SYMBOL = frozenset(
    _names(
        """symbol|symbols|ticker|tickers|ticker symbol|trading symbol|stock symbol|stock ticker|instrument symbol
        |security symbol|symbol/isin|symbool/isin|symbole/isin|símbolo/isin|simbolo/isin|symbool|symbole|símbolo|simbolo
        |kürzel|kuerzel|ticker-symbol|tickersymbol|börsenkürzel|sigla|symboli|symbol giełdowy|тикер|символ|代码|股票代码
        |证券代码|代碼|代號|股票代號|證券代碼|証券代碼|コード|銘柄コード|証券コード|シンボル|ティッカー|ティッカーシンボル
        |코드|종목코드|티커|종목 코드"""
    )
)
# What may name symbols, and may be something else: only a person can tell.
PERHAPS = frozenset(
    {"code", "epic", "instrument", "stock", "security", "wertpapier", "valeur", "asset", "details", "isin"}
)
_MEANINGS = {
    "watchlist": "list|watch list",
    "name": """description|company|company name|security name|security description|instrument name|stock name|product
    |produkt|bezeichnung|beschreibung|wertpapiername|nom|libellé|nombre|descripción|descrizione|名称|名稱|股票名称|证券名称
    |股票名稱|銘柄|銘柄名|名前|종목명|название""",
    "exchange": """listing exch|listing exchange|listingexchange|primary exchange|börse|handelsplatz|bourse|mercado
    |交易所|市場|市场""",
    "currency": """ccy|currencyprimary|currency (price / share)|currency (price)|trading currency|währung
    |waehrung|devise|divisa|moneda|valuta|币种|货币|幣別|通貨|통화""",
    "labels": "tags|label",
    "calendar": "mic",
    # What kind of thing a row is; brokers say it in these, and `type` of Fidelity says something else.
    "kind": """asset class|assetclass|asset category|asset type|security type|instrument type|sec type|gattung
    |wertpapierart|anlageklasse|sub category|subcategory""",
}
_BY_NAME = {name: meaning for meaning, names in _MEANINGS.items() for name in _names(names)}


def heading(cell: str) -> str:
    """Return a heading as it is compared: in small letters, one blank, without marks and what is not seen."""
    return clean_name(unicodedata.normalize("NFC", cell)).casefold().strip(" *:#")


def meaning(name: str) -> str:
    """Return what a column of this heading holds: one of ours, `kind`, or the heading itself."""
    return "symbol" if name in SYMBOL else _BY_NAME.get(name, name)


def is_known(name: str) -> bool:
    """Tell whether this is a heading that lists have."""
    return name in SYMBOL or name in PERHAPS or name in _BY_NAME


def names_symbols(cells: list[str]) -> bool:
    """Tell whether a line has a column of symbols."""
    return any(heading(cell) in SYMBOL for cell in cells)


TOTAL = re.compile(
    r"(?:(?:account|grand|portfolio|sub|positions?)[ -]?)?totals?\b.*|(?:zwischen|gesamt)?summe\b.*|gesamt\b.*"
    r"|insgesamt\b.*|totaal\b.*|totale\b.*|suma\b.*|итого\b.*|合计.*|总计.*|合計.*|總計.*|小计.*|小計.*|합계.*",
    re.IGNORECASE | re.DOTALL,
)
CASH = re.compile(
    r"cash\b.*|.*\bcash(?: balance| investments?| sweep)?|.*\bmoney market\b.*|pending activity.*|margin\b.*"
    r"|.*\b(?:dollars?|pounds? sterling|euros?|yen|yuan|swiss francs?)|bargeld.*|guthaben.*|liquidités.*|espèces.*"
    r"|efectivo.*|kontant.*|contanti.*|现金.*|現金.*|예수금.*|settlement fund.*|sweep\b.*",
    re.IGNORECASE | re.DOTALL,
)
