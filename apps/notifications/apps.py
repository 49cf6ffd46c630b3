from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "apps.notifications"
    label = "notifications"

    def ready(self) -> None:
        from apps.core.topics import register_topics
        from apps.notifications import (
            personal,
            receivers,  # noqa: F401  registers them
        )
        from apps.notifications.access import may_watch_notifications

        personal.register()
        register_topics(
            "notifications:", access=may_watch_notifications, snapshot="/v1/notifications"
        )
