"""Who may come in. `AUTH_ENABLED=false` is for a laptop alone: see check djinnbot.E001."""

from datetime import timedelta

from djinnbot.settings.env import env, home, jwt_key

AUTH_ENABLED = env.bool("AUTH_ENABLED", default=True)
BIND_HOST = env.str("BIND_HOST", default="127.0.0.1")

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",  # reads older ones; upgraded at sign-in
]
# Roles that may do nothing but set up a second factor until they have one.
SECOND_FACTOR_ROLES: list[str] = env.list("DJINNBOT_SECOND_FACTOR_ROLES", default=[])

LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"

SESSION_COOKIE_AGE = 14 * 24 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.core.pages.csrf_refused"

# allauth: signing in, for browsers (cookie) and programs (JWT pair), below /v1/auth/.
ACCOUNT_ADAPTER = "apps.accounts.signin.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # who makes an account, by invite or hand, vouches for it
ACCOUNT_EMAIL_NOTIFICATIONS = False  # `apps.accounts.signin.receivers` tells, through one door
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
FRESHNESS_CHECK = "apps.accounts.signin.fresh.is_fresh"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False  # strangers get no mail of ours
ACCOUNT_RATE_LIMITS = {
    "login": "10/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "reset_password": "5/h/ip,3/h/key",
}
PASSWORD_RESET_TIMEOUT = 3600
WAITLIST_OPEN = env.bool("DJINNBOT_WAITLIST", default=False)
# Who asks to be let in proves by a link in a mail that the address is theirs. Needs a mail server.
WAITLIST_CONFIRM = env.bool("DJINNBOT_WAITLIST_CONFIRM", default=False)
# Who may sign in with a password while an identity provider does the rest: `all` or `owner_only`,
# so that an owner comes in also when the provider is away.
LOCAL_LOGIN = env.str("DJINNBOT_LOCAL_LOGIN", default="all")
SOCIALACCOUNT_ADAPTER = "apps.accounts.signin.oidc.adapter.SocialAdapter"
SOCIALACCOUNT_EMAIL_REQUIRED = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"  # an address that the provider has not verified is none
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_STORE_TOKENS = False
HEADLESS_CLIENTS = ("browser", "app")
HEADLESS_ADAPTER = "apps.accounts.signin.adapters.HeadlessAdapter"
HEADLESS_TOKEN_STRATEGY = "apps.accounts.signin.refresh.RefreshFamilies"  # noqa: S105  a path
HEADLESS_JWT_PRIVATE_KEY = jwt_key(home())
HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN = 900
HEADLESS_JWT_REFRESH_TOKEN_EXPIRES_IN = 604_800
HEADLESS_JWT_STATEFUL_VALIDATION_ENABLED = True  # an ended session ends its tokens at once
HEADLESS_FRONTEND_URLS = {
    "account_reset_password_from_key": "/login/reset/{key}/",
    "account_signup": "/login/",
    "socialaccount_login_error": "/login/",
}
MFA_ADAPTER = "apps.accounts.signin.adapters.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "DjinnBot"
MFA_TRUST_ENABLED = True
MFA_TRUST_COOKIE_AGE = timedelta(days=30)
