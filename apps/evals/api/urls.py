from apps.core.api.urls import route
from apps.evals.api import views

urlpatterns = [
    route("evals/cases", views.CasesView.as_view(), name="eval-cases"),
    route("evals/cases/<str:case_id>", views.CaseView.as_view(), name="eval-case"),
    route("evals", views.EvaluationsView.as_view(), name="evals"),
    route("evals/<str:evaluation_id>", views.EvaluationView.as_view(), name="eval"),
]
