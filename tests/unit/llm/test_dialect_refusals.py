"""Words of refusal, as the vendors' servers say them: which field they refuse, and the value that follows."""

from __future__ import annotations

from typing import Any

import pytest

from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.models.dialects import BY_NAME
from ba2_trade_platform.llm.dialect_refusals import next_change, refusal_words
from ba2_trade_platform.vocabulary import ErrorCode

SCHEMA, JSON = {"structured": "json_schema"}, {"structured": "json_mode"}
NEW, UNFORCED = {"token_field": "max_completion_tokens"}, {"tool_choice": "required"}
REFUSALS: list[tuple[str, dict[str, Any], tuple[str, Any]]] = [
    ("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", {},
     ("token_field", "max_completion_tokens")),
    ("Extra inputs are not permitted: max_completion_tokens", NEW, ("token_field", "max_tokens")),
    ("[{'type': 'extra_forbidden', 'loc': ['body', 'max_completion_tokens'], 'msg': 'Extra inputs'}]", NEW,
     ("token_field", "max_tokens")),
    ("Unrecognized request argument supplied: max_completion_tokens", NEW, ("token_field", "max_tokens")),
    ('Invalid JSON payload received. Unknown name "max_completion_tokens": Cannot find field.', NEW,
     ("token_field", "max_tokens")),
    ("create() got an unexpected keyword argument 'max_completion_tokens'", NEW, ("token_field", "max_tokens")),
    ("不支持的参数 max_completion_tokens", NEW, ("token_field", "max_tokens")),
    ("Extra inputs are not permitted: stream_options", {}, ("usage", "unasked")),
    ("stream_options can only be set when stream is true", {}, ("usage", "unasked")),
    ("Unknown parameter: 'stream_options.include_usage'.", {"usage": "each"}, ("usage", "unasked")),
    ("参数 stream_options 无法识别", {}, ("usage", "unasked")),
    ("Thinking mode does not support this tool_choice", {}, ("tool_choice", "auto")),
    ("deepseek-reasoner does not support this tool_choice", UNFORCED, ("tool_choice", "auto")),
    ("tool_choice 'specified' is incompatible with thinking enabled", {}, ("tool_choice", "auto")),
    ("The tool_choice parameter does not support being set to required or object in thinking mode", {},
     ("tool_choice", "auto")),
    ("Thinking may not be enabled when tool_choice forces tool use.", {}, ("tool_choice", "auto")),
    ("No endpoints found that support the provided 'tool_choice' value.", {}, ("tool_choice", "auto")),
    ("tool_choice 目前仅支持 auto", {}, ("tool_choice", "auto")),
    ("思考模式不支持指定工具", {}, ("tool_choice", "auto")),
    ("Invalid tool_choice type: 'object'. Supported string values: none, auto, required", {},
     ("tool_choice", "required")),
    ("[{'loc': ['body', 'tool_choice'], 'msg': \"Input should be 'auto', 'none', 'any' or 'required'\"}]", {},
     ("tool_choice", "required")),
    ("tool_choice: type must be string, but is object", {}, ("tool_choice", "required")),
    ("This response_format type is unavailable now", SCHEMA, ("structured", "json_mode")),
    ("Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.", SCHEMA,
     ("structured", "json_mode")),
    ("response_format.type: json_schema is unavailable", SCHEMA, ("structured", "json_mode")),
    ("'response_format.type' must be 'json_schema' or 'text'", JSON, ("structured", "prompt")),
    ("Invalid schema for response_format 'Decision': 'additionalProperties' is required", SCHEMA,
     ("structured", "json_mode")),
    ("failed to parse grammar", SCHEMA, ("structured", "json_mode")),
    ("This model does not support response format `json_object`", JSON, ("structured", "prompt")),
    ("该模型不支持 response_format 参数", SCHEMA, ("structured", "json_mode")),
    ("Structured outputs are not supported", {"tools": False}, ("structured", "json_mode")),
    ("registry.ollama.ai/library/gemma:2b does not support tools (status code: 400)", {}, ("tools", False)),
    ("No endpoints found that support tool use. To learn more about provider routing", {}, ("tools", False)),
    ("Function call is not supported for this model.", {}, ("tools", False)),
    ('"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', {}, ("tools", False)),
    ("{'error': {'message': '\"auto\" tool choice requires --enable-auto-tool-choice'}}", {}, ("tools", False)),
    ("tools param requires --jinja flag", {}, ("tools", False)),
    ("`tools` is not supported in this model", {}, ("tools", False)),
    ("模型不支持工具调用", {}, ("tools", False)),
    ("The `reasoning_content` in the thinking mode must be passed back to the API.", {}, ("reasoning_back", True)),
    ("thinking is enabled but reasoning_content is missing in assistant tool call message at index 2", {},
     ("reasoning_back", True)),
    ("Function call is missing a thought_signature in functionCall parts.", {}, ("reasoning_back", True)),
    ("思考模式下必须回传 reasoning_content", {}, ("reasoning_back", True)),
    ("'messages.2' : for 'role:assistant' the property 'reasoning_content' is unsupported", {"reasoning_back": True},
     ("reasoning_back", False)),
    ("Extra inputs are not permitted: reasoning_details", {"reasoning_back": True}, ("reasoning_back", False)),
    ("Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.",
     {}, ("temperature", False)),
    ("invalid temperature: only 1 is allowed for this model", {}, ("temperature", False)),
    ("`temperature` may only be set to 1 when thinking is enabled.", {}, ("temperature", False)),
    ("`temperature` is deprecated for this model.", {}, ("temperature", False)),
    ("该模型不支持设置 temperature", {}, ("temperature", False)),
]  # fmt: skip
OTHERS = [
    "Bad temperature",
    "temperature must be in range [0, 1]",
    "temperature: Input should be less than or equal to 1",
    "max_tokens is too large: 100000. This model supports at most 16384 completion tokens",
    "Invalid 'max_tokens': integer below minimum value",
    "This model's maximum context length is 8192 tokens, you requested 9000",
    "Oh no",
    "model 'fake-mini' not found",
    "The server had an error while processing your request. Sorry about that!",
    "Conversation roles must alternate user/assistant",
    "Missing required parameter: 'messages'",
    "API 调用参数有误请检查文档",
]


