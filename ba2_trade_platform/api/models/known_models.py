"""Known model endpoint: models with window, price and newest test, for scripts that choose one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from ba2_trade_platform.api.http.answers import Answer, Items
from ba2_trade_platform.api.http.dependencies import Console
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.api.models.providers import A_NAME
from ba2_trade_platform.core.models.known_models import KnownModel

router = APIRouter(prefix="/models", tags=["providers"])
Provider = Annotated[str | None, Query(max_length=80, pattern=A_NAME, description="Of this provider alone")]


class Model(Answer, of=KnownModel):
    """One model of a provider, `name` as an expert's settings name it; null is not known, or never.

    `tiers`: what it is the provider's own for; `window` in tokens; `price` in USD a million tokens; `tested` what the
    newest test found.
    """

    name: str


@router.get("", responses=documented(404))
def models(console: Console, provider: Provider = None) -> Items[Model]:
    """Return the models that this desk knows of: its providers' own, priced, used and tested ones."""
    return Items(items=[Model.model_validate(model) for model in console.models.known.list(provider)])
