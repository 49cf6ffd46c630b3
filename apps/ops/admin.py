"""Storage in Django's admin: shown."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin
from apps.ops.models import Cleaning, StorageUsage


@admin.register(StorageUsage)
class StorageUsageAdmin(ReadOnlyAdmin):
    list_display = ("kind", "name", "bytes", "quota_bytes", "measured_at")
    list_filter = ("kind",)


@admin.register(Cleaning)
class CleaningAdmin(ReadOnlyAdmin):
    list_display = ("id", "status", "dry_run", "found", "freed_bytes", "created_at")
    list_filter = ("status", "dry_run")
