"""The JSON API for threaded servers; sockets, streams and the gateway need `asgi`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")

application = get_wsgi_application()
