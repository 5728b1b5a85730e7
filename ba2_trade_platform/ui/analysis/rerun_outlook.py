"""Re-run outlook card: rule, evidence and the operator's override of a failure's kind."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui

from ba2_trade_platform.core.monitoring.rerun_outlook import AnsweringAttempt, RerunOutlook
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.drafts import Draft
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import chip, quiet
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, duration, exact, moment
from ba2_trade_platform.ui.kit.urls import analyses_url
from ba2_trade_platform.vocabulary import FailureKind


def outlook_look(outlook: RerunOutlook) -> words.Look:
    """Return how an outlook is shown: its kind, with how many of its like succeeded."""
    look = words.OUTLOOK[outlook.kind]._replace(word=outlook.chip)
    seldom = outlook.kind is FailureKind.TRANSIENT and 2 * outlook.succeeded < outlook.tried
    return look._replace(tone="warn") if seldom else look


async def show_outlook(desk: Desk, fingerprint: str) -> None:
    """Open the card of a group of failures."""
    outlooks = desk.platform.monitoring.outlook
    with reporting():
        outlook = await off_loop(outlooks.of_fingerprint, fingerprint)
        OutlookCard(desk, fingerprint, outlook, await off_loop(outlooks.evidence, fingerprint))


class OutlookCard:
    """One dialog about one group of failures."""

    def __init__(
        self, desk: Desk, fingerprint: str, outlook: RerunOutlook, answering: Sequence[AnsweringAttempt]
    ) -> None:
        self._desk, self._fingerprint = desk, fingerprint
        self._dialog = dialog = ui.dialog(value=True)
        dialog.on("hide", dialog.delete).props["aria-label"] = "Verdict"
        with dialog, ui.card().classes("ba2-dialog ba2-verdict").mark("verdict-card"):
            chip(outlook_look(outlook))
            ui.label(outlook.headline).classes("ba2-dialog-title")
            if outlook.hint:
                ui.label(outlook.hint)
            quiet(outlook.rule)
            self._answers(answering)
            self._override(outlook)
            with ui.row().classes("w-full justify-end"):
                ui.button("Close", color=None, on_click=dialog.close).props("flat no-caps")

    def _answers(self, answering: Sequence[AnsweringAttempt]) -> None:
        if not answering:
            quiet("No attempt has answered this error yet.")
            return
        zone = self._desk.zone
        with (
            ui.element("div").classes("ba2-verdict-evidence"),
            plain_table("What answered this error", ("Analysis", "Symbol", "Outcome", "Waited", "Ended")),
            ui.element("tbody"),
        ):
            for one in answering:
                wait = one.wait_seconds
                with ui.element("tr"):
                    text_cell(f"#{one.analysis_id}, attempt {one.number}", url=f"/market_analysis/{one.analysis_id}")
                    text_cell(one.symbol, url=analyses_url(one.symbol))
                    with cell():
                        chip(words.OUTCOME[one.outcome or "pending"])
                    text_cell(DASH if wait is None else duration(1000 * max(0.0, wait)))
                    text_cell(moment(one.finished_at, zone))

    def _override(self, outlook: RerunOutlook) -> None:
        overridden = outlook.overridden_at is not None
        if overridden:
            why = f": {outlook.override_reason}" if outlook.override_reason else ""
            when = exact(outlook.overridden_at, self._desk.zone)
            quiet(f"Held to be {outlook.kind.value} by {outlook.overridden_by} since {when}{why}")
        kinds = {"": f"as its code says: {outlook.own_kind.value}", **{kind.value: kind.value for kind in FailureKind}}
        with ui.element("div").classes("ba2-inline") as form:
            self._kind = ui.select(kinds, label="Hold it to be", value=outlook.kind.value if overridden else "")
            self._kind.props("dense outlined options-dense").style("width: 240px").mark("verdict-kind")
            self._reason = ui.input("Reason", value=outlook.override_reason or "").props("dense outlined maxlength=500")
            self._reason.style("width: 220px").mark("verdict-reason").on("keydown.enter", self._save)
            ui.button("Save", color=None, on_click=self._save).props("outline dense no-caps").mark("verdict-save")
            self._draft = Draft(form, "What these failures are")
        quiet("Automatic retries follow it: only what is transient is retried.")

    async def _save(self) -> None:
        outlooks, by = self._desk.platform.monitoring.outlook, self._desk.trader
        with reporting():
            if self._kind.value:
                kind, reason = FailureKind(self._kind.value), (self._reason.value or "").strip()
                await off_loop(outlooks.set_kind, self._fingerprint, kind, by=by, reason=reason)
                notify(f"These failures are held to be {kind.value}")
            else:
                said = await off_loop(outlooks.clear_kind, self._fingerprint, by=by)
                notify(f"These failures are held to be {said.kind.value} again, as their code says")
            self._draft.forget()
            self._dialog.close()
