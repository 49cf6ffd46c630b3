"""The REST API: deny by default, problem+json, cursor pages."""

from typing import Any

from djinnbot.settings.env import env
from djinnbot.settings.parts.auth import AUTH_ENABLED

RATE_LIMITS = env.bool("DJINNBOT_RATE_LIMITS", default=True)

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.SessionTokenAuthentication",
        "apps.accounts.authentication.AccessTokenAuthentication",
        "apps.accounts.authentication.ApiKeyAuthentication",
        "apps.accounts.authentication.BrowserAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["apps.core.api.permissions.CallersAndScope"],
    "DEFAULT_RENDERER_CLASSES": ["apps.core.api.renderers.OrjsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.core.api.parsers.JsonParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.core.api.pagination.CursorPage",
    "DEFAULT_SCHEMA_CLASS": "apps.core.api.schema.AutoSchema",
    "EXCEPTION_HANDLER": "apps.core.api.errors.exception_handler",
    "URL_FORMAT_OVERRIDE": None,  # formats are negotiated by `Accept` alone
    "DATETIME_FORMAT": None,  # the renderer writes times, the same for models and plain rows
    "COERCE_DECIMAL_TO_STRING": True,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
    "TEST_REQUEST_RENDERER_CLASSES": [
        "rest_framework.renderers.MultiPartRenderer",
        "rest_framework.renderers.JSONRenderer",
    ],
}
if not AUTH_ENABLED:
    REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"] = [
        *REST_FRAMEWORK["DEFAULT_AUTHENTICATION_CLASSES"],
        "apps.accounts.authentication.OpenAuthentication",
    ]
# Streams take these too, before the ones above.
STREAM_AUTHENTICATION_CLASSES = ["apps.accounts.authentication.TicketAuthentication"]

SPECTACULAR_SETTINGS = {
    "TITLE": "DjinnBot API",
    "VERSION": "1",
    "DESCRIPTION": "Runs teams of AI agents. Errors are `application/problem+json`.",
    "SERVE_INCLUDE_SCHEMA": True,
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.llm.gateway.schema.describe_gateway",
        "apps.core.api.schema.describe_events",
    ],
    "ENUM_NAME_OVERRIDES": {
        "HealthEnum": [("ok", "ok"), ("degraded", "degraded")],
        "ProviderHealthEnum": [("ok", "ok"), ("down", "down"), ("unknown", "unknown")],
        "RunStatusEnum": "apps.runs.choices.RunStatus",
        "RunKindEnum": "apps.runs.choices.RunKind",
        "StepStatusEnum": "apps.runs.choices.StepStatus",
        "LoopItemStatusEnum": "apps.runs.choices.LoopItemStatus",
        "LoopItemKindEnum": "apps.runs.choices.LoopItemKind",
        "ApprovalStatusEnum": "apps.runs.choices.ApprovalStatus",
        "StepTypeEnum": [("standard", "standard"), ("loop", "loop")],
        "TimelineTypeEnum": "apps.runs.timeline.TIMELINE_TYPES",
        "AgentStateEnum": "apps.runs.team.AgentState",
        "ContainerStatusEnum": "apps.sessions.models.ContainerInstance.Status",
        "SeverityEnum": [("error", "error"), ("warning", "warning"), ("info", "info")],
        "WaitlistStatusEnum": "apps.accounts.models.WaitlistEntry.Status",
        "NotificationLevelEnum": "apps.notifications.kinds.Level",
        "SessionStatusEnum": "apps.sessions.models.AgentSession.Status",
        "ScopeEnum": "apps.llm.models.budgets.BudgetScope",
        "SecretScopeEnum": "apps.secrets.models.Secret.Scope",
        "SecretTypeEnum": "apps.secrets.models.Secret.Type",
        "AgentSourceEnum": "apps.agents.models.Agent.Source",
        "RoleEnum": "apps.accounts.roles.Role",
        "ProgramRoleEnum": [("admin", "Admin"), ("member", "Member"), ("viewer", "Viewer")],
        "ApiKeyKindEnum": "apps.accounts.models.ApiKey.Kind",
        "CallerKindEnum": [("user", "user"), ("session", "session")],
        "AuditResultEnum": "apps.accounts.models.AuditEvent.Result",
        "SessionSourceEnum": "apps.sessions.models.AgentSession.Source",
        "CallStatusEnum": [
            *(("started", "started"), ("completed", "completed"), ("failed", "failed")),
        ],
        "BudgetStateEnum": [("ok", "ok"), ("soft", "soft"), ("hard", "hard")],
        "CheckVerdictEnum": "apps.runs.choices.CheckVerdict",
        "CaseVerdictEnum": [("pass", "pass"), ("fail", "fail"), ("running", "running")],
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
