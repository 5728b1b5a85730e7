"""Lesson pages: searches lessons by likeness, and shows, deletes or restores one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode

from nicegui import ui
from starlette.datastructures import QueryParams
from starlette.requests import Request

from ba2_trade_platform.core.base.change_feed import Topic
from ba2_trade_platform.core.base.errors import NotFound
from ba2_trade_platform.core.base.symbols import spelled
from ba2_trade_platform.core.contracts.lessons import LessonFilter, LessonRow
from ba2_trade_platform.memory.service import Found
from ba2_trade_platform.ui.kit import words
from ba2_trade_platform.ui.kit.desk import Desk
from ba2_trade_platform.ui.kit.feedback import notify, off_loop, reporting
from ba2_trade_platform.ui.kit.markdown import Prose
from ba2_trade_platform.ui.kit.panels import Fact, Panel, chip, empty_state, facts, quiet, small_button
from ba2_trade_platform.ui.kit.plain_table import cell, plain_table, text_cell
from ba2_trade_platform.ui.kit.times import DASH, exact, moment
from ba2_trade_platform.ui.kit.urls import analyses_url, whole_number
from ba2_trade_platform.ui.models.memory_panel import MemoryPanel
from ba2_trade_platform.ui.shell.layout import frame
from ba2_trade_platform.vocabulary import Signal

HEADERS = ("No.", "Symbol", "Actions", "Decided", "Known", "Decision", "Confidence", "Return", "Judged", "Reflection")
RIGHT = frozenset({"No.", "Confidence", "Return", "Likeness"})
PAGE = 100
LONGEST_TEXT = 500
ACTIONS = {None: "All decisions", "BUY": "BUY", "SELL": "SELL", "HOLD": "HOLD"}
HORIZON = {"short_term": "10 sessions", "medium_term": "63 sessions", "long_term": "252 sessions"}
BACK = (("All lessons", "/lessons"),)


@dataclass(frozen=True)
class Wanted(LessonFilter):
    """What the page's address asks for; what makes no sense in it is left out."""

    after: int | None = None

    @classmethod
    def of(cls, query: QueryParams) -> Wanted:
        """Read an address."""
        action = query.get("action")
        return cls(
            text=(query.get("q") or "").strip()[:LONGEST_TEXT] or None,
            symbol=spelled(query.get("symbol") or "")[:40] or None,
            action=Signal(action) if action and action in ACTIONS else None,
            after=whole_number(query.get("after")),
        )

    def url(self, **changed: str | int | None) -> str:
        """Return the address that asks for this, with changes; another filter begins at the first page."""
        now = {"q": self.text, "symbol": self.symbol, "action": self.action and self.action.value, "after": None}
        said = {name: value for name, value in {**now, **changed}.items() if value}
        return "/lessons" + (f"?{urlencode(said)}" if said else "")


async def lessons_page(desk: Desk, request: Request) -> None:
    """Build the list that its address asks for; it follows changes."""
    query = request.query_params
    async with frame(desk, "Lessons", "lessons"):
        await LessonsPage(desk, Wanted.of(query), whole_number(query.get("deleted"))).build()


async def lesson_page(desk: Desk, lesson_id: str) -> None:
    """Build the page of one lesson."""
    async with frame(desk, f"Lesson {lesson_id[:15]}", "lessons", "ba2-scroll ba2-stack"):
        try:
            lesson = await off_loop(desk.platform.lessons.get, whole_number(lesson_id) or 0)
        except NotFound as error:
            empty_state("search_off", "Not found", f"{error}. It may have been deleted.", links=BACK)
            return
        _whole_lesson(desk, lesson)


