"""Short-lived facts that all processes share: rate limits and what a sign-in leaves for its next
step. Nothing here is the truth, and nothing here outlives an hour."""

from djinnbot.settings.parts.channels import REDIS_URL

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "djinnbot:cache",
        "TIMEOUT": 3600,
        "OPTIONS": {"protocol": 2, "socket_timeout": 1.0, "socket_connect_timeout": 0.5},
    }
}
