"""Bulk re-run dialog: previews a bulk re-run, with a button that repeats the exact number."""

from __future__ import annotations

from collections.abc import Mapping

from nicegui import ui

from ba2_trade_platform.core.base.errors import Refused
from ba2_trade_platform.core.batches.bulk_plans import Selection
from ba2_trade_platform.core.batches.bulk_reruns import BulkPreview
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import NO_DRAFT, Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.formats import analyses, estimate_facts
from ba2_trade_platform.ui.kit.panels import Fact, facts, show_if
from ba2_trade_platform.vocabulary import Mode

TYPED_ABOVE = 50
ASKED_VERSIONS = 500
MODES = {Mode.FRESH: "Fresh: everything again", Mode.RESUME: "Resume: keep completed steps"}


async def ask_bulk_rerun(
    desk: Desk, selection: Selection, *, name: str = "", versions: Mapping[int, int] | None = None
) -> BulkDialog:
    """Ask before re-running a selection; return the open dialog, which leads to the bulk re-run's page.

    `versions`: of the analyses when they were ticked, so that the dialog can say how many have changed since.
    """
    dialog = BulkDialog(desk, selection, versions or {}, name)
    await dialog.look()
    return dialog


class BulkDialog:
    """One question, with a preview that is read anew whenever the options or the plan change."""

    def __init__(self, desk: Desk, selection: Selection, versions: Mapping[int, int], name: str) -> None:
        self._desk, self._selection, self._versions = desk, selection, versions
        self._preview: BulkPreview | None = None
        self._moved = 0
        with ui.dialog(value=True) as self._dialog, ui.card().classes("ba2-dialog") as card:
            self._dialog.on("hide", self._dialog.delete).props["aria-label"] = "Re-run in bulk"
            self._title = ui.label("Looking at the selection").classes("ba2-dialog-title")
            self._changed = ui.label().classes("tone-warn ba2-gone").props("role=alert").mark("plan-changed")
            self._plan = ui.element("div").classes("ba2-bulk-plan")
            self._build_request(name)
            with ui.row().classes("w-full justify-end items-center"):
                self._typed = ui.input("Type the number").props("dense outlined").props(NO_DRAFT).style("width: 160px")
                self._typed.on_value_change(self._enable).mark("typed-number")
                ui.button("Cancel", color=None, on_click=self._dialog.close).props("flat no-caps")
                self._go = ui.button("Re-run", icon="refresh", color=None, on_click=self._create)
                self._go.props("unelevated no-caps").classes("ba2-rerun-filled").mark("confirm-bulk")
            self._draft = Draft(card, "Re-run in bulk")
        self._typed.set_visibility(False)
        self._go.set_enabled(False)

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self._dialog.is_deleted

    def _build_request(self, name: str) -> None:
        box = "dense outlined"
        self._reason = ui.input("Reason (required)").props(f"{box} maxlength=500 autofocus").classes("w-full")
        self._reason.on_value_change(self._enable).mark("bulk-reason")
        with ui.element("div").classes("ba2-bulk-options"):
            self._name = ui.input("Name", value=name).props(f"{box} maxlength=200").mark("bulk-name")
            self._mode = ui.select(MODES, label="Mode", value=Mode.FRESH, on_change=self.look).props(box)
            self._canary = ui.number("Canary, first n", min=1, precision=0).props(box).mark("bulk-canary")
            with self._canary:
                ui.tooltip("So many run first; the rest only if all of them complete")
            self._rate = ui.number("At most per minute", min=1, precision=0).props(box).mark("bulk-rate")
            self._rate.on_value_change(self._show_plan)
        self._override = ui.checkbox("Also what has reached its re-run limit", on_change=self.look)
        self._override.props("dense").mark("bulk-override")
        self._override.set_visibility(False)

    async def look(self) -> None:
        """Read the preview anew and show it."""
        with reporting():
            mode, override = Mode(self._mode.value), bool(self._override.value)
            read = self._desk.platform.bulk_reruns.preview
            preview = await off_loop(read, self._selection, mode, override=override)
            self._moved = await off_loop(self._count_moved)
            if self._dialog.is_deleted:
                return
            if self._preview is None and preview.suggested_canary:
                self._canary.props(f'hint="suggested: {preview.suggested_canary}"')
            self._preview = preview
            limited = any(one.reason == "re-run limit reached" for one in preview.blocked)
            self._override.set_visibility(limited or preview.override)
            self._show_plan()
            self._enable()

    def _count_moved(self) -> int:
        """Return how many of the ticked rows have changed since; a look at a few hundred is enough of an answer."""
        ids = list(self._versions)[:ASKED_VERSIONS]
        rows = self._desk.platform.monitoring.jobs.rows(ids) if ids else []
        return sum(row.version != self._versions[row.id] for row in rows)

    def _show_plan(self) -> None:
        preview = self._preview
        if preview is None:
            return
        number = analyses(preview.will_run)
        self._title.set_text(f"Re-run {number}" if preview.will_run else "Nothing of this can be re-run now")
        self._go.set_text(f"Re-run {number}")
        self._typed.set_visibility(preview.will_run > TYPED_ABOVE)
        self._plan.clear()
        with self._plan:
            facts(
                [
                    Fact("Will run", f"{preview.will_run:,} of {preview.total:,}"),
                    *estimate_facts(self._seconds(preview), preview.estimated_cost_usd),
                ]
            )
            for word, reasons in (("skipped", preview.skip), ("blocked", preview.blocked)):
                for one in reasons:
                    ui.label(f"{one.count:,} {word}: {one.reason}").classes("ba2-muted")
            if preview.gone:
                ui.label(f"{preview.gone:,} of those selected were deleted").classes("ba2-muted")
            if self._moved:
                ui.label(f"{self._moved:,} of them changed since they were ticked").classes("tone-warn")
            if preview.top_errors:
                ui.label("Most frequent previous errors").classes("ba2-panel-title")
            with ui.element("div").classes("ba2-bulk-errors"):
                for error in preview.top_errors:
                    with ui.element("div").classes("ba2-bulk-error"):
                        ui.label(f"{error.count:,}").classes("ba2-number")
                        ui.link(error.code, f"/marketanalysis?status=failed&code={error.code}").classes("ba2-link")
                        ui.label(error.message).classes("ba2-cut ba2-muted").props["title"] = error.message

    def _seconds(self, preview: BulkPreview) -> int | None:
        seconds, rate = preview.estimated_seconds, self._rate.value
        return max(seconds or 0, round(60 * preview.will_run / rate)) if rate else seconds

    def _enable(self) -> None:
        preview = self._preview
        number = preview.will_run if preview is not None else 0
        typed = (self._typed.value or "").strip().replace(",", "")
        sure = number <= TYPED_ABOVE or typed == str(number)
        self._go.set_enabled(number > 0 and sure and bool((self._reason.value or "").strip()))

    async def _create(self) -> None:
        before = self._preview
        if before is None:
            return
        self._go.set_enabled(False)
        with reporting():
            try:
                batch = await off_loop(
                    self._desk.platform.bulk_reruns.create,
                    self._selection,
                    before.mode,
                    plan_hash=before.plan_hash,
                    by=self._desk.trader,
                    reason=self._reason.value or "",
                    name=(self._name.value or "").strip() or None,
                    canary=int(self._canary.value) if self._canary.value else None,
                    rate_per_minute=int(self._rate.value) if self._rate.value else None,
                    override=bool(self._override.value),
                )
            except Refused as refusal:
                if refusal.code != "PLAN_CHANGED":
                    raise
                self._typed.set_value("")
                self._changed.set_text(f"{refusal}. Nothing was done yet; look at the new number.")
                show_if(self._changed, True)
                await self.look()
            else:
                notify(f"Bulk re-run {batch.id} accepted: {analyses(before.will_run)} will run")
                self._draft.forget()
                self._dialog.close()
                ui.navigate.to(f"/batches/{batch.id}")
        if not self._dialog.is_deleted:
            self._enable()
