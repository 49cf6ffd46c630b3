from django.apps import AppConfig


class PipelinesConfig(AppConfig):
    name = "apps.pipelines"
    label = "pipelines"

    def ready(self) -> None:
        from apps.core.search import register_search
        from apps.core.topics import known_caller, register_topics
        from apps.pipelines.search import pipeline_search

        register_search("pipeline", pipeline_search)
        register_topics("pipelines", access=known_caller, snapshot="/v1/pipelines")
