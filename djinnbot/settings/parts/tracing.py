"""Traces leave only when there is somewhere to send them."""

from djinnbot.settings.env import env

OTEL_ENDPOINT = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", default="")  # http://collector:4318
OTEL_SERVICE_NAME = env.str("OTEL_SERVICE_NAME", default="djinnbot")
OTEL_DELAY_MS = env.int("OTEL_BSP_SCHEDULE_DELAY", default=2000)
