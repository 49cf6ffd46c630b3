from django.apps import AppConfig


class EvalsConfig(AppConfig):
    name = "apps.evals"

    def ready(self) -> None:
        from apps.core.jobs import register_jobs
        from apps.core.search import register_search
        from apps.evals.finding import case_search, evaluation_jobs

        register_search("case", case_search)
        register_jobs(evaluation_jobs)
