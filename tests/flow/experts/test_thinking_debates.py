"""Debates of models that think aloud: their thinking can be read, and no other role hears it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.clients import client_of
from tests.fakes.answer_wires import Said, as_openai, chunk, sse, usage_of
from tests.fakes.debaters import Trouble, role_of, sensible
from tests.fakes.model_server import Asked, Reply
from tests.flow.experts.debate_lab import DebateLab, debate_lab


def musing(asked: Asked) -> str:
    """Return what a role thinks; an example of a decision is among it."""
    return f'Secret musings of {role_of(asked)}: maybe {{"action": "SELL", "confidence": 99}}?'


def thinks_in_tags(asked: Asked) -> Reply:
    """Answer with thinking before the words, a decision among them, and in a field before a call."""
    plain = sensible(asked)
    decides = plain.call is not None and plain.call[0] == "Decision"
    if plain.call is not None and not decides:
        return Reply(wire=(as_openai(Said("", musing(asked), (plain.call,))),))
    words = f"```JSON\n{plain.call[1]}\n```" if plain.call else plain.text
    return Reply(wire=(as_openai(Said(f"<think>\n{musing(asked)}\n</think>\n\n{words}")),))


def thinks_in_fields(asked: Asked) -> Reply:
    """Answer with thinking in a field of its own, its tokens counted."""
    plain = sensible(asked)
    usage = usage_of(100, 40, completion_tokens_details={"reasoning_tokens": 30})
    said: dict[str, object] = {"content": plain.text}
    if plain.call:
        name, arguments = plain.call
        said = {"tool_calls": [{"index": 0, "id": "x", "function": {"name": name, "arguments": arguments}}]}
    finish = "tool_calls" if plain.call else "stop"
    chunks = [chunk({"reasoning": musing(asked)}), chunk(said), chunk(finish=finish, usage=usage)]
    return Reply(wire=(sse(*chunks),))


async def items(lab: DebateLab, analysis_id: int, name: str) -> list[dict[str, Any]]:
    """Return what the API lists of an analysis."""
    async with client_of(lab.platform) as client:
        said = (await client.get(f"/analyses/{analysis_id}/{name}")).json()["items"]
    return list(said)


@pytest.mark.parametrize("answer", [thinks_in_tags, thinks_in_fields])
def test_thinking_is_readable_and_handed_to_nobody(tmp_path: Path, answer: Trouble) -> None:
    with debate_lab(tmp_path, sentiment_analyst=False) as lab:
        lab.first.trouble = answer
        analysis_id = lab.debate()
        assert lab.state(analysis_id) == ("completed", None)
        assert len(lab.first.server.asked) == 14
        for asked in lab.first.server.asked:
            foreign = [m for m in asked.body["messages"] if m["role"] != "assistant" and "Secret" in json.dumps(m)]
            assert not foreign, f"{role_of(asked)} was handed the thinking of somebody"
        outputs, calls = (asyncio.run(items(lab, analysis_id, name)) for name in ("outputs", "calls"))
        thoughts = [one for one in outputs if one["type"] == "thinking"]
        assert len(thoughts) == 14
        assert all("Secret musings" in one["text"] and one["text"].startswith("```\n") for one in thoughts)
        assert not [one for one in outputs if one["type"] != "thinking" and "Secret" in json.dumps(one)]
        counted = 30 if answer is thinks_in_fields else None
        assert {call["tokens_reasoning"] for call in calls} == {counted}
