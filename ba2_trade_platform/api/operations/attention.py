"""Attention endpoint: all that needs a person, source by source, as the badges of the pages show it."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from ba2_trade_platform.api.http.dependencies import Console
from ba2_trade_platform.core.operations.attention import AttentionItem

router = APIRouter(tags=["health"])


class AttentionAnswer(BaseModel):
    """Every source, also those of which nothing waits; `total` is their sum."""

    model_config = ConfigDict(from_attributes=True)

    items: list[AttentionItem]
    total: int


@router.get("/attention")
def get_attention(console: Console) -> AttentionAnswer:
    """Say what needs a person: failures, alerts, runs of schedules, breakers, health."""
    items = console.operations.attention.read()
    return AttentionAnswer(items=list(items), total=sum(item.count for item in items))
