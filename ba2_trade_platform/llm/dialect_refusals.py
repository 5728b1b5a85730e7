"""Dialect refusals: which part of a request a server's words turn away, and its next way."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ba2_trade_platform.core.contracts.dialects import Dialect
from ba2_trade_platform.core.contracts.error_codes import http_status
from ba2_trade_platform.vocabulary import ErrorCode, StructuredMethod, TokenField, ToolChoice, UsageForm

# None: an error in the place of a stream. A gateway answers 500 where the server behind it said 400.
_STATUSES = frozenset({400, 404, 405, 415, 422, 500, 501, None})
_USAGE, _LIMIT, _CHOICE, _METHOD = UsageForm, TokenField, ToolChoice, StructuredMethod
_NEW_LIMIT = TokenField.MAX_COMPLETION_TOKENS
_CODES = frozenset({ErrorCode.BAD_REQUEST, ErrorCode.MODEL_NOT_FOUND, ErrorCode.PROVIDER_DOWN})
MOST_WORDS = 4000


def refusal_words(code: ErrorCode, error: Exception, *, began: bool) -> str:
    """Return the server's words in full where they may be of the request's form, else nothing."""
    of_form = not began and code in _CODES and http_status(error) in _STATUSES
    return str(error)[:MOST_WORDS] if of_form else ""


@dataclass(frozen=True)
class _Row:
    """A field, the words that name it and refuse it, and what follows which of its values.

    `{value}` in `named` stands for the value in force. Words of `unless` are of something else.
    """

    field: str
    named: str
    refused: str
    becomes: Mapping[Any, Any]
    unless: str = r"(?!)"

    def next(self, dialect: Dialect, words: str) -> Any:
        """Return what is asked with instead, None where the words are not of this field or nothing follows."""
        stands = dialect.method if self.field == "structured" else getattr(dialect, self.field)
        named = self.named.replace("{value}", re.escape(str(stands)))
        fits = _has(named, words) and _has(self.refused, words) and not _has(self.unless, words)
        return self.becomes.get(stands) if fits else None


def _has(pattern: str, words: str) -> bool:
    return re.search(pattern, words, re.IGNORECASE) is not None


_UNKNOWN = (
    r"not support|n't support|unsupported|no longer support|does ?n[o']t (?:accept|allow|permit|recogni[sz]e)"
    r"|not (?:be )?(?:permitted|allowed|available|enabled|implemented|recogni[sz]ed|accepted)|unavailable|deprecated"
    r"|unrecogni[sz]ed|\bunknown\b|unexpected|extra[_ ](?:inputs?|fields?|forbidden)|additional propert"
    r"|invalid (?:api )?(?:parameter|argument|field|property)|no endpoints? found"
    r"|不支持|不允许|不被|暂不|未知|无法识别|不可用|多余"
)
_WRONG = (
    rf"{_UNKNOWN}|incompatible|not compatible|only|must|should|may not|can ?not|can't|invalid|requires?\b|fail"
    r"|仅支持|只支持|只能|必须|不能|非法|无效|有误"
)
_OF_SIZE = (
    r"too (?:large|long|high|small|low|big|many)|at (?:least|most)|exceed|maximum|minimum|less than|greater than"
    r"|between|\brange\b|太大|太小|过大|超过|超出|范围"
)
_MISSING = r"missing|must|required|passed back|sent back|provided|expected|缺少|缺失|必须|回传|回填"
_NOT_WANTED = rf"{_UNKNOWN}|must not|should not|can ?not|may not|不能|不应"
_THOUGHTS = r"reasoning_content|reasoning_details|\breasoning\b|thought_signature|extra_content|思考内容|推理内容"
_FORCED = r"tool[_ ]?choice|forc\w+ (?:a )?(?:tools?|functions?)\b|指定工具|强制.{0,4}工具"
_SHAPED = (
    r"response[_ ]format|response[_ ]?schema|json[_ -]?schema|json[_ -]?object|json[_ -]?mode|structured[_ -]?outputs?"
    r"|guided|grammar|invalid format|结构化|响应格式"
)
_TOOLS = r"\btools?\b|\btool[_ -](?:use|calls?|calling)\b|\bfunctions?\b|function[_ ]?call(?:s|ing)?|工具|函数"
_AS_TEXT = r"(?:supported|input should|must be|expected|one of).{0,80}required|must be (?:a )?string"

# The first row that fits is taken; the words of a forced tool and of a temperature often name thinking and tools too.
_ROWS: tuple[_Row, ...] = (
    _Row("usage", r"stream_options|include_usage", _WRONG, {_USAGE.ASKED: _USAGE.UNASKED, _USAGE.EACH: _USAGE.UNASKED}),
    _Row(
        "token_field", r"\b{value}\b", _UNKNOWN, {_LIMIT.MAX_TOKENS: _NEW_LIMIT, _NEW_LIMIT: _LIMIT.MAX_TOKENS},
        unless=_OF_SIZE,
    ),
    _Row("temperature", r"temperature|温度", _WRONG, {True: False}, unless=_OF_SIZE),
    _Row("tools", r"auto\W{0,4} tool[ _]choice requires|enable-auto-tool-choice|--jinja", r"", {True: False}),
    _Row(
        "tool_choice", _FORCED, _AS_TEXT, {_CHOICE.NAMED: _CHOICE.REQUIRED},
        unless=r"(?:not|n't) support.{0,40}required",
    ),
    _Row(
        "tool_choice", _FORCED, rf"{_WRONG}|thinking", {_CHOICE.NAMED: _CHOICE.AUTO, _CHOICE.REQUIRED: _CHOICE.AUTO}
    ),
    _Row("reasoning_back", rf"{_THOUGHTS}|thinking", _MISSING, {False: True}, unless=_UNKNOWN),
    _Row("reasoning_back", _THOUGHTS, _NOT_WANTED, {True: False}),
    _Row("structured", _SHAPED, _WRONG, {_METHOD.JSON_SCHEMA: _METHOD.JSON_MODE, _METHOD.JSON_MODE: _METHOD.PROMPT}),
    _Row("tools", _TOOLS, _UNKNOWN, {True: False}),
)  # fmt: skip


def next_change(words: str, dialect: Dialect, tried: Collection[str]) -> tuple[str, Any] | None:
    """Return the field that these words refuse and its next value; None where they are not known to refuse one."""
    for row in _ROWS:
        if row.field not in tried and (value := row.next(dialect, words)) is not None:
            return row.field, value
    return None
