"""Combobox: takes typed text as the choice when the field is left, so that none is lost silently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui import events, ui

# The browser's own event: of what a person writes or empties, never of what Quasar puts there or takes away.
TYPED = "(event) => emit(event.target.value)"


def typed_choice(
    names: Sequence[str],
    label: str,
    value: str | None,
    changed: Callable[[], Awaitable[None]],
    *,
    clearable: bool = False,
) -> ui.select:
    """Build a field of `names` to type in; Enter or leaving it takes what was typed, where that means one of them."""
    typed = ""

    async def take_change() -> None:
        nonlocal typed
        typed = ""
        await changed()

    def keep(event: events.GenericEventArguments) -> None:
        nonlocal typed
        typed = str(event.args or "").strip()

    def take() -> None:
        nonlocal typed
        meant, typed = the_one(names, typed), ""
        if meant is not None:
            field.set_value(meant)

    field = ui.select(
        list(names), label=label, value=value, with_input=True, clearable=clearable, on_change=take_change
    )
    return field.on("input", keep, js_handler=TYPED).on("keydown.enter", take).on("keydown.tab", take).on("blur", take)


def the_one(names: Sequence[str], typed: str) -> str | None:
    """Return the name that is typed, in any case, or else the only one that holds it; None where several could be."""
    wanted = typed.casefold()
    if not wanted:
        return None
    exact = [name for name in names if name.casefold() == wanted]
    holding = exact or [name for name in names if wanted in name.casefold()]
    return holding[0] if len(holding) == 1 else None
