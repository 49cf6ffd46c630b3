from typing import Any
from zoneinfo import available_timezones

from rest_framework import serializers

from apps.accounts.links import oidc_callback_link
from apps.accounts.models import (
    ApiKey,
    AuditEvent,
    DataExport,
    DeviceSignIn,
    Invite,
    OidcProvider,
    User,
    WaitlistEntry,
)
from apps.accounts.models.oidc import SLUG
from apps.accounts.roles import Role
from apps.core.api.callers import SCOPES


class MeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=["user", "session"])
    id = serializers.CharField(allow_null=True, help_text="The user's id; null without a user.")
    username = serializers.CharField()
    email = serializers.CharField()
    display_name = serializers.CharField()
    locale = serializers.CharField()
    timezone = serializers.CharField()
    preferences = serializers.DictField(
        help_text="How the dashboard looks and behaves for this person; its own names."
    )
    role = serializers.CharField(help_text="Empty for an agent that works for nobody.")
    is_admin = serializers.BooleanField()
    scopes = serializers.ListField(child=serializers.CharField())
    second_factor = serializers.BooleanField(help_text="Whether one is set up.")
    second_factor_needed = serializers.BooleanField(
        help_text="Until one is set up, nothing else works."
    )
    must_change_password = serializers.BooleanField(
        help_text="Until it is changed, nothing else works."
    )
    session_id = serializers.CharField(help_text="Of an agent's session; else empty.")
    agent_id = serializers.CharField(help_text="Of an agent's session; else empty.")


class DeviceBeginSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(
        max_length=64, help_text="What the person is shown: the program and its machine."
    )


class DeviceBegunSerializer(serializers.Serializer[Any]):
    """As in RFC 8628."""

    device_code = serializers.CharField(help_text="The program's secret: it asks for tokens by it.")
    user_code = serializers.CharField()
    verification_uri = serializers.CharField()
    verification_uri_complete = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds.")
    interval = serializers.IntegerField(help_text="Seconds between two questions.")


class DeviceTokenSerializer(serializers.Serializer[Any]):
    device_code = serializers.CharField(max_length=128)


class TokenPairSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    refresh_token = serializers.CharField()
    token_type = serializers.CharField()
    expires_in = serializers.IntegerField(help_text="Seconds, of the access token.")


class DeviceSeenSerializer(serializers.ModelSerializer[DeviceSignIn]):
    """A program that waits; its name is what it says of itself."""

    class Meta:
        model = DeviceSignIn
        fields = ("name", "ip", "created_at", "expires_at")
        read_only_fields = fields


class DeviceDecideSerializer(serializers.Serializer[Any]):
    allow = serializers.BooleanField()


class DataExportSerializer(serializers.ModelSerializer[DataExport]):
    url = serializers.SerializerMethodField(help_text="Where it is fetched; empty until then.")

    class Meta:
        model = DataExport
        fields = ("id", "status", "size", "created_at", "finished_at", "expires_at", "url")
        read_only_fields = fields

    def get_url(self, row: DataExport) -> str:
        return f"/v1/users/me/export/{row.pk}/file" if row.is_good() else ""


class AccountDeleteSerializer(serializers.Serializer[Any]):
    confirm = serializers.CharField(max_length=254, help_text="Your e-mail address or user name.")


class ProfileChangeSerializer(serializers.Serializer[Any]):
    display_name = serializers.CharField(max_length=128, allow_blank=True)
    locale = serializers.CharField(max_length=16, allow_blank=True)
    timezone = serializers.ChoiceField(
        choices=sorted(available_timezones()), allow_blank=True, help_text="An IANA name."
    )
    preferences = serializers.DictField(
        child=serializers.JSONField(allow_null=True),
        help_text="Those that change; null takes one away. 16 kB together.",
    )


class VisitSerializer(serializers.Serializer[Any]):
    seen = serializers.BooleanField(
        default=False, help_text="What was new has been looked at: from here on, later things are."
    )


class VisitedSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField(
        allow_null=True, help_text="What happened later is new; null on the first visit."
    )


class BrowserSessionSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    ip = serializers.CharField()
    user_agent = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    is_current = serializers.BooleanField()


class ApiKeySerializer(serializers.ModelSerializer[ApiKey]):
    id = serializers.CharField(source="prefix", help_text="The visible part of the key.")
    account = serializers.CharField(source="user.username", help_text="Whose key it is.")
    created_at = serializers.DateTimeField(source="created")
    expires_at = serializers.DateTimeField(source="expiry_date", allow_null=True)

    class Meta:
        model = ApiKey
        fields = (
            "id",
            "kind",
            "account",
            "agent_id",
            "name",
            "scopes",
            "ip_allow",
            "rate_per_minute",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_ip",
            "revoked",
        )


class _KeyRightsSerializer(serializers.Serializer[Any]):
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES), allow_empty=False, max_length=len(SCOPES)
    )
    expires_in_days = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=3650
    )
    ip_allow = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        max_length=50,
        help_text="Addresses and ranges it works from. Empty: from anywhere.",
    )


