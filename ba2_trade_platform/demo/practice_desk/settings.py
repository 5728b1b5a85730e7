"""PracticeDesk settings: duration, outputs, kind of failure, and the attempts that fail."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ba2_trade_platform.vocabulary import ErrorCode, Signal

PracticeFailure = Literal[
    ErrorCode.RATE_LIMIT,
    ErrorCode.PROVIDER_DOWN,
    ErrorCode.CONNECTION,
    ErrorCode.TIMEOUT,
    ErrorCode.MEMORY_STORE,
    ErrorCode.INTERRUPTED,
    ErrorCode.AUTH,
    ErrorCode.PERMISSION,
    ErrorCode.MODEL_NOT_FOUND,
    ErrorCode.BAD_REQUEST,
    ErrorCode.CONTEXT_OVERFLOW,
    ErrorCode.EXPERT_UNAVAILABLE,
    ErrorCode.DATA_MISSING,
    ErrorCode.SYMBOL_INVALID,
    ErrorCode.STALE_DATA,
    ErrorCode.CALENDAR_ENDS,
    ErrorCode.OUTPUT_INVALID,
    ErrorCode.BUDGET,
    ErrorCode.BUG,
]


Hang = Literal["no", "cooperative", "blocking"]
PracticeAction = Literal[Signal.BUY, Signal.SELL, Signal.HOLD, Signal.REVIEW]


class PracticeDeskSettings(BaseModel):
    """The defaults succeed at once; `fail_with` and `hang` act in the attempts that `fail_times` names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fail_with: PracticeFailure | None = Field(
        None, title="Fail with", description="The failure to practise; none lets the analysis complete"
    )
    fail_times: int = Field(
        1, ge=-1, le=1000, title="Fail times", description="How many attempts fail or hang first; -1: all of them"
    )
    seconds: float = Field(
        0.0, ge=0, le=3600, title="Seconds", description="How long an attempt works, spread over its steps"
    )
    steps: int = Field(3, ge=1, le=50, title="Steps", description="How many steps an attempt takes")
    outputs: int = Field(
        3, ge=0, le=500, title="Outputs", description="How many outputs an attempt writes in all, spread over its steps"
    )
    recommend_before_failing: bool = Field(
        False, title="Recommend before failing", description="Leave a provisional recommendation before the failure"
    )
    hang: Hang = Field(
        "no",
        title="Hang",
        description="cooperative waits in the last step until it is cancelled or out of time;"
        " blocking sleeps there for all its seconds and ignores a cancel",
    )
    action: PracticeAction | None = Field(
        None, title="Action", description="What to recommend; none follows the price of the last 20 sessions"
    )
    providers: tuple[str, ...] = Field(
        ("practice",),
        max_length=20,
        title="Providers",
        description="The practice providers, in the order in which they are asked",
    )
    failing_provider: str | None = Field(
        None, title="Failing provider", description="Only this provider fails; none: whichever is asked"
    )
    confidence: int = Field(60, ge=1, le=100, title="Confidence", description="The confidence to report, 1 to 100")
