"""Dead man's switch panel: shows its state, and sets its URL, which is write-only."""

from __future__ import annotations

from nicegui import ui

from ba2_trade_platform.core.operations.dead_man_switch import LONGEST, NOT_SET, SHORTEST, DeadManSwitchState
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import confirm, notify, off_loop, reporting
from ba2_trade_platform.ui.kit.panels import Fact, Panel, facts, quiet
from ba2_trade_platform.ui.kit.times import DASH, exact, moment


class DeadManSwitchPanel:
    """Shows how the switch stands, and sets it."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._switch = desk, desk.platform.operations.dead_man_switch
        self._panel = Panel("Heartbeat", anchor="heartbeat")
        with self._panel.element, ui.element("div").classes("ba2-inline"):
            self._url = ui.input("Heartbeat URL", placeholder="https://hc-ping.com/...")
            self._url.props("outlined dense type=password autocomplete=new-password maxlength=500")
            self._url.mark("heartbeat-url").style("width: min(340px, 80vw)")
            self._every = ui.number("Every, seconds", value=60, min=SHORTEST, max=LONGEST, precision=0)
            self._every.props("outlined dense").mark("heartbeat-every").style("width: 130px")
            self._tell = ui.checkbox("Tell URL/fail when not ready").props("dense").mark("heartbeat-fail")
            _button("Save", "save").on_click(self._save).mark("save-heartbeat")
            self._test = _button("Ping now", "favorite").on_click(self._ping).mark("test-heartbeat")
            self._remove = _button("Remove", "delete").on_click(self._ask_remove).mark("remove-heartbeat")

    async def refresh(self) -> None:
        """Show how it stands."""
        state = await off_loop(lambda: self._switch.state)
        if not self._panel.element.is_deleted:
            self._test.set_visibility(state.host is not None)
            self._remove.set_visibility(state.host is not None)
            self._panel.show(state, self._show)

    def _show(self, state: DeadManSwitchState) -> None:
        if state.host is None:
            quiet(f"{NOT_SET}. Make a check at a service such as healthchecks.io, and enter its address here.")
            return
        failing = state.last is not None and state.last.error is not None
        ui.label(f"{state.sentence}.").classes("tone-bad" if failing else "ba2-muted").mark("heartbeat-state")
        zone = self._desk.zone
        facts(
            (
                Fact("Server", state.host, hint="The address itself is stored encrypted and never shown"),
                Fact("Every", f"{state.every_seconds} s"),
                Fact("When not ready", "URL/fail is told" if state.tell_failure else "silence"),
                Fact("Last ping", moment(state.last.at, zone) if state.last else DASH),
                Fact("Last taken", moment(state.last_good_at, zone), hint=exact(state.last_good_at, zone)),
                Fact("Failures in a row", str(state.failures)),
            )
        )

    async def _save(self) -> None:
        with reporting():
            if not self._url.value:
                notify("Enter the URL again: it is never shown, so it cannot be kept", "warning")
                return
            url, every, tell = self._url.value, int(self._every.value or 0), bool(self._tell.value)
            by = self._desk.trader
            state = await off_loop(self._switch.change, url, by=by, every_seconds=every, tell_failure=tell)
            self._url.set_value("")
            notify(state.sentence)
            await self.refresh()

    async def _ping(self) -> None:
        with reporting():
            state = await off_loop(self._switch.test, by=self._desk.trader)
            failed = state.last is None or state.last.error is not None
            notify(state.sentence if failed else f"{state.host} took the ping", "warning" if failed else "positive")
            await self.refresh()

    async def _ask_remove(self) -> None:
        with self._panel.element:
            await confirm(
                "Remove the heartbeat?",
                "The server is pinged no more, and will soon say that this console is dead: pause its check there.",
                "Remove it",
                self._drop,
            )

    async def _drop(self) -> None:
        with reporting():
            await off_loop(self._switch.change, None, by=self._desk.trader)
            notify("The heartbeat is removed")
            await self.refresh()


def _button(text: str, icon: str) -> ui.button:
    return ui.button(text, icon=icon, color=None).props("outline dense no-caps")
