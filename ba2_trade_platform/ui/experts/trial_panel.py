"""Trial panel: tries the settings of an open form on one symbol, before they are saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from nicegui import ui

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.worker.trials import NOT_KEPT, Trial
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop, reporting
from ba2_trade_platform.ui.kit.form_dialog import FormDialog
from ba2_trade_platform.ui.kit.formats import money
from ba2_trade_platform.ui.kit.markdown import Prose
from ba2_trade_platform.ui.kit.panels import chip, show_if, small_button
from ba2_trade_platform.ui.kit.times import duration
from ba2_trade_platform.ui.kit.typed_choice import typed_choice
from ba2_trade_platform.vocabulary import Outcome

LOOK_SECONDS = 0.4


@dataclass(frozen=True)
class Tried:
    """What is to be tried: an expert's name, its settings as they stand in the form, and its limits."""

    expert: str
    settings: dict[str, Any]
    expert_instance_id: int | None
    timeout_seconds: float


class TrialPanel:
    """A symbol, a button, and what comes of it; one trial at a time, which ends with its dialog or its tab."""

    def __init__(self, desk: Desk, dialog: FormDialog, symbols: Sequence[str], tried: Callable[[], Tried]) -> None:
        self._desk, self._dialog, self._tried = desk, dialog, tried
        self._trial: Trial | None = None
        with dialog.aside, ui.element("section").classes("ba2-trial").props('aria-label="Try on one symbol"'):
            with ui.element("div").classes("ba2-inline").style("margin-top: 0"):
                self._symbol = typed_choice(symbols, "Symbol", None, self._nothing, meant=_symbol)
                self._symbol.props("outlined dense options-dense").mark("trial-symbol").style("width: 150px")
                self._begin = small_button("Try on one symbol", "science", partial(dialog.attempt, self._start))
                self._begin.mark("try-expert")
                self._cancel = small_button("Cancel the trial", "stop", self._stop)
                self._cancel.mark("cancel-trial")
                ui.label("With what is in the form, saved or not. Model calls are paid").classes("ba2-muted ba2-small")
            self._result = ui.element("div").classes("ba2-trial-result").props("aria-live=polite").mark("trial-result")
            self._timer = ui.timer(LOOK_SECONDS, self._look, active=False)
        dialog.on_gone(self._leave)
        self._show(None)

    def allow(self, allowed: bool) -> None:
        """Show it, or hide it where there is no expert to be tried."""
        show_if(self._dialog.aside, allowed)

    async def _nothing(self) -> None:
        """Hear of a symbol: it is asked for when the button is pressed."""

    async def _start(self) -> None:
        tried = self._tried()
        symbol = str(self._symbol.value or "")
        if not symbol:
            raise Invalid("Choose a symbol to try it on")
        trial = await off_loop(
            self._desk.platform.trials.start,
            tried.expert,
            tried.settings,
            symbol,
            by=self._desk.trader,
            expert_instance_id=tried.expert_instance_id,
            timeout_seconds=tried.timeout_seconds,
        )
        self._show(trial)
        if self._dialog.is_gone:  # closed in the very moment in which it began
            await self._leave()

    async def _stop(self) -> None:
        if self._trial is not None:
            with reporting():
                cancel = self._desk.platform.trials.cancel
                self._show(await off_loop(cancel, self._trial.id, by=self._desk.trader))

    async def _leave(self) -> None:
        trial, self._trial = self._trial, None
        if trial is not None and trial.outcome is None:
            with reporting():
                await off_loop(self._desk.platform.trials.cancel, trial.id, by=self._desk.trader)

    async def _look(self) -> None:
        if self._trial is not None:
            with reporting():
                trial = await off_loop(self._desk.platform.trials.get, self._trial.id)
                if self._trial is not None and not self._dialog.is_gone:
                    self._show(trial)

    def _show(self, trial: Trial | None) -> None:
        self._trial = trial
        at_work = trial is not None and trial.outcome is None
        self._timer.active = at_work
        show_if(self._begin, not at_work)
        show_if(self._cancel, at_work)
        self._symbol.set_enabled(not at_work)
        show_if(self._result, trial is not None)
        if trial is None:
            return
        self._result.clear()
        with self._result:
            _running(trial) if trial.outcome is None else _ended(trial)


def _symbol(typed: str) -> str:
    return typed.upper() if typed.isascii() else typed


def _running(trial: Trial) -> None:
    with ui.element("div").classes("ba2-trial-line"):
        chip(words.STATUS["running"])
        ui.linear_progress(trial.progress / 100, show_value=False, size="6px").classes("ba2-trial-bar")
        ui.label(f"{trial.current_step or 'It begins'} · {trial.progress} %")
    _took(trial)


def _ended(trial: Trial) -> None:
    verdict = trial.verdict if trial.outcome is Outcome.COMPLETED else None
    with ui.element("div").classes("ba2-trial-line"):
        if verdict is not None:
            chip(words.ACTION[verdict.action.value])
            ui.label(f"{trial.symbol}, confidence {verdict.confidence:g}").classes("ba2-number")
        else:
            chip(words.OUTCOME[(trial.outcome or Outcome.FAILED).value])
            if trial.error_code is not None:
                ui.label(trial.error_code.value).classes("ba2-number tone-bad")
        ui.label(NOT_KEPT).classes("ba2-trial-mark")
    _took(trial)
    if verdict is not None:
        prices = ((verdict.price, "now"), (verdict.target_price, "target"), (verdict.stop_price, "stop"))
        said = [f"{word} {price.normalize():f} {verdict.currency}" for price, word in prices if price is not None]
        ui.label(", ".join([*said, f"risk {verdict.risk_level.value}"])).classes("ba2-muted")
        if verdict.details:
            Prose(verdict.details)
    elif trial.error_message:
        ui.label(trial.error_message).classes("ba2-form-error" if trial.outcome is Outcome.FAILED else "")
    for warning in trial.warnings:
        ui.label(warning).classes("tone-warn ba2-small")


def _took(trial: Trial) -> None:
    """Say what it took so far."""
    spend = trial.spend
    parts = [duration(1000 * trial.seconds)]
    if spend.calls:
        least = "at least " if spend.tokens_at_least else ""
        parts += [f"{spend.calls:,} model {'call' if spend.calls == 1 else 'calls'}", f"{least}{spend.tokens:,} tokens"]
        parts.append(
            "cost unknown" if spend.at_least and not spend.cost else money(spend.cost, at_least=spend.at_least)
        )
    ui.label(" · ".join(parts)).classes("ba2-muted ba2-small")
