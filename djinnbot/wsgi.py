"""The JSON API for threaded servers; sockets, streams and the gateway need `asgi`."""

import os

from django.core.wsgi import get_wsgi_application

from djinnbot import celery  # noqa: F401  views send tasks through the configured app

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")

application = get_wsgi_application()

from apps.core.safety import refuse_unsafe_start  # noqa: E402  apps need Django to be set up

refuse_unsafe_start()
