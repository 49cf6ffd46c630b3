"""Structured logs on standard error: a constant sentence and fields."""

import structlog

from apps.core.log_masking import MaskedFormatter
from djinnbot.settings.env import env

_SHARED: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
# A plain traceback: the default shows local variables, and a secret may be one of them.
_RENDERER: list[structlog.typing.Processor] = (
    [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if env.bool("LOG_JSON", default=False)
    else [
        structlog.dev.ConsoleRenderer(
            colors=env.bool("LOG_COLOUR", default=False),
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]
)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": MaskedFormatter,
            "inner": structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=_SHARED,
                processors=[
                    structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                    *_RENDERER,
                ],
            ),
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
}

structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)
