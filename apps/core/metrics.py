"""Prometheus metrics of the web process."""

from prometheus_client import Gauge, Histogram

REQUEST_SECONDS = Histogram(
    "djinnbot_http_request_seconds",
    "Time to the first byte of an answer",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
OPEN_STREAMS = Gauge("djinnbot_open_streams", "Websockets and event streams that are open")
QUEUE_LENGTH = Gauge("djinnbot_queue_length", "Messages that wait for a worker", ["queue"])
EVENTS_UNPUBLISHED = Gauge(
    "djinnbot_events_unpublished", "Events that the relay has not confirmed in Redis yet"
)
