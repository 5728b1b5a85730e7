"""Expert contract: the protocols and values that experts and price providers implement or get (docs/decisions/0010)."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ba2_trade_platform.core.base.clocks import Clock
from ba2_trade_platform.core.base.sanitizing import clean_text
from ba2_trade_platform.core.contracts import left_out_bars
from ba2_trade_platform.core.contracts.language_models import Memory, Models, Research
from ba2_trade_platform.vocabulary import ErrorCode, Mode, RiskLevel, Signal, Subtype, TimeHorizon

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


MINIMUM_BARS = 300
MAX_STALE_SESSIONS = 3

T = TypeVar("T")
CleanText = Annotated[str, AfterValidator(clean_text)]


class ExpertError(Exception):
    """An expected failure of an expert or a provider, with the code that everything else reads.

    `retry_after`: the seconds that the provider asked for, where it did; `provider` names who failed, where an
    expert has several to ask.
    """

    def __init__(
        self, code: ErrorCode, sentence: str, *, retry_after: float | None = None, provider: str | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.retry_after = retry_after
        self.provider = provider


class Skipped(Exception):  # noqa: N818 - an outcome, not an error: the expert decided that there is nothing to analyse
    """Raised by an expert that has nothing to say about this symbol; the analysis ends skipped with this reason."""


@dataclass(frozen=True)
class InstrumentInfo:
    """One tradable symbol as its price provider describes it."""

    symbol: str
    name: str
    exchange: str
    currency: str
    calendar: str
    first_session: date | None = None
    last_session: date | None = None


@dataclass(frozen=True)
class Bars:
    """Daily bars of one symbol in session order, split-adjusted as known at `as_of`.

    All sequences have the same length n. `sessions` are the exchange's own dates, `closed_at` the aware UTC
    instants at which those sessions closed; prices are float64 arrays of shape (n,) in `currency`,
    `volume` is shares. `sessions_missing` counts the exchange's sessions that closed after the last bar
    and not after `as_of`; `calendar_ends` says, where it is so, that `calendar` ends before `as_of`, and nobody knows
    how many are missing. `left_out` are days before `as_of` with a traded bar on which it has no session. `warnings`
    are sentences on what was left out, and on prices that are used and doubtful.
    """

    symbol: str
    currency: str
    as_of: datetime
    sessions: tuple[date, ...]
    closed_at: tuple[datetime, ...]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    sessions_missing: int = 0
    calendar: str = ""
    calendar_ends: str = ""
    left_out: tuple[date, ...] = ()
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sessions)

    @property
    def staleness(self) -> str:
        """Say how old the newest bar is, as a word beside a price; empty when it is the newest there can be."""
        if self.calendar_ends and len(self):
            return f"of unknown age, for the {self.calendar} calendar has ended"
        missing = self.sessions_missing
        return f"{missing} {'session' if missing == 1 else 'sessions'} old" if missing and len(self) else ""

    def require(self, minimum: int = MINIMUM_BARS, max_stale: int = MAX_STALE_SESSIONS) -> Bars:
        """Return these bars, or raise ExpertError DATA_MISSING, STALE_DATA, or CALENDAR_ENDS when nobody can tell."""
        if not len(self):
            raise ExpertError(
                ErrorCode.DATA_MISSING, f"{self.symbol} has no bars on or before {self.as_of:%Y-%m-%d %H:%M} UTC"
            )
        if self.calendar_ends:
            raise ExpertError(ErrorCode.CALENDAR_ENDS, self.calendar_ends)
        if other := left_out_bars.refusal(self.symbol, self.calendar, self.left_out, len(self)):
            raise ExpertError(ErrorCode.DATA_MISSING, other)
        if self.sessions_missing > max_stale:
            raise ExpertError(
                ErrorCode.STALE_DATA,
                f"{self.symbol} has no bar since {self.sessions[-1]}: {self.sessions_missing} sessions are missing"
                f" at {self.as_of:%Y-%m-%d}",
            )
        if len(self) < minimum:
            few = f"{self.symbol} has {len(self)} bars up to {self.sessions[-1]}; {minimum} are needed"
            raise ExpertError(ErrorCode.DATA_MISSING, few)
        return self._above_zero()

    def _above_zero(self) -> Bars:
        """Return these bars, or raise ExpertError where a price is not above zero: no percentage is true across it."""
        below = np.flatnonzero(self.low <= 0)
        if len(below):
            last = int(below[-1])
            raise ExpertError(
                ErrorCode.DATA_MISSING,
                f"{self.symbol} traded at {self.low[last]:g} on {self.sessions[last]}: no percentage is true across a "
                f"price that is not above zero; analyse it as of a day before, or once {len(self)} bars are newer",
            )
        return self


class Prices(Protocol):
    """A source of daily prices with its own clock. Blocking; called from worker threads, so thread-safe."""

    name: str
    clock: Clock

    def instruments(self) -> Sequence[InstrumentInfo]:
        """Return every symbol this provider knows, by symbol."""

    def instrument(self, symbol: str) -> InstrumentInfo:
        """Return one symbol's description, or raise ExpertError SYMBOL_INVALID naming it."""

    def bars(self, symbol: str, as_of: datetime, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at the aware instant `as_of` (all when None).

        A bar is visible when its session's close is not after `as_of`; a split is applied when its session's
        open is not after `as_of`. Raises ExpertError SYMBOL_INVALID for an unknown symbol.
        """

    def instant_of(self, day: date, symbol: str | None = None) -> datetime:
        """Return the aware UTC close of the exchange's session on `day`, or of the last session before it."""


class PricesAsOf(Protocol):
    """The only view of prices an expert gets: it cannot be asked for anything after the analysis' as_of."""

    as_of: datetime

    def bars(self, symbol: str, limit: int | None = None) -> Bars:
        """Return the newest `limit` bars visible at `as_of`, or raise ExpertError SYMBOL_INVALID."""


@dataclass(frozen=True)
class Requirement:
    """Something an expert needs before it can work; shown with its sentence while it is unmet."""

    key: str
    met: bool
    sentence: str
    subtypes: frozenset[Subtype] = field(default_factory=lambda: frozenset(Subtype))


def broker_for_open_positions() -> Requirement:
    """The requirement of every expert that looks at held positions: without a broker there are none."""
    return Requirement(
        key="broker",
        met=False,
        sentence="Open positions need a connected broker; none is configured",
        subtypes=frozenset({Subtype.OPEN_POSITIONS}),
    )


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError("must be a finite number")
    return value


Percent = Annotated[float, AfterValidator(_finite)]
Price = Annotated[Decimal, Field(gt=0, allow_inf_nan=False, max_digits=18, decimal_places=6)]


class Verdict(BaseModel):
    """An expert's answer, validated where it is made. Prices are in `currency`, percentages of the present price."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Signal
    confidence: Annotated[float, Field(ge=1, le=100)]
    expected_profit_percent: Percent = 0.0
    price: Price | None = None
    target_price: Price | None = None
    stop_price: Price | None = None
    currency: str = "USD"
    risk_level: RiskLevel = RiskLevel.MEDIUM
    time_horizon: TimeHorizon = TimeHorizon.MEDIUM
    details: CleanText = ""


class AnalysisContext(Protocol):
    """What an expert is given for one attempt. Usable from the expert's coroutine and from its step's thread."""

    analysis_id: int
    attempt: int
    expert_instance_id: int
    symbol: str
    subtype: Subtype
    as_of: datetime
    settings: Any
    prices: PricesAsOf
    clock: Clock
    state: Mapping[str, Any] | None
    providers: Sequence[str]  # who may be asked in this attempt, in this order; empty where the expert has none
    mode: Mode
    base_attempt: int  # the last attempt that began fresh
    kept: frozenset[str]  # names of the recorded steps that this attempt may use again

    @property
    def folder(self) -> Path:
        """The expert's own folder in the data folder, for what it keeps between attempts."""

    @property
    def models(self) -> Models:
        """The models this attempt may ask; only for experts whose settings derive from ModelSettings."""

    @property
    def memory(self) -> Memory:
        """Lessons of earlier decisions whose outcome was known before `as_of`."""

    @property
    def research(self) -> Research:
        """News and figures published not after `as_of`."""

    def expect(self, steps: int) -> None:
        """Say how many steps this attempt will take, so that progress can be shown."""

    async def step(
        self,
        name: str,
        work: Callable[[], T | Awaitable[T]],
        *,
        inputs: object = None,
        after: Sequence[str] | None = None,
        always: bool = False,
    ) -> T:
        """Do `work` as a named step and return its JSON-able result, which is recorded with its times.

        A plain function runs in the worker's thread pool, a coroutine function on the worker's loop. On a resumed
        attempt the recorded result is returned instead when `inputs` (JSON-able) are unchanged, unless the step is
        `always` done anew. `after` names the steps whose results this one builds on: it is done again when one of
        them is chosen or has failed; None means every step that was begun before it.
        Raises when the analysis was cancelled or is out of time.
        """

    def output(self, type: str, name: str, text: str, raw: object = None) -> None:
        """Write one AnalysisOutput row (markdown `text`, optional JSON-able `raw`), belonging to the step at work."""

    def charge(self, provider: str, tokens: int | None, cost: Decimal | None) -> None:
        """Add what a model call of the step at work took; `cost` in USD, None where the price is unknown."""

    def warn(self, sentence: str) -> None:
        """Note on the attempt something that went wrong and did not fail it."""

    def note(self, facts: Mapping[str, Any]) -> None:
        """Keep these facts (JSON-able) in the attempt's environment: models, prompt versions, who was absent."""

    def recommend(self, verdict: Verdict) -> None:
        """Record a provisional recommendation; it becomes current only when the attempt completes."""

    def save_state(self, state: Mapping[str, Any]) -> None:
        """Keep the expert's own working state (JSON-able, at most 256 KB) on the analysis."""

    def check(self) -> None:
        """Raise when the analysis was cancelled or is out of time; call it between pieces of blocking work."""


class Expert(Protocol):
    """One way of analysing a symbol. Stateless: one object serves all analyses of all its instances."""

    name: str
    description: str
    settings_model: type[BaseModel]
    safe_to_repeat: bool
    can_resume: bool

    def requirements(self, settings: BaseModel) -> list[Requirement]:
        """Return what it needs (keys, network, data), each met or not. Quick, no I/O."""

    def providers(self, settings: BaseModel) -> Sequence[str]:
        """Return the outside services it may ask with these settings, in their order; empty when it asks none."""

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Analyse `context.symbol` as of `context.as_of`; raise ExpertError for an expected failure."""


class ExpertCatalog(Protocol):
    """The experts this console ships; each is imported on first use."""

    def names(self) -> list[str]:
        """Return the names of all experts, in the order to show them."""

    def get(self, name: str) -> Expert:
        """Return one expert, or raise KeyError."""


@dataclass(frozen=True)
class SideEffect:
    """Something outside this analysis that acts on its recommendation: an order, a position, a published signal.

    `kind` is one word ("order"), `reference` what it is called there ("order 17"), `sentence` what it does.
    """

    kind: str
    reference: str
    sentence: str
    since: datetime

    def to_json(self) -> dict[str, str]:
        """Return it as JSON."""
        return {**asdict(self), "since": self.since.isoformat()}


class SideEffects(Protocol):
    """Whoever acts on recommendations; asked before one is purged, so that a person can decide."""

    def acting_on(self, session: Session, analysis_ids: Sequence[int]) -> Mapping[int, Sequence[SideEffect]]:
        """Return what acts on these analyses' recommendations now; an analysis that nothing acts on is left out.

        Only reads, in the caller's transaction, so that nothing can begin to act in between.
        """
