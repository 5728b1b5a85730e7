"""Expert availability: checks settings and requirements before an analysis is queued or claimed."""

from __future__ import annotations

import logging
from typing import Any

from pydantic import ValidationError

from ba2_trade_platform.core.base.sanitizing import clean_text, problem_words
from ba2_trade_platform.core.contracts.experts import ExpertCatalog
from ba2_trade_platform.core.contracts.language_models import ModelSettings
from ba2_trade_platform.core.contracts.queue import Ability
from ba2_trade_platform.core.models.providers import ModelProviders
from ba2_trade_platform.vocabulary import Subtype

log = logging.getLogger(__name__)
FAULT_LIMIT = 500


class Abilities:
    """Asks the catalog, and the model providers where an expert asks models; callable as the queue's `Abilities`."""

    def __init__(self, catalog: ExpertCatalog, models: ModelProviders | None = None) -> None:
        self._catalog = catalog
        self._models = models

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
        try:
            unmet = [need for need in found.requirements(valid) if not need.met and subtype in need.subtypes]
            providers = tuple(found.providers(valid))
        except Exception as error:  # the queue asks in each tick: the fault of one must not stop it for all
            log.warning("Expert %s cannot say what it needs", expert, exc_info=error)
            fault = clean_text(f"it cannot say what it needs ({type(error).__name__}: {error})", FAULT_LIMIT)
            return Ability(found.safe_to_repeat, found.can_resume, fault)
        if isinstance(valid, ModelSettings) and self._models is not None:
            unmet += self._models.requirement(valid)
            providers = self._models.usable(providers)
        sentence = "; ".join(need.sentence for need in unmet) or None
        return Ability(found.safe_to_repeat, found.can_resume, sentence, providers)


def settings_problems(error: ValidationError) -> list[dict[str, str]]:
    """Return what is wrong with an expert's settings: `field`, empty where it is of several, and `message`."""
    return [
        {"field": ".".join(str(part) for part in problem["loc"]), "message": problem_words(problem["msg"])}
        for problem in error.errors()
    ]


def settings_sentence(error: ValidationError) -> str:
    """Return what is wrong with an expert's settings, field by field."""
    problems = (f"{one['field'] or 'settings'}: {one['message']}" for one in settings_problems(error))
    return "its settings do not fit: " + "; ".join(problems)
