"""What the API says of storage and of agents' homes."""

from typing import Any

from rest_framework import serializers

from apps.core.api.system import RoomSerializer
from apps.ops.models import Cleaning


class UsageSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    bytes = serializers.IntegerField()
    files = serializers.IntegerField()
    directories = serializers.IntegerField()
    quota_bytes = serializers.IntegerField(allow_null=True)
    is_over = serializers.BooleanField()
    measured_at = serializers.DateTimeField()


class StorageSerializer(serializers.Serializer[Any]):
    storage = RoomSerializer()
    sections = UsageSerializer(many=True)
    agents = UsageSerializer(many=True)
    projects = UsageSerializer(many=True)


class CleanSerializer(serializers.Serializer[Any]):
    dry_run = serializers.BooleanField(default=True, help_text="Only say what would go.")


class DeletionSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(
        choices=[
            *("preserved", "run_directory", "worktree", "branch", "overflow", "log", "log_tail")
        ]
    )
    path = serializers.CharField()
    reason = serializers.CharField()
    bytes = serializers.IntegerField()


class CleaningSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    dry_run = serializers.BooleanField()
    status = serializers.ChoiceField(choices=Cleaning.Status.choices)
    stage = serializers.CharField(help_text="The kind that is looked for now.")
    found = serializers.IntegerField(help_text="How many things have gone, or would go, so far.")
    freed_bytes = serializers.IntegerField()
    deletions = DeletionSerializer(many=True, help_text="When it is done; the first 1,000.")
    error = serializers.CharField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class SandboxEntrySerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    type = serializers.ChoiceField(choices=["file", "directory", "link", "other"])
    size = serializers.IntegerField()
    modified = serializers.DateTimeField()
    target = serializers.CharField(help_text="Of a link, which is shown and not followed.")


class SandboxSerializer(serializers.Serializer[Any]):
    agent_id = serializers.CharField()
    exists = serializers.BooleanField(help_text="False: no session of the agent has run yet.")
    used_mb = serializers.FloatField(allow_null=True, help_text="Null: not measured yet.")
    total_mb = serializers.IntegerField(allow_null=True, help_text="The quota.")
    over_quota = serializers.BooleanField()
    files = serializers.IntegerField(allow_null=True)
    directories = serializers.IntegerField(allow_null=True)
    measured_at = serializers.DateTimeField(allow_null=True)
    tools = serializers.ListField(child=serializers.CharField(), help_text="In `.local/bin`.")
    tree = SandboxEntrySerializer(many=True)


class TreeQuery(serializers.Serializer[Any]):
    path = serializers.CharField(required=False, default="", allow_blank=True)
    after = serializers.CharField(
        required=False, default="", allow_blank=True, help_text="`next` of the page before."
    )


class TreeSerializer(serializers.Serializer[Any]):
    items = SandboxEntrySerializer(many=True)
    next = serializers.CharField(allow_null=True, help_text="Null: this was the last page.")


class PathQuery(serializers.Serializer[Any]):
    path = serializers.CharField()


class SandboxFileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    size = serializers.IntegerField()
    modified = serializers.DateTimeField()
    content = serializers.CharField()
    encoding = serializers.ChoiceField(choices=["utf-8", "base64"])
    truncated = serializers.BooleanField()


class SandboxUploadSerializer(serializers.Serializer[Any]):
    content = serializers.CharField(allow_blank=True, trim_whitespace=False)
    encoding = serializers.ChoiceField(choices=["utf-8", "base64"], default="utf-8")
