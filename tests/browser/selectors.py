"""Selectors: the elements of a page that several rooms look for."""

from __future__ import annotations

from playwright.sync_api import Page


def row(page: Page, analysis_id: int) -> str:
    """Return the selector of an analysis' row."""
    return f'tr:has(a[href="/market_analysis/{analysis_id}"])'
