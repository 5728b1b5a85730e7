"""Thinking: it is taken off in any marks, and marks that an answer merely quotes stay in it."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ba2_trade_platform.llm.answers.thinking import THINKING, Parted, own_thoughts, part
from tests.fakes.answer_wires import chunk, hear, sse

REPORT = "The trend is flat.\n\n- RSI stands near 50."


@pytest.mark.parametrize(
    "marked",
    [
        "<think>\nhm\n</think>\n\n{}", "<think>hm</think>{}", "<THINK>hm</Think>{}", "<thinking>hm</thinking>\n{}",
        "<reasoning>hm</reasoning>{}", "<thought>hm</thought>{}", "\n\n<think>hm</think>{}",
        "\ufeff<think>hm</think>{}",
        "[THINK]hm[/THINK]{}", "◁think▷hm◁/think▷{}", "<think >hm</think >{}", '<think type="long">hm</think>{}',
        "&lt;think&gt;hm&lt;/think&gt;{}", "<|START_THINKING|>hm<|END_THINKING|>{}", "<seed:think>hm</seed:think>{}",
        "hm\n</think>\n\n{}", "hm</think>{}", "hm\n[/THINK]\n{}", "hm◁/think▷{}",
        "<think>hm</think><answer>{}</answer>", "<think>hm</think>\n<answer>{}",
        "<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>",
        "<|start|>assistant<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>{}",
        "<|channel|>analysis<|message|>hm<|channel|>final <|constrain|>json<|message|>{}",
        "analysishmassistantfinal{}",
    ],
)  # fmt: skip
def test_thinking_is_taken_off(marked: str) -> None:
    assert part(marked.replace("{}", REPORT)) == Parted(REPORT, "hm")


def test_several_thoughts_are_taken_off() -> None:
    assert part(f"<think>hm</think>\n<think>well</think>\n{REPORT}") == Parted(REPORT, "hm\n\nwell")
    assert part(f"First this.\n<think>\nhm\n</think>\n{REPORT}") == Parted(f"First this.\n\n{REPORT}", "hm")
    assert part(f"<think>I write </think> in it.</think>{REPORT}") == Parted(REPORT, "I write\n\nin it.")
    assert part(f"I shall close with </think>\nhm\n</think>\n{REPORT}").answer == REPORT
    assert part(f"They ask for <think> marks. hm\n</think>\n{REPORT}").answer == REPORT


def test_thinking_without_an_end_leaves_no_answer() -> None:
    for text in (
        "<think>hm",
        "<THINK>hm\n\n{}",
        "[THINK]hm",
        "<think>a</think><think>b",
        "<|channel|>analysis<|message|>hm",
    ):
        parted = part(text)
        assert (parted.answer, parted.open) == ("", True)
    assert part("<think></think>") == Parted("", "", open=False)


@pytest.mark.parametrize(
    "text",
    [
        "The model said <think> and no more.",
        "It begins with `<think>` and ends with `</think>`, as such models do.",
        'The mark "</think>" ends it.',
        "The mark </think>, it seems, ends it.",
        "Between <think> and </think> it muses; this is prose.",
        "As its log shows:\n\n```\n<think>\nhm\n</think>\n```\n\nNothing else.",
        "~~~xml\n</think>\n~~~\nends it",
        "analysis of the trend: it is final",
        "A [THINK] mark and a [/THINK] mark.",
        "<thinking about it> we see a flat trend",
        "<answer>kept as it is</answer>",
        "  leading blanks stay",
        "I think, therefore < I am >.",
    ],
)
def test_what_is_merely_quoted_stays(text: str) -> None:
    assert part(text) == Parted(text)


@given(
    st.text(st.characters(exclude_characters="<[◁&"), max_size=200).filter(lambda text: "assistantfinal" not in text)
)
def test_a_text_without_marks_is_left_as_it_is(text: str) -> None:
    assert part(text) == Parted(text)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_content": "hm", "reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.summary", "summary": "hm", "index": 0}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
        {"content": [{"type": "reasoning", "text": "hm"}]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}]},
        {"content": "<think>hm</think>"},
    ],
)
def test_thinking_in_fields_and_parts_is_kept_beside_the_words(delta: dict[str, object]) -> None:
    words = chunk({"content": [{"type": "text", "text": REPORT}] if isinstance(delta.get("content"), list) else REPORT})
    message = hear("openai", [sse(chunk(delta), words, chunk(finish="stop"))]).message()
    assert message is not None
    assert (message.text, message.additional_kwargs[THINKING]) == (REPORT, "hm")


def test_details_of_thinking_go_back_as_they_came() -> None:
    parts = [
        {"type": "reasoning.text", "format": "v1", "index": 0, "text": "h", "signature": None},
        {"type": "reasoning.text", "format": "v1", "index": 0, "text": "m", "signature": "s"},
        {"type": "reasoning.encrypted", "format": "v1", "index": 1, "data": "xyz"},
    ]
    chunks = [chunk({"reasoning_details": [one]}) for one in parts]
    message = hear("openai", [sse(*chunks, chunk({"content": REPORT}), chunk(finish="stop"))]).message()
    assert message is not None
    assert message.additional_kwargs["reasoning_details"] == [
        {"type": "reasoning.text", "format": "v1", "index": 0, "text": "hm", "signature": "s"},
        {"type": "reasoning.encrypted", "format": "v1", "index": 1, "data": "xyz"},
    ]


def test_blocks_of_thinking_stay_with_their_signature() -> None:
    blocks = [
        {"type": "thinking", "thinking": "h", "signature": ""},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": REPORT},
    ]
    told: list[dict[str, object]] = [
        {"type": "content_block_start", "index": at, "content_block": block} for at, block in enumerate(blocks)
    ]
    for delta in ({"type": "thinking_delta", "thinking": "m"}, {"type": "signature_delta", "signature": "s"}):
        told.insert(-1, {"type": "content_block_delta", "index": 0, "delta": delta})
    heard = hear("anthropic", [sse(*told, {"type": "message_delta", "delta": {"stop_reason": "end_turn"}})])
    message = heard.message()
    assert message is not None
    assert message.content == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": REPORT},
    ]
    assert (message.text, message.additional_kwargs[THINKING]) == (REPORT, "hm")


def test_another_provider_is_not_handed_what_one_added_to_its_own() -> None:
    chunks = [chunk({"reasoning_content": "hm"}), chunk({"content": REPORT}), chunk(finish="stop")]
    message = hear("openai", [sse(*chunks)]).message()
    assert message is not None
    message.response_metadata["provider_name"] = "first"
    (theirs,) = own_thoughts([message], "first")
    (foreign,) = own_thoughts([message], "second")
    assert theirs.additional_kwargs["reasoning_content"] == "hm"
    assert (foreign.text, foreign.additional_kwargs) == (REPORT, {})


@pytest.mark.parametrize(
    "repeated",
    [
        "<|channel|>analysis ", "<|channel|>" + 3000 * "a", "flat\n<think>hm</think>\n", "flat </think> so ",
        "<think>hm</think>", "\n<think>hm</think> flat", "<think>hm</think>\n<answer>flat" + 3000 * " ",
        "<think a=" + 3000 * " ", "`</think>`\n", "flat </think>" + 3000 * "\n",
    ],
)  # fmt: skip
def test_a_model_that_repeats_itself_without_end_holds_nobody_up(repeated: str) -> None:
    begun = time.process_time()
    part(repeated * (300_000 // len(repeated)))
    assert time.process_time() - begun < 5, "the time grows with the length, and not with its square"
