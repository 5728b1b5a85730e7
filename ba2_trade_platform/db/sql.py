"""SQL dialect: expressions of SQLite's own, such as json_each, so that services need not spell them out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select


def each(values: Sequence[Any], kind: Any) -> Any:
    """Return a sub-select of these values; as JSON they are one parameter, however many they are."""
    return select(func.json_each(json.dumps(values)).table_valued("value", joins_implicitly=True).c.value.cast(kind))
