"""Shapes of the workspace API."""

from typing import Any

from rest_framework import serializers


class FileEntrySerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    size = serializers.IntegerField()
    modified = serializers.DateTimeField(allow_null=True)


class WorkspaceFileSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    content = serializers.CharField()


class CommitSerializer(serializers.Serializer[Any]):
    hash = serializers.CharField()
    author = serializers.CharField()
    email = serializers.CharField()
    date = serializers.DateTimeField()
    subject = serializers.CharField()
    step = serializers.CharField(help_text="Empty when the commit is not one of a step.")
    agent = serializers.CharField()
    summary = serializers.CharField()
    files_changed = serializers.IntegerField()
    additions = serializers.IntegerField()
    deletions = serializers.IntegerField()


class ChangeSerializer(serializers.Serializer[Any]):
    path = serializers.CharField()
    old_path = serializers.CharField(help_text="Where a renamed file was.")
    status = serializers.ChoiceField(choices=["added", "modified", "deleted", "renamed", "copied"])
    additions = serializers.IntegerField(allow_null=True, help_text="Null for a binary file.")
    deletions = serializers.IntegerField(allow_null=True)


class GitStatusSerializer(serializers.Serializer[Any]):
    branch = serializers.CharField()
    tracking = serializers.CharField()
    clean = serializers.BooleanField()
    ahead = serializers.IntegerField()
    behind = serializers.IntegerField()
    changes = ChangeSerializer(many=True, help_text="The first ten.")
    change_count = serializers.IntegerField()
    last_commit = CommitSerializer(allow_null=True)


class DiffSerializer(serializers.Serializer[Any]):
    base = serializers.CharField()
    hash = serializers.CharField()
    files = ChangeSerializer(many=True)
    patch = serializers.CharField(help_text="Unified, at most 1 MB.")
    truncated = serializers.BooleanField()


class HistoryQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=1_000_000)
    own = serializers.BooleanField(
        default=False, help_text="Only commits that were made in this workspace."
    )


class FileHistoryQuery(serializers.Serializer[Any]):
    limit = serializers.IntegerField(default=20, min_value=1, max_value=200)


class MergeSerializer(serializers.Serializer[Any]):
    strategy = serializers.ChoiceField(choices=["merge", "squash", "rebase"], default="merge")


class MergedSerializer(serializers.Serializer[Any]):
    branch = serializers.CharField(help_text="The branch that holds the result.")
    commit = serializers.CharField(help_text="Empty when there are conflicts.")
    conflicts = serializers.ListField(child=serializers.CharField())


class PushSerializer(serializers.Serializer[Any]):
    branch = serializers.CharField(default="", allow_blank=True)
    force = serializers.BooleanField(default=False)


class PushedSerializer(serializers.Serializer[Any]):
    branch = serializers.CharField()
    commit = serializers.CharField()
    pushed = serializers.IntegerField(help_text="Commits that the remote did not have.")