class ApiKeyCreateSerializer(_KeyRightsSerializer):
    name = serializers.CharField(max_length=50)


class ApiKeyChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=50)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPES),
        allow_empty=False,
        max_length=len(SCOPES),
        help_text="Those it keeps. A key gains none.",
    )
    expires_in_days = serializers.IntegerField(
        allow_null=True, min_value=1, max_value=3650, help_text="From now on. Null: no end."
    )
    ip_allow = serializers.ListField(
        child=serializers.CharField(max_length=64),
        max_length=50,
        help_text="Addresses and ranges it works from. Empty: from anywhere.",
    )


class ServiceKeyCreateSerializer(_KeyRightsSerializer):
    account = serializers.SlugField(max_length=64, help_text="Of the program.")
    role = serializers.ChoiceField(choices=[Role.ADMIN, Role.MEMBER, Role.VIEWER])
    name = serializers.CharField(max_length=50)
    rate_per_minute = serializers.IntegerField(
        required=False, allow_null=True, min_value=1, max_value=100_000
    )


class AgentKeyCreateSerializer(_KeyRightsSerializer):
    agent_id = serializers.RegexField(r"^[A-Za-z0-9._-]{1,64}$")


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


class SignInProviderSerializer(serializers.Serializer[Any]):
    slug = serializers.CharField(help_text="`provider` of …/auth/provider/redirect.")
    label = serializers.CharField()  # type: ignore[assignment]  # its own name
    icon = serializers.CharField()


class AuthStatusSerializer(serializers.Serializer[Any]):
    setup_needed = serializers.BooleanField(help_text="Nobody owns this instance yet.")
    signup = serializers.ChoiceField(choices=["closed", "invite", "open"])
    methods = serializers.ListField(child=serializers.CharField())
    providers = SignInProviderSerializer(many=True)
    can_reset_password = serializers.BooleanField(
        help_text="There is a mail server to send a link."
    )
    waitlist_open = serializers.BooleanField(help_text="Anybody may ask to be let in.")


class SetupSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(
        required=False,
        default="",
        max_length=200,
        help_text="Of the link that set-up printed. Not needed at the machine itself.",
    )
    email = serializers.EmailField()
    password = serializers.CharField(max_length=1024, trim_whitespace=False)
    display_name = serializers.CharField(
        required=False, default="", max_length=128, allow_blank=True
    )


class InviteSerializer(serializers.ModelSerializer[Invite]):
    created_by = serializers.CharField(source="created_by.username", default="")

    class Meta:
        model = Invite
        fields = ("id", "email", "role", "created_by", "created_at", "expires_at", "accepted_at")


class InviteCreateSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)


class InviteCreatedSerializer(InviteSerializer):
    url = serializers.CharField(help_text="Send it to them. Shown this once.")

    class Meta(InviteSerializer.Meta):
        fields = (*InviteSerializer.Meta.fields, "url")  # type: ignore[assignment]  # one longer


class InviteAcceptSerializer(serializers.Serializer[Any]):
    token = serializers.CharField(max_length=200)
    password = serializers.CharField(max_length=1024, trim_whitespace=False)
    display_name = serializers.CharField(
        required=False, default="", max_length=128, allow_blank=True
    )


class UserSerializer(serializers.ModelSerializer[User]):
    username = serializers.CharField()  # an e-mail address has more characters than Django allows
    second_factor = serializers.BooleanField(source="has_second_factor")
    created_at = serializers.DateTimeField(source="date_joined")
    last_login_at = serializers.DateTimeField(source="last_login", allow_null=True)

    class Meta:
        model = User
        fields = (
            "id",
            "username",
            "email",
            "display_name",
            "role",
            "is_active",
            "second_factor",
            "must_change_password",
            "created_at",
            "last_login_at",
            "deactivated_at",
        )


class UserCreateSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Role.choices, default=Role.MEMBER)
    display_name = serializers.CharField(
        required=False, default="", max_length=128, allow_blank=True
    )
    password = serializers.CharField(
        required=False,
        default=None,
        allow_null=True,
        max_length=1024,
        trim_whitespace=False,
        help_text="To be changed at the first sign-in. Without one only an invite, a reset or an "
        "identity provider lets them in.",
    )


class UserChangeSerializer(serializers.Serializer[Any]):
    role = serializers.ChoiceField(choices=Role.choices, required=False)
    is_active = serializers.BooleanField(required=False)


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "at",
            "actor_kind",
            "actor_id",
            "actor_name",
            "action",
            "object_kind",
            "object_id",
            "result",
            "ip",
            "user_agent",
            "request_id",
            "facts",
            "hash",
        )


