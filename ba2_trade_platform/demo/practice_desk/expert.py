"""PracticeDesk expert: works, fails and hangs on request, so that a trader and a test can practise."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, cast

from pydantic import BaseModel

from ba2_trade_platform.core.contracts.experts import AnalysisContext, Requirement, Verdict
from ba2_trade_platform.demo.practice_desk.failures import fail
from ba2_trade_platform.demo.practice_desk.settings import Hang, PracticeDeskSettings
from ba2_trade_platform.vocabulary import ErrorCode, RiskLevel, Signal, TimeHorizon

SESSIONS_READ = 21
FOLLOWED_PERCENT = 2.0
TARGET_PERCENT = Decimal(6)
STOP_PERCENT = Decimal(3)
SMALLEST_PRICE = 0.01  # below this a stop 3 % away is the price itself after rounding
HANG_CHECK_SECONDS = 0.5

Observed = dict[str, Any]


class PracticeDesk:
    """See the module; stateless, one object serves all analyses."""

    name = "PracticeDesk"
    description = "A desk to practise on: it writes real outputs, and fails or hangs in any way you choose."
    settings_model: type[BaseModel] = PracticeDeskSettings
    safe_to_repeat = True
    can_resume = True

    def requirements(self, settings: BaseModel) -> list[Requirement]:  # noqa: ARG002 - the same for all settings
        """Return nothing: even open positions can be practised without a broker."""
        return []

    def providers(self, settings: BaseModel) -> Sequence[str]:
        """Return the practice providers, in the order in which they are asked."""
        return cast("PracticeDeskSettings", settings).providers

    async def analyse(self, context: AnalysisContext) -> Verdict:
        """Take the steps the settings ask for, then recommend, fail or hang as they say.

        Raises ExpertError of the chosen code, builtin ConnectionError and TimeoutError for theirs, a real
        ZeroDivisionError for BUG, and ExpertError SYMBOL_INVALID for a symbol the prices do not know.
        """
        attempt = PracticeAttempt(context)
        settings = attempt.settings
        context.expect(settings.steps)
        for position in range(1, settings.steps + 1):
            attempt.observed = await context.step(
                step_name(position, settings.steps),
                attempt.work_of(position),
                inputs={
                    "symbol": context.symbol,
                    "as_of": context.as_of.isoformat(),
                    "position": position,
                    **settings.model_dump(mode="json", include={"seconds", "steps", "outputs"}),
                },
                after=[step_name(position - 1, settings.steps)] if position > 1 else (),
            )
        return attempt.verdict()


def step_name(position: int, steps: int) -> str:
    """Return what a step is called."""
    return f"Practice step {position} of {steps}"


class PracticeAttempt:
    """One attempt at work: what it has observed so far, and what its steps do."""

    def __init__(self, context: AnalysisContext) -> None:
        self.context = context
        self.settings: PracticeDeskSettings = context.settings
        self.observed: Observed = {}
        limit = self.settings.fail_times
        self.provider = context.providers[0] if context.providers else None
        affected = self.settings.failing_provider in (None, self.provider)
        self.misbehaves = affected and (limit < 0 or context.attempt <= limit)

    def work_of(self, position: int) -> Callable[[], Observed | Awaitable[Observed]]:
        """Return the work of one step; only a last step that hangs blocking is a plain function for a thread."""
        blocks = self.hang == "blocking" and position == self.settings.steps
        return partial(self.block if blocks else self.work, position)

    @property
    def hang(self) -> Hang:
        """Return how this attempt gets stuck."""
        return self.settings.hang if self.misbehaves else "no"

    async def work(self, position: int) -> Observed:
        """Wait this step's share of the seconds, write its outputs, and in the last step misbehave as asked."""
        if not self.observed:
            self.observed = await asyncio.to_thread(self.observe)
        if self.hang != "blocking":
            await asyncio.sleep(self.settings.seconds / self.settings.steps)
        self.write(position)
        if position == self.settings.steps:
            while self.hang == "cooperative":
                self.context.check()
                await asyncio.sleep(HANG_CHECK_SECONDS)
            self.fail_if_asked()
        return self.observed

    def block(self, position: int) -> Observed:
        """Do the last step in a thread, asleep for all the seconds, deaf to a cancel."""
        if not self.observed:
            self.observed = self.observe()
        self.write(position)
        time.sleep(self.settings.seconds)
        self.fail_if_asked()
        return self.observed

    def observe(self) -> Observed:
        """Read the last close and its change over 20 sessions; a symbol without a usable bar has neither."""
        bars = self.context.prices.bars(self.context.symbol, limit=SESSIONS_READ)
        if not len(bars) or not bars.close[-1] >= SMALLEST_PRICE:
            return {"close": None, "session": None, "change_percent": 0.0, "currency": bars.currency}
        return {
            "close": f"{bars.close[-1]:.4f}",
            "session": str(bars.sessions[-1]),
            "change_percent": round(float(100.0 * (bars.close[-1] / bars.close[0] - 1.0)), 2),
            "currency": bars.currency,
        }

    def write(self, position: int) -> None:
        """Write this step's share of the outputs, and keep how far the attempt has come."""
        first, last = (share * self.settings.outputs // self.settings.steps for share in (position - 1, position))
        for number in range(first + 1, last + 1):
            note = (
                f"**Practice note {number} of {self.settings.outputs}** in attempt {self.context.attempt}.\n\n"
                f"- symbol: {self.context.symbol}\n- {self.price_line()}"
            )
            self.context.output("practice", f"Practice note {number}", note, {"number": number})
        self.context.save_state({"attempt": self.context.attempt, "steps_done": position, "outputs_written": last})

    def price_line(self) -> str:
        """Say the last close and how it compares with 20 sessions before."""
        seen = self.observed
        if seen["close"] is None:
            return "no price is known"
        close = f"close {seen['close']} {seen['currency']} on {seen['session']}"
        return f"{close}, {seen['change_percent']:+.2f} % in 20 sessions"

    def fail_if_asked(self) -> None:
        """Fail when this attempt is to fail, after the recommendation that was asked for.

        An unreadable answer leaves a REVIEW that says so, as it would at a real desk.
        """
        code = self.settings.fail_with
        if not self.misbehaves or code is None:
            return
        if code is ErrorCode.OUTPUT_INVALID:
            self.context.recommend(
                Verdict(action=Signal.REVIEW, confidence=1, details="The answer could not be read; a person must look.")
            )
        elif self.settings.recommend_before_failing:
            self.context.recommend(self.verdict())
        fail(code, self.context.symbol, self.provider)

    def verdict(self) -> Verdict:
        """Return the chosen action, or the one the price suggests, with target and stop on their sides of it."""
        action = self.settings.action or self.suggested()
        price = None if self.observed["close"] is None else Decimal(self.observed["close"])
        direction = {Signal.BUY: 1, Signal.SELL: -1}.get(action, 0)
        target = stop = None
        if price is not None and direction:
            target, stop = moved(price, direction * TARGET_PERCENT), moved(price, -direction * STOP_PERCENT)
        return Verdict(
            action=action,
            confidence=self.settings.confidence,
            expected_profit_percent=float(TARGET_PERCENT) if target else 0.0,
            price=price,
            target_price=target,
            stop_price=stop,
            currency=self.observed["currency"],
            risk_level=RiskLevel.MEDIUM,
            time_horizon=TimeHorizon.SHORT,
            details=f"Practice only, not a judgement of {self.context.symbol}: {self.price_line()}.",
        )

    def suggested(self) -> Signal:
        """Return the action that follows the change over 20 sessions."""
        change = float(self.observed["change_percent"])
        if abs(change) < FOLLOWED_PERCENT:
            return Signal.HOLD
        return Signal.BUY if change > 0 else Signal.SELL


def moved(price: Decimal, percent: Decimal) -> Decimal:
    """Return `price` moved by `percent`, to 0.0001 of the currency's unit."""
    return (price * (1 + percent / 100)).quantize(Decimal("0.0001"))
