"""PostgreSQL holds every state."""

from djinnbot.settings.env import env

DATABASES = {
    "default": {
        **env.db_url("DATABASE_URL"),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {
            # Under ASGI each sync view runs in its own thread: without a pool it would connect anew.
            "pool": {
                "min_size": 1,
                "max_size": env.int("DATABASE_POOL_SIZE", default=8),
                "timeout": 10,
            },
        },
    }
}
