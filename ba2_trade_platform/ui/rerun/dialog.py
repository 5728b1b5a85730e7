"""Re-run question: re-runs at once, or first asks where a guard needs an answer."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from ba2_trade_platform.core.analyses.rerun import RerunAccepted
from ba2_trade_platform.core.analyses.rerun_plans import Guard, RerunOptions, RerunQuestion
from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.failures.advice import advice
from ba2_trade_platform.core.monitoring.job_list import AnalysisRow
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import answer_of, notify, off_loop
from ba2_trade_platform.ui.kit.panels import Fact, facts
from ba2_trade_platform.ui.kit.times import moment
from ba2_trade_platform.ui.rerun.options import RerunOptionsDialog, guard_line


class Reruns:
    """The re-runs of one page; while it asks about one analysis it asks about no other."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._asking = False

    async def click(self, analysis_id: int) -> RerunAccepted | None:
        """Do everything again at once, or ask first; None when the trader lets it be. Raises PlatformError."""
        if self._asking:
            return None
        try:
            return await self._rerun(analysis_id, RerunOptions(ask=True))
        except RerunQuestion as question:
            row = await off_loop(self._desk.platform.monitoring.details.row, analysis_id)
            options = await self._ask(row, question.guards)
        return None if options is None else await self._rerun(analysis_id, options)

    async def options(self, analysis_id: int, mode: str | None = None) -> RerunAccepted | None:
        """Let the trader choose the part, the settings and the providers, and see the plan; None as above."""
        if self._asking:
            return None
        trader, preferences = self._desk.trader, self._desk.platform.preferences
        mode = mode or await off_loop(preferences.get, trader, "rerun_mode")
        while (options := await self._planned(analysis_id, mode or "fresh")) is not None:
            try:
                accepted = await self._rerun(analysis_id, options)
            except Refused as refusal:
                if refusal.code != "PLAN_CHANGED":
                    raise
                notify(str(refusal), refusal.tone)  # and the new plan is shown
                mode = options.mode.value
            else:
                await off_loop(preferences.remember, trader, "rerun_mode", options.mode.value)
                return accepted
        return None

    async def _planned(self, analysis_id: int, mode: str) -> RerunOptions | None:
        plan = await off_loop(self._desk.platform.analyses.rerun_plan, analysis_id)
        self._asking = True
        try:
            return await RerunOptionsDialog(self._desk, plan, mode).ask()
        finally:
            self._asking = False

    async def _rerun(self, analysis_id: int, options: RerunOptions) -> RerunAccepted:
        rerun, by = self._desk.platform.analyses.rerun, self._desk.trader
        accepted = await off_loop(rerun, analysis_id, by=by, options=options)
        notify(accepted.sentence)
        return accepted

    async def _ask(self, row: AnalysisRow, guards: Sequence[Guard]) -> RerunOptions | None:
        self._asking = True
        needs = {guard.needs for guard in guards} - {None}
        with ui.dialog().props("no-refocus") as dialog, ui.card().classes("ba2-dialog ba2-rerun-dialog") as card:
            title = f"Re-run analysis {row.id} ({row.symbol}, {row.expert})?"
            ui.label(title).classes("ba2-dialog-title").props("role=heading aria-level=2")
            for guard in guards:
                guard_line(guard, with_effects=True)
            facts(
                (
                    Fact("Created", moment(row.created_at, self._desk.zone)),
                    Fact("Previous error", f"{row.error_code}: {row.error_message or ''}"),
                    Fact("What to fix", advice(row.error_code).hint or "Read the error and decide."),
                )
            )
            ui.label("Previous outputs will be archived and cleared.")
            reason = reason_input() if needs else None
            with ui.row().classes("w-full justify-end"):
                keep = ui.button("Keep it", color=None, on_click=lambda: dialog.submit(False)).props("flat no-caps")
                go = ui.button("Re-run anyway", icon="refresh", color=None, on_click=lambda: dialog.submit(True))
                go.props("outline no-caps").classes("ba2-rerun").mark("rerun-anyway")
                if reason is None:
                    keep.props("autofocus")
                else:
                    go.bind_enabled_from(reason, "value", backward=lambda text: bool((text or "").strip()))
            draft = Draft(card, title)
        try:
            agreed = await answer_of(dialog)
        finally:
            self._asking = False
        if not agreed:
            return None
        draft.forget()
        return RerunOptions(
            reason=(reason.value or "").strip() if reason else None,
            override="override" in needs,
            acknowledge="acknowledge" in needs,
        )


def reason_input() -> ui.input:
    """Add the field for the reason that the service asks for."""
    field = ui.input("Reason").props("outlined dense maxlength=500 autofocus").classes("w-full").mark("rerun-reason")
    field.props["hint"] = "Kept with the attempt and in the activity log"
    return field
