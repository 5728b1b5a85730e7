"""Page fixtures: a console with its pages registered, for a simulated user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from nicegui.testing import User

from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.routes import register_pages
from tests.eventually import eventually
from tests.platforms import make_platform


@pytest.fixture
def user(user: User) -> User:
    """The framework's user, who waits for an element as long as any event may take; its own three looks are 0.3 s."""

    def patient(look: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
        async def waiting(*wanted: Any, **how: Any) -> None:
            if "retries" in how:  # a test that looks at this very moment
                await look(*wanted, **how)
            else:
                await eventually(partial(look, *wanted, retries=1, **how))

        return waiting

    user.should_see, user.should_not_see = patient(user.should_see), patient(user.should_not_see)
    return user


@pytest.fixture
def desk(user: User, tmp_path: Path) -> Iterator[Desk]:
    """The pages of an empty console; its worker works."""
    platform = make_platform(tmp_path)
    desk = register_pages(platform)
    platform.start()
    yield desk
    platform.stop()
