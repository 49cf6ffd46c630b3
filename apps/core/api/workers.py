"""Workers, queues and the schedule, for administrators."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import ADMINS
from apps.core.api.views import ApiView
from apps.core.workers import workers_standing


class WorkerSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    queues = serializers.ListField(child=serializers.CharField())
    slots = serializers.IntegerField(help_text="So much it does at once.")
    active = serializers.IntegerField(help_text="Tasks that it does now.")
    uptime_s = serializers.IntegerField()
    done = serializers.IntegerField(help_text="Tasks since it started.")


class QueueSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    waiting = serializers.IntegerField(
        allow_null=True, help_text="Messages that wait; null when Redis does not say."
    )
    workers = serializers.IntegerField(help_text="Workers that serve it.")


class ScheduledSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    every_s = serializers.FloatField()
    enabled = serializers.BooleanField()
    last_run_at = serializers.DateTimeField(allow_null=True)
    runs = serializers.IntegerField()


class WorkersSerializer(serializers.Serializer[Any]):
    workers = WorkerSerializer(many=True)
    queues = QueueSerializer(many=True)
    schedule = ScheduledSerializer(many=True)


class WorkersView(ApiView):
    callers = ADMINS
    scope = "admin"

    @extend_schema(operation_id="workers", responses=WorkersSerializer)
    def get(self, request: Request) -> Response:
        """Who works, what waits, and what is sent when. Workers have a second to answer."""
        return Response(WorkersSerializer(workers_standing()).data)
