"""HTTP and websockets of the web process."""

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "djinnbot.settings.local")

http = get_asgi_application()

from apps.core.live.flow import with_back_pressure  # noqa: E402  models need Django to be set up
from apps.core.safety import refuse_unsafe_start  # noqa: E402
from apps.llm.gateway.asgi import with_gateway  # noqa: E402
from djinnbot import celery  # noqa: E402, F401  views send tasks through the configured app
from djinnbot.routing import websocket_urlpatterns  # noqa: E402

refuse_unsafe_start()

application = with_back_pressure(
    ProtocolTypeRouter({"http": with_gateway(http), "websocket": URLRouter(websocket_urlpatterns)})
)
