"""Answer faults: name, by code and sentence, the flaw of an answer that came without an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ba2_trade_platform.core.contracts.experts import ExpertError
from ba2_trade_platform.llm.answers.endings import Ending, meaning
from ba2_trade_platform.llm.answers.thinking import THINKING
from ba2_trade_platform.vocabulary import ErrorCode

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from ba2_trade_platform.llm.answers.heard import Heard


def checked(
    heard: Heard, message: AIMessage | None, provider: str, model: str, most_tokens: int
) -> AIMessage | ExpertError:
    """Return an answer, or what makes it none. `most_tokens` were allowed."""
    if message is None or heard.ending is None:
        sentence = f"{provider} ended its answer in the middle, without a finish reason"
        return ExpertError(ErrorCode.CONNECTION, sentence, provider=provider)
    who, ending = f"{provider}'s {model}", meaning(heard.ending)
    says, thought = bool(message.text.strip()), bool(message.additional_kwargs.get(THINKING))
    calls = bool(message.tool_calls or message.invalid_tool_calls)
    code = ErrorCode.OUTPUT_INVALID
    if ending is Ending.CALLED and not calls:
        code, sentence = ErrorCode.PROVIDER_DOWN, f"{provider} said that {model} calls a tool, and sent no call"
    elif ending in _BAD:
        code, pattern = _BAD[ending]
        sentence = pattern.format(provider=provider, who=who, word=heard.ending, limit=most_tokens)
        if ending is Ending.CUT and thought and not says:
            sentence = f"{sentence}, and it thought through them all; allow longer answers"
    elif says or calls:
        return message
    elif heard.endless_thinking:
        sentence = f"{who} gave no answer: its thinking has no end, and nothing stands behind it"
    elif thought:
        sentence = f"{who} gave an empty answer: it only thought"
    else:
        sentence = f"{who} gave an empty answer"
    return ExpertError(code, sentence, provider=provider)


_BAD = {
    Ending.CUT: (
        ErrorCode.OUTPUT_INVALID,
        "{who} was cut off in its answer: the longest allowed is {limit} tokens",
    ),
    Ending.FULL: (
        ErrorCode.CONTEXT_OVERFLOW,
        "{who} was cut off in its answer: question and answer together do not fit into its window ({word})",
    ),
    Ending.BLOCKED: (
        ErrorCode.OUTPUT_INVALID,
        "{who} gave no answer: its provider's content filter stepped in ({word})",
    ),
    Ending.PAUSED: (ErrorCode.PROVIDER_DOWN, "{provider} paused in the middle of an answer ({word})"),
    Ending.FAILED: (
        ErrorCode.PROVIDER_DOWN,
        '{provider} broke its answer off: it ended with "{word}", and no whole answer ends so',
    ),
}
