"""Expert registry: one line for each shipped expert, imported on first use so that the start stays quick."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import cast

from ba2_trade_platform.core.contracts.experts import Expert

EXPERTS: Mapping[str, str] = MappingProxyType(
    {
        "TechnicalRules": "ba2_trade_platform.experts.technical_rules.expert:TechnicalRules",
        "DebateDesk": "ba2_trade_platform.experts.debate_desk.expert:DebateDesk",
        "PracticeDesk": "ba2_trade_platform.demo.practice_desk.expert:PracticeDesk",
    }
)


class Registry:
    """The catalogue of experts, by name. Thread-safe; each expert is one object, made when first asked for."""

    def __init__(self) -> None:
        self._loaded: dict[str, Expert] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of all experts, in the order to show them."""
        return list(EXPERTS)

    def get(self, name: str) -> Expert:
        """Return one expert, or raise KeyError with a sentence naming those there are."""
        if name not in EXPERTS:
            raise KeyError(f"There is no expert named {name}; there are {', '.join(EXPERTS)}")
        with self._lock:
            if name not in self._loaded:
                self._loaded[name] = cast("Expert", resolve_name(EXPERTS[name])())
            return self._loaded[name]
