"""Tool deltas: however a server numbers, repeats, wraps or mixes them, the calls are those that were meant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.fakes.answer_wires import chunk, hear, sse

A, B = '{"symbol": "AAPL", "days": 5}', '{"symbol": "MSFT"}'
LOOK_A = [("look", {"symbol": "AAPL", "days": 5})]
BOTH = [*LOOK_A, ("look", {"symbol": "MSFT"})]


def calls(*deltas: Sequence[dict[str, Any]] | dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Return the calls in an answer of these deltas, each a list of calls or one."""
    chunks = [chunk({"tool_calls": delta if isinstance(delta, list) else [delta]}) for delta in deltas]
    message = hear("openai", [sse(*chunks, chunk(finish="tool_calls"))]).message()
    assert message is not None
    ids = [call["id"] for call in message.tool_calls]
    assert len({*ids}) == len(ids), "each call has an id of its own, or its tool's answer finds another"
    assert not message.invalid_tool_calls
    return [(call["name"], call["args"]) for call in message.tool_calls]


def call(arguments: Any = None, name: str | None = None, id: str | None = None, **more: Any) -> dict[str, Any]:
    """Return a delta of a call, with no more in it than is said."""
    function = {"name": name, "arguments": arguments}
    told = {"id": id, "function": {key: value for key, value in function.items() if value is not None}, **more}
    return {key: value for key, value in told.items() if value is not None}


def cut(text: str, size: int = 7) -> list[str]:
    """Cut a text into pieces."""
    return [text[at : at + size] for at in range(0, len(text), size)]


def test_a_name_an_id_and_a_type_that_are_repeated_are_one() -> None:
    assert calls(*(call(piece, "look", "x", index=0, type="function") for piece in cut(A))) == LOOK_A
    assert calls(*(call(piece, "look", index=0) for piece in cut(A))) == LOOK_A
    assert calls(*(call(piece, "look", "x") for piece in cut(A))) == LOOK_A
    assert calls(*(call(piece, "look") for piece in cut(A))) == LOOK_A


def test_an_id_of_its_own_for_each_piece_makes_no_calls_of_them() -> None:
    assert calls(*(call(piece, "look", f"x{at}", index=0) for at, piece in enumerate(cut(A)))) == LOOK_A
    assert (
        calls(call("", "look", "x", index=0), *(call(p, id=f"y{at}", index=0) for at, p in enumerate(cut(A)))) == LOOK_A
    )


@pytest.mark.parametrize("number", [{}, {"index": None}, {"index": "0"}])
def test_a_call_without_a_number_is_one(number: dict[str, Any]) -> None:
    assert calls(call("", "look", "x", **number), *(call(piece, **number) for piece in cut(A))) == LOOK_A


def test_calls_at_the_same_place_are_told_apart() -> None:
    assert calls(call(A, "look", "x", index=0), call(B, "look", "y", index=0)) == BOTH
    assert calls([call(A, "look", "x", index=0), call(B, "look", "y", index=0)]) == BOTH
    assert calls(call(A, "look", index=0), call(B, "look", index=0)) == BOTH
    assert calls(call(A, "look"), call(B, "look")) == BOTH
    assert calls([call(A, "look"), call(B, "look")]) == BOTH
    assert calls(call(A, "look", index=0), call("{}", "news", index=0)) == [*LOOK_A, ("news", {})]


def test_calls_that_come_by_turns_are_told_apart() -> None:
    def turns(**numbers: Any) -> list[dict[str, Any]]:
        first, second = numbers.get("first", {}), numbers.get("second", {})
        begun = [call("", "look", "x", **first), call("", "look", "y", **second)]
        named = bool(numbers.get("by_id"))
        pieces = [
            one
            for a, b in zip(cut(A, 5), [*cut(B, 5), "", ""], strict=False)
            for one in (call(a, id="x" if named else None, **first), call(b, id="y" if named else None, **second))
        ]
        return [*begun, *pieces]

    assert calls(*turns(first={"index": 0}, second={"index": 1})) == BOTH
    assert calls(*turns(by_id=True)) == BOTH
    assert calls(*turns(first={"index": 0}, second={"index": 0}, by_id=True)) == BOTH


