"""Callback handler: writes each model call and tool result of a seat as an output while it works."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from langchain_core.callbacks import AsyncCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.outputs import LLMResult

from ba2_trade_platform.core.contracts.experts import AnalysisContext
from ba2_trade_platform.core.contracts.model_windows import LEFT_OUT
from ba2_trade_platform.experts.debate_desk.seats import Seat

SCRIPTED = "scripted"
PAID = "Answered in an earlier attempt, and not paid for again."
THINKING = "thinking"  # where a message of a model keeps what was thought before its words
LABEL = "*scripted, not a language model*"


class Listener(AsyncCallbackHandler):
    """Hears one seat; `scripted`: the scripted model gave its last answer, `left_out`: what that one was not told."""

    def __init__(self, context: AnalysisContext, seat: Seat) -> None:
        self._context = context
        self._seat = seat
        self._at_work: UUID | None = None  # a gateway's call runs other models inside: only the outer one is written
        self._calls = 0
        self._said = 0
        self.scripted = False
        self.left_out: list[str] = []

    async def on_chat_model_start(
        self,
        serialized: dict[str, Any],  # noqa: ARG002 - the base class's
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        **_: Any,
    ) -> None:
        """Write what is asked, without what was written for the call before."""
        if self._at_work is not None:
            return
        self._at_work = run_id
        self._calls += 1
        asked = messages[0] if messages else []
        new = asked[self._said :]
        self._said = len(asked)
        shown = [message for message in new if not isinstance(message, AIMessage | ToolMessage)]  # written already
        text = "\n\n".join(f"**{message.type}**\n\n{message.text}" for message in shown)
        self._write("message", f"question {self._calls}", text or "Goes on with that.", {"messages": len(asked)})

    async def on_llm_end(self, response: LLMResult, *, run_id: UUID, **_: Any) -> None:
        """Write what was answered, by whom and with how many tokens."""
        if run_id != self._at_work:
            return
        self._at_work = None
        message = getattr(response.generations[0][0], "message", None)
        if isinstance(message, AIMessage):
            self.heard(message, PAID if message.response_metadata.get("answered_before") else "")

    async def on_llm_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """Write that a call came to nothing."""
        if run_id != self._at_work:
            return
        self._at_work = None
        self._write("message", f"answer {self._calls}", f"No answer: {str(error) or type(error).__name__}")

    async def on_tool_end(self, output: Any, **_: Any) -> None:
        """Write what a tool gave."""
        if isinstance(output, ToolMessage):
            self.gave(output)

    def heard(self, message: AIMessage, note: str = "") -> None:
        """Write one answer, and before it what was thought, as an output of its own that nobody is handed."""
        self.scripted = is_scripted(message)
        self.left_out = lacking(message)
        usage = message.usage_metadata
        thoughts = usage.get("output_token_details", {}).get("reasoning") if usage else None
        if thinking := message.additional_kwargs.get(THINKING):
            self._write("thinking", f"thinking {self._calls}", quoted(thinking), {"tokens": thoughts})
        calls = [{"tool": call["name"], "arguments": call["args"]} for call in message.tool_calls]
        parts = [
            note,
            shortened(self.left_out),
            message.text,
            *(f"```json\n{json.dumps(call, indent=1, default=str)}\n```" for call in calls),
        ]
        raw = {
            "provider": message.response_metadata.get("provider_name")
            or message.response_metadata.get("model_provider"),
            "model": message.response_metadata.get("model_name"),
            "tokens_in": usage["input_tokens"] if usage else None,
            "tokens_out": usage["output_tokens"] if usage else None,
            "tokens_reasoning": thoughts,
            "tool_calls": calls,
            "left_out": self.left_out,
        }
        text = "\n\n".join(part for part in parts if part)
        self._write("message", f"answer {self._calls}", labelled(text or "(empty)", self.scripted), raw)

    def gave(self, message: ToolMessage, note: str = "") -> None:
        """Write one tool's result, as text that nothing in it can end."""
        tool = message.name or "tool"
        text = f"{note}\n\n{quoted(message.text)}".strip()
        self._write("tool", tool, text, {"tool": tool, "status": message.status})

    def recall(self, messages: list[BaseMessage]) -> None:
        """Write the conversation that an earlier attempt had: this one goes on with it and does not pay for it."""
        if any(isinstance(message, AIMessage) for message in messages):  # else nothing was asked yet that was answered
            self._said = len(messages) + 1  # with the prompt in front
        for message in messages:
            if isinstance(message, AIMessage):
                self._calls += 1
                self.heard(message, PAID)
            elif isinstance(message, ToolMessage):
                self.gave(message, "From an earlier attempt.")

    def _write(self, type: str, name: str, text: str, raw: dict[str, Any] | None = None) -> None:
        details = {"role": self._seat.role, **(raw or {})}
        self._context.output(type, f"{self._seat.name}: {name}", text, details)


def is_scripted(message: BaseMessage) -> bool:
    """Tell whether the scripted model wrote this message."""
    return bool(message.response_metadata.get("model_provider") == SCRIPTED)


def quoted(text: str) -> str:
    """Return foreign text as a block that nothing in it can end, and in which nothing is markup."""
    plain = text.replace("```", "'''")
    return f"```\n{plain}\n```"


def labelled(text: str, scripted: bool) -> str:
    """Return the text, with the label in front where no language model wrote it."""
    return f"{LABEL}\n\n{text}" if scripted else text


def lacking(message: BaseMessage) -> list[str]:
    """Return what was left out of the question that a message answers, for the window of who answered."""
    return list(message.response_metadata.get(LEFT_OUT, ()))


def shortened(left_out: Sequence[str]) -> str:
    """Return a line that says so, nothing where nothing was left out."""
    return f"*Left out of the question, for the model's window: {'; '.join(left_out)}.*" if left_out else ""
