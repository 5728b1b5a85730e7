"""Audit vocabulary: the closed sets of actions and subjects, and the topic that each subject belongs to."""

from __future__ import annotations

from enum import StrEnum

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
    START = "start"
    STOP = "stop"
    SUBMIT = "submit"
    TEST = "test"
    UNDO = "undo"
    WITHDRAW = "withdraw"


class Subject(StrEnum):
    """What an audit line is about; `subject_id` is the id of its row, `subject_key` the name of one without an id."""

    ALERT = "alert"
    ANALYSIS = "analysis"
    ARCHIVES = "archives"
    BACKUP = "backup"
    BATCH = "batch"
    BREAKER = "breaker"
    DEAD_MAN_SWITCH = "dead_man_switch"
    DEMO_DESK = "demo_desk"
    EXPERT = "expert_instance"
    FAILURE_GROUP = "failure_group"
    INSTRUMENT = "instrument"
    LESSON = "lesson"
    LESSON_INDEX = "lesson_index"
    NOTIFICATION = "notification"
    NOTIFICATION_CHANNEL = "notification_channel"
    NOTIFICATION_RULE = "notification_rule"
    PREFERENCE = "preference"
    PROVIDER = "model_provider"
    QUEUE = "queue"
    REPLAY = "replay"
    SCHEDULE = "schedule"
    SCHEDULE_RUN = "schedule_run"
    SETTING = "desk_setting"
    SYMBOL_MAP = "symbol_map"
    WATCHLIST = "watchlist"
    WATCHLIST_ITEM = "watchlist_item"

    @property
    def topic(self) -> Topic | None:
        """What is to be read anew after an audit line about it; None: it is on no page but its actor's."""
        return _TOPICS[self]


_TOPICS: dict[Subject, Topic | None] = {
    Subject.ALERT: Topic.ALERTS,
    Subject.ANALYSIS: Topic.ANALYSES,
    Subject.ARCHIVES: Topic.OPERATIONS,
    Subject.BACKUP: Topic.OPERATIONS,
    Subject.BATCH: Topic.BATCHES,
    Subject.BREAKER: Topic.BREAKERS,
    Subject.DEAD_MAN_SWITCH: Topic.OPERATIONS,
    Subject.DEMO_DESK: None,
    Subject.EXPERT: Topic.EXPERTS,
    Subject.FAILURE_GROUP: Topic.FAILURES,
    Subject.INSTRUMENT: Topic.INSTRUMENTS,
    Subject.LESSON: Topic.LESSONS,
    Subject.LESSON_INDEX: Topic.LESSONS,
    Subject.NOTIFICATION: Topic.NOTIFICATIONS,
    Subject.NOTIFICATION_CHANNEL: Topic.NOTIFICATIONS,
    Subject.NOTIFICATION_RULE: Topic.NOTIFICATIONS,
    Subject.PREFERENCE: None,
    Subject.PROVIDER: Topic.MODELS,
    Subject.QUEUE: Topic.QUEUE,
    Subject.REPLAY: Topic.MARKET_CLOCK,
    Subject.SCHEDULE: Topic.SCHEDULES,
    Subject.SCHEDULE_RUN: Topic.SCHEDULES,
    Subject.SETTING: Topic.MODELS,
    Subject.SYMBOL_MAP: Topic.INSTRUMENTS,
    Subject.WATCHLIST: Topic.WATCHLISTS,
    Subject.WATCHLIST_ITEM: Topic.WATCHLISTS,
}
