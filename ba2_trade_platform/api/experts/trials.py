"""Trial endpoints: try an expert's settings on one symbol before they are saved."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from ba2_trade_platform.api.experts.experts import Settings
from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import DIGITS, MAX_ID, Real, RowId, SymbolText, said
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.experts.instances import LIMITS
from ba2_trade_platform.core.worker import trials
from ba2_trade_platform.core.worker.trials import TIMEOUT_SECONDS

router = APIRouter(tags=["experts"])
TrialId = Annotated[int, Path(ge=1, le=MAX_ID), DIGITS]
_LOW, _HIGH = LIMITS["timeout_seconds"]


class NewTrial(RequestBody):
    """What to try: settings as they would be saved, the rest by default, on one symbol."""

    symbol: SymbolText
    settings: Settings = {}
    expert_instance_id: Annotated[
        RowId | None, Field(description="Whose settings they would be; its budget of a day counts")
    ] = None
    timeout_seconds: Annotated[Real, Field(description="Limit of the trial, s"), said(minimum=_LOW, maximum=_HIGH)] = (
        TIMEOUT_SECONDS
    )


class Trial(Answer, of=trials.Trial):
    """How a trial stands; `outcome` is null while it is at work, `verdict` is not kept and never traded."""

    sentence: str


@router.post("/experts/{name}/trial", status_code=202, responses=documented(404, 409, 429))
def start_trial(
    name: Annotated[str, Path(max_length=80, description="The expert's name")],
    body: NewTrial,
    console: Console,
    asker: Asker,
) -> Trial:
    """Begin to try an expert; ask `/trials/{trial_id}` for what comes of it. It costs what its model calls cost."""
    given: dict[str, Any] = body.model_dump(exclude={"settings", "symbol"})
    return Trial.model_validate(console.trials.start(name, body.settings, body.symbol, by=asker, **given))


@router.get("/trials/{trial_id:int}", responses=documented(404))
def trial(trial_id: TrialId, console: Console) -> Trial:
    """Return how a trial stands; the console keeps the newest ones for as long as it runs."""
    return Trial.model_validate(console.trials.get(trial_id))


@router.post("/trials/{trial_id:int}/cancel", responses=documented(404))
def cancel_trial(trial_id: TrialId, console: Console, asker: Asker) -> Trial:
    """Stop a trial and its model calls; one that has ended stays as it is."""
    return Trial.model_validate(console.trials.cancel(trial_id, by=asker))
