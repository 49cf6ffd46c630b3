"""PostgreSQL holds every state."""

from djinnbot.settings.env import env

_URL = env.db_url("DATABASE_URL")

DATABASES = {
    "default": {
        **_URL,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # a pool outlives a restart of the server
        "OPTIONS": {
            **_URL.get("OPTIONS", {}),
            # A number at all lets `apps.core.prepared` prepare; this one leaves the others alone.
            "prepare_threshold": 1_000_000_000,
            # Under ASGI a sync view runs in a thread of its own: without a pool each one connects.
            "pool": {
                "min_size": 1,
                "max_size": env.int("DATABASE_POOL_SIZE", default=8),
                "timeout": 10,
            },
        },
    }
}

# Connections of the event loop's own pool (`apps.core.async_sql`), beside the one above.
DATABASE_ASYNC_POOL_SIZE = env.int("DATABASE_ASYNC_POOL_SIZE", default=8)
