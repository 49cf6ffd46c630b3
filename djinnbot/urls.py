"""Every address of the web process."""

from pathlib import Path

from django.conf import settings
from django.contrib import admin
from django.urls import include, path, re_path
from django.urls.resolvers import URLPattern, URLResolver

from apps.core.api.system import MetricsView
from apps.core.api.views import UnknownPath
from apps.core.pages import problem_page

APPS = ("core", "accounts", "llm", "agents", "repos", "pipelines", "sessions", "runs")
API = [app for app in APPS if (Path(settings.BASE_DIR) / "apps" / app / "api/urls.py").exists()]

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    *(path("v1/", include(f"apps.{app}.api.urls")) for app in API),
    re_path(r"^v1(/|$)", UnknownPath.as_view()),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("problems/<str:code>", problem_page, name="problem"),
    path("django-admin/", admin.site.urls),
    path("", include("apps.accounts.urls")),
    path("", include("djinnbot.pages.urls")),
]
