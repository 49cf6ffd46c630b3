"""What each error code means and what to do: the pages behind a problem's `type`."""

PROBLEMS: dict[str, tuple[str, str]] = {
    "malformed_json": ("The body is no JSON.", "Send one JSON document in UTF-8."),
    "bad_request": ("The request is malformed.", "Compare it with the API description."),
    "unknown_parameter": (
        "A query parameter is not known.",
        "Take it out: a misspelt filter would otherwise answer with everything.",
    ),
    "out_of_range": ("A number or text is larger than it may be.", "Send a smaller one."),
    "bad_limit": ("The page size is out of range.", "Ask for 1 to 200 rows."),
    "bad_cursor": ("The cursor or event id is not of this list.", "Begin without one."),
    "idempotency_key_required": (
        "This call needs an Idempotency-Key.",
        "Send any unique text of up to 255 characters, and the same one when you repeat the call.",
    ),
    "rule_broken": ("A rule does not allow it.", "The detail names the rule."),
    "not_authenticated": (
        "Nobody known is calling.",
        "Send a valid key: Authorization: Bearer djb_…",
    ),
    "token_expired": ("The key or token has expired.", "Make a new one."),
    "token_revoked": (
        "The key, token or account has ended.",
        "Make a new one.",
    ),
    "permission_denied": ("This caller may not do that.", "Use an account that may."),
    "missing_scope": (
        "The key lacks a scope.",
        "Make a key with the scope that missing_scope names.",
    ),
    "second_factor_required": (
        "The account's role asks for a second factor, and there is none yet.",
        "Set up an authenticator app or a passkey.",
    ),
    "password_change_required": (
        "The password was chosen by somebody else.",
        "Choose your own: on /login/password/, or with djinn login.",
    ),
    "reauthentication_required": (
        "This may be done only shortly after showing who you are.",
        "Show your password or a second factor (POST …/auth/reauthenticate or "
        "…/auth/2fa/reauthenticate), and send the request again.",
    ),
    "authorization_pending": (
        "Nobody has let this program in yet.",
        "Ask again after the pause that `interval` names.",
    ),
    "slow_down": ("This was asked too often.", "Wait five seconds longer between two questions."),
    "expired_token": ("This sign-in of a program is over.", "Begin again."),
    "access_denied": ("The person sent this program away.", "Begin again, if that was a mistake."),
    "device_unknown": (
        "No program waits with this code.",
        "Compare it with the one that the program shows; it works for ten minutes.",
    ),
    "browser_required": (
        "Programs are let in from a browser.",
        "Open the address that the program shows.",
    ),
    "session_required": (
        "A key may not do this.",
        "Sign in, in a browser or with a password, and do it from there.",
    ),
    "not_confirmed": ("What was typed is not the account's.", "Type its e-mail address."),
    "key_too_wide": (
        "A key would give more than it may itself.",
        "Use a session or a key without an end and bounds of addresses, or ask for less.",
    ),
    "key_ended": ("The key was revoked or has expired.", "Make another."),
    "wrong_address": (
        "The key may not be used from this address.",
        "Use it from the addresses it was made for, or make another.",
    ),
    "account_disabled": ("The account is shut out.", "Ask an administrator to let you in."),
    "oidc_unreachable": (
        "The identity provider does not answer as it should.",
        "Try again soon. Administrators can test it: POST /v1/auth/oidc-providers/ID/test.",
    ),
    "oidc_token_invalid": (
        "The identity provider's answer did not verify.",
        "Sign in again. If it stays, an administrator finds the reason in the audit log.",
    ),
    "oidc_state": (
        "This sign-in took longer than five minutes, or was begun in another browser.",
        "Begin again.",
    ),
    "oidc_cancelled": ("You did not agree at the identity provider.", "Begin again."),
    "oidc_domain": (
        "Your e-mail address is not of a domain that may come in, or was not verified.",
        "Use an account of your company.",
    ),
    "oidc_no_account": (
        "There is no account for you here.",
        "Ask an administrator for an invite.",
    ),
    "oidc_link_first": (
        "There is an account of your e-mail address, and it has a password.",
        "Sign in with the password and connect the identity provider in your settings.",
    ),
    "oidc_failed": ("Signing in did not work.", "Begin again."),
    "role_refused": ("No group makes owners.", "Choose another role."),
    "address_refused": (
        "No call of ours may go to that address.",
        "Use a public address, or let an administrator allow a private one.",
    ),
    "setup_done": ("The instance has its owner.", "Sign in."),
    "setup_token_invalid": (
        "The set-up link is not good, or too old.",
        "Print a new one: djinn manage setup_instance.",
    ),
    "invite_gone": (
        "The invite was used, taken back, is too old, or never was.",
        "Ask for a new one.",
    ),
    "weak_password": ("The password will not do.", "The detail says why. Choose another."),
    "waitlist_closed": ("This instance has no waitlist.", "Ask its owner for an invite."),
    "sent_lately": ("An invite was sent within the last hour.", "Wait, or copy its link."),
    "last_owner": (
        "An instance has at least one owner.",
        "Make another person an owner first.",
    ),
    "csrf_failed": ("The browser's proof is missing.", "Reload the page and try again."),
    "not_found": (
        "There is no such thing, or not for this caller.",
        "Check the id. We do not tell apart what is missing and what is hidden.",
    ),
    "method_not_allowed": ("The path knows no such method.", "See the API description."),
    "not_acceptable": ("We cannot answer in the wanted format.", "Accept application/json."),
    "already_exists": ("There is one already.", "Choose another name, or change the one there is."),
    "state_conflict": (
        "The present state does not allow it.",
        "Read the state again.",
    ),
    "stale_version": ("Somebody changed it meanwhile.", "Read it again and repeat your change."),
    "in_flight": ("The first request with this key still runs.", "Wait a second and repeat it."),
    "gone": ("It is no longer kept.", "Read the present state and go on from there."),
    "too_large": ("The request is too large.", "Send less at once."),
    "unsupported_media_type": ("The body's format is not known.", "Send application/json."),
    "validation_error": ("Values are wrong.", "Each entry of errors points at one of them."),
    "idempotency_key_reused": (
        "The Idempotency-Key came with another body before.",
        "Use a new key for a new request.",
    ),
    "lease_lost": ("Somebody else holds it now.", "Stop, and read the state again."),
    "rate_limited": ("Too many calls.", "Wait as long as Retry-After says."),
    "quota_exceeded": ("A quota is used up.", "Wait for its next window, or raise it."),
    "budget_exceeded": ("A budget is used up.", "Raise the budget, or wait for its next window."),
    "upstream_error": ("A provider failed.", "Try again; if it stays, look at the provider."),
    "runner_error": ("The agent's box failed.", "See the step's log, and the runner's state."),
    "dependency_down": ("A part we need does not answer.", "Try again soon; see /v1/health."),
    "internal_error": ("Something failed on our side.", "The request id finds it in the log."),
}
