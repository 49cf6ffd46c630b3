"""Routes. A trailing slash is optional: the middleware takes it off before the URL is resolved."""

from collections.abc import Callable
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import URLPattern, path

from apps.core.api import finding, streams, system, workers


def route(pattern: str, view: Callable[..., Any], name: str | None = None) -> URLPattern:
    """A path under `/v1/`, written without slashes at its ends: `runs/<str:run_id>/steps`."""
    assert not pattern.startswith("/"), pattern
    assert not pattern.endswith("/"), pattern
    handler: Callable[..., HttpResponseBase] = view
    return path(pattern, handler, name=name)


urlpatterns = [
    route("health", system.HealthView.as_view(), name="health"),
    route("status", system.StatusView.as_view(), name="status"),
    route("workers", workers.WorkersView.as_view(), name="workers"),
    route("search", finding.SearchView.as_view(), name="search"),
    route("jobs", finding.JobsView.as_view(), name="jobs"),
    route("schema", system.SchemaView.as_view(), name="schema"),
    route("docs", system.DocsView.as_view(), name="docs"),
    route("events/stream", streams.FeedStreamView.as_view(), name="events-stream"),
    route("events/stream/<str:run_id>", streams.RunStreamView.as_view(), name="run-stream"),
]
