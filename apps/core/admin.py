"""The event log in Django's admin: to look at, not to change."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from apps.core.models import Event, EventTopic


class _ReadOnly:
    """Rows are looked at. What changes them are services, which check and tell."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ReadOnlyAdmin(_ReadOnly, ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    """The admin of every model whose rows belong to services."""


class ReadOnlyInline(_ReadOnly, TabularInline):  # type: ignore[misc]  # unfold is untyped
    extra = 0


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("topic", "seq", "type", "step_id", "created_at", "published_at")
    search_fields = ("=topic", "=run_id", "=session_id")
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("payload")


@admin.register(EventTopic)
class EventTopicAdmin(ReadOnlyAdmin):
    list_display = ("name", "seq")
    search_fields = ("name",)
    show_full_result_count = False
