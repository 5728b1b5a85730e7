"""Server process: starts one console with its pages and API in one process, and stops it cleanly on a signal.

Decision record: docs/decisions/0003.
"""

from __future__ import annotations

import errno
import logging
import os
import secrets
import signal
import socket
from importlib.util import find_spec
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

import structlog
from nicegui import app, core, ui
from rich.console import Console
from rich.logging import RichHandler
from starlette.middleware.sessions import SessionMiddleware
from structlog.stdlib import ProcessorFormatter

from ba2_trade_platform.api.http.timely_requests import TimelyRequests
from ba2_trade_platform.api.register import register_api
from ba2_trade_platform.app.build import build
from ba2_trade_platform.app.collector_pauses import keep_for_ever
from ba2_trade_platform.app.open_files import connections_that_fit
from ba2_trade_platform.core.base.errors import StartRefused
from ba2_trade_platform.core.base.logs import LineFormatter, clean_keys
from ba2_trade_platform.settings import Settings
from ba2_trade_platform.ui.kit.feedback import ConsoleStoppingError
from ba2_trade_platform.ui.kit.socket_guard import SocketGuard
from ba2_trade_platform.ui.routes import register_pages

log = logging.getLogger(__name__)

TITLE = "BA2 Trade Platform"
LOG_BYTES = 5_000_000
LOG_FILES = 5
QUIET = (
    "alembic", "anthropic", "apscheduler", "asyncio", "httpcore", "httpcore2", "httpx", "httpx2", "nicegui", "openai",
    "uvicorn", "watchfiles",
)  # fmt: skip
LOG_LINE = "%(asctime)s %(levelname)-7s %(threadName)s %(name)s: %(message)s"
LOG_WIDTH = 200  # of lines that go into a file or to another program
CLOSING_SECONDS = 5
SOCKET_BYTES = 2_000_000  # a browser's message; the largest is a pasted list


def serve(settings: Settings, *, native: bool = False, new: bool = False) -> None:
    """Run the console until Ctrl-C or SIGTERM; what is running then is handed back and goes on at the next start.

    `new`: with an empty desk although a desk was here. Raises StartRefused with a sentence when the
    folder, the port or the database cannot be had.
    """
    # The server takes signals while it serves and raises them again when it has closed; then this ends the wait.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    if native:
        require_window(settings)
    open_log(settings)
    tracing = open_tracing(settings)
    platform = build(settings, tracing=tracing)
    if platform.instance_lock.holder() is None:  # else it is that console's port, and `own` says so better
        require_port(settings)
    try:
        platform.own(new=new)
        app.add_middleware(SessionMiddleware, secret_key=storage_secret(settings.data_dir))  # inside of the guard
        register_api(app, platform)
        register_pages(platform)
        app.on_startup(platform.start)
        app.on_startup(platform.operations.health.page_lag.run)
        app.on_startup(lambda: log.info("%s %s on %s; Ctrl-C stops it", TITLE, platform.version, settings.page_url))
        keep_for_ever()
        _run(settings, native=native)
    except KeyboardInterrupt:
        log.info("Stopping")
    finally:
        platform.stop()
        if tracing is not None:
            tracing.shutdown()  # what is not sent yet is sent now


def _run(settings: Settings, *, native: bool) -> None:
    app.storage.path = settings.data_dir.resolve() / "browsers"
    secret = storage_secret(settings.data_dir)
    SocketGuard(core.sio, secret).install()
    # Long polling would be a second way in.
    core.sio.eio.transports = app.config.socket_io_js_transports = ["websocket"]
    ui.run(
        host=settings.host,
        port=settings.port,
        title=TITLE,
        dark=None,
        native=native,
        window_size=(1440, 900) if native else None,
        reload=False,
        show=False,
        reconnect_timeout=30,
        show_welcome_message=False,
        storage_secret=secret,
        log_config=None,
        timeout_graceful_shutdown=CLOSING_SECONDS,
        http=TimelyRequests,
        limit_concurrency=connections_that_fit(settings.connections),
        ws_max_size=SOCKET_BYTES,
    )


def open_log(settings: Settings) -> None:
    """Log to stderr and to a rotating file; raises StartRefused when the data folder cannot be written."""
    folder = settings.data_dir / "logs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = RotatingFileHandler(folder / "console.log", maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    except OSError as error:
        raise StartRefused(f"BA2_DATA_DIR: {folder} cannot be written: {error.strerror}") from error
    file.setFormatter(json_lines() if settings.log_format == "json" else LineFormatter(LOG_LINE))
    console = Console(stderr=True)
    if not console.is_terminal:
        console.width = LOG_WIDTH
    terminal = RichHandler(console=console, show_path=False, log_time_format="%H:%M:%S")
    terminal.setFormatter(LineFormatter("%(message)s"))
    logging.basicConfig(level=settings.log_level, handlers=[terminal, file], force=True)
    for handler in (terminal, file):
        handler.addFilter(_answerable)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("engineio.server").setLevel(logging.CRITICAL)  # what strangers send is no error of ours


def json_lines() -> ProcessorFormatter:
    """Return a formatter that writes each line as a JSON object: time, level, logger, sentence and its own keys."""
    return ProcessorFormatter(
        foreign_pre_chain=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
        ],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            clean_keys,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
    )


def open_tracing(settings: Settings) -> Any:
    """Return an OpenTelemetry provider that sends spans to BA2_OTLP_ENDPOINT, None when that is empty.

    Raises StartRefused when the packages for it are not installed.
    """
    if not settings.otlp_endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 - optional
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as error:
        raise StartRefused(
            f"BA2_OTLP_ENDPOINT needs packages that are not installed ({error.name}): "
            ".venv/bin/pip install -e '.[tracing]'",
            code="NO_TRACING",
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": "ba2-trade-platform"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=settings.otlp_endpoint)))
    log.info("Spans of re-runs and attempts go to %s", settings.otlp_endpoint)
    return provider


def _answerable(record: logging.LogRecord) -> bool:
    """Leave out what is nobody's fault.

    Starlette raises an error when a browser has gone on before its answer came, and a page that waits for a service
    while the console stops gets no answer.
    """
    error = record.exc_info[1] if record.exc_info else None
    gone_on = isinstance(error, RuntimeError) and str(error) == "No response returned."
    return not (gone_on or isinstance(error, ConsoleStoppingError))


def require_port(settings: Settings) -> None:
    """Raise StartRefused unless the console can listen where it is told to."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            if os.name == "posix":  # as the server does; elsewhere the option would hide a port in use
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"Port {settings.port} on {settings.host}"
        if error.errno == errno.EADDRINUSE:
            raise StartRefused(f"{where} is in use; choose another with BA2_PORT", code="PORT_IN_USE") from error
        raise StartRefused(f"{where} cannot be opened: {error.strerror}; see BA2_HOST and BA2_PORT") from error


def require_window(settings: Settings) -> None:
    """Raise StartRefused unless a desktop window can be opened."""
    if find_spec("webview") is None:
        raise StartRefused(
            "A desktop window needs pywebview: install it with `pip install 'pywebview[pyside6]'`, "
            f"or start without --native and open `chromium --app={settings.page_url}`",
            code="NO_WINDOW",
        )


def storage_secret(data_dir: Path) -> str:
    """Return the secret that signs browsers' cookies, made at the first start and readable by its owner only."""
    file = data_dir / "storage_secret"
    if not file.exists():
        draft = file.with_suffix(".new")
        with os.fdopen(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32))
        draft.replace(file)
    return file.read_text()
