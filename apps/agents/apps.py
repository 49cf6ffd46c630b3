from django.apps import AppConfig


class AgentsConfig(AppConfig):
    name = "apps.agents"
    label = "agents"

    def ready(self) -> None:
        from apps.agents.search import agent_search
        from apps.core.search import register_search
        from apps.core.topics import known_caller, register_topics

        register_search("agent", agent_search)
        register_topics("agents", access=known_caller, snapshot="/v1/agents")
