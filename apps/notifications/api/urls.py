from apps.core.api.urls import route
from apps.notifications.api import views

urlpatterns = [
    route("notifications", views.NotificationsView.as_view(), name="notifications"),
    route("notifications/unread", views.UnreadView.as_view(), name="notifications-unread"),
    route("notifications/read-all", views.ReadAllView.as_view(), name="notifications-read-all"),
    route("notifications/rules", views.RulesView.as_view(), name="notification-rules"),
    route("notifications/test", views.TestView.as_view(), name="notification-test"),
    route("notifications/webhooks", views.WebhooksView.as_view(), name="notification-webhooks"),
    route(
        "notifications/webhooks/<str:webhook_id>",
        views.WebhookView.as_view(),
        name="notification-webhook",
    ),
    route(
        "notifications/<str:notification_id>",
        views.NotificationView.as_view(),
        name="notification",
    ),
    route(
        "notifications/<str:notification_id>/read",
        views.NotificationReadView.as_view(),
        name="notification-read",
    ),
]
