from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    name = "apps.pipelines"
    label = "pipelines"

    def ready(self) -> None:
        from apps.core.topics import known_caller, register_topics

        register_topics("pipelines", access=known_caller, snapshot="/v1/pipelines")
