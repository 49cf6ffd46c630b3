"""A server behind TLS. `manage.py check --deploy` must be clean with these."""

from django.core.exceptions import ImproperlyConfigured

from djinnbot.settings.env import env

for _name in ("SECRET_KEY", "SECRET_ENCRYPTION_KEY"):
    if not env.str(_name, default=""):  # a key made in a container is lost with it
        raise ImproperlyConfigured(f"Set {_name} (or {_name}_FILE): this server makes none.")

from djinnbot.settings.base import *  # noqa: E402, F403  it makes the keys that are not set

STATIC_ROOT = BASE_DIR / "staticfiles"  # noqa: F405  `manage.py collectstatic` fills it

SECURE_SSL_REDIRECT = True
# Boxes and health checks ask past the proxy, over a socket or the server's own network, where
# there is no TLS. No page is there, and clients of an API must not be taught to follow a redirect.
SECURE_REDIRECT_EXEMPT = [r"^v1/"]
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True

LOCAL_REPOSITORY_ROOTS = env.list("DJINNBOT_LOCAL_REPOSITORIES", default=[])
