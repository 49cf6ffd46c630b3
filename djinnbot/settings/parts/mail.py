"""Outgoing mail: `EMAIL_URL=smtp+tls://user:password@mail.example.org:587`. Unset: none is sent."""

from djinnbot.settings.env import env

_mail = env.email_url("EMAIL_URL", default="dummymail://")
EMAIL_BACKEND: str = _mail["EMAIL_BACKEND"]
EMAIL_HOST: str = _mail["EMAIL_HOST"] or ""
EMAIL_PORT: int = _mail["EMAIL_PORT"] or 25
EMAIL_HOST_USER: str = _mail["EMAIL_HOST_USER"] or ""
EMAIL_HOST_PASSWORD: str = _mail["EMAIL_HOST_PASSWORD"] or ""
EMAIL_USE_TLS = bool(_mail.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(_mail.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 15  # seconds
DEFAULT_FROM_EMAIL = env.str("DJINNBOT_MAIL_FROM", default="DjinnBot <djinnbot@localhost>")
