"""Enums: the closed sets of values that tables store, in one place that every layer may import."""

from enum import StrEnum


class Status(StrEnum):
    """Where an analysis stands. `core.attempts.lifecycle` says what may follow what."""

    PENDING = "pending"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class Subtype(StrEnum):
    """What an analysis is for: a new position, or the ones already held."""

    ENTER_MARKET = "enter_market"
    OPEN_POSITIONS = "open_positions"


class Source(StrEnum):
    """Where an analysis was first made."""

    MANUAL = "manual"
    SCHEDULE = "schedule"
    WATCHLIST = "watchlist"
    BULK = "bulk"
    DEMO = "demo"
    API = "api"


class ErrorCode(StrEnum):
    """Why an analysis did not complete; `core.contracts.error_codes` gives each its kind."""

    RATE_LIMIT = "RATE_LIMIT"
    PROVIDER_DOWN = "PROVIDER_DOWN"
    CONNECTION = "CONNECTION"
    TIMEOUT = "TIMEOUT"
    MEMORY_STORE = "MEMORY_STORE"
    INTERRUPTED = "INTERRUPTED"
    AUTH = "AUTH"
    PERMISSION = "PERMISSION"
    MODEL_NOT_FOUND = "MODEL_NOT_FOUND"
    BAD_REQUEST = "BAD_REQUEST"
    CONTEXT_OVERFLOW = "CONTEXT_OVERFLOW"
    EXPERT_UNAVAILABLE = "EXPERT_UNAVAILABLE"
    DATA_MISSING = "DATA_MISSING"
    SYMBOL_INVALID = "SYMBOL_INVALID"
    STALE_DATA = "STALE_DATA"
    CALENDAR_ENDS = "CALENDAR_ENDS"
    OUTPUT_INVALID = "OUTPUT_INVALID"
    BUDGET = "BUDGET"
    BUG = "BUG"
    RUN_BEFORE = "RUN_BEFORE"
    EXPERT_SKIPPED = "EXPERT_SKIPPED"


class FailureKind(StrEnum):
    """Whether the same work is likely to succeed when it is simply repeated."""

    TRANSIENT = "transient"
    PERMANENT = "permanent"
    UNKNOWN = "unknown"


class Trigger(StrEnum):
    """What began an attempt."""

    FIRST = "first"
    RERUN = "rerun"
    RETRY = "retry"
    RESCUE = "rescue"
    RELEASE = "release"
    BULK = "bulk"


class Mode(StrEnum):
    """How much of the analysis an attempt does again."""

    FRESH = "fresh"
    RESUME = "resume"
    FROM_STEP = "from_step"
    ONLY = "only"


class Outcome(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"


class StepStatus(StrEnum):
    """Where a step of an attempt stands."""

    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"


class Signal(StrEnum):
    """What an expert recommends. REVIEW: it could not say, a person must look; never tradable."""

    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"
    REVIEW = "REVIEW"


class RiskLevel(StrEnum):
    """How much a position taken on a recommendation may lose, in words."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class TimeHorizon(StrEnum):
    """How long a recommendation expects to be right: days, weeks or months."""

    SHORT = "short_term"
    MEDIUM = "medium_term"
    LONG = "long_term"


class MetFirst(StrEnum):
    """Which of a recommendation's own prices the market touched first."""

    TARGET = "target"
    STOP = "stop"


class ActorKind(StrEnum):
    """The origin of an action: a page, the API, the command line, a schedule, or the console itself."""

    USER = "user"
    API = "api"
    CLI = "cli"
    SCHEDULE = "schedule"
    SYSTEM = "system"


class BatchKind(StrEnum):
    """What a batch was made by."""

    SUBMIT = "submit"
    BULK_RERUN = "bulk_rerun"
    SCHEDULE_RUN = "schedule_run"


class BatchState(StrEnum):
    """Where a batch stands.

    A canary runs before the rest where there is one. A person can pause, cancel or abort it: what is aborted still runs
    what was queued. One that nobody ended is failed when nothing in it succeeded.
    """

    CANARY = "canary"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    CANARY_FAILED = "canary_failed"
    ABORTED = "aborted"


class ItemOutcome(StrEnum):
    """What became of one item of a batch; a planned one has not been queued yet."""

    PLANNED = "planned"
    QUEUED = "queued"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    BLOCKED = "blocked"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class BreakerState(StrEnum):
    """Whether retries for a provider wait: all of them, all but one probe, ever fewer, or none."""

    OPEN = "open"
    PROBING = "probing"
    DRAINING = "draining"
    CLOSED = "closed"


class Mark(StrEnum):
    """What a person said of a group of equal failures."""

    RESOLVED = "resolved"
    IGNORED = "ignored"
    WONT_FIX = "wont_fix"


class CallOutcome(StrEnum):
    """How a model call ended; one whose console died before it was answered is interrupted."""

    ANSWERED = "answered"
    FAILED = "failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


class ProviderKind(StrEnum):
    """How a model provider is spoken to; the values are LangChain's `model_provider`, but for the scripted one."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    OLLAMA = "ollama"
    SCRIPTED = "scripted"


class StructuredMethod(StrEnum):
    """How a model is asked for a structured answer; `prompt`: in words alone."""

    FUNCTION_CALLING = "function_calling"
    JSON_SCHEMA = "json_schema"
    JSON_MODE = "json_mode"
    PROMPT = "prompt"


class TokenField(StrEnum):
    """The field of a request that limits the length of its answer."""

    MAX_TOKENS = "max_tokens"
    MAX_COMPLETION_TOKENS = "max_completion_tokens"
    NUM_PREDICT = "num_predict"


class ToolChoice(StrEnum):
    """How a model is made to answer by a tool: by its name, by any of those given, or only asked in words."""

    NAMED = "named"
    REQUIRED = "required"
    AUTO = "auto"


class UsageForm(StrEnum):
    """Where a streamed answer says its tokens: at its end when asked to, at its end unasked, or in every piece."""

    ASKED = "asked"
    UNASKED = "unasked"
    EACH = "each"


class ModelCheckKind(StrEnum):
    """What Test connection tries with a provider, in this order."""

    TEXT = "text"
    TOOL = "tool"
    STRUCTURED = "structured"
    CANCEL = "cancel"
    WINDOW = "window"


class Misfire(StrEnum):
    """What a schedule does after an outage with the times that passed meanwhile."""

    RUN_ONCE = "run_once"
    RUN_EACH = "run_each"
    SKIP = "skip"


class ScheduleClock(StrEnum):
    """By which clock a schedule runs: the real one, or the demo market's replay."""

    REAL = "real"
    REPLAY = "replay"


class OwnDaysKind(StrEnum):
    """How a desk corrects a calendar: days that are sessions after all, or days that are none."""

    EXTRA_SESSION = "extra_session"
    CLOSED_DAY = "closed_day"


class RunTrigger(StrEnum):
    """Why a run of a schedule began: its time had come, it made up for an outage, or a person asked."""

    PLANNED = "planned"
    CATCH_UP = "catch_up"
    MANUAL = "manual"


class RunState(StrEnum):
    """What became of one planned time of a schedule.

    LATE is done, but begun after its grace; MISSED never began, or nothing of it was done in time; SKIPPED was not
    meant to run (market closed).
    """

    RUNNING = "running"
    DONE = "done"
    LATE = "late"
    PARTLY_FAILED = "partly_failed"
    FAILED = "failed"
    MISSED = "missed"
    SKIPPED = "skipped"


class MessageState(StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
