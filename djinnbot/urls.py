"""Every address of the web process."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.urls.resolvers import URLPattern, URLResolver

from apps.core.api.system import MetricsView
from apps.core.api.views import UnknownPath
from apps.core.pages import problem_page
from djinnbot.pages.urls import entry_patterns

admin.autodiscover()

urlpatterns: list[URLPattern | URLResolver] = [
    path("v1/", include("apps.core.api.urls")),
    path("v1/", include("apps.accounts.api.urls")),
    path("v1/", include("apps.secrets.api.urls")),
    path("v1/", include("apps.llm.api.urls")),
    path("v1/", include("apps.evals.api.urls")),
    path("v1/", include("apps.sessions.api.urls")),
    path("v1/", include("apps.runs.api.urls")),  # before agents: `agents/status` is no agent
    path("v1/", include("apps.ops.api.urls")),
    path("v1/", include("apps.notifications.api.urls")),
    path("v1/", include("apps.agents.api.urls")),
    path("v1/", include("apps.repos.api.urls")),
    path("v1/", include("apps.pipelines.api.urls")),
    re_path(r"^v1(/|$)", UnknownPath.as_view()),
    path("metrics", MetricsView.as_view(), name="metrics"),
    path("problems/<str:code>", problem_page, name="problem"),
    path("django-admin/", admin.site.urls),
    path("", include(entry_patterns)),  # before accounts: `login/verify` is no ticket
    path("", include("apps.accounts.urls")),
    path("", include("djinnbot.pages.urls")),  # last: it takes what nobody else has
]
