"""Secrets in Django's admin: who may use what, and who did. Values are not among it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.secrets.models import Secret, SecretAccess, SecretGrant, SecretShare


class SecretGrantInline(ReadOnlyInline):
    model = SecretGrant
    fk_name = "secret"


class SecretShareInline(ReadOnlyInline):
    model = SecretShare


@admin.register(Secret)
class SecretAdmin(ReadOnlyAdmin):
    list_display = ("name", "type", "env_key", "scope", "user", "masked", "expires_at")
    list_filter = ("type", "scope")
    search_fields = ("name", "env_key")
    inlines = (SecretGrantInline, SecretShareInline)
    exclude = ("sealed",)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("sealed")


@admin.register(SecretAccess)
class SecretAccessAdmin(ReadOnlyAdmin):
    list_display = ("at", "env_key", "how", "agent_id", "session_id", "user_id")
    search_fields = ("=secret_id", "=session_id", "=agent_id")
    show_full_result_count = False
