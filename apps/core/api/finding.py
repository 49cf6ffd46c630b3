"""Finding things by name, and the long work that is under way."""

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import USERS
from apps.core.api.views import ApiView
from apps.core.errors import Invalid
from apps.core.jobs import KEPT, job_list
from apps.core.search import search, search_kinds


class SearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=200, help_text="Every word of it begins one of a hit's.")
    kinds = serializers.CharField(
        required=False, default="", help_text="Names with commas between; all without."
    )
    limit = serializers.IntegerField(
        required=False, default=6, min_value=1, max_value=50, help_text="Of each kind."
    )


class FoundSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="run, agent, pipeline, session, evaluation or person.")
    id = serializers.CharField()
    title = serializers.CharField()
    detail = serializers.CharField()
    status = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class JobSerializer(serializers.Serializer[Any]):
    kind = serializers.CharField(help_text="cleaning, evaluation or export.")
    id = serializers.CharField()
    title = serializers.CharField()
    state = serializers.ChoiceField(choices=["waiting", "running", "done", "failed"])
    detail = serializers.CharField(help_text="How far it is, or what went wrong.")
    done = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class SearchView(ApiView):
    callers = USERS
    scope = "read"
    query = SearchQuery

    @extend_schema(operation_id="search", responses=FoundSerializer(many=True))
    def get(self, request: Request) -> Response:
        """What the caller may see and has this name, by kind, the best of each kind first."""
        values = self.query_values()
        hits = search(self.caller, values["q"], kinds=_kinds(values["kinds"]), most=values["limit"])
        return Response(FoundSerializer([asdict(hit) for hit in hits], many=True).data)


class JobsView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(operation_id="jobs_list", responses=JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Long work under way, and what has ended in the last half hour; the newest first."""
        jobs = job_list(self.caller, timezone.now() - KEPT)
        return Response(JobSerializer([asdict(job) for job in jobs], many=True).data)


def _kinds(text: str) -> list[str]:
    known = search_kinds()
    named = [name for name in text.split(",") if name]
    if unknown := sorted(set(named) - set(known)):
        raise Invalid(f"Unknown kinds: {', '.join(unknown)}. Known: {', '.join(known)}.")
    return named or known
