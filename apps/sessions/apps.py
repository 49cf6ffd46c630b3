from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "apps.sessions"
    label = "agent_sessions"

    def ready(self) -> None:
        from apps.core.topics import register_topics
        from apps.sessions.access import may_watch_session

        register_topics("session:", access=may_watch_session, snapshot="/v1/sessions/{}")