def test_two_calls_of_one_id_are_two() -> None:
    assert calls(call(A, "look", "call_0", index=0), call(B, "look", "call_0", index=1)) == BOTH


@pytest.mark.parametrize("pieces", [["", A], [A, ""], [A, A], [A[:4], A[:9], A], [A[:4], A[4:], A], [A, A, A]])
def test_arguments_that_are_said_again_are_said_once(pieces: list[str]) -> None:
    assert calls(*(call(piece, "look", "x", index=0) for piece in pieces)) == LOOK_A
    assert calls(*(call(piece, "look") for piece in pieces)) == LOOK_A


@pytest.mark.parametrize(
    "arguments",
    [
        json.loads(A), json.dumps(A), json.dumps(json.dumps(A)), f"\ufeff{A}", f" \n{A}\n", f"```json\n{A}\n```",
        f"[{A}]",
        A.replace(" ", "\n"),
    ],
)  # fmt: skip
def test_arguments_are_read_in_whatever_they_are_wrapped(arguments: Any) -> None:
    assert calls(call(arguments, "look", "x", index=0)) == LOOK_A


@pytest.mark.parametrize("arguments", [None, "", " ", "{}", "null", {}])
def test_a_call_without_arguments_has_none(arguments: Any) -> None:
    assert calls(call(arguments, "look", "x", index=0)) == [("look", {})]


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("functions.look:0", "x"), ("functions.look", "x"), ("look:12", "x"), (" look ", "x"), ("tools.look", "x"),
        (None, "functions.look:0"), ("", "functions.look:3"),
    ],
)  # fmt: skip
def test_a_name_is_taken_out_of_what_a_model_writes_around_it(name: str | None, id: str) -> None:
    assert calls(call(A, name, id, index=0)) == LOOK_A


def test_the_call_of_before_tools_and_one_outside_of_a_list_are_calls_too() -> None:
    old = [chunk({"function_call": {"name": "look", "arguments": piece}}) for piece in cut(A)]
    message = hear("openai", [sse(*old, chunk(finish="function_call"))]).message()
    assert message is not None
    assert [(one["name"], one["args"]) for one in message.tool_calls] == LOOK_A
    bare = hear("openai", [sse(chunk({"tool_calls": call(A, "look", "x")}), chunk(finish="stop"))]).message()
    assert bare is not None
    assert [(one["name"], one["args"]) for one in bare.tool_calls] == LOOK_A


@pytest.mark.parametrize("arguments", ['{"symbol": "AA', "AAPL", "5", f"{A}{B[:9]}", "{'symbol'"])
def test_arguments_that_are_cut_or_no_object_are_no_call(arguments: str) -> None:
    chunks = [chunk({"tool_calls": [call(arguments, "look", "x", index=0)]}), chunk(finish="tool_calls")]
    message = hear("openai", [sse(*chunks)]).message()
    assert message is not None
    assert (message.tool_calls, [one["args"] for one in message.invalid_tool_calls]) == ([], [arguments])


def test_ollama_gives_calls_in_one_line_or_in_many() -> None:
    def line(*made: dict[str, Any], **more: Any) -> bytes:
        return json.dumps({"message": {"content": "", "tool_calls": made}, **more}).encode() + b"\n"

    a, b = (call(json.loads(given), "look") for given in (A, B))
    end = json.dumps({"done": True, "done_reason": "stop"}).encode()
    for lines in ([line(a, b)], [line(a), line(b)], [line(call(A, "look")), line(call(B, "look", "y"))]):
        message = hear("ollama", [*lines, end]).message()
        assert message is not None
        assert [(one["name"], one["args"]) for one in message.tool_calls] == BOTH


def test_anthropic_may_give_arguments_at_once_and_again() -> None:
    start = {"type": "tool_use", "id": "t", "name": "look", "input": json.loads(A)}
    told: list[dict[str, Any]] = [{"type": "content_block_start", "index": 0, "content_block": start}]
    end = {"type": "message_delta", "delta": {"stop_reason": "tool_use"}}
    again = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": A}}
    for more in ([], [again]):
        message = hear("anthropic", [sse(*told, *more, end)]).message()
        assert message is not None
        assert [(one["name"], one["args"]) for one in message.tool_calls] == LOOK_A
