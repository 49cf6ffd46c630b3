"""One's inbox, one's rules and webhooks, and announcements."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.api.callers import ADMINS, USERS
from apps.core.api.input import parsed
from apps.core.api.pagination import CursorPage
from apps.core.api.views import ApiView
from apps.notifications.api.serializers import (
    AnnouncementSerializer,
    NotificationFilterSerializer,
    NotificationRulesSerializer,
    NotificationSerializer,
    ReadSerializer,
    UnreadSerializer,
    WebhookChangeSerializer,
    WebhookCreatedSerializer,
    WebhookSerializer,
)
from apps.notifications.models import NotificationRule, Webhook
from apps.notifications.selectors import notification_list
from apps.notifications.services import (
    notification_dismiss,
    notification_read,
    notifications_read_all,
    notify,
    rules_replace,
)
from apps.notifications.webhooks import webhook_change, webhook_create, webhook_delete


class NotificationsView(ApiView):
    callers = {"GET": USERS, "POST": ADMINS}
    scope = {"GET": "read", "POST": "admin"}
    paged = {"GET": True}
    query = {"GET": NotificationFilterSerializer}
    ordering = ("-created_at", "-id")

    @extend_schema(operation_id="notifications_list", responses=NotificationSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Your notifications, newest first."""
        asked = self.query_values()
        rows = notification_list(self.caller.user, unread=asked["unread"])
        if "kind" in asked:
            rows = rows.filter(kind=asked["kind"])
        page = CursorPage()
        found = page.paginate_queryset(rows, request, self)
        return page.get_paginated_response(NotificationSerializer(found, many=True).data)

    @extend_schema(
        operation_id="notifications_create",
        request=AnnouncementSerializer,
        responses={201: NotificationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Announce something to all who have a role."""
        made = notify(kind="announcement", **parsed(AnnouncementSerializer, request))
        return Response(NotificationSerializer(made).data, status=201)


class UnreadView(ApiView):
    callers = USERS
    scope = "read"

    @extend_schema(operation_id="notifications_unread", responses=UnreadSerializer)
    def get(self, request: Request) -> Response:
        """How many you have not read."""
        return Response({"unread": notification_list(self.caller.user, unread=True).count()})


class NotificationReadView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(operation_id="notifications_read", request=None, responses={204: None})
    def post(self, request: Request, notification_id: str) -> Response:
        """You have read it. Others have not."""
        notification_read(self.caller.user, notification_id)
        return Response(status=204)


class ReadAllView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(operation_id="notifications_read_all", request=None, responses=ReadSerializer)
    def post(self, request: Request) -> Response:
        """You have read all."""
        return Response({"read": notifications_read_all(self.caller.user)})


class NotificationView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(operation_id="notifications_dismiss", responses={204: None})
    def delete(self, request: Request, notification_id: str) -> Response:
        """Put it away, for yourself."""
        notification_dismiss(self.caller.user, notification_id)
        return Response(status=204)


class TestView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(
        operation_id="notifications_test", request=None, responses={201: NotificationSerializer}
    )
    def post(self, request: Request) -> Response:
        """Send yourself one, by all ways that your rules name for `notification.test`."""
        made = notify(kind="notification.test", user=self.caller.user)
        return Response(NotificationSerializer(made).data, status=201)


class RulesView(ApiView):
    callers = USERS
    scope = {"GET": "read", "PUT": "account"}

    @extend_schema(
        operation_id="notification_rules_retrieve", responses=NotificationRulesSerializer
    )
    def get(self, request: Request) -> Response:
        """Where you want to hear of what. Without rules: mail about your account."""
        return self._told()

    @extend_schema(
        operation_id="notification_rules_replace",
        request=NotificationRulesSerializer,
        responses=NotificationRulesSerializer,
    )
    def put(self, request: Request) -> Response:
        """Replace your rules."""
        rules = parsed(NotificationRulesSerializer, request)["rules"]
        rules_replace(self.caller.user, rules)
        return self._told()

    def _told(self) -> Response:
        rules = NotificationRule.objects.filter(user=self.caller.user)
        return Response(NotificationRulesSerializer({"rules": rules}).data)


class WebhooksView(ApiView):
    callers = USERS
    scope = {"GET": "read", "POST": "account"}
    idempotency = "off"  # an answer that is kept would be a secret that is kept

    @extend_schema(
        operation_id="notification_webhooks_list", responses=WebhookSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        """Your webhooks. Name one in a rule to use it."""
        rows = Webhook.objects.filter(user=self.caller.user)
        return Response(WebhookSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="notification_webhooks_create",
        request=WebhookChangeSerializer,
        responses={201: WebhookCreatedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a webhook. Messages are signed with its secret, which is shown this once."""
        row, secret = webhook_create(self.caller.user, **parsed(WebhookChangeSerializer, request))
        return Response({**WebhookSerializer(row).data, "secret": secret}, status=201)


class WebhookView(ApiView):
    callers = USERS
    scope = "account"

    @extend_schema(
        operation_id="notification_webhooks_update",
        request=WebhookChangeSerializer,
        responses=WebhookSerializer,
    )
    def patch(self, request: Request, webhook_id: str) -> Response:
        """Change one of your webhooks. Its secret stays."""
        changes = parsed(WebhookChangeSerializer, request, partial=True)
        row = webhook_change(self.caller.user, webhook_id, changes)
        return Response(WebhookSerializer(row).data)

    @extend_schema(operation_id="notification_webhooks_delete", responses={204: None})
    def delete(self, request: Request, webhook_id: str) -> Response:
        """Take one of your webhooks away, with its rules."""
        webhook_delete(self.caller.user, webhook_id)
        return Response(status=204)