class LessonsPage:
    """The search, the table and the state of the memory."""

    def __init__(self, desk: Desk, wanted: Wanted, deleted: int | None) -> None:
        self._desk, self._wanted, self._deleted = desk, wanted, deleted

    async def build(self) -> None:
        """Build everything and show it."""
        wanted = self._wanted
        with ui.element("div").classes("ba2-bar"):
            self._text = ui.input("Find a situation, or words", value=wanted.text or "").mark("find")
            self._text.props(f"outlined dense clearable maxlength={LONGEST_TEXT}").style("width: min(420px, 70vw)")
            self._symbol = ui.input("Symbol", value=wanted.symbol or "").mark("symbol")
            self._symbol.props("outlined dense clearable maxlength=40").style("width: 120px")
            for field in (self._text, self._symbol):
                field.on("keydown.enter", self._find).on("clear", self._find)
            action = ui.select(ACTIONS, value=wanted.action, on_change=lambda event: self._go(action=event.value))
            action.props('dense outlined options-dense aria-label="Decision"').classes("ba2-bare-select")
            ui.button("Find", icon="search", color=None, on_click=self._find).props("outline dense no-caps")
        with ui.element("div").classes("ba2-scroll ba2-stack"):
            self._undo = ui.element("div").classes("ba2-inline").props("role=status").mark("undo")
            memory = MemoryPanel(self._desk)
            self._panel = Panel("Lessons")
        self._show_undo()
        self._look = await self._desk.live.follow(
            lambda: self._desk.platform.memory.search(wanted, wanted.after, PAGE),
            lambda found: self._panel.show(found, self._show),
            Topic.LESSONS,
            Topic.EXPERTS,
        )
        await memory.follow()

    def _show(self, found: Found) -> None:
        if found.warning:
            quiet(f"{found.warning}.").mark("search-warning")
        if not found.items:
            self._show_none()
            return
        alike = found.found_by == "similarity"
        headers = (*HEADERS[:-1], "Likeness", HEADERS[-1]) if alike else HEADERS
        with plain_table("Lessons", headers, RIGHT), ui.element("tbody"):
            for lesson in found.items:
                with ui.element("tr"):
                    self._cells(lesson, alike=alike)
        with ui.row().classes("items-center"):
            if self._wanted.after:
                ui.link("Newest", self._wanted.url()).classes("ba2-link")
            if found.next_cursor is not None:
                ui.link("Older ones", self._wanted.url(after=found.next_cursor)).classes("ba2-link")

    def _cells(self, lesson: LessonRow, *, alike: bool) -> None:
        url, zone = f"/lessons/{lesson.id}", self._desk.zone
        text_cell(str(lesson.id), url=url, classes="ba2-right")
        text_cell(lesson.symbol, url=self._wanted.url(symbol=lesson.symbol))
        with cell():
            button = ui.button(icon="delete", color=None, on_click=partial(self._delete, lesson.id))
            button.props("flat dense round size=sm").mark(f"delete-{lesson.id}")
            button.props["aria-label"] = f"Delete lesson {lesson.id}"
        text_cell(moment(lesson.as_of, zone))
        text_cell(moment(lesson.known_at, zone))
        with cell():
            chip(words.ACTION[lesson.action.value])
        text_cell(f"{lesson.confidence:.0f}", classes="ba2-right")
        text_cell(f"{lesson.return_percent:+.1f} %", url=url, classes="ba2-right")
        with cell():
            chip(words.JUDGED[lesson.was_right])
        if alike:
            text_cell(f"{100 * (lesson.similarity or 0):.0f} %", classes="ba2-right")
        text_cell(lesson.reflection, classes="ba2-wrap ba2-sentences")

    def _show_none(self) -> None:
        if self._wanted != Wanted():
            empty_state("search_off", "No lesson matches", "Nothing learnt so far is like this.", links=BACK)
            return
        empty_state(
            "school",
            "No lessons yet",
            "An expert whose Memory setting is on learns from each decision once its horizon has passed: 10, 63 or 252 "
            "sessions after it. An analysis as of an earlier day has its outcome at once: press Look for outcomes now.",
            links=(("Experts", "/experts"), ("Manual Analysis", "/marketanalysis?tab=manual")),
        )

    def _find(self) -> None:
        self._go(q=(self._text.value or "").strip(), symbol=spelled(self._symbol.value or ""))

    def _go(self, **changed: str | None) -> None:
        ui.navigate.to(self._wanted.url(**changed))

    async def _delete(self, lesson_id: int) -> None:
        with reporting():
            await off_loop(self._desk.platform.memory.delete, lesson_id, by=self._desk.trader)
            self._deleted = lesson_id
            self._show_undo()
            notify(f"Lesson {lesson_id} deleted: it is not recalled any more, nor learnt again")
        await self._look()

    async def _restore(self, lesson_id: int) -> None:
        with reporting():
            await off_loop(self._desk.platform.memory.restore, lesson_id, by=self._desk.trader)
            notify(f"Lesson {lesson_id} is back")
        self._deleted = None
        self._show_undo()
        await self._look()

    def _show_undo(self) -> None:
        self._undo.clear()
        self._undo.set_visibility(self._deleted is not None)
        if self._deleted is None:
            return
        with self._undo:
            ui.label(f"Lesson {self._deleted} is deleted.")
            small_button("Undo", "undo", partial(self._restore, self._deleted)).mark("undo-delete")


