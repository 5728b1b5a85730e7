"""Preferences: an actor's last choice is kept beside his name and shown to no other."""

from __future__ import annotations

from pathlib import Path

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.vocabulary import ActorKind
from tests.platforms import TRADER
from tests.stepped import make_desk


def test_what_was_chosen_is_remembered_for_this_actor_alone(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    preferences = desk.platform.preferences
    assert preferences.get(TRADER, "rerun_mode") is None
    preferences.remember(TRADER, "rerun_mode", "resume")
    preferences.remember(TRADER, "columns", ["id"])
    preferences.remember(TRADER, "rerun_mode", "only")
    assert (preferences.get(TRADER, "rerun_mode"), preferences.get(TRADER, "columns")) == ("only", ["id"])
    assert preferences.get(Actor(ActorKind.API, TRADER.name), "rerun_mode") is None
    commits = desk.store.commits
    preferences.remember(TRADER, "rerun_mode", "only")
    assert desk.store.commits == commits
    desk.close()
