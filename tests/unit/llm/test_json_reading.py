"""JSON reading: a decision is read out of its wrappings, and two that differ are none."""

from __future__ import annotations

import json
import time

import pytest
from langchain_core.messages import AIMessage
from pydantic import BaseModel, Field

from ba2_trade_platform.llm.structured import UnreadableError, read


class Plan(BaseModel):
    """A plan of action."""

    action: str
    confidence: int = Field(ge=1, le=100)


BUY, SELL = '{"action": "BUY", "confidence": 70}', '{"action": "SELL", "confidence": 70}'
BAD = '{"action": "BUY", "confidence": 700}'
GOOD = Plan(action="BUY", confidence=70)


@pytest.mark.parametrize(
    "text",
    [
        BUY, f"\ufeff{BUY}", f"  \n{BUY}\n ", f"Here it is:\n\n{BUY}\n\nLet me know.", f"Of {{course}}: {BUY}",
        f"```json\n{BUY}\n```", f"```JSON\n{BUY}\n```", f"```json5\n{BUY}\n```", f"```\n{BUY}\n```", f"~~~\n{BUY}\n~~~",
        f"~~~Json\n{BUY}\n~~~", f"````json\n{BUY}\n````", f"Well:\n```json\r\n{BUY}\r\n```\nThat {{is}} it.",
        f"> ```json\n> {BUY}\n> ```", f"  ```json\n  {BUY}\n  ```", f"```json {BUY} ```", f"`{BUY}`", f"```json\n{BUY}",
        f'{{"Plan": {BUY}}}', f'{{"plan": {BUY}}}', f'{{"result": {BUY}}}', f'{{"answer": {{"Plan": {BUY}}}}}',
        f"[{BUY}]",
        f'[{{"Plan": {BUY}}}]', json.dumps(BUY), json.dumps(json.dumps(BUY)), f'{{"Plan": {json.dumps(BUY)}}}',
        f'{{"name": "Plan", "arguments": {BUY}}}', f'{{"name": "Plan", "parameters": {json.dumps(BUY)}}}',
        f'{{"thoughts": "hm", "Plan": {BUY}}}', f"{BUY}\n{BUY}", f"{BAD}\nNo, I mean:\n{BUY}",
        f"{BUY} is better than {{}}",
        f"<think>\nMaybe {SELL}?\n</think>\n\n{BUY}", f"Maybe {SELL}?\n</think>\n{BUY}",
        f"<THINK>{SELL}</THINK>```json\n{BUY}\n```",
        f"<think>hm</think><answer>{BUY}</answer>",
    ],
)  # fmt: skip
def test_a_plan_is_read_out_of_what_stands_around_it(text: str) -> None:
    assert read(AIMessage(text), Plan) == GOOD


def calling(arguments: str, name: str = "Plan") -> AIMessage:
    """Return a message that calls a tool with what is no JSON."""
    broken = {"type": "invalid_tool_call", "id": "x", "name": name, "args": arguments, "error": ""}
    return AIMessage("", invalid_tool_calls=[broken])


@pytest.mark.parametrize("text", [f"<think>{SELL}</think>{BUY}", f"Here:\n```json\n{BUY}\n```", f"{BUY} so be it"])
def test_a_plan_is_read_out_of_broken_arguments(text: str) -> None:
    assert read(calling(text), Plan) == GOOD


def test_a_plan_is_read_out_of_wrapped_arguments() -> None:
    for arguments in ({"Plan": json.loads(BUY)}, {"input": BUY}, {"plan": [json.loads(BUY)]}):
        call = {"name": "plan", "args": arguments, "id": "x"}
        assert read(AIMessage("", tool_calls=[call]), Plan) == GOOD


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{BUY}\n{SELL}", "2 answers that differ"),
        (f"```json\n{BUY}\n```\nor\n```json\n{SELL}\n```", "2 answers that differ"),
        (f"[{BUY}, {SELL}]", "2 answers that differ"),
        (BAD, r"confidence: Input should be less than or equal to 100 \(you said 700\)"),
        ('{"action": "BUY", "confidence": "very"}', r"confidence: .* \(you said very\)"),
        ('{"action": "BUY"}', "confidence: Field required"),
        (f'{{"Plan": {BAD}}}', r"\(you said 700\)"),
        (f"<think>{BUY}</think>I would hold.", "it holds no Plan"),
        (f"<think>{BUY}</think>{BAD}", r"\(you said 700\)"),
        (f"<think>{BUY}", "it holds no Plan"),
        (f'{{"alternative": {BUY}, "action": "SELL"}}', "confidence: Field required"),
        (BUY[:-1], "it holds no Plan"),
        ("{" * 50_000, "it holds no Plan"),
        ('{"a": [' * 50_000, "it holds no Plan"),
        ("Flat.", "it holds no Plan"),
    ],
    ids=lambda text: str(text)[:30],
)
def test_what_is_no_plan_is_refused_with_what_is_wrong(text: str, problem: str) -> None:
    begun = time.process_time()
    with pytest.raises(UnreadableError, match=problem):
        read(AIMessage(text), Plan)
    assert time.process_time() - begun < 5, "brackets without end take no time without end"


def test_what_was_only_thought_is_no_plan() -> None:
    with pytest.raises(UnreadableError, match="it holds no Plan"):
        read(AIMessage("", additional_kwargs={"thinking": BUY, "reasoning_content": BUY}), Plan)
