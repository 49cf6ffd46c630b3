"""Notifications in Django's admin, to look at. Secrets of webhooks are never shown."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.notifications.models import (
    Delivery,
    FeedPlace,
    Notification,
    NotificationRule,
    NotificationState,
    Webhook,
)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyAdmin):
    list_display = ("kind", "level", "title", "user", "role", "count", "created_at")
    list_filter = ("kind", "level")
    search_fields = ("title", "=object_id", "user__username")
    list_select_related = ("user",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = (
        "notification", "user", "sink", "due_at", "attempts", "done_at", "given_up_at", "error",
    )  # fmt: skip
    list_filter = ("sink",)
    list_select_related = ("notification", "user")


@admin.register(Webhook)
class WebhookAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "url", "allow_private", "enabled", "failures", "created_at")
    fields = list_display
    list_select_related = ("user",)


@admin.register(NotificationRule)
class NotificationRuleAdmin(ReadOnlyAdmin):
    list_display = ("user", "kind", "sink", "webhook", "min_level", "digest")
    list_select_related = ("user", "webhook")


@admin.register(NotificationState)
class NotificationStateAdmin(ReadOnlyAdmin):
    list_display = ("user", "notification", "read_at", "dismissed_at")
    list_select_related = ("user", "notification")


@admin.register(FeedPlace)
class FeedPlaceAdmin(ReadOnlyAdmin):
    list_display = ("id", "xid", "row_id")
