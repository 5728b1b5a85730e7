"""Permissions: one table from an action on a subject to the permission that it takes, read by every verb."""

from __future__ import annotations

from enum import StrEnum

from ba2_trade_platform.core.base.actors import Actor
from ba2_trade_platform.core.base.audit import Action, Subject


class Permission(StrEnum):
    """What a person or program may be trusted with; there are no users yet, so everybody is trusted with all."""

    RUN = "run"
    ACKNOWLEDGE = "acknowledge"
    RUN_QUEUE = "run_queue"
    OVERRIDE = "override"
    CONFIGURE_DESK = "configure_desk"
    MANAGE_SECRETS = "manage_secrets"
    MANAGE_DATA = "manage_data"


_SUBJECTS: dict[Permission, dict[Subject, tuple[Action, ...]]] = {
    Permission.RUN: {
        Subject.ANALYSIS: (
            Action.SUBMIT, Action.RERUN, Action.WITHDRAW, Action.CANCEL, Action.RETRY, Action.STOP,
        ),
        Subject.BATCH: (Action.SUBMIT, Action.RERUN),
        Subject.SCHEDULE: (Action.RUN,),
        Subject.TRIAL: (Action.START, Action.CANCEL),
        Subject.PREFERENCE: (Action.CHANGE,),
    },
    Permission.ACKNOWLEDGE: {
        Subject.ALERT: (Action.ACKNOWLEDGE,),
        Subject.SCHEDULE_RUN: (Action.ACKNOWLEDGE,),
        Subject.FAILURE_GROUP: (Action.MARK, Action.UNDO),
    },
    Permission.RUN_QUEUE: {
        Subject.QUEUE: (Action.PAUSE, Action.RESUME, Action.RESIZE),
        Subject.BATCH: (Action.PAUSE, Action.RESUME, Action.CANCEL, Action.ABORT),
        Subject.BREAKER: (Action.OPEN, Action.CLOSE),
        Subject.NOTIFICATION: (Action.RETRY,),
        Subject.REPLAY: (Action.START, Action.PAUSE, Action.RESUME, Action.CHANGE, Action.STOP),
        Subject.BACKUP: (Action.CREATE,),
        Subject.PRICE_FILES: (Action.START, Action.CANCEL),
    },
    Permission.OVERRIDE: {
        Subject.ANALYSIS: (Action.DELETE,),
        Subject.FAILURE_GROUP: (Action.RECLASSIFY,),
        Subject.LESSON: (Action.DELETE, Action.RESTORE),
    },
    Permission.CONFIGURE_DESK: {
        Subject.EXPERT: (Action.CREATE, Action.CHANGE, Action.ARCHIVE),
        Subject.SCHEDULE: (Action.CREATE, Action.CHANGE, Action.ENABLE, Action.DISABLE, Action.ARCHIVE),
        Subject.WATCHLIST: (Action.CREATE, Action.RENAME, Action.DELETE, Action.IMPORT),
        Subject.WATCHLIST_ITEM: (Action.CREATE, Action.REMOVE, Action.RESTORE, Action.ORDER),
        Subject.INSTRUMENT: (Action.CREATE, Action.CHANGE, Action.DELETE, Action.IMPORT),
        Subject.SYMBOL_MAP: (Action.CHANGE, Action.REMOVE),
        Subject.CALENDAR: (Action.CREATE, Action.REMOVE),
        Subject.SETTING: (Action.CHANGE, Action.IMPORT, Action.UNDO),
    },
    Permission.MANAGE_SECRETS: {
        Subject.PROVIDER: (Action.CREATE, Action.CHANGE, Action.REMOVE, Action.TEST),
        Subject.NOTIFICATION_CHANNEL: (Action.CREATE, Action.CHANGE, Action.REMOVE, Action.TEST),
        Subject.NOTIFICATION_RULE: (Action.CREATE, Action.CHANGE, Action.REMOVE),
        Subject.DEAD_MAN_SWITCH: (Action.CHANGE, Action.TEST),
    },
    Permission.MANAGE_DATA: {
        Subject.ARCHIVES: (Action.PACK,),
        Subject.DEMO_DESK: (Action.CREATE, Action.REMOVE),
        Subject.LESSON_INDEX: (Action.REBUILD,),
    },
}  # fmt: skip

PERMISSIONS: dict[tuple[Action, Subject], Permission] = {
    (action, subject): permission
    for permission, subjects in _SUBJECTS.items()
    for subject, actions in subjects.items()
    for action in actions
}


def check_permission(by: Actor, action: Action, subject: Subject) -> None:
    """Let the verb go on, for everybody may everything until there are users; a verb outside the table is a bug.

    Raises LookupError for an action on a subject that the table does not know.
    """
    if (action, subject) not in PERMISSIONS:
        raise LookupError(f"{by}: no permission is laid down for {action.value} of {subject.value}")
