"""Markdown: renders model output without raw HTML or images, with checked links, folded when long."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from nicegui import ui

from ba2_trade_platform.ui.kit.feedback import off_loop, reporting

FOLD_AT = 2_000
MARKDOWN_UP_TO = 20_000
SENT_UP_TO = 200_000
SCHEMES = frozenset({"http", "https", "mailto"})


def markdown_html(text: str) -> str:
    """Return `text` as HTML: tags in it are shown as text, images are left out, other link schemes are not linked.

    markdown-it instead of NiceGUI's markdown2: that one ends in a RecursionError on deeply nested quotes.
    """
    return str(_parser().render(text))


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")
    parser.validateLink = _is_safe  # type: ignore[method-assign]  # the documented way to change it
    parser.add_render_rule("link_open", _open_link)
    return parser


def _is_safe(url: str) -> bool:
    try:
        scheme = urlsplit(url.strip()).scheme
    except ValueError:  # a host that is none
        return False
    if scheme:
        return scheme in SCHEMES
    return url.startswith(("#", "/")) and not url.startswith("//")


def _open_link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    tokens[index].attrSet("rel", "noopener noreferrer nofollow")
    tokens[index].attrSet("target", "_blank")
    return str(self.renderToken(tokens, index, options, env))


class Prose:
    """A text: markdown up to its fold, all of it on request, and plain text where it is too long to format.

    `length` is that of the whole text, of which `text` may be the beginning; `whole_at` is where the rest is found.
    """

    def __init__(self, text: str, *, length: int | None = None, whole_at: str | None = None) -> None:
        self._text = text
        self._length = len(text) if length is None else length
        self._whole_at = whole_at
        self._element = ui.element("div").classes("ba2-prose-box")
        if self._length > FOLD_AT:
            self._show_start()
        else:
            with self._element:
                _markdown(markdown_html(text))

    def _show_start(self) -> None:
        self._element.clear()
        with self._element:
            _markdown(markdown_html(_beginning(self._text)))
            _fold_button(f"Show all ({self._length:,} characters)", "expand_more", self._show_all)

    async def _show_all(self) -> None:
        with reporting():
            html = await off_loop(markdown_html, self._text) if self._length <= MARKDOWN_UP_TO else None
            self._element.clear()
            with self._element:
                if html is not None:
                    _markdown(html)
                else:
                    ui.label(self._text[:SENT_UP_TO]).classes("ba2-mono")
                if self._length > SENT_UP_TO:
                    with ui.row().classes("items-center").style("gap: 8px"):
                        said = f"These are the first {SENT_UP_TO:,} of {self._length:,} characters."
                        ui.label(said).classes("ba2-muted")
                        if self._whole_at:
                            ui.link("All of it, as JSON", self._whole_at, new_tab=True).classes("ba2-link")
                _fold_button("Show less", "expand_less", self._show_start)


def text_block(text: str) -> ui.label:
    """Show a text as it is, in fixed width, without its end when it is very long."""
    cut = "" if len(text) <= SENT_UP_TO else f"\n... the first {SENT_UP_TO:,} of {len(text):,} characters"
    return ui.label(text[:SENT_UP_TO] + cut).classes("ba2-mono")


def json_text(value: Any) -> str:
    """Return a JSON-able value as a person reads it."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def _markdown(html: str) -> None:
    ui.html(html, sanitize=True).classes("ba2-prose")


def _fold_button(word: str, icon: str, act: Callable[[], object]) -> None:
    ui.button(word, icon=icon, on_click=act, color=None).props("flat dense no-caps")


def _beginning(text: str) -> str:
    """Return the part before the fold, ending at a line or a word where one ends near it."""
    start = text[:FOLD_AT]
    for mark in ("\n", " "):
        cut = start.rfind(mark)
        if cut > FOLD_AT * 3 // 4:
            return start[:cut]
    return start