class AuditVerdictSerializer(serializers.Serializer[Any]):
    rows = serializers.IntegerField(help_text="How many were walked.")
    broken_at = serializers.IntegerField(
        allow_null=True, help_text="The first row that does not follow from the one before."
    )
    head = serializers.CharField(help_text="The hash of the last row that holds.")


class AuditFilterSerializer(serializers.Serializer[Any]):
    action = serializers.CharField(required=False, max_length=64)
    actor_id = serializers.CharField(required=False, max_length=64)
    object_kind = serializers.CharField(required=False, max_length=64)
    object_id = serializers.CharField(required=False, max_length=128)
    result = serializers.ChoiceField(required=False, choices=AuditEvent.Result.choices)
    at__gte = serializers.DateTimeField(required=False)
    at__lt = serializers.DateTimeField(required=False)


_MODEST = [Role.MEMBER, Role.VIEWER]  # whom a provider lets in without a word on their groups


class OidcProviderSerializer(serializers.ModelSerializer[OidcProvider]):
    default_role = serializers.ChoiceField(choices=_MODEST)
    has_secret = serializers.SerializerMethodField()
    redirect_uri = serializers.SerializerMethodField(
        help_text="To be registered at the provider, exactly so."
    )

    class Meta:
        model = OidcProvider
        fields = (
            "id",
            "slug",
            "name",
            "icon",
            "issuer",
            "allow_private",
            "client_id",
            "has_secret",
            "redirect_uri",
            "scopes",
            "enabled",
            "trust_email",
            "allowed_domains",
            "create_users",
            "default_role",
            "group_claim",
            "group_role_map",
            "last_test_at",
            "last_test_ok",
            "created_at",
        )

    def get_has_secret(self, row: OidcProvider) -> bool:
        return bool(row.client_secret)

    def get_redirect_uri(self, row: OidcProvider) -> str:
        return oidc_callback_link(row.slug)


class OidcProviderChangeSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=64)
    icon = serializers.CharField(max_length=32, required=False, allow_blank=True)
    client_id = serializers.CharField(max_length=255)
    client_secret = serializers.CharField(
        max_length=2000,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        write_only=True,
        help_text="Never told again. Empty: a public client.",
    )
    scopes = serializers.ListField(
        child=serializers.RegexField(r"^[\x21\x23-\x5B\x5D-\x7E]{1,128}$"),
        required=False,
        max_length=30,
    )
    enabled = serializers.BooleanField(required=False)
    allow_private = serializers.BooleanField(
        required=False, help_text="It may stand in a private network."
    )
    trust_email = serializers.BooleanField(
        required=False,
        help_text="Addresses that it verified find accounts that have no password.",
    )
    allowed_domains = serializers.ListField(
        child=serializers.CharField(max_length=253),
        required=False,
        max_length=100,
        help_text="Of verified e-mail addresses. Empty: everybody whom it knows.",
    )
    create_users = serializers.BooleanField(
        required=False, help_text="Make accounts of people who have none."
    )
    default_role = serializers.ChoiceField(choices=_MODEST, required=False)
    group_claim = serializers.CharField(max_length=64, required=False)
    group_role_map = serializers.DictField(
        child=serializers.ChoiceField(choices=Role.choices),
        required=False,
        help_text="`{group: role}`, followed at each sign-in. Empty: roles are set here.",
    )


class OidcProviderCreateSerializer(OidcProviderChangeSerializer):
    slug = serializers.RegexField(SLUG)
    issuer = serializers.URLField(max_length=500, help_text="As in its discovery document.")


class OidcFindingSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField()


class OidcCheckSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField()
    checks = OidcFindingSerializer(many=True)


class WaitlistJoinSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField()
    note = serializers.CharField(required=False, default="", max_length=500, allow_blank=True)
    website = serializers.CharField(
        required=False, default="", max_length=500, allow_blank=True, help_text="Leave it empty."
    )


class WaitlistEntrySerializer(serializers.ModelSerializer[WaitlistEntry]):
    status = serializers.ChoiceField(choices=WaitlistEntry.Status.choices)

    class Meta:
        model = WaitlistEntry
        fields = (
            "id",
            "email",
            "note",
            "status",
            "created_at",
            "invited_at",
            "registered_at",
            "mail_error",
        )


class WaitlistInvitedSerializer(WaitlistEntrySerializer):
    url = serializers.CharField(help_text="Only where no mail server is set. Shown this once.")

    class Meta(WaitlistEntrySerializer.Meta):
        fields = (*WaitlistEntrySerializer.Meta.fields, "url")  # type: ignore[assignment]  # longer


class WaitlistBulkSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(
        child=serializers.CharField(max_length=40), allow_empty=False, max_length=100
    )


class WaitlistBulkItemSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    ok = serializers.BooleanField()
    code = serializers.CharField(help_text="Why not.")
    url = serializers.CharField(help_text="Only where no mail server is set.")


class WaitlistBulkResultSerializer(serializers.Serializer[Any]):
    items = WaitlistBulkItemSerializer(many=True)
