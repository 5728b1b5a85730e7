"""Circuit breaker endpoints: list provider incidents, and open or close one by hand."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path

from ba2_trade_platform.api.http.answers import Items
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import SOME_LETTER, NeededReason, QueryFlag, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.failures.breakers import Breaker

router = APIRouter(prefix="/breakers", tags=["breakers"])
Provider = Annotated[
    str,
    Path(min_length=1, max_length=80, description="The provider's name; it may hold a slash: azure/gpt-4"),
    said(pattern=SOME_LETTER),
]


class BreakerBody(RequestBody):
    """Why somebody takes the breaker into his hand."""

    reason: NeededReason


@router.get("")
def breakers(console: Console, active: QueryFlag = False) -> Items[Breaker]:
    """Return the newest 200 incidents, newest first; `active`: only those that hold retries back."""
    return Items(items=console.breakers.active() if active else console.breakers.list())


@router.post("/{provider:path}/open", status_code=201, responses=documented(409))
def open_breaker(provider: Provider, body: BreakerBody, console: Console, asker: Asker) -> Breaker:
    """Hold back retries for a provider until somebody closes its breaker."""
    return console.breakers.open(provider, by=asker, reason=body.reason)


@router.post("/{provider:path}/close", responses=documented(404, 409))
def close_breaker(provider: Provider, body: BreakerBody, console: Console, asker: Asker) -> Breaker:
    """Let the retries for a provider go again, at the set rate."""
    return console.breakers.close(provider, by=asker, reason=body.reason)
