"""What every process shares. The environment is read here and in `parts/`, nowhere else."""

from pathlib import Path

from djinnbot.settings.env import encryption_keys, env, home, secret_key

BASE_DIR = Path(__file__).resolve().parents[2]
DJINNBOT_HOME = home()

SECRET_KEY = secret_key(DJINNBOT_HOME)
ENCRYPTION_KEYS = encryption_keys(DJINNBOT_HOME)  # of secrets at rest; see apps.core.crypto
VERSION = "0.1.0"
DEBUG = False
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])

ROOT_URLCONF = "djinnbot.urls"
ASGI_APPLICATION = "djinnbot.asgi.application"
APPEND_SLASH = False

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the site is ours
    "apps.accounts.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.headless",
    "allauth.usersessions",
    "rest_framework",
    "rest_framework_api_key",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_filters",
    "django_celery_beat",
    "channels",
    "csp",
    "apps.core",
    "apps.accounts",
    "apps.secrets",
    "apps.llm",
    "apps.agents",
    "apps.repos",
    "apps.pipelines",
    "apps.sessions",
    "apps.runs",
    "apps.evals",
    "apps.ops",
    "apps.notifications",
]

MIDDLEWARE = [
    "apps.core.api.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.core.csp.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "apps.accounts.middleware.OriginMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "apps.core.api.middleware.OneThread",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "frontend" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "/static/"
# Where `npm run build` put the dashboard.
DASHBOARD = Path(env.str("DJINNBOT_DASHBOARD", default="") or BASE_DIR / "frontend" / "dist")
STATICFILES_DIRS = [DASHBOARD]
DASHBOARD_INDEX = DASHBOARD / "app" / "index.html"
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/static/app/assets/"  # a hash of the content in each name

from djinnbot.settings.parts.auth import *  # noqa: E402, F403  settings by topic, one file each
from djinnbot.settings.parts.cache import *  # noqa: E402, F403
from djinnbot.settings.parts.celery import *  # noqa: E402, F403
from djinnbot.settings.parts.channels import *  # noqa: E402, F403
from djinnbot.settings.parts.database import *  # noqa: E402, F403
from djinnbot.settings.parts.djinnbot import *  # noqa: E402, F403
from djinnbot.settings.parts.drf import *  # noqa: E402, F403
from djinnbot.settings.parts.llm import *  # noqa: E402, F403
from djinnbot.settings.parts.logging import *  # noqa: E402, F403
from djinnbot.settings.parts.mail import *  # noqa: E402, F403
from djinnbot.settings.parts.security import *  # noqa: E402, F403
from djinnbot.settings.parts.tracing import *  # noqa: E402, F403
