"""Symbol paths: take a symbol at the end of a path whole, with slashes and blanks, so that every one has an address."""

from __future__ import annotations

from starlette.convertors import Convertor, register_url_convertor


class AnySymbolConvertor(Convertor[str]):
    """A symbol at the end of a path: it may hold a slash, and blanks of any kind around it."""

    regex = r"[\s\S]+"

    def convert(self, value: str) -> str:
        """Return the symbol."""
        return value

    def to_string(self, value: str) -> str:
        """Return it as it stands in a path."""
        return value


class SymbolConvertor(AnySymbolConvertor):
    """A symbol below /instruments, where the other paths are none."""

    regex = r"(?!(?:labels|import|export)$)[\s\S]+"


register_url_convertor("any_symbol", AnySymbolConvertor())
register_url_convertor("symbol", SymbolConvertor())
ANY_SYMBOL, BELOW_INSTRUMENTS = "{symbol:any_symbol}", "{symbol:symbol}"
