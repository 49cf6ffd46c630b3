"""Providers, keys, shares, models and aliases in Django's admin. A key is typed in, never shown."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline
from apps.llm import services
from apps.llm.models import (
    LlmSettingChange,
    ModelAlias,
    ModelEntry,
    ProviderConfig,
    ProviderKey,
    ProviderShare,
)


@admin.register(ProviderConfig)
class ProviderConfigAdmin(ReadOnlyAdmin):
    list_display = ("id", "label", "kind", "enabled", "base_url", "allow_private", "last_error")
    search_fields = ("id", "label")


class ProviderShareInline(ReadOnlyInline):
    model = ProviderShare


class ProviderKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """A new key of the instance; a key that is there is replaced by setting it anew."""

    key = forms.CharField(widget=forms.PasswordInput(render_value=False), strip=True)

    class Meta:
        model = ProviderKey
        fields = ("provider", "allow_unattended")


@admin.register(ProviderKey)
class ProviderKeyAdmin(ModelAdmin):  # type: ignore[misc]  # unfold is untyped
    form = ProviderKeyForm
    list_display = ("provider", "scope", "user", "project_id", "masked", "status", "checked_at")
    list_filter = ("scope", "status", "provider")
    inlines = (ProviderShareInline,)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ProviderKey, form: Any, change: bool) -> None:
        made = services.key_set(
            provider_id=obj.provider,
            secret=form.cleaned_data["key"],
            by=request.user,  # type: ignore[arg-type]  # signed in
            allow_unattended=obj.allow_unattended,
        )
        obj.pk = made.pk


@admin.register(ModelEntry)
class ModelEntryAdmin(ReadOnlyAdmin):
    list_display = ("provider", "model", "source", "context_window", "price_input", "price_output")
    list_filter = ("source", "provider")
    search_fields = ("model",)


@admin.register(ModelAlias)
class ModelAliasAdmin(ReadOnlyAdmin):
    list_display = ("name", "chain", "max_attempts")


@admin.register(LlmSettingChange)
class LlmSettingChangeAdmin(ReadOnlyAdmin):
    list_display = ("changed_at", "key", "old", "new", "changed_by")
