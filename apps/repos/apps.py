from django.apps import AppConfig


class ReposConfig(AppConfig):
    name = "apps.repos"
    label = "repos"

    def ready(self) -> None:
        from apps.repos import checks  # noqa: F401  registers them
