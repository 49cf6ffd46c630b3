"""The tables of accounts."""

from apps.accounts.models.audit import AuditEvent
from apps.accounts.models.credentials import (
    SESSION_SCOPES,
    SESSION_TOKEN_PREFIX,
    ApiKey,
    PrefixedKeyGenerator,
    SessionToken,
    StreamTicket,
    new_session_token_id,
)
from apps.accounts.models.entry import (
    DeviceSignIn,
    Invite,
    SetupState,
    new_device_id,
    new_invite_id,
)
from apps.accounts.models.oidc import OidcProvider, new_oidc_provider_id, usual_scopes
from apps.accounts.models.personal import DataExport, new_export_id
from apps.accounts.models.users import User, new_user_id
from apps.accounts.models.waitlist import WaitlistEntry, new_waitlist_id

__all__ = [
    "SESSION_SCOPES",
    "SESSION_TOKEN_PREFIX",
    "ApiKey",
    "AuditEvent",
    "DataExport",
    "DeviceSignIn",
    "Invite",
    "OidcProvider",
    "PrefixedKeyGenerator",
    "SessionToken",
    "SetupState",
    "StreamTicket",
    "User",
    "WaitlistEntry",
    "new_device_id",
    "new_export_id",
    "new_invite_id",
    "new_oidc_provider_id",
    "new_session_token_id",
    "new_user_id",
    "new_waitlist_id",
    "usual_scopes",
]
