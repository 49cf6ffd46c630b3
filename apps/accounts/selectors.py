"""Reading accounts."""

from django.db.models import QuerySet

from apps.accounts.models import ApiKey, AuditEvent, Invite, OidcProvider, User, WaitlistEntry


def api_key_list(user: User) -> QuerySet[ApiKey]:
    """A person's own keys."""
    return ApiKey.objects.filter(user=user, kind=ApiKey.Kind.USER).order_by("-created", "prefix")


def program_key_list(kind: ApiKey.Kind) -> QuerySet[ApiKey]:
    """The keys of programs, or of agents that run elsewhere."""
    found = ApiKey.objects.filter(kind=kind).select_related("user")
    return found.order_by("-created", "prefix")


def user_list() -> QuerySet[User]:
    return User.objects.filter(kind=User.Kind.PERSON, deleted_at=None)


def sign_in_providers() -> list[dict[str, str]]:
    """The identity providers that the sign-in page offers."""
    rows = OidcProvider.objects.filter(enabled=True).values_list("slug", "name", "icon")
    return [{"slug": slug, "label": name, "icon": icon} for slug, name, icon in rows]


def invite_list() -> QuerySet[Invite]:
    return Invite.objects.select_related("created_by")


def waitlist_list() -> QuerySet[WaitlistEntry]:
    return WaitlistEntry.objects.filter(is_confirmed=True)


def audit_list() -> QuerySet[AuditEvent]:
    return AuditEvent.objects.all()
