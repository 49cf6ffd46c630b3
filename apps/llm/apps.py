from django.apps import AppConfig


class LlmConfig(AppConfig):
    name = "apps.llm"
    label = "llm"

    def ready(self) -> None:
        from apps.core.topics import register_topics
        from apps.llm import personal
        from apps.llm.metrics import register
        from apps.llm.selectors import may_watch_settings

        register()
        personal.register()
        register_topics("budgets", access=may_watch_settings, snapshot="/v1/llm/budgets")
        register_topics("llm", access=may_watch_settings, snapshot="/v1/llm/providers")
