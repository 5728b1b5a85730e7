"""Expert choice: checkboxes of experts; those that cannot work are greyed, with the reason."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import ui

from ba2_trade_platform.core.experts.instances import Instance
from ba2_trade_platform.ui.kit.panels import empty_state
from ba2_trade_platform.vocabulary import Subtype


def why_not(instance: Instance, subtype: Subtype) -> str | None:
    """Return why an expert cannot be asked for this, None when it can."""
    if not instance.enabled:
        return "It is disabled"
    return "; ".join(need.sentence for need in instance.unmet if subtype in need.subtypes) or None


class ExpertChoice:
    """Checkboxes, one for each configured expert; remembers what was chosen while the list changes."""

    def __init__(self, changed: Callable[[], Awaitable[None]]) -> None:
        self._changed = changed
        self._wanted: set[int] = set()
        self._able: list[int] = []
        self._shown: tuple[tuple[Instance, ...], Subtype] | None = None
        self._element = ui.element("div").classes("ba2-choices").props('role=group aria-label="Experts"')

    @property
    def chosen(self) -> list[int]:
        """The experts that are chosen and can work, in the order shown."""
        return [instance_id for instance_id in self._able if instance_id in self._wanted]

    def show(self, instances: Sequence[Instance], subtype: Subtype) -> None:
        """Show these experts as they stand for this type of analysis; sends nothing when nothing changed."""
        shown = (tuple(instances), subtype)
        if shown == self._shown:
            return
        self._shown = shown
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
        async def toggle(value: bool) -> None:
            (self._wanted.add if value else self._wanted.discard)(instance.id)
            await self._changed()

        with ui.element("div").classes("ba2-choice"):
            box = ui.checkbox(
                instance.alias,
                value=reason is None and instance.id in self._wanted,
                on_change=lambda event: toggle(event.value),
            )
            box.props("dense").mark(f"expert-{instance.id}").set_enabled(reason is None)
            ui.label(reason or instance.expert).classes("ba2-muted")
