from apps.core.api.urls import route
from apps.ops.api import views

_SANDBOX = "agents/<str:agent_id>/sandbox"

urlpatterns = [
    route("storage", views.StorageView.as_view(), name="storage"),
    route("storage/measure", views.StorageMeasureView.as_view(), name="storage-measure"),
    route("storage/clean", views.StorageCleanView.as_view(), name="storage-clean"),
    route("storage/clean/<str:cleaning_id>", views.CleaningView.as_view(), name="storage-cleaning"),
    route(_SANDBOX, views.SandboxView.as_view(), name="agent-sandbox"),
    route(f"{_SANDBOX}/tree", views.SandboxTreeView.as_view(), name="agent-sandbox-tree"),
    route(f"{_SANDBOX}/file", views.SandboxFileView.as_view(), name="agent-sandbox-file"),
    route(f"{_SANDBOX}/reset", views.SandboxResetView.as_view(), name="agent-sandbox-reset"),
]
