"""A debate's answers for a model server: sensible ones, by the scripted rules, until a test wants trouble."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

from langchain_core.messages import AIMessage, convert_to_messages

from ba2_trade_platform.demo.scripted_model.facts import text_of
from ba2_trade_platform.demo.scripted_model.model import ScriptedModel
from tests.fakes.model_server import NEVER, Asked, ModelServer, Reply
from tests.fakes.protocols import in_openais_words

Trouble = Callable[[Asked], Reply | None]
HELD = Reply(seconds=NEVER)
_RULES = ScriptedModel()


def role_of(asked: Asked) -> str:
    """Return who is asked: the role in the last block of facts."""
    messages = convert_to_messages(in_openais_words(asked.body)["messages"])
    said = [text_of(message) for message in messages if message.type == "human"]
    block = next(text for text in reversed(said) if "```facts\n" in text)
    return str(json.loads(block.split("```facts\n")[-1].split("\n```")[0])["role"])


def sensible(asked: Asked) -> Reply:
    """Answer by rules; the tokens are counted from what was said, so that no two sums are alike by chance."""
    body = in_openais_words(asked.body)
    given: dict[str, Any] = {name: value for name, value in body.items() if name != "messages"}
    said = _RULES.bind(**given).invoke(convert_to_messages(body["messages"]))
    usage = said.usage_metadata
    assert usage is not None
    tokens = usage["input_tokens"], usage["output_tokens"]
    if isinstance(said, AIMessage) and said.tool_calls:
        call = said.tool_calls[0]
        return Reply(call=(call["name"], json.dumps(call["args"])), tokens=tokens)
    return Reply(str(said.text), tokens=tokens)


class Debaters:
    """Answers every request of a server, and makes the trouble that a test wants; counts who was asked how often."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.trouble: Trouble = lambda _: None
        self.held = threading.Event()
        server.answers = self._answer

    def calls(self, since: int = 0) -> Counter[str]:
        """Return the number of requests by role, from the request of this number on."""
        return Counter(role_of(asked) for asked in self.server.asked[since:])

    def fail(self, role: str, number: int, reply: Reply) -> None:
        """Answer so to the call of this number of one role, counted from now on and from 1."""
        before = self.calls()[role]

        def trouble(asked: Asked) -> Reply | None:
            hit = role_of(asked) == role and self.calls()[role] == before + number
            return reply if hit else None

        self.trouble = trouble

    def hold(self, role: str, number: int = 1) -> None:
        """Leave that call without an answer; `held` is set once it is there."""
        self.held.clear()
        self.fail(role, number, HELD)

    def sensible(self) -> None:
        """Make no more trouble."""
        self.trouble = lambda _: None

    def _answer(self, asked: Asked) -> Reply:
        reply = self.trouble(asked)
        if reply is HELD:
            self.held.set()
        return reply or sensible(asked)
