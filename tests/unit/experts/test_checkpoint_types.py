"""Checkpoint types: a file of checkpoints makes no object of a class that the library does not know."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from langchain_core.messages import HumanMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ba2_trade_platform.experts.debate_desk.checkpoints import CheckpointFile

MADE: list[str] = []


@dataclass
class Planted:
    """An object that runs code of the one who planted it, as soon as it is made."""

    word: str

    def __post_init__(self) -> None:
        MADE.append(self.word)


async def test_only_known_types_are_made_of_a_checkpoint(tmp_path: Path) -> None:
    warnings: list[str] = []
    async with CheckpointFile().opened(tmp_path, warnings.append) as saver:
        assert saver is not None
        kind, written = saver.serde.dumps_typed({"messages": [HumanMessage("Look at AAPL")]})
        assert saver.serde.loads_typed((kind, written))["messages"][0].text == "Look at AAPL"
        planted = JsonPlusSerializer(allowed_msgpack_modules=True).dumps_typed(Planted("run"))
        MADE.clear()
        assert not isinstance(saver.serde.loads_typed(planted), Planted)
    assert (MADE, warnings) == ([], [])
