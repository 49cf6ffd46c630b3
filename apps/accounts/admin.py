"""Accounts in Django's admin. Hashes and tokens are never shown; keys are revoked, not edited."""

from allauth.socialaccount.models import SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.models import (
    ApiKey,
    OidcProvider,
    SessionToken,
    StreamTicket,
    User,
    WaitlistEntry,
)
from apps.accounts.services import api_key_revoke, session_tokens_revoke
from apps.core.admin import ReadOnlyAdmin

admin.site.unregister(Group)  # roles decide
admin.site.unregister([SocialApp, SocialToken])  # no rows of ours: they would keep secrets as text


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Changed over the API, which knows who outranks whom: here an admin could give an owner
    another password."""

    list_display = ("email", "display_name", "role", "kind", "is_active", "last_login")
    list_filter = ("role", "kind", "is_active")
    search_fields = ("username", "email", "display_name")
    fields = (*list_display, "username", "has_second_factor", "must_change_password", "date_joined")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("prefix", "name", "user", "scopes", "created", "last_used_at", "revoked")
    list_filter = ("revoked",)
    search_fields = ("prefix", "name", "user__username")
    list_select_related = ("user",)
    fields = list_display
    actions = ("revoke",)

    @admin.action(description="Revoke the chosen keys", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        assert isinstance(request.user, User)
        keys = list(queryset)
        api_key_revoke(keys=keys, by=request.user)
        self.message_user(request, f"{len(keys)} keys are revoked.")

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


@admin.register(SessionToken)
class SessionTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "session_id", "agent_id", "run_id", "expires_at", "revoked_at")
    search_fields = ("session_id", "agent_id", "run_id")
    fields = (*list_display, "user", "grants", "created_at")
    actions = ("revoke",)

    @admin.action(description="End the chosen sessions' access", permissions=["revoke"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[SessionToken]) -> None:
        for session_id in queryset.values_list("session_id", flat=True):
            session_tokens_revoke(session_id)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)


@admin.register(StreamTicket)
class StreamTicketAdmin(ReadOnlyAdmin):
    list_display = ("kind", "user", "topics", "expires_at", "used_at")
    fields = list_display
    list_display_links = None


@admin.register(OidcProvider)
class OidcProviderAdmin(ReadOnlyAdmin):
    list_display = ("slug", "name", "issuer", "enabled", "create_users", "last_test_ok")
    fields = (
        *list_display,
        "client_id",
        "scopes",
        "trust_email",
        "allowed_domains",
        "default_role",
        "group_claim",
        "group_role_map",
        "last_test_at",
    )


@admin.register(WaitlistEntry)
class WaitlistEntryAdmin(ReadOnlyAdmin):
    list_display = ("email", "created_at", "invited_at", "registered_at", "mail_error")
    search_fields = ("email",)
