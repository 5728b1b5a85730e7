"""Model addresses: whose machines a provider's address may lead to, through the real clients."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.vocabulary import ProviderKind
from tests.fakes.model_server import Reply, model_server
from tests.flow.llm.model_desk import model_desk, say
from tests.places import ROOT
from tests.platforms import TRADER

EVERYBODY = "0.0.0.0"  # noqa: S104 - nobody connects to it
KINDS = [ProviderKind.OPENAI, ProviderKind.ANTHROPIC, ProviderKind.OLLAMA]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("host", "private", "address", "sentence"),
    [
        ("127.0.0.1", "0", "169.254.169.254", "the console never asks it"),
        (EVERYBODY, "1", "169.254.169.254", "the console never asks it"),
        (EVERYBODY, "0", "10.0.0.7", "BA2_OUTBOUND_PRIVATE=1 lets the console ask it"),
    ],
)
async def test_an_address_that_is_nobodys_business_is_not_asked(
    tmp_path: Path, kind: ProviderKind, host: str, private: str, address: str, sentence: str
) -> None:
    with model_desk(tmp_path, host=host, outbound_private=private) as desk:
        desk.add("local", f"http://{address}:8080", kind)
        with pytest.raises(ExpertError, match=f"local is not asked: {address} is in|local is not asked") as failed:
            await say(desk.attempt("local", call_retries=2))
        assert sentence in str(failed.value)
        assert failed.value.code == "PERMISSION", "for good, and another provider may answer"
        assert len(desk.calls()) == 1, "a refusal of ours is not repeated"
        assert sentence in desk.desk.platform.models.gateway.test("local", by=TRADER).sentence


async def test_a_model_on_this_machine_is_always_asked(tmp_path: Path) -> None:
    with model_server() as server, model_desk(tmp_path, host=EVERYBODY) as desk:
        desk.add("local", f"{server.url}/v1")
        assert await say(desk.attempt("local")) == "ready"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_prompts_are_not_sent_on_to_another_address(tmp_path: Path, kind: ProviderKind, status: int) -> None:
    path = "/v1" if kind is ProviderKind.OPENAI else ""
    with model_server() as named, model_server() as other, model_desk(tmp_path) as desk:
        asked = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages", "ollama": "/api/chat"}[kind.value]
        elsewhere = other.url.replace("127.0.0.1", "localhost") + asked
        named.will(Reply(status=status, headers=(("location", elsewhere),)))
        desk.add("local", f"{named.url}{path}", kind)
        with pytest.raises(ExpertError, match="local sends on to another address") as failed:
            await say(desk.attempt("local", call_retries=2))
        assert failed.value.code == "PERMISSION", "for good, and another provider may answer"
        assert "sends on to another address" in desk.desk.platform.models.gateway.test("local", by=TRADER).sentence
        assert (len(named.asked), other.asked) == (2, [])


@pytest.mark.parametrize(("said", "traced"), [("0", "False"), ("1", "True")])
def test_prompts_go_to_no_tracing_service_by_an_inherited_environment(tmp_path: Path, said: str, traced: str) -> None:
    asked = (
        "import pathlib\n"
        "from tests.stepped import make_desk\n"
        f"make_desk(pathlib.Path({str(tmp_path)!r}), langsmith={said!r})\n"
        "from langsmith.utils import tracing_is_enabled\n"
        "print(tracing_is_enabled())"
    )
    inherited = {"LANGSMITH_TRACING": "true", "LANGCHAIN_TRACING_V2": "true", "LANGSMITH_TRACING_V2": "true"}
    done = subprocess.run(
        [sys.executable, "-c", asked], env=os.environ | inherited, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == traced
