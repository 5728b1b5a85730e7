"""Combobox: takes typed text as the choice when the field is left, so that none is lost silently."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from nicegui import events, ui

# The browser's own event: of what a person writes or empties, never of what Quasar puts there or takes away.
TYPED = "(event) => emit(event.target.value)"


def typed_choice(
    names: Sequence[str] | Mapping[str, str],
    label: str,
    value: str | None,
    changed: Callable[[], Awaitable[None]],
    *,
    clearable: bool = False,
    meant: Callable[[str], str | None] | None = None,
) -> ui.select:
    """Build a field of `names` to type in; Enter or leaving it takes what was typed, where that means one of them.

    `names` may have labels. `meant` says what a text means instead; that need not be one of them.
    """
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
        given, typed = typed, ""
        choice = (meant(given) if given else None) if meant else the_one(list(field.options), given)
        if choice is not None:
            put(field, choice)

    options: Any = dict(names) if isinstance(names, Mapping) else list(names)
    field = ui.select(options, label=label, value=value, with_input=True, clearable=clearable, on_change=take_change)
    return field.on("input", keep, js_handler=TYPED).on("keydown.enter", take).on("keydown.tab", take).on("blur", take)


def put(field: ui.select, choice: str) -> None:
    """Choose this, as one more of the field's names where it is none of them yet."""
    if choice not in field.options:
        if isinstance(field.options, dict):
            field.options[choice] = choice
        else:
            field.options.append(choice)
        field.update()
    field.set_value(choice)


def the_one(names: Sequence[str], typed: str) -> str | None:
    """Return the name that is typed, in any case, or else the only one that holds it; None where several could be."""
    wanted = typed.casefold()
    if not wanted:
        return None
    exact = [name for name in names if name.casefold() == wanted]
    holding = exact or [name for name in names if wanted in name.casefold()]
    return holding[0] if len(holding) == 1 else None
