"""Expert choice: checkboxes of experts; those that cannot work are greyed, with the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import off_loop
from ba2_trade_platform.ui.kit.panels import empty_state
from ba2_trade_platform.ui.kit.words import SUBTYPE
from ba2_trade_platform.vocabulary import Subtype


def why_not(instance: Instance, subtype: Subtype) -> str | None:
    """Return why an expert cannot be asked for this, None when it can."""
    if not instance.enabled:
        return "It is disabled"
    return "; ".join(need.sentence for need in instance.unmet if subtype in need.subtypes) or None


def subtype_toggle() -> ui.toggle:
    """Build the choice of what an analysis is to be about."""
    names = {member.value: SUBTYPE[member.value] for member in Subtype}
    toggle = ui.toggle(names, value=Subtype.ENTER_MARKET.value)
    return toggle.props("dense no-caps unelevated").classes("ba2-toggle")


class ExpertChoice:
    """Checkboxes, one for each configured expert, as they stand for the type of analysis that is chosen.

    It remembers which were ticked while the list changes.
    """

    def __init__(self, desk: Desk, subtype: ui.toggle, changed: Callable[[], Awaitable[None]]) -> None:
        self._desk, self._subtype, self._changed = desk, subtype, changed
        self._instances: Sequence[Instance] = ()
        self._wanted: set[int] = set()
        self._able: list[int] = []
        self._shown: tuple[Sequence[Instance], Subtype] | None = None
        self._element = ui.element("div").classes("ba2-choices").props('role=group aria-label="Experts"')
        subtype.on_value_change(self._changed_subtype)

    @property
    def chosen(self) -> tuple[int, ...]:
        """The experts that are chosen and can work, in the order shown."""
        return tuple(instance_id for instance_id in self._able if instance_id in self._wanted)

    @property
    def subtype(self) -> Subtype:
        """The type of analysis that is chosen."""
        return Subtype(self._subtype.value)

    async def load(self) -> None:
        """Show the experts that there are now; sends nothing when nothing changed."""
        self._instances = await off_loop(self._desk.platform.experts.list)
        self._show()

    async def _changed_subtype(self) -> None:
        self._show()
        await self._changed()

    def _show(self) -> None:
        instances, subtype = self._instances, self.subtype
        if (instances, subtype) == self._shown:
            return
        self._shown = (instances, subtype)
        self._able = [instance.id for instance in instances if why_not(instance, subtype) is None]
        self._element.clear()
        with self._element:
            for instance in instances:
                self._line(instance, why_not(instance, subtype))
            if not instances:
                empty_state(
                    "psychology",
                    "No experts yet",
                    "An expert analyses a symbol. Add one, then come back.",
                    links=(("Add an expert", "/experts"),),
                )

    def _line(self, instance: Instance, reason: str | None) -> None:
        async def toggle(event: ValueChangeEventArguments[bool | None]) -> None:
            (self._wanted.add if event.value else self._wanted.discard)(instance.id)
            await self._changed()

        ticked = reason is None and instance.id in self._wanted
        with ui.element("div").classes("ba2-choice"):
            box = ui.checkbox(instance.alias, value=ticked, on_change=toggle)
            box.props("dense").mark(f"expert-{instance.id}").set_enabled(reason is None)
            ui.label(reason or instance.expert).classes("ba2-muted")
