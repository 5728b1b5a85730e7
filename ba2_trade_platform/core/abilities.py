"""Tells what an expert can do with these settings, and why not, before anything is queued or claimed."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ba2_trade_platform.core.contracts import ExpertCatalog
from ba2_trade_platform.core.queue.endings import Ability
from ba2_trade_platform.db.enums import Subtype


class Abilities:
    """Asks the catalog; callable as the queue's `Abilities`."""

    def __init__(self, catalog: ExpertCatalog) -> None:
        self._catalog = catalog

    def __call__(self, expert: str, settings: Any, subtype: Subtype) -> Ability:
        """Return what `expert` can do with `settings` for `subtype`."""
        try:
            found = self._catalog.get(expert)
        except KeyError:
            return Ability(safe_to_repeat=False, can_resume=False, unavailable=f"there is no expert {expert} any more")
        except ImportError as error:
            return Ability(safe_to_repeat=False, can_resume=False, unavailable=f"{expert} cannot be loaded: {error}")
        try:
            valid = found.settings_model.model_validate(settings)
        except ValidationError as error:
            return Ability(found.safe_to_repeat, found.can_resume, settings_sentence(error))
        unmet = [need for need in found.requirements(valid) if not need.met and subtype in need.subtypes]
        return Ability(
            found.safe_to_repeat,
            found.can_resume,
            "; ".join(need.sentence for need in unmet) or None,
            tuple(found.providers(valid)),
        )


def settings_sentence(error: ValidationError) -> str:
    """Return what is wrong with an expert's settings, field by field."""
    problems = (
        f"{'.'.join(str(part) for part in problem['loc']) or 'settings'}: {problem['msg']}"
        for problem in error.errors()
    )
    return "its settings do not fit: " + "; ".join(problems)
