from django.apps import AppConfig


class OpsConfig(AppConfig):
    name = "apps.ops"
    label = "ops"

    def ready(self) -> None:
        from apps.core.jobs import register_jobs
        from apps.ops.jobs import cleaning_jobs

        register_jobs(cleaning_jobs)
