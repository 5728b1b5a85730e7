"""Places in the repository that tests read; whoever moves a test need not count folders."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
