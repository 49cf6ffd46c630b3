from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "apps.agents"
    label = "agents"

    def ready(self) -> None:
        from apps.core.topics import known_caller, register_topics

        register_topics("agents", access=known_caller, snapshot="/v1/agents")
