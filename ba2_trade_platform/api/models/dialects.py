"""Dialect endpoint: the presets of the known vendors, with the values that a provider may change."""

from __future__ import annotations

from fastapi import APIRouter

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.models.dialects import pickable

router = APIRouter(prefix="/dialects", tags=["providers"])


@router.get("")
def dialects() -> Items[Dialect]:
    """Return the presets in the order in which they are picked from."""
    return Items(items=pickable())
