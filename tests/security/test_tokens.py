"""What opens doors stands in no log line, no address and no answer."""

import pytest
from django.test import Client

from tests.security.conftest import bearer
from tests.security.world import World

MADE_UP = "djb_abcdefgh.made-up-4711-made-up"
ASKED = (
    ("GET", "/v1/runs"),
    ("GET", "/v1/runs/none"),
    ("GET", "/v1/nothing"),
    ("GET", "/v1/runs?cursor=x"),
    ("POST", "/v1/runs"),
    ("POST", "/v1/auth/stream-ticket"),
    ("DELETE", "/v1/auth/api-keys/none"),
    ("PUT", "/v1/status"),
)


@pytest.mark.django_db
def test_tokens_are_told_to_nobody(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ada = world["ada"]
    told = ""
    for token in (ada.key, ada.session_token, MADE_UP, f"{ada.key}x", ada.session_token[:-1]):
        for method, path in ASKED:
            answer = Client(raise_request_exception=False).generic(
                method, path, b"{", content_type="application/json", headers=bearer(token)
            )
            told += answer.getvalue().decode() + str(answer.headers)
    logged = caplog.text
    assert "Unauthorized: /v1/runs" in logged, "the log is looked at"
    for token in (ada.key, ada.session_token, MADE_UP):
        secret = token.removeprefix("dst_").rpartition(".")[2][:16]
        assert len(secret) >= 12
        assert secret not in told
        assert secret not in logged
