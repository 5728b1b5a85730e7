"""Replay endpoints: read the demo market's clock, and start, pause, resume or stop its walk."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AwareDatetime, Field

from ba2_trade_platform.api.http.answers import Answer
from ba2_trade_platform.api.http.dependencies import Asker, Console, RequestBody
from ba2_trade_platform.api.http.fields import Real, UtcMoment
from ba2_trade_platform.api.http.problems import documented
from ba2_trade_platform.core.contracts.replay import ReplayState
from ba2_trade_platform.demo.replay import BEGINS, FASTEST, SLOWEST, WEEK_IN_A_MINUTE

router = APIRouter(prefix="/replay", tags=["replay"])
Speed = Annotated[
    Real, Field(ge=SLOWEST, le=FASTEST, description="Market seconds a real second; 3200 is a week in a minute")
]


class WalkBody(RequestBody):
    """From where to where a replay walks, and how fast."""

    start: Annotated[UtcMoment, Field(description="From 2007 to 2009")] = BEGINS
    end: Annotated[UtcMoment | None, Field(description="A week after the start unless given")] = None
    speed: Speed = WEEK_IN_A_MINUTE


class SpeedBody(RequestBody):
    """How fast a replay goes on."""

    speed: Speed


class ReplayAnswer(Answer, of=ReplayState, but=["walk"]):
    """How the market's clock stands or walks; `seconds_left` real ones until the end of the replay."""

    start: AwareDatetime | None
    end: AwareDatetime | None
    speed: float | None
    sentence: str


@router.get("", responses=documented(409))
def state(console: Console) -> ReplayAnswer:
    """Return how the clock stands or walks."""
    return _answer(console.demo.replay.state())


@router.post("/start", responses=documented(409))
def start(console: Console, asker: Asker, body: WalkBody | None = None) -> ReplayAnswer:
    """Have the market's clock walk; without a body through the week before Lehman's, in a minute."""
    body = body or WalkBody()
    return _answer(console.demo.replay.start(body.start, body.end, body.speed, by=asker))


@router.post("/pause", responses=documented(409))
def pause(console: Console, asker: Asker) -> ReplayAnswer:
    """Wait where the replay is."""
    return _answer(console.demo.replay.pause(by=asker))


@router.post("/resume", responses=documented(409))
def resume(console: Console, asker: Asker) -> ReplayAnswer:
    """Go on where the replay waits."""
    return _answer(console.demo.replay.resume(by=asker))


@router.put("/speed", responses=documented(409))
def set_speed(body: SpeedBody, console: Console, asker: Asker) -> ReplayAnswer:
    """Go on at another speed."""
    return _answer(console.demo.replay.set_speed(body.speed, by=asker))


@router.post("/stop", responses=documented(409))
def stop(console: Console, asker: Asker) -> ReplayAnswer:
    """Put the clock back to the end of the bundled prices."""
    return _answer(console.demo.replay.stop(by=asker))


def _answer(state: ReplayState) -> ReplayAnswer:
    span = vars(state.walk) if state.walk else {"start": None, "end": None, "speed": None}
    return ReplayAnswer.model_validate({**vars(state), **span, "sentence": state.sentence})
