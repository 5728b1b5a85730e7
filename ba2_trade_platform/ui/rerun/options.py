"""Re-run options: the menu of modes, and the dialog of mode, step, settings and providers with its plan."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.core.analyses.rerun_plans import STEP_MODES, Guard, RerunOptions, RerunPlan, StepDisposition
from ba2_trade_platform.core.base.errors import PlatformError
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import answer_of, off_loop
from ba2_trade_platform.ui.kit.panels import chip, empty_state, set_class
from ba2_trade_platform.ui.kit.times import duration
from ba2_trade_platform.vocabulary import Mode

ALL = "all"


def rerun_menu(desk: Desk, analysis_id: int, choose: Callable[[str], Awaitable[None]]) -> ui.button:
    """Return the button whose menu offers the modes that this analysis can have, asked for when it is opened.

    It says why the others are off.
    """
    platform = desk.platform

    async def fill(opened: ValueChangeEventArguments[bool]) -> None:
        if not opened.value:
            return
        try:
            plan = await off_loop(platform.analyses.rerun_plan, analysis_id)
            last = await off_loop(platform.preferences.get, desk.trader, "rerun_mode")
        except PlatformError as error:
            menu.clear()
            with menu:
                ui.label(str(error)).classes("ba2-menu-note")
            return
        menu.clear()
        with menu, ui.list().props("dense padding"):
            for choice in plan.modes:
                word, hint = words.RERUN_MODE[choice.mode]
                dots = "..." if choice.mode in STEP_MODES else ""
                used = " (last used)" if last == choice.mode.value else ""
                act = partial(choose, choice.mode.value) if choice.possible else None
                item = ui.item(on_click=act).mark(f"rerun-{choice.mode.value}")
                with item.props("" if choice.possible else "disable"), ui.item_section():
                    ui.item_label(f"{word}{dots}{used}")
                    ui.item_label(choice.reason or hint).props("caption")
            if plan.settings_changed:
                ui.label(plan.settings_changed.capitalize()).classes("ba2-menu-note tone-warn")

    button = ui.button(icon="arrow_drop_down", color=None).props("flat dense").classes("ba2-rerun ba2-split")
    button.mark("rerun-menu").props["aria-label"] = "Re-run a part"
    with button:
        menu = ui.menu().props("auto-close").mark("rerun-modes").on_value_change(fill)
    return button


class RerunOptionsDialog:
    """Asks for mode, step, settings and providers; every choice is planned anew, and the answer holds to that plan."""

    def __init__(self, desk: Desk, plan: RerunPlan, mode: str) -> None:
        self._desk, self._plan = desk, plan
        possible = {choice.mode for choice in plan.modes if choice.possible}
        self._mode = Mode(mode) if mode in possible else Mode.FRESH
        self._modes: dict[Mode, ui.button] = {}
        self._asked = 0
        with ui.dialog().props("no-refocus") as self._dialog, ui.card().classes("ba2-dialog ba2-plan-dialog") as card:
            self._build()
            self._draft = Draft(card, f"Re-run analysis {plan.analysis_id}")

    async def ask(self) -> RerunOptions | None:
        """Return what was chosen, None when the trader lets it be."""
        await self._replan()
        if not await answer_of(self._dialog):
            return None
        self._draft.forget()
        return self._rerun_options(self._plan.plan_hash)

    def _build(self) -> None:
        plan = self._plan
        with ui.element("div").classes("ba2-plan-head"):
            title = f"Re-run analysis {plan.analysis_id} ({plan.symbol}, {plan.expert})"
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            if plan.settings_changed:
                ui.label(plan.settings_changed.capitalize()).classes("ba2-tag tone-warn").mark("settings-changed")
        with ui.element("div").classes("ba2-modes").props('role=group aria-label="How much is done again"'):
            for choice in plan.modes:
                self._mode_button(choice.mode, choice.reason)
        for reason in dict.fromkeys(choice.reason for choice in plan.modes if choice.reason):
            ui.label(reason).classes("ba2-muted").mark("not-possible")
        with ui.element("div").classes("ba2-form"):
            self._choices()
        self._body = ui.element("div").classes("ba2-plan-scroll")
        self._reason = ui.input("Reason").props("outlined dense maxlength=500").classes("w-full").mark("rerun-reason")
        self._reason.on_value_change(self._allow)
        self._error = ui.label().classes("ba2-form-error").props("role=alert")
        with ui.row().classes("w-full justify-end"):
            ui.button("Close", color=None, on_click=lambda: self._dialog.submit(False)).props("flat no-caps")
            self._go = ui.button("Re-run", icon="refresh", color=None, on_click=lambda: self._dialog.submit(True))
            self._go.props("outline no-caps").classes("ba2-rerun").mark("rerun-confirm")

    def _mode_button(self, mode: Mode, reason: str | None) -> None:
        word, hint = words.RERUN_MODE[mode]

        async def choose() -> None:
            self._mode = mode
            await self._replan()

        button = ui.button(word, color=None, on_click=choose).props("flat dense no-caps").mark(f"mode-{mode.value}")
        button.set_enabled(reason is None)
        with button:
            ui.tooltip(reason or hint)
        self._modes[mode] = button

    def _choices(self) -> None:
        plan = self._plan
        steps = {str(number): f"{number}  {step.name}" for number, step in enumerate(plan.steps, 1)}
        self._step = self._select("Step", steps, next(reversed(steps), None), "rerun-step")
        configs = {}
        for choice in plan.configs:
            revision = f" (revision {choice.revision})" if choice.revision else ""
            attempt = "1" if choice.config == "original" else choice.config
            configs[choice.config] = ("Current" if attempt == "current" else f"Of attempt {attempt}") + revision
        self._config = self._select("Settings", configs, "current", "rerun-config")
        self._config.set_visibility(len(configs) > 1)
        providers = {ALL: "All, in their order"}
        providers |= {f"only {name}": f"Only {name}" for name in plan.providers}
        providers |= {f"without {name}": f"Without {name}" for name in plan.providers}
        self._provider = self._select("Providers", providers, ALL, "rerun-provider")
        self._provider.set_visibility(len(plan.providers) > 1)

    def _select(self, label: str, options: dict[str, str], value: str | None, mark: str) -> ui.select:
        control = ui.select(options, label=label, value=value, on_change=self._replan)
        control.props("outlined dense options-dense").mark(mark)
        return control

    def _rerun_options(self, plan_hash: str | None = None) -> RerunOptions:
        how, _, name = str(self._provider.value).partition(" ")
        needs = {guard.needs for guard in self._plan.guards}
        return RerunOptions(
            mode=self._mode,
            step=self._step.value if self._mode in STEP_MODES else None,
            config=str(self._config.value),
            provider=name if how == "only" else None,
            exclude_providers=(name,) if how == "without" else (),
            reason=(self._reason.value or "").strip() or None,
            override="override" in needs,
            acknowledge="acknowledge" in needs,
            plan_hash=plan_hash,
        )

    async def _replan(self) -> None:
        """Plan what is chosen now, and show it; or why there is no such plan."""
        for mode, button in self._modes.items():
            set_class(button, "active", mode is self._mode)
            button.props["aria-pressed"] = str(mode is self._mode).lower()
        self._step.set_visibility(self._mode in STEP_MODES)
        self._go.set_enabled(False)
        self._asked += 1
        mine, read = self._asked, self._desk.platform.analyses.rerun_plan
        try:
            plan = await off_loop(read, self._plan.analysis_id, self._rerun_options())
        except PlatformError as error:
            if mine == self._asked:
                self._error.set_text(str(error))
            return
        if mine == self._asked:  # what was chosen since then is planned by itself
            self._plan = plan
            self._error.set_text("")
            self._show()

    def _show(self) -> None:
        plan = self._plan
        self._body.clear()
        with self._body:
            ui.label(plan.sentence).classes("ba2-plan-sentence").mark("plan-sentence")
            saved = _saved_words(plan)
            if saved:
                ui.label(saved).classes("ba2-muted").mark("plan-saved")
            for guard in plan.guards:
                guard_line(guard)
            if plan.steps:
                with ui.element("div").classes("ba2-plan-steps").props("role=table"):
                    for number, step in enumerate(plan.steps, 1):
                        took = "" if step.seconds is None else duration(step.seconds * 1000)
                        with ui.element("div").classes("ba2-plan-step").props("role=row"):
                            ui.label(str(number)).classes("ba2-muted ba2-right")
                            ui.label(step.name).classes("ba2-line-name")
                            chip(words.STEP_DISPOSITION[step.fate.value])
                            ui.label(step.reason).classes("ba2-muted ba2-plan-why")
                            ui.label(took).classes("ba2-muted ba2-right")
            else:
                empty_state("checklist", "No steps are recorded", "The attempt failed before its first step.")
        part = f"Re-run {len(plan.dropped)} of {len(plan.steps)} steps"
        self._go.set_text("Re-run everything" if plan.mode is Mode.FRESH else part)
        self._allow()

    def _allow(self) -> None:
        needed = any(guard.needs for guard in self._plan.guards)
        self._reason.props["hint"] = "Needed" if needed else "Optional; kept with the attempt"
        self._go.set_enabled(not needed or bool((self._reason.value or "").strip()))


def guard_line(guard: Guard, *, with_effects: bool = False) -> None:
    """Show what a person should know, and with its effects everything that acts on the recommendation."""
    with ui.element("div").classes("ba2-guard").mark(f"guard-{guard.code}"):
        ui.icon(words.GUARD.get(guard.code, "warning")).props("aria-hidden=true")
        with ui.element("div"):
            ui.label(guard.sentence)
            for effect in guard.side_effects if with_effects else ():
                ui.label(f"{effect.reference}: {effect.sentence}").classes("ba2-muted")


def _saved_words(plan: RerunPlan) -> str:
    parts = (
        f"{duration(plan.seconds_saved * 1000)} of work" if plan.seconds_saved >= 0.001 else "",
        f"{plan.tokens_saved:,} tokens" if plan.tokens_saved else "",
        f"{plan.cost_saved_usd:.4f} USD" if plan.cost_saved_usd else "",
    )
    kept = ", ".join(filter(None, parts))
    upper = "up to " if any(step.fate is StepDisposition.STALE for step in plan.steps) else ""
    return f"Saves {upper}{kept}" if kept else ""
