from apps.core.api.urls import route
from apps.pipelines.api import views

_ONE = "pipelines/<str:pipeline_id>"

urlpatterns = [
    route("pipelines", views.PipelinesView.as_view(), name="pipelines"),
    route("pipelines/validate", views.PipelineDraftView.as_view(), name="pipeline-draft"),
    route("pipelines/rehearse", views.PipelineRehearsalView.as_view(), name="pipeline-rehearsal"),
    route("pipeline-schema", views.PipelineSchemaView.as_view(), name="pipeline-schema"),
    route(_ONE, views.PipelineView.as_view(), name="pipeline"),
    route(f"{_ONE}/raw", views.PipelineRawView.as_view(), name="pipeline-raw"),
    route(f"{_ONE}/versions", views.PipelineVersionsView.as_view(), name="pipeline-versions"),
    route(
        f"{_ONE}/versions/<int:version_id>",
        views.PipelineVersionView.as_view(),
        name="pipeline-version",
    ),
    route(f"{_ONE}/graph", views.PipelineGraphView.as_view(), name="pipeline-graph"),
    route(f"{_ONE}/validate", views.PipelineValidateView.as_view(), name="pipeline-validate"),
]
