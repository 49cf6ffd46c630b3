"""Whose things stay whose, at every address: an owner, a stranger, a viewer, another run's agent.

Each address under /v1 stands in one of the sets below; a new one fails the first test until
somebody has said whom it belongs to.
"""

from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from tests.apps.core.test_url_table import Operation, operations
from tests.security.conftest import Headers, bearer, undone
from tests.security.test_odd_requests import QUERY_NEEDED, url_of
from tests.security.world import Person, World

pytestmark = pytest.mark.django_db

# What stands at these belongs to one person: to others it is not there.
OWNED = {
    *("/v1/auth/api-keys/{key_id}", "/v1/auth/sessions/{session_id}"),
    *("/v1/containers/{container_id}", "/v1/containers/{container_id}/logs"),
    *("/v1/containers/{container_id}/logs/stream", "/v1/containers/{container_id}/stop"),
    *("/v1/evals/cases/{case_id}", "/v1/evals/{evaluation_id}"),
    "/v1/events/stream/{run_id}",
    "/v1/llm/calls/{call_id}",
    *("/v1/notifications/{notification_id}", "/v1/notifications/{notification_id}/read"),
    "/v1/notifications/webhooks/{webhook_id}",
    *("/v1/runs/{run_id}", "/v1/runs/{run_id}/approvals"),
    *("/v1/runs/{run_id}/approvals/{approval_id}", "/v1/runs/{run_id}/cancel"),
    *("/v1/runs/{run_id}/finalize", "/v1/runs/{run_id}/fork", "/v1/runs/{run_id}/graph"),
    *("/v1/runs/{run_id}/knowledge", "/v1/runs/{run_id}/logs", "/v1/runs/{run_id}/outputs"),
    *("/v1/runs/{run_id}/loop-state/{step_id}", "/v1/runs/{run_id}/pause"),
    *("/v1/runs/{run_id}/restart", "/v1/runs/{run_id}/resume", "/v1/runs/{run_id}/steps"),
    *("/v1/runs/{run_id}/steps/{step_id}/checks", "/v1/runs/{run_id}/steps/{step_id}/inject"),
    "/v1/runs/{run_id}/steps/{step_id}/restart",
    *("/v1/secrets/{secret_id}", "/v1/secrets/{secret_id}/access"),
    *("/v1/secrets/{secret_id}/grant/{agent_id}", "/v1/secrets/{secret_id}/reveal"),
    *("/v1/sessions/{session_id}", "/v1/sessions/{session_id}/egress"),
    *("/v1/sessions/{session_id}/stop", "/v1/sessions/{session_id}/stream"),
    *("/v1/steps/{run_id}/{step_id}", "/v1/steps/{run_id}/{step_id}/logs"),
    "/v1/steps/{run_id}/{step_id}/restart",
    *("/v1/workspaces/{run_id}", "/v1/workspaces/{run_id}/{path}"),
    *("/v1/workspaces/{run_id}/git/diff", "/v1/workspaces/{run_id}/git/diff/{commit}"),
    *("/v1/workspaces/{run_id}/git/file-history/{path}", "/v1/workspaces/{run_id}/git/history"),
    *("/v1/workspaces/{run_id}/git/merge", "/v1/workspaces/{run_id}/git/push"),
    "/v1/workspaces/{run_id}/git/show/{commit}/{path}",
    "/v1/workspaces/{run_id}/git/status",
    "/v1/workspaces/projects/{project_id}/git/push",
    "/v1/users/me/export/{export_id}/file",
    *("/v1/runs/{run_id}/density", "/v1/runs/{run_id}/search", "/v1/runs/{run_id}/transcript"),
    *("/v1/sessions/{session_id}/search", "/v1/sessions/{session_id}/transcript"),
}
# Each reads and counts only their own there.
LISTS = {
    *("/v1/agents/{agent_id}/activity", "/v1/agents/{agent_id}/activity/stats"),
    *("/v1/agents/{agent_id}/queue", "/v1/agents/{agent_id}/runs"),
    *("/v1/agents/{agent_id}/sessions", "/v1/agents/{agent_id}/lifecycle", "/v1/agents/status"),
    *("/v1/agents/{agent_id}/queue/cancel", "/v1/agents/{agent_id}/queue/clear"),
    *("/v1/auth/api-keys", "/v1/auth/sessions", "/v1/auth/me"),
    *("/v1/containers", "/v1/decisions", "/v1/evals", "/v1/evals/cases", "/v1/events/stream"),
    *("/v1/internal/run-history", "/v1/llm-calls", "/v1/llm/calls", "/v1/llm/calls/export"),
    *("/v1/llm/budgets", "/v1/llm/budgets/{budget_id}", "/v1/llm/budgets/status"),
    *("/v1/llm/providers", "/v1/llm/providers/{provider_id}", "/v1/llm/usage"),
    *("/v1/llm/usage/export", "/v1/notifications", "/v1/notifications/unread"),
    *("/v1/notifications/rules", "/v1/notifications/webhooks", "/v1/notifications/read-all"),
    "/v1/notifications/test",
    "/v1/projects/{project_id}/tasks/{task_id}/executor-runs",
    *("/v1/runs", "/v1/runs/costs", "/v1/secrets", "/v1/secrets/agents/{agent_id}"),
    *("/v1/secrets/agents/{agent_id}/env", "/v1/secrets/agents/{agent_id}/reveal"),
    *("/v1/secrets/agents/{agent_id}/totp", "/v1/sessions", "/v1/usage/me"),
    *("/v1/users/me/favorites", "/v1/users/me/secrets"),
    *("/v1/users/me/export", "/v1/users/me/delete", "/v1/auth/visit", "/v1/jobs", "/v1/search"),
}
# What is there once for all who may come in; who may change it, `test_url_table` holds.
SHARED = {
    *("/v1/agents", "/v1/agents/{agent_id}", "/v1/agents/{agent_id}/config"),
    *("/v1/agents/{agent_id}/files/{name}", "/v1/agents/{agent_id}/files/{name}/revert"),
    *("/v1/agents/{agent_id}/files/{name}/versions", "/v1/agents/{agent_id}/pause"),
    *("/v1/agents/{agent_id}/reset", "/v1/agents/{agent_id}/resume"),
    *("/v1/agents/{agent_id}/sandbox", "/v1/agents/{agent_id}/sandbox/file"),
    *("/v1/agents/{agent_id}/sandbox/tree", "/v1/agents/{agent_id}/tools/disabled"),
    *("/v1/agents/{agent_id}/tools/overrides", "/v1/pipeline-schema", "/v1/pipelines"),
    "/v1/agents/{agent_id}/tools/overrides/{tool_name}",
    "/v1/pipelines/rehearse",
    *("/v1/auth/device", "/v1/auth/device/token", "/v1/auth/device/{code}"),
    *("/v1/auth/invites/accept", "/v1/auth/login-link", "/v1/auth/logout", "/v1/auth/setup"),
    *("/v1/auth/status", "/v1/auth/stream-ticket", "/v1/docs", "/v1/health", "/v1/schema"),
    *("/v1/internal/executor-result", "/v1/llm/aliases", "/v1/llm/aliases/{name}"),
    *("/v1/llm/models", "/v1/llm/providers/{provider_id}/key", "/v1/llm/resolve"),
    *("/v1/llm/providers/{provider_id}/models", "/v1/llm/providers/{provider_id}/test"),
    "/v1/waitlist",
    *("/v1/llm/settings", "/v1/pipelines/validate", "/v1/pipelines/{pipeline_id}"),
    *("/v1/pipelines/{pipeline_id}/graph", "/v1/pipelines/{pipeline_id}/raw"),
    *("/v1/pipelines/{pipeline_id}/versions", "/v1/pipelines/{pipeline_id}/versions/{version_id}"),
    *("/v1/pipelines/{pipeline_id}/validate", "/v1/runs/forecast", "/v1/secrets/types"),
    "/v1/status",
}
# Owners of these need more than a row: `test_live_streams` and the apps' own tests read them.
NOT_READ_HERE = {"/v1/auth/sessions/{session_id}"}


