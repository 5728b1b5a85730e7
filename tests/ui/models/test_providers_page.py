"""The page of model providers: keys and models, as a simulated user sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from nicegui.testing import User

from ba2_trade_platform.core.contracts.dialects import Adaptation
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.vocabulary import ProviderKind
from tests.eventually import eventually
from tests.fakes.model_server import Asked, Reply, model_server
from tests.fakes.obliging import obliging
from tests.platforms import TRADER

KEY = "sk-live-abcdefghijklmnop"


async def test_a_server_is_added_and_its_key_is_never_shown(user: User, desk: Desk) -> None:
    await user.open("/providers")
    await user.should_see("no API key: enter one on Providers, or set ANTHROPIC_API_KEY")
    await user.should_see("free")
    user.find(marker="add-provider").click()
    await user.should_see("Add a model provider")
    user.find(marker="provider-name").type("my-server")
    user.find(marker="provider-url").type("there")
    user.find(marker="quick").type("small")
    user.find(marker="deep").type("large")
    user.find(marker="provider-key").type(KEY)
    user.find(marker="save-provider").click()
    await user.should_see("must begin with http:// or https://")
    user.find(marker="provider-url").clear().type("http://127.0.0.1:9999/v1")
    user.find(marker="save-provider").click()
    await user.should_see("my-server saved")
    await user.should_see("http://127.0.0.1:9999/v1")
    await user.should_see("stored, changed")
    await user.should_not_see(KEY)
    assert desk.platform.models.providers.connection("my-server").key == KEY


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        (obliging, "local works: text, tool call, structured answer, cancel"),
        (lambda _: Reply(status=401, error="Wrong key"), "local refused the API key: Wrong"),
    ],
    ids=["well", "badly"],
)
async def test_the_connection_is_tested_by_a_button(
    user: User, desk: Desk, answers: Callable[[Asked], Reply], sentence: str
) -> None:
    with model_server() as server:
        server.answers = answers
        given = {"quick_model": "small", "deep_model": "large", "base_url": f"{server.url}/v1"}
        desk.platform.models.providers.create("local", ProviderKind.OPENAI, by=TRADER, **given)
        await user.open("/providers")
        user.find(marker="test-local").click()
        await eventually(lambda: user.should_see(sentence))


async def test_a_provider_is_changed_switched_off_and_removed(user: User, desk: Desk) -> None:
    await user.open("/providers")
    user.find(marker="edit-ollama").click()
    await user.should_see("Change ollama")
    user.find(marker="quick").clear().type("mistral")
    user.find(marker="save-provider").click()
    await user.should_see("mistral")
    user.find(marker="on-ollama").click()
    await user.should_see("ollama switched off")
    user.find(marker="remove-ollama").click()
    await user.should_see("Remove ollama?")
    user.find("Forget it").click()
    await user.should_see("ollama removed")
    assert [one.name for one in desk.platform.models.providers.list()] == ["scripted", "openai", "anthropic"]


async def test_a_vendor_brings_its_kind_and_address_and_a_field_is_said_otherwise(user: User, desk: Desk) -> None:
    await user.open("/providers")
    user.find(marker="add-provider").click()
    await user.should_see("Add a model provider")
    (vendor,) = user.find(marker="provider-dialect").elements
    vendor.set_value("mistral")
    (url,) = user.find(marker="provider-url").elements
    assert url.value == "https://api.mistral.ai/v1"
    (usage,) = user.find(marker="dialect-usage").elements
    assert usage.props["hint"].endswith("As usual: unasked")
    user.find(marker="provider-name").type("mine")
    user.find(marker="quick").type("small")
    user.find(marker="deep").type("large")
    usage.set_value("asked")
    user.find(marker="windows").type("small 8192")
    user.find(marker="save-provider").click()
    await user.should_see("'small 8192' is not MODEL: TOKENS")
    user.find(marker="windows").clear().type("small: 8192")
    user.find(marker="dialect-headers").type("X-Desk: seven")
    user.find(marker="save-provider").click()
    await user.should_see("mine saved")
    await user.should_see("Mistral, changed")
    mine = desk.platform.models.providers.get("mine")
    assert (mine.dialect.name, mine.windows) == ("mistral", {"small": 8192})
    assert mine.dialect_changes == {"usage": "asked", "headers": {"X-Desk": "seven"}}


async def test_what_was_adapted_is_shown_and_forgotten(user: User, desk: Desk) -> None:
    providers = desk.platform.models.providers
    seen = Adaptation("token_field", "max_completion_tokens", "it refused max_tokens", desk.platform.store.clock.now())
    providers.adapt("openai", "gpt-x", seen)
    await user.open("/providers")
    await user.should_see("gpt-x: asked with max_completion_tokens since")
    user.find(marker="forget-openai").click()
    await user.should_see("openai is asked as its dialect says again: gpt-x")
    await user.should_not_see("gpt-x: asked with")
    assert not providers.get("openai").adaptations
