"""Endings: good ones, cut ones and blocked ones, and any unknown word a failure."""

from __future__ import annotations

import pytest

from ba2_trade_platform.llm.answers.endings import Ending, meaning, spelled

WORDS = {
    Ending.GOOD: (
        "stop STOP Stop end_turn endTurn stop_sequence eos EOS eos_token completed COMPLETE FinishReason.STOP"
        " FINISH_REASON_STOP eosFound stopStringFound REASON_STOP"
    ),
    Ending.CALLED: "tool_calls TOOL_CALLS function_call tool_use ToolUse toolCalls tool-calls TOOL_CALL",
    Ending.CUT: (
        "length LENGTH MAX_TOKENS max_output_tokens incomplete FINISH_REASON_MAX_TOKENS maxPredictedTokensReached"
    ),
    Ending.FULL: "model_context_window_exceeded model_length MODEL_LENGTH contextLengthReached ERROR_LIMIT",
    Ending.BLOCKED: (
        "content_filter SAFETY sensitive refusal RECITATION blocklist PROHIBITED_CONTENT SPII guardrail_intervened"
    ),
    Ending.PAUSED: "pause_turn",
    Ending.FAILED: (
        "error network_error insufficient_system_resource overloaded abort cancelled timeout load unload OTHER"
        " MALFORMED_FUNCTION_CALL repetition stopped nonstop stop? engine_overloaded 42"
    ),
}


@pytest.mark.parametrize(("ending", "word"), [(each, word) for each, words in WORDS.items() for word in words.split()])
def test_a_word_means_what_its_vendor_means_in_any_case_and_an_unknown_one_a_failure(ending: Ending, word: str) -> None:
    plain = spelled(f" {word} ")
    assert plain is not None
    assert meaning(plain) is ending


@pytest.mark.parametrize("word", [None, "", "  ", "null", "None", "FINISH_REASON_UNSPECIFIED"])
def test_no_word_is_no_ending(word: object) -> None:
    assert spelled(word) is None