def is_for_administrators(operation: Operation) -> bool:
    return operation.callers == {"admin"}


def at(paths: Iterable[str]) -> list[Operation]:
    return [o for o in operations() if o.path in paths and not is_for_administrators(o)]


def test_each_address_is_somebodys() -> None:
    for operation in operations():
        groups = [operation.path in group for group in (OWNED, LISTS, SHARED)]
        known = sum(groups) == 1 or (is_for_administrators(operation) and not any(groups))
        assert known, f"say in this file whom {operation} belongs to"
    paths = {operation.path for operation in operations()}
    assert OWNED | LISTS | SHARED <= paths, "an address that is no more"


def call(operation: Operation, url: str, headers: Headers) -> Any:
    client = Client(raise_request_exception=False)
    query = QUERY_NEEDED.get(operation.path, "") if operation.method == "GET" else ""
    with undone():
        return client.generic(
            operation.method, url + query, b"{}", content_type="application/json", headers=headers
        )


def others(world: World) -> dict[str, Headers]:
    return {
        "stranger": bearer(world["bob"].key),
        "viewer": bearer(world["vic"].key),
        "another run's agent": bearer(world["bob"].session_token),
    }


def told(answer: Any) -> tuple[int, str]:
    code = answer.json().get("code", "") if answer.status_code >= 400 else ""
    return answer.status_code, code


