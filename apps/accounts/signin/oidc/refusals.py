"""Why somebody does not come in by an identity provider. The page behind `code` says it in words
(`/problems/<code>`, and the sign-in page)."""

from allauth.socialaccount.providers.oauth2.client import OAuth2Error


class OidcRefused(OAuth2Error):  # type: ignore[misc]  # the package is untyped
    """`detail` is for the audit log: no token, no secret."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail


UNREACHABLE = "oidc_unreachable"
TOKEN_INVALID = "oidc_token_invalid"  # noqa: S105  a code, not a secret
STATE = "oidc_state"
CANCELLED = "oidc_cancelled"
DOMAIN = "oidc_domain"
NO_ACCOUNT = "oidc_no_account"
LINK_FIRST = "oidc_link_first"
DISABLED = "account_disabled"
FAILED = "oidc_failed"
