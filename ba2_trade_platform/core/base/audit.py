"""Audit vocabulary: the closed sets of actions and subjects, and the topic that each subject belongs to."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from ba2_trade_platform.core.base.change_feed import Topic


class Action(StrEnum):
    """What a person or program does to a subject; an analysis' own changes of state are lifecycle events besides."""

    ABORT = "abort"
    ACKNOWLEDGE = "acknowledge"
    ARCHIVE = "archive"
    CANCEL = "cancel"
    CHANGE = "change"
    CLOSE = "close"
    CREATE = "create"
    DELETE = "delete"
    DISABLE = "disable"
    DRAIN = "drain"
    ENABLE = "enable"
    IMPORT = "import"
    LOAD = "load"
    MARK = "mark"
    OPEN = "open"
    ORDER = "order"
    PACK = "pack"
    PAUSE = "pause"
    PRIORITIZE = "prioritize"
    REBUILD = "rebuild"
    RECLASSIFY = "reclassify"
    REMOVE = "remove"
    RENAME = "rename"
    REOPEN = "reopen"
    RERUN = "rerun"
    RESIZE = "resize"
    RESTORE = "restore"
    RESUME = "resume"
    RETRY = "retry"
    RUN = "run"
    SKIP = "skip"
    SLEEP = "sleep"
    START = "start"
    STOP = "stop"
    SUBMIT = "submit"
    TEST = "test"
    UNDO = "undo"
    WITHDRAW = "withdraw"


class Subject(StrEnum):
    """What an audit line is about; `subject_id` is the id of its row, `subject_key` the name of one without an id.

    `topic`: what is to be read anew after an audit line about it; None: it is on no page but its actor's.
    """

    topic: Topic | None

    def __new__(cls, value: str, topic: Topic | None) -> Self:
        """Make a member of its stored value and its topic."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.topic = topic
        return member

    ALERT = "alert", Topic.ALERTS
    ANALYSIS = "analysis", Topic.ANALYSES
    ARCHIVES = "archives", Topic.OPERATIONS
    BACKUP = "backup", Topic.OPERATIONS
    BATCH = "batch", Topic.BATCHES
    BREAKER = "breaker", Topic.BREAKERS
    CALENDAR = "calendar", Topic.INSTRUMENTS
    CONSOLE = "console", Topic.OPERATIONS
    DEAD_MAN_SWITCH = "dead_man_switch", Topic.OPERATIONS
    DEMO_DESK = "demo_desk", None
    EXPERT = "expert_instance", Topic.EXPERTS
    FAILURE_GROUP = "failure_group", Topic.FAILURES
    INSTRUMENT = "instrument", Topic.INSTRUMENTS
    LESSON = "lesson", Topic.LESSONS
    LESSON_INDEX = "lesson_index", Topic.LESSONS
    NOTIFICATION = "notification", Topic.NOTIFICATIONS
    NOTIFICATION_CHANNEL = "notification_channel", Topic.NOTIFICATIONS
    NOTIFICATION_RULE = "notification_rule", Topic.NOTIFICATIONS
    PREFERENCE = "preference", None
    PRICE_FILES = "price_files", Topic.OPERATIONS
    PROVIDER = "model_provider", Topic.MODELS
    QUEUE = "queue", Topic.QUEUE
    REPLAY = "replay", Topic.MARKET_CLOCK
    SCHEDULE = "schedule", Topic.SCHEDULES
    SCHEDULE_RUN = "schedule_run", Topic.SCHEDULES
    SETTING = "desk_setting", Topic.MODELS
    SYMBOL_MAP = "symbol_map", Topic.INSTRUMENTS
    TRIAL = "trial", None
    WATCHLIST = "watchlist", Topic.WATCHLISTS
    WATCHLIST_ITEM = "watchlist_item", Topic.WATCHLISTS
