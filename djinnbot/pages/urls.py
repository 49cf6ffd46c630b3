from django.urls import path, re_path
from django.views.generic import RedirectView

from djinnbot.pages import views
from djinnbot.pages.dashboard import dashboard_page

urlpatterns = [
    re_path(r"^app(?:/(?P<path>.*))?$", dashboard_page, name="dashboard"),
    path("", views.runs_page, name="runs-page"),
    path("runs/", RedirectView.as_view(pattern_name="runs-page", query_string=True)),
    path("runs/<slug:run_id>/", views.run_page, name="run-page"),
    path("runs/<slug:run_id>", RedirectView.as_view(pattern_name="run-page", query_string=True)),
]