def _whole_lesson(desk: Desk, lesson: LessonRow) -> None:
    async def delete() -> None:
        with reporting():
            await off_loop(desk.platform.memory.delete, lesson.id, by=desk.trader)
            ui.navigate.to(f"/lessons?deleted={lesson.id}")

    head = Panel(f"Lesson {lesson.id}: {lesson.action.value} {lesson.symbol}")
    with head.head:
        ui.space()
        small_button("Delete", "delete", delete).mark("delete-lesson")
        ui.link("All lessons", "/lessons").classes("ba2-link")
    with head.body:
        with ui.element("div").classes("ba2-inline"):
            chip(words.ACTION[lesson.action.value])
            chip(words.JUDGED[lesson.was_right])
            ui.label(f"{lesson.return_percent:+.1f} %").classes("ba2-pick-name")
        facts(_facts(desk, lesson))
    with Panel("Reflection").body:
        Prose(lesson.reflection)
        quiet("Written by rules from the prices, not by a language model.").classes("ba2-small")
    for title, text in (("Situation", lesson.situation), ("Decision", lesson.decision)):
        with Panel(title).body:
            Prose(text)


def _facts(desk: Desk, lesson: LessonRow) -> tuple[Fact, ...]:
    zone = desk.zone
    analysis = f"/market_analysis/{lesson.analysis_id}" if lesson.analysis_exists else None
    named = f"{lesson.analysis_id}, attempt {lesson.attempt}"
    met = f"{lesson.met_first.value} first" if lesson.met_first else "neither target nor stop"
    return (
        Fact("Analysis", named if analysis else f"{named} (deleted)", analysis),
        Fact("Expert", lesson.expert or DASH, f"/marketanalysis?expert={lesson.expert_instance_id}"),
        Fact("Symbol", lesson.symbol, analyses_url(lesson.symbol)),
        Fact("Decided as of", exact(lesson.as_of, zone)),
        Fact("Known since", exact(lesson.known_at, zone), hint="No analysis as of an earlier instant recalls it"),
        Fact("Horizon", HORIZON[lesson.time_horizon.value]),
        Fact("Confidence", f"{lesson.confidence:.0f}"),
        Fact("Expected", f"{lesson.expected_profit_percent:+.1f} %"),
        Fact("Price then", f"{lesson.price_then:.2f} {lesson.currency}" if lesson.price_then else DASH),
        Fact("Price after", f"{lesson.price_after:.2f} {lesson.currency}" if lesson.price_after else DASH),
        Fact("Largest rise", f"{lesson.rise_percent:+.1f} %"),
        Fact("Largest fall", f"{lesson.fall_percent:+.1f} %"),
        Fact("Met", met),
    )
