"""Celery carries ids; PostgreSQL decides. Each value below closes a fault that was measured."""

from djinnbot.settings.env import env


def _kombu_url(url: str) -> str:
    """kombu has words of its own for a Unix socket."""
    if not url.startswith("unix://"):
        return url
    return "redis+socket" + url.removeprefix("unix").replace("?db=", "?virtual_host=")


CELERY_BROKER_URL = _kombu_url(env.str("REDIS_URL"))
CELERY_RESULT_BACKEND = CELERY_BROKER_URL  # chords only
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = 3600
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_DEFAULT_QUEUE = "control"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # Above the longest step (24 h): redelivery while a step runs is harmless, but useless.
    "visibility_timeout": env.int("CELERY_VISIBILITY_TIMEOUT_S", default=26 * 3600),
    "unacked_restore_interval": 1,
    "unacked_restore_throttle": 1,
    "socket_timeout": None,
    "socket_keepalive": True,
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
