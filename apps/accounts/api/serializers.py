from typing import Any

from rest_framework import serializers

from apps.accounts.models import ApiKey
from apps.core.api.callers import SCOPES


class MeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["user", "session"])
    id = serializers.CharField(allow_null=True, help_text="The user's id; null without a user.")
    username = serializers.CharField()
    email = serializers.CharField()
    is_admin = serializers.BooleanField()
    scopes = serializers.ListField(child=serializers.CharField())
    session_id = serializers.CharField(help_text="Of an agent's session; else empty.")
    agent_id = serializers.CharField(help_text="Of an agent's session; else empty.")


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    id = serializers.CharField(source="prefix", help_text="The visible part of the key.")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry_date", allow_null=True)

    class Meta:
        model = ApiKey
        fields = ("id", "name", "scopes", "created_at", "expires_at", "last_used_at", "revoked")


class ApiKeyCreateSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=50)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), allow_empty=False, max_length=len(SCOPES)
    )
    expires_in_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=3650
    )


class ApiKeyCreatedSerializer(ApiKeySerializer):
    key = serializers.CharField(help_text="Shown this once and stored nowhere.")

    class Meta(ApiKeySerializer.Meta):
        fields = (*ApiKeySerializer.Meta.fields, "key")  # type: ignore[assignment]  # one longer


class StreamTicketCreateSerializer(serializers.Serializer[Any]):
    topics = serializers.ListField(
        child=serializers.CharField(max_length=128),
        required=False,
        default=list,
        max_length=100,
        help_text="The topics that it opens. Empty: all that you may see.",
    )


class StreamTicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class LoginLinkCreateSerializer(serializers.Serializer[Any]):
    next = serializers.RegexField(
        r"^/(?!/)", max_length=1000, required=False, default="/", help_text="The page to open."
    )


class LoginLinkSerializer(serializers.Serializer[Any]):
    url = serializers.CharField(help_text="Opens the dashboard, signed in. Works once.")
    expires_in = serializers.IntegerField(help_text="Seconds.")
