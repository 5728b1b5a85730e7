"""Known models: a trader is told of each model's window, price, newest test and last use, and of none that is not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ba2_trade_platform.app.platform import Platform
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.contracts.language_models import CallStart
from ba2_trade_platform.core.contracts.model_checks import ModelCheck
from ba2_trade_platform.core.models.known_models import KnownModel
from ba2_trade_platform.vocabulary import ModelCheckKind, ProviderKind
from tests.platforms import TRADER


def add(platform: Platform, name: str, base_url: str | None, **values: Any) -> None:
    """Add a server that speaks OpenAI's protocol."""
    given = {"quick_model": "small", "deep_model": "large", "base_url": base_url, **values}
    platform.models.providers.create(name, ProviderKind.OPENAI, by=TRADER, **given)


def known(platform: Platform, provider: str) -> dict[str, KnownModel]:
    """Return a provider's models by name, in their order."""
    return {one.model: one for one in platform.models.known.list(provider)}


def test_a_provider_has_its_own_models_first_and_those_that_its_vendor_sells(platform: Platform) -> None:
    models = known(platform, "openai")
    assert list(models)[:2] == ["gpt-5-mini", "gpt-5"]
    assert (models["gpt-5-mini"].tiers, models["gpt-5"].tiers, models["gpt-4o"].tiers) == (("quick",), ("deep",), ())
    assert models["gpt-4o"].price is not None
    assert list(models)[2:] == sorted(list(models)[2:])
    assert not [model for model in models if "*" in model or model.startswith("claude")]
    assert models["gpt-5"].name == "openai:gpt-5"


def test_one_model_for_both_is_listed_once(platform: Platform) -> None:
    assert known(platform, "scripted")["rules"].tiers == ("quick", "deep")
    assert len(known(platform, "scripted")) == 1


@pytest.mark.parametrize(
    ("address", "sells"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com", True),
        ("http://127.0.0.1:8000/v1", False),
        ("https://openai.com.evil.example/v1", False),
    ],
)
def test_only_the_vendors_own_server_has_the_vendors_models(platform: Platform, address: str, sells: bool) -> None:
    add(platform, "somebody", address)
    assert ("gpt-4o" in known(platform, "somebody")) is sells


def test_the_traders_own_prices_make_models_known_but_for_patterns(platform: Platform) -> None:
    lines = ("lab,big-one,2020-01-01,1,,2,x", "lab,fam*,2020-01-01,3,,4,x", "lab,gratis,2020-01-01,0,0,0,x")
    header = "provider,model,valid_from,input,cached,output,source"
    (Path(platform.settings.data_dir) / "prices.csv").write_text("\n".join((header, *lines)) + "\n")
    add(platform, "lab", "http://127.0.0.1:9/v1", deep_model="family")
    models = known(platform, "lab")
    assert list(models) == ["small", "family", "big-one", "gratis"]
    assert [None if one.price is None else int(one.price.input) for one in models.values()] == [None, 3, 1, 0]
    assert models["gratis"].price is not None
    assert models["gratis"].price.free


def test_windows_of_a_desk_come_before_those_of_the_dialect(platform: Platform) -> None:
    add(platform, "lab", "http://127.0.0.1:9/v1", windows={"long": 1_000_000})
    models = known(platform, "lab")
    assert [(name, one.window) for name, one in models.items()] == [
        ("small", None),
        ("large", None),
        ("long", 1_000_000),
    ]
    assert known(platform, "anthropic")["claude-haiku-4-5"].window == 200_000


def test_what_was_called_and_tested_is_known_with_its_time(platform: Platform) -> None:
    for model in ("seen-once", "small", "seen-once"):
        platform.models.calls.begin(CallStart(0, 0, 0, "", None, "lab", model, 1, 1))
    add(platform, "lab", "http://127.0.0.1:9/v1")
    well = ModelCheck(ModelCheckKind.TEXT, "tried", ok=True, sentence="It answered")
    badly = ModelCheck(ModelCheckKind.TOOL, "tried", ok=False, sentence="It called no tool")
    platform.models.checks.keep("lab", [well, badly])
    models = known(platform, "lab")
    assert list(models) == ["small", "large", "seen-once", "tried"]
    found = models["tried"].tested
    assert found is not None
    assert list(found.checks) == [well, badly]
    assert abs(platform.store.clock.now() - found.checked_at) < timedelta(minutes=5)
    used = models["seen-once"].last_used_at
    assert used is not None
    assert abs(platform.store.clock.now() - used) < timedelta(minutes=5)
    assert (models["large"].last_used_at, models["large"].tested) == (None, None)


def test_all_providers_come_in_their_order_and_an_unknown_one_is_refused(platform: Platform) -> None:
    providers = list(dict.fromkeys(one.provider for one in platform.models.known.list()))
    assert providers == [one.name for one in platform.models.providers.list()]
    with pytest.raises(NotFound, match="There is no model provider nowhere"):
        platform.models.known.list("nowhere")


def test_a_desk_without_providers_knows_no_model(platform: Platform) -> None:
    for one in platform.models.providers.list():
        platform.models.providers.remove(one.name, by=TRADER)
    assert list(platform.models.known.list()) == []
