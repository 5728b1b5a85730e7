"""Places: folders of the repository that tests read, so that moving a test counts no folders."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
