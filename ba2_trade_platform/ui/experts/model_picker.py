"""Model picker: the known models of the chosen providers, and any other that is typed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from zoneinfo import ZoneInfo

from ba2_trade_platform.core.base.errors import Invalid
from ba2_trade_platform.core.contracts.language_models import Tier
from ba2_trade_platform.core.contracts.model_providers import Provider
from ba2_trade_platform.core.models.known_models import KnownModel
from ba2_trade_platform.ui.experts.model_words import NOT_KNOWN, model_words
from ba2_trade_platform.ui.kit.formats import provider_look
from ba2_trade_platform.ui.kit.schema_form import SettingField
from ba2_trade_platform.ui.kit.typed_choice import typed_choice

# An option's text has lines: its name, what is known of it, and for the heading of a group HEADING and all that is
# searched for in it, so that a heading is found with its models. A heading cannot be chosen.
HEADING = "\N{SECTION SIGN}"
_NAME = "(option) => String((option && option.label) || '').split('\\n')[0]"
_IS_HEADING = f"(option) => String((option && option.label) || '').split('\\n')[2] === '{HEADING}'"
OPTION = f"""
<q-item v-if="String(props.opt.label).split('\\n')[2] === '{HEADING}'" class="ba2-option-group" dense>
  <q-item-section>
    <q-item-label>{{{{ String(props.opt.label).split('\\n')[0] }}}}
      <span class="ba2-muted">{{{{ String(props.opt.label).split('\\n')[1] }}}}</span></q-item-label>
  </q-item-section>
</q-item>
<q-item v-else v-bind="props.itemProps" dense class="ba2-option">
  <q-item-section>
    <q-item-label>{{{{ String(props.opt.label).split('\\n')[0] }}}}</q-item-label>
    <q-item-label caption>{{{{ String(props.opt.label).split('\\n')[1] }}}}</q-item-label>
  </q-item-section>
</q-item>
"""


class ModelPicker:
    """A field to choose or type PROVIDER:MODEL in; empty takes each chosen provider's own model of its tier."""

    def __init__(
        self,
        tier: Tier,
        models: Sequence[KnownModel],
        providers: Sequence[Provider],
        chosen: Callable[[], Sequence[str]],
        zone: ZoneInfo,
        field: SettingField,
        value: str | None,
    ) -> None:
        self._tier, self._chosen, self._zone, self._field = tier, chosen, zone, field
        self._models = {model.name: model for model in models}
        self._providers = {provider.name: provider for provider in providers}
        self._heard: list[Callable[[], object]] = []
        self._control = typed_choice(
            self._options(value), field.title, value or None, self._changed, clearable=True, meant=self._meant
        )
        self._control.props("outlined dense").mark(f"setting-{field.name}")
        self._control.props["popup-content-class"] = "ba2-options"
        self._control.props[":option-label"] = _NAME
        self._control.props[":option-disable"] = _IS_HEADING
        self._control.add_slot("option", OPTION)
        self._hint()

    @property
    def raw(self) -> str | None:
        """What is in the field."""
        return str(self._control.value or "") or None

    def read(self) -> str | None:
        """Return the name of the model, None for each provider's own; raises Invalid for what is none."""
        value = str(self._control.value or "").strip()
        if not value:
            return None
        owner, _, model = value.partition(":")
        if not (owner and model):
            example = f"{self._example()}" if self._chosen() else "openai:gpt-5-mini"
            raise Invalid(f"{self._field.title}: write PROVIDER:MODEL, such as {example}")
        if owner not in self._chosen():
            raise Invalid(
                f"{self._field.title}: {value} is of no chosen provider; add {owner} above, or choose another model"
            )
        return value

    def complain(self, sentence: str | None) -> None:
        """Show what is wrong with it below it."""
        self._control.error = sentence

    def on_change(self, heard: Callable[[], object]) -> None:
        """Call this whenever its value changes."""
        self._heard.append(heard)

    def follow(self) -> None:
        """Offer the models of the providers that are chosen now."""
        self._control.set_options(self._options(self._control.value))
        self._hint()

    async def _changed(self) -> None:
        self._hint()
        for heard in self._heard:
            heard()

    def _meant(self, typed: str) -> str:
        """Return the model that is typed: a known one by its name alone too, else just what is typed."""
        offered = [model for model in self._models.values() if model.provider in self._chosen()]
        wanted = typed.casefold()
        found = [one.name for one in offered if wanted in (one.name.casefold(), one.model.casefold())]
        return found[0] if found else typed

    def _options(self, value: str | None) -> dict[str, str]:
        options: dict[str, str] = {}
        for name in self._chosen():
            of_one = [model for model in self._models.values() if model.provider == name]
            lines = {model.name: f"{model.name}\n{model_words(model, self._zone)}" for model in of_one}
            if lines:
                provider = self._providers[name]
                about = f"{provider.dialect.label}, {provider_look(provider).word}"
                options[f"{HEADING}{name}"] = "\n".join((name, about, HEADING, *lines.values()))
                options |= lines
        if value and value not in options:
            options[value] = f"{value}\n{self._words(value)}"
        return options

    def _words(self, value: str) -> str:
        known = self._models.get(value)
        return NOT_KNOWN if known is None else model_words(known, self._zone)

    def _hint(self) -> None:
        value = str(self._control.value or "")
        self._control.props["hint"] = self._words(value) if value else self._own()
        self.complain(None)
        try:
            self.read()
        except Invalid as error:
            self.complain(str(error))

    def _own(self) -> str:
        """Say which models are meant while the field is empty."""
        named = [self._providers[name] for name in self._chosen() if name in self._providers]
        own = ", ".join(f"{one.name}:{self._own_of(one)}" for one in named)
        return f"Empty, each provider's own: {own}" if own else "Empty: each provider's own"

    def _own_of(self, provider: Provider) -> str:
        return provider.quick_model if self._tier == "quick" else provider.deep_model

    def _example(self) -> str:
        name = self._chosen()[0]
        provider = self._providers.get(name)
        return f"{name}:{self._own_of(provider) if provider else 'MODEL'}"
