"""A laptop: loopback only."""

from djinnbot.settings.base import *  # noqa: F403

DEBUG = True
