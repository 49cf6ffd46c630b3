"""Redis: broker and streams. The channel layer carries rare control messages only."""

from djinnbot.settings.env import env

REDIS_URL = env.str("REDIS_URL")

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "djinnbot:layer"},
    }
}
