"""A laptop: loopback only. `DEBUG=true` is for working on DjinnBot itself: it costs each query time
and memory, so a person's own install goes without."""

from djinnbot.settings.base import *  # noqa: F403
from djinnbot.settings.env import env

DEBUG = env.bool("DEBUG", default=False)
WHITENOISE_USE_FINDERS = True  # static files straight from the source tree
STATIC_ROOT = None  # nothing is collected here
