"""Tables: every Core table by a short name, for the statements of the services."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from ba2_trade_platform.db.models import (
    actors,
    analyses,
    attempts,
    batches,
    experts,
    failures,
    instruments,
    language_models,
    notifications,
    operations,
    results,
    schedules,
)


def _table(model: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


metadata = SQLModel.metadata

actor = _table(actors.Actor)
activity_log = _table(actors.ActivityLog)
expert_instance = _table(experts.ExpertInstance)
expert_config = _table(experts.ExpertConfig)
analysis = _table(analyses.MarketAnalysis)
attempt = _table(attempts.AnalysisAttempt)
archive = _table(attempts.AttemptArchive)
step = _table(results.AnalysisStep)
step_result = _table(results.AnalysisStepResult)
output = _table(results.AnalysisOutput)
raw_data = _table(results.AnalysisRawData)
recommendation = _table(results.ExpertRecommendation)
instrument = _table(instruments.Instrument)
watchlist = _table(instruments.Watchlist)
watchlist_item = _table(instruments.WatchlistItem)
batch = _table(batches.Batch)
batch_item = _table(batches.BatchItem)
queue_state = _table(operations.QueueState)
failure_group = _table(failures.FailureGroup)
failure_hour = _table(failures.FailureHour)
breaker = _table(failures.Breaker)
idempotency_key = _table(actors.IdempotencyKey)
model_provider = _table(language_models.ModelProvider)
model_adaptation = _table(language_models.ModelAdaptation)
model_check = _table(language_models.ModelCheck)
model_call = _table(language_models.ModelCall)
model_answer = _table(language_models.ModelAnswer)
lesson = _table(results.LearntLesson)
desk_setting = _table(operations.DeskSetting)
symbol_map = _table(instruments.SymbolMap)
schedule = _table(schedules.Schedule)
schedule_watchlist = _table(schedules.ScheduleWatchlist)
schedule_run = _table(schedules.ScheduleRun)
process_run = _table(operations.ProcessRun)
alert = _table(notifications.Alert)
notification_channel = _table(notifications.NotificationChannel)
notification_rule = _table(notifications.NotificationRule)
notice = _table(notifications.Notice)
notification = _table(notifications.Notification)
backup = _table(operations.Backup)
