"""Writing accounts. Each plaintext of a secret is given out once and never stored."""

from apps.accounts.services.invites import invite_accept, invite_create, invite_delete
from apps.accounts.services.keys import (
    agent_key_issue,
    api_key_change,
    api_key_create,
    api_key_get,
    api_key_issue,
    api_key_revoke,
    program_key_get,
    service_key_issue,
)
from apps.accounts.services.second_factor import second_factor_prove
from apps.accounts.services.session_tokens import session_token_create, session_tokens_revoke
from apps.accounts.services.setup import setup_complete, setup_is_needed, setup_token_create
from apps.accounts.services.tickets import (
    LOGIN_TICKET_TTL,
    STREAM_TICKET_TTL,
    login_ticket_create,
    login_ticket_use,
    login_ticket_valid,
    stream_ticket_create,
    stream_ticket_use,
)
from apps.accounts.services.upkeep import accounts_prune
from apps.accounts.services.users import (
    access_end,
    profile_change,
    second_factor_reset,
    user_create,
    user_deactivate,
    user_reactivate,
    user_set_role,
    visit,
)

__all__ = [
    "LOGIN_TICKET_TTL",
    "STREAM_TICKET_TTL",
    "access_end",
    "accounts_prune",
    "agent_key_issue",
    "api_key_change",
    "api_key_create",
    "api_key_get",
    "api_key_issue",
    "api_key_revoke",
    "invite_accept",
    "invite_create",
    "invite_delete",
    "login_ticket_create",
    "login_ticket_use",
    "login_ticket_valid",
    "profile_change",
    "program_key_get",
    "second_factor_prove",
    "second_factor_reset",
    "service_key_issue",
    "session_token_create",
    "session_tokens_revoke",
    "setup_complete",
    "setup_is_needed",
    "setup_token_create",
    "stream_ticket_create",
    "stream_ticket_use",
    "user_create",
    "user_deactivate",
    "user_reactivate",
    "user_set_role",
    "visit",
]
