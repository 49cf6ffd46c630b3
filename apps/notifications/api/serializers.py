from typing import Any

from rest_framework import serializers

from apps.accounts.roles import Role
from apps.notifications.kinds import Level
from apps.notifications.models import Digest, Notification, NotificationRule, Sink, Webhook


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    read_at = serializers.DateTimeField(allow_null=True, default=None, help_text="By you.")

    class Meta:
        model = Notification
        fields = (
            "id",
            "kind",
            "level",
            "title",
            "body",
            "link",
            "object_kind",
            "object_id",
            "count",
            "created_at",
            "last_at",
            "expires_at",
            "read_at",
        )


class NotificationFilterSerializer(serializers.Serializer[Any]):
    unread = serializers.BooleanField(required=False, default=False)
    kind = serializers.CharField(required=False, max_length=64)


class AnnouncementSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(max_length=256)
    body = serializers.CharField(max_length=4000, required=False, default="", allow_blank=True)
    level = serializers.ChoiceField(choices=Level.choices, default=Level.INFO)
    role = serializers.ChoiceField(
        choices=Role.choices, default=Role.VIEWER, help_text="Who has it, or more, is told."
    )
    link = serializers.RegexField(
        r"^/(?!/)", max_length=1000, required=False, default="", allow_blank=True
    )
    expires_at = serializers.DateTimeField(required=False, default=None, allow_null=True)


class UnreadSerializer(serializers.Serializer[Any]):
    unread = serializers.IntegerField()


class ReadSerializer(serializers.Serializer[Any]):
    read = serializers.IntegerField(help_text="How many were unread.")


class NotificationRuleSerializer(serializers.ModelSerializer[NotificationRule]):
    kind = serializers.RegexField(
        r"^[a-z_.*]{1,64}$", default="*", help_text="A pattern: `*`, `run.*`, `account.key`."
    )
    sink = serializers.ChoiceField(choices=Sink.choices)
    webhook = serializers.CharField(
        source="webhook_id", required=False, default=None, allow_null=True, help_text="Its id."
    )
    min_level = serializers.ChoiceField(choices=Level.choices, default=Level.INFO)
    quiet_from = serializers.TimeField(
        required=False, default=None, allow_null=True, help_text="In your time zone."
    )
    quiet_until = serializers.TimeField(required=False, default=None, allow_null=True)
    digest = serializers.ChoiceField(choices=Digest.choices, default=Digest.NONE)

    class Meta:
        model = NotificationRule
        fields = ("kind", "sink", "webhook", "min_level", "quiet_from", "quiet_until", "digest")


class NotificationRulesSerializer(serializers.Serializer[Any]):
    rules = NotificationRuleSerializer(
        many=True,
        max_length=50,  # type: ignore[call-arg]  # of the list
    )


class WebhookSerializer(serializers.ModelSerializer[Webhook]):
    class Meta:
        model = Webhook
        fields = ("id", "name", "url", "allow_private", "enabled", "failures", "created_at")
        read_only_fields = ("id", "failures", "created_at")


class WebhookChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)
    url = serializers.URLField(max_length=500)
    allow_private = serializers.BooleanField(required=False, help_text="For administrators.")
    enabled = serializers.BooleanField(required=False)


class WebhookCreatedSerializer(WebhookSerializer):
    secret = serializers.CharField(help_text="`whsec_…`, shown this once.")

    class Meta(WebhookSerializer.Meta):
        fields = (*WebhookSerializer.Meta.fields, "secret")  # type: ignore[assignment]  # one longer