def spoken(changes: dict[str, Any]) -> Dialect:
    """Return a dialect that says everything in the plainest way but for these changes."""
    return BY_NAME["together"].changed(changes)


@pytest.mark.parametrize(("words", "changes", "change"), REFUSALS, ids=[row[0][:60] for row in REFUSALS])
def test_a_refusal_names_its_field_and_what_follows(
    words: str, changes: dict[str, Any], change: tuple[str, Any]
) -> None:
    assert next_change(words, spoken(changes), ()) == change


@pytest.mark.parametrize(("words", "changes", "change"), REFUSALS, ids=[row[0][:60] for row in REFUSALS])
def test_a_field_that_was_tried_is_not_changed_again(
    words: str, changes: dict[str, Any], change: tuple[str, Any]
) -> None:
    found = next_change(words, spoken(changes), (change[0],))
    assert found is None or found[0] != change[0]


@pytest.mark.parametrize("words", OTHERS)
def test_words_of_other_things_change_nothing(words: str) -> None:
    assert next_change(words, spoken({}), ()) is None


@pytest.mark.parametrize("words", [row[0] for row in REFUSALS])
def test_where_the_last_way_is_refused_nothing_follows(words: str) -> None:
    last = {
        "usage": "unasked", "tool_choice": "auto", "tools": False, "structured": "prompt", "temperature": False,
    }  # fmt: skip
    found = next_change(words, spoken(last), ("token_field", "reasoning_back"))
    assert found is None


class StatusError(Exception):
    """An error of a client with the status of its answer."""

    def __init__(self, status: int | None) -> None:
        super().__init__("Unknown parameter: 'stream_options'")
        self.status_code = status


@pytest.mark.parametrize(("status", "began", "heard"), [
    (400, False, True), (422, False, True), (500, False, True), (501, False, True), (None, False, True),
    (429, False, False), (503, False, False), (401, False, False), (400, True, False),
])  # fmt: skip
def test_only_a_request_that_was_turned_away_is_asked_otherwise(status: int | None, began: bool, heard: bool) -> None:
    assert bool(refusal_words(ErrorCode.BAD_REQUEST, StatusError(status), began=began)) is heard
