from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "apps.sessions"
    label = "agent_sessions"

    def ready(self) -> None:
        from apps.agents.signals import agent_deleting
        from apps.core.search import register_search
        from apps.core.topics import register_topics
        from apps.sessions import (
            checks,  # noqa: F401  registers them
            personal,
        )
        from apps.sessions.access import may_watch_session
        from apps.sessions.receivers import refuse_deletion_of_a_busy_agent
        from apps.sessions.search import session_search

        personal.register()
        register_topics("session:", access=may_watch_session, snapshot="/v1/sessions/{}")
        register_search("session", session_search)
        agent_deleting.connect(refuse_deletion_of_a_busy_agent)
