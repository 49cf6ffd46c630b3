"""Addresses of websockets."""

from django.urls import path

from apps.core.live.consumer import StreamConsumer

websocket_urlpatterns = [path("ws/", StreamConsumer.as_asgi())]
