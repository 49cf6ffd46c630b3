"""Every model of ours is shown in the admin by the one read-only class, or says why not here."""

from typing import Any

import pytest
from django.contrib import admin
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from apps.accounts.models import User
from apps.core.admin import ReadOnlyAdmin, ReadOnlyInline

# People, what they may do, and keys that an operator hands in: their own matter.
EDITED = {"user", "group", "providerkey"}

admin.autodiscover()
OURS: list[Any] = [
    model_admin
    for model, model_admin in admin.site._registry.items()
    if model.__module__.startswith("apps.")
]


def test_our_models_are_read_only() -> None:
    editable = {a.model._meta.model_name for a in OURS if not isinstance(a, ReadOnlyAdmin)}
    assert len(OURS) > 15
    assert editable <= EDITED


@pytest.mark.parametrize("shown", [a for a in OURS if isinstance(a, ReadOnlyAdmin)], ids=str)
def test_nothing_can_be_edited(shown: Any) -> None:
    request = HttpRequest()
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    parts = [shown, *(inline(shown.model, admin.site) for inline in shown.inlines)]
    assert all(isinstance(part, ReadOnlyAdmin | ReadOnlyInline) for part in parts)
    for part in parts:
        assert not part.has_add_permission(request, None)
        assert not part.has_change_permission(request, None)
        assert not part.has_delete_permission(request, None)
        assert part.has_view_permission(request, None)


@pytest.mark.parametrize("shown", OURS, ids=str)
@pytest.mark.django_db
def test_list_opens(shown: Any, client: Client) -> None:
    client.force_login(User.objects.create_superuser("owner"))
    meta = shown.model._meta
    page = client.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))
    assert page.status_code == 200