def test_what_is_not_ones_own_is_not_there(world: World) -> None:
    ada = world["ada"]
    for operation in at(OWNED):
        if operation.is_async:
            continue
        url = url_of(operation, ada)
        for who, headers in others(world).items():
            answer = call(operation, url, headers)
            where = f"{operation} for a {who}: {answer.status_code}"
            assert answer.status_code in {403, 404, 422}, where
            if operation.method == "GET":
                refused_by_kind = "session" not in operation.callers and "agent" in who
                assert answer.status_code == (403 if refused_by_kind else 404), where
            assert told(answer) == told(call(operation, made_up(operation), headers)), (
                f"{where}: it can be told from what does not exist"
            )
            assert_tells_nothing(answer, ada, url, where)


def made_up(operation: Operation) -> str:
    ids = {
        name: "999999" if name in operation.numbered else "none" for name in operation.parameters
    }
    return operation.path.format(**ids)


def test_owners_find_what_is_theirs(world: World) -> None:
    """Else the test above would pass for addresses where nothing is."""
    ada = world["ada"]
    for operation in at(OWNED - NOT_READ_HERE):
        if operation.is_async or operation.method != "GET":
            continue
        answer = call(operation, url_of(operation, ada), bearer(ada.key))
        assert answer.status_code == 200, f"{operation}: {answer.status_code} {answer.getvalue()!r}"


def test_lists_hold_and_count_only_ones_own(world: World) -> None:
    ada = world["ada"]
    for operation in at(LISTS):
        if operation.is_async:
            continue
        url = url_of(operation, ada)
        for who, headers in others(world).items():
            answer = call(operation, url, headers)
            assert_tells_nothing(answer, ada, url, f"{operation} for a {who}")
            if operation.is_paged and operation.method == "GET":
                counted = call(operation, f"{url}?count=true", headers)
                if counted.status_code == 200:
                    page = counted.json()
                    assert page["total"] == len(page["items"]), f"{operation} counts for a {who}"


def test_owners_lists_hold_what_is_theirs(world: World) -> None:
    ada = world["ada"]
    found = []
    for operation in at(LISTS):
        reads = operation.method == "GET" and not operation.is_async
        if reads and (operation.is_paged or operation.path in QUERY_NEEDED):
            text = call(operation, url_of(operation, ada), bearer(ada.key)).getvalue().decode()
            found += [str(operation)] if any(word in text for word in ada.private) else []
    assert {"GET /v1/runs", "GET /v1/sessions", "GET /v1/llm/calls", "GET /v1/search"} <= {*found}


def test_administrators_addresses_are_closed_to_others(world: World) -> None:
    for operation in filter(is_for_administrators, operations()):
        if operation.is_async:
            continue
        for who, headers in others(world).items():
            answer = call(operation, url_of(operation, world["ada"]), headers)
            assert answer.status_code == 403, f"{operation} for a {who}: {answer.status_code}"


def assert_tells_nothing(answer: Any, owner: Person, url: str, where: str) -> None:
    text = answer.getvalue().decode("utf-8", "replace")
    found = sorted(word for word in owner.private if word in text and word not in url)
    assert not found, f"{where} tells of {found}"
