"""Shapes of secrets over HTTP. Values come in and do not go out."""

from typing import Any

from rest_framework import serializers

from apps.secrets.content import LONGEST_VALUE
from apps.secrets.models import Secret, SecretAccess, SecretGrant

_MOST_KEYS = 20


class SecretTypeSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    description = serializers.CharField()
    fields_needed = serializers.ListField(child=serializers.CharField())
    fields_possible = serializers.ListField(child=serializers.CharField())
    gives = serializers.CharField(help_text="What a command of the agent gets.")


class SecretGrantSerializer(serializers.ModelSerializer[SecretGrant]):
    for_user_id = serializers.CharField(
        allow_null=True, help_text="Only in sessions that this user started. Null: in all."
    )

    class Meta:
        model = SecretGrant
        fields = (
            *("id", "agent_id", "env_key", "for_user_id", "project_id", "reveal"),
            *("expires_at", "created_at"),
        )


class SecretSerializer(serializers.ModelSerializer[Secret]):
    """`masked` tells two secrets apart: the last characters of a value, or the fingerprint of an
    SSH key. `grants`: those that the caller may see."""

    user_id = serializers.CharField(allow_null=True)
    rotation_due = serializers.BooleanField()
    may_manage = serializers.BooleanField()
    grants = SecretGrantSerializer(many=True, source="seen_grants")

    class Meta:
        model = Secret
        fields = (
            *("id", "name", "description", "type", "env_key", "scope", "user_id", "project_id"),
            *("masked", "username", "url", "file_name", "has_totp", "reveal", "expires_at"),
            *("rotate_after", "rotation_due", "last_used_at", "version", "created_at"),
            *("updated_at", "may_manage", "grants"),
        )


class _Values(serializers.Serializer[Any]):
    value = serializers.CharField(
        required=False,
        write_only=True,
        trim_whitespace=False,
        max_length=2 * LONGEST_VALUE,
        help_text="The value, the file's text, the private key, the seed, or the password.",
    )
    value_base64 = serializers.CharField(
        required=False, write_only=True, max_length=4 * LONGEST_VALUE, help_text="Of a file."
    )
    passphrase = serializers.CharField(
        required=False, write_only=True, trim_whitespace=False, allow_blank=True, max_length=1024
    )
    totp_seed = serializers.CharField(
        required=False, write_only=True, allow_blank=True, max_length=2000
    )
    description = serializers.CharField(required=False, allow_blank=True, max_length=4000)
    username = serializers.CharField(required=False, allow_blank=True, max_length=256)
    url = serializers.URLField(required=False, allow_blank=True, max_length=2000)
    file_name = serializers.CharField(required=False, allow_blank=True, max_length=128)
    reveal = serializers.BooleanField(required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)
    rotate_after = serializers.DateTimeField(required=False, allow_null=True)


class SecretCreateSerializer(_Values):
    name = serializers.CharField(max_length=256)
    type = serializers.ChoiceField(choices=Secret.Type.choices)
    scope = serializers.ChoiceField(choices=Secret.Scope.choices, default=Secret.Scope.USER)
    project_id = serializers.CharField(required=False, max_length=64)
    env_key = serializers.CharField(
        required=False, max_length=256, help_text="How agents ask for it; made of the name."
    )


class SecretPatchSerializer(_Values):
    name = serializers.CharField(required=False, max_length=256)
    version = serializers.IntegerField(required=False, min_value=1)


class GrantCreateSerializer(serializers.Serializer[Any]):
    project_id = serializers.CharField(required=False, max_length=64)
    reveal = serializers.BooleanField(required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class RevealSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(max_length=16, write_only=True, help_text="Of your authenticator.")


class RevealedSerializer(serializers.Serializer[Any]):
    value = serializers.CharField()


class SecretAccessSerializer(serializers.ModelSerializer[SecretAccess]):
    class Meta:
        model = SecretAccess
        fields = (*("id", "env_key", "how", "agent_id", "session_id", "run_id", "user_id", "at"),)


class AgentSecretSerializer(serializers.Serializer[Any]):
    """What an agent is told of a secret: never its value."""

    secret_id = serializers.CharField()
    env_key = serializers.CharField()
    name = serializers.CharField(source="secret.name")
    type = serializers.CharField(source="secret.type")
    description = serializers.CharField(source="secret.description")
    username = serializers.CharField(source="secret.username")
    url = serializers.CharField(source="secret.url")
    file_name = serializers.CharField(source="secret.file_name")
    has_totp = serializers.BooleanField(source="secret.has_totp")
    may_reveal = serializers.BooleanField()


class KeysQuery(serializers.Serializer[Any]):
    keys = serializers.CharField(
        max_length=_MOST_KEYS * 257, help_text="Environment names, with commas between them."
    )

    def validate_keys(self, value: str) -> list[str]:
        return _names(value.split(","))


class KeysSerializer(serializers.Serializer[Any]):
    keys = serializers.ListField(
        child=serializers.CharField(max_length=256), min_length=1, max_length=_MOST_KEYS
    )

    def validate_keys(self, value: list[str]) -> list[str]:
        return _names(value)


def _names(values: list[str]) -> list[str]:
    names = [value.strip() for value in values if value.strip()]
    if not 1 <= len(names) <= _MOST_KEYS:
        raise serializers.ValidationError(f"Name 1 to {_MOST_KEYS} secrets.")
    return names


class TotpAskSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(max_length=256)


class TotpCodeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")


class SecretFileSerializer(serializers.Serializer[Any]):
    env_key = serializers.CharField()
    name = serializers.CharField()
    content_base64 = serializers.CharField()


class InjectionSerializer(serializers.Serializer[Any]):
    env = serializers.DictField(child=serializers.CharField())
    files = SecretFileSerializer(many=True)


class RevealedTextsSerializer(serializers.Serializer[Any]):
    values = serializers.DictField(child=serializers.CharField())
