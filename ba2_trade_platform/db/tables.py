"""Every table by a short name, for the Core statements of the services."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from ba2_trade_platform.db.models import (
    analyses,
    desk,
    experts,
    failures,
    language,
    notices,
    people,
    results,
    schedules,
)


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


metadata = SQLModel.metadata

actor = _table(people.Actor)
activity_log = _table(people.ActivityLog)
expert_instance = _table(experts.ExpertInstance)
expert_config = _table(experts.ExpertConfig)
analysis = _table(analyses.MarketAnalysis)
attempt = _table(analyses.AnalysisAttempt)
archive = _table(analyses.AttemptArchive)
step = _table(results.AnalysisStep)
step_result = _table(results.AnalysisStepResult)
output = _table(results.AnalysisOutput)
raw_data = _table(results.AnalysisRawData)
recommendation = _table(results.ExpertRecommendation)
instrument = _table(desk.Instrument)
watchlist = _table(desk.Watchlist)
watchlist_item = _table(desk.WatchlistItem)
batch = _table(desk.Batch)
batch_item = _table(desk.BatchItem)
queue_state = _table(desk.QueueState)
failure_group = _table(failures.FailureGroup)
failure_hour = _table(failures.FailureHour)
breaker = _table(failures.Breaker)
bulk_rerun = _table(failures.BulkRerun)
idempotency_key = _table(failures.IdempotencyKey)
model_provider = _table(language.ModelProvider)
model_call = _table(language.ModelCall)
model_answer = _table(language.ModelAnswer)
lesson = _table(language.LearntLesson)
desk_setting = _table(language.DeskSetting)
symbol_map = _table(desk.SymbolMap)
schedule = _table(schedules.Schedule)
schedule_watchlist = _table(schedules.ScheduleWatchlist)
schedule_run = _table(schedules.ScheduleRun)
presence = _table(schedules.Presence)
alert = _table(notices.Alert)
notification_channel = _table(notices.NotificationChannel)
notification_rule = _table(notices.NotificationRule)
notice = _table(notices.Notice)
notification = _table(notices.Notification)
backup = _table(notices.Backup)
