"""Whose key pays for a call: the whole table, without a database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.core.crypto import seal
from apps.llm.errors import GatewayError
from apps.llm.providers import PROVIDERS
from apps.llm.registry import Alias, ModelFacts, Registry, Share, StoredKey
from apps.llm.resolution import Who, keys_for, models_of

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANN, BOB = Who(user_id="usr_ann"), Who(user_id="usr_bob")
NOBODY, PROJECT = Who(), Who(project_id="prj_1")


@pytest.fixture(autouse=True)
def _no_environment_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_API_KEY_FILE", "OPENAI_BASE_URL", "GROQ_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def key(number: int, scope: str = "instance", *shares: Share, **more: Any) -> StoredKey:
    sealed = seal(f"sk-secret-of-key-number-{number}", place=f"llm_providerkey/{number}/secret")
    values: dict[str, Any] = {
        "user_id": None,
        "project_id": "",
        "allow_unattended": True,
        "is_invalid": False,
        **more,
    }
    return StoredKey(
        id=number,
        provider="openai",
        scope=scope,
        sealed=sealed,
        masked="…",
        shares=shares,
        **values,
    )


ALL = Share(id=1, user_id=None)
MINE = key(1, "user", user_id="usr_ann")
THEIRS = key(2, "user", user_id="usr_bob")
SHARED = key(3, "instance", ALL)
PRIVATE = key(4)  # the instance's, shared with nobody
ATTENDED = key(5, "instance", ALL, allow_unattended=False)
OF_PROJECT = key(6, "project", project_id="prj_1")


def found(keys: list[StoredKey], who: Who, model: str = "gpt-4o", spent: int = 0) -> list[str]:
    registry = Registry(keys={"openai": keys})
    chosen = keys_for(
        registry,
        PROVIDERS["openai"],
        model,
        who,
        now=NOW,
        is_spent=lambda share: share.id == spent,
    )
    return [f"{one.id}:{one.source}" if one else "none" for one in chosen]


@pytest.mark.parametrize(
    ("keys", "who", "expected"),
    [
        ([MINE, THEIRS, SHARED], ANN, ["1:personal", "3:admin_shared"]),
        ([THEIRS, SHARED], ANN, ["3:admin_shared"]),
        ([MINE, SHARED], NOBODY, ["3:instance"]),
        ([PRIVATE], NOBODY, ["4:instance"]),
        ([OF_PROJECT, SHARED], PROJECT, ["6:project", "3:instance"]),
        ([OF_PROJECT, SHARED], NOBODY, ["3:instance"]),
        ([OF_PROJECT, MINE], Who(user_id="usr_ann", project_id="prj_1"), ["1:personal"]),
    ],
)
def test_keys_come_in_their_order(keys: list[StoredKey], who: Who, expected: list[str]) -> None:
    assert found(keys, who) == expected


@pytest.mark.parametrize(
    ("keys", "who", "code"),
    [
        ([], ANN, "no_key_for_user"),
        ([THEIRS], ANN, "no_key_for_user"),
        ([PRIVATE], ANN, "no_key_for_user"),
        ([OF_PROJECT], BOB, "no_key_for_user"),
        ([MINE, THEIRS], NOBODY, "no_provider_key"),
        ([ATTENDED], NOBODY, "no_provider_key"),
        ([key(7, "user", user_id="usr_ann", is_invalid=True)], ANN, "provider_key_invalid"),
    ],
)
def test_without_a_key_it_is_said(keys: list[StoredKey], who: Who, code: str) -> None:
    with pytest.raises(GatewayError) as caught:
        found(keys, who)
    assert caught.value.code == code
    assert "sk-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("share", "why"),
    [
        (Share(id=2, user_id=None, expires_at=NOW - timedelta(seconds=1)), "has expired"),
        (Share(id=2, user_id=None, allowed_models=("gpt-4o-mini", "o3*")), "not for this model"),
        (Share(id=9, user_id=None, daily_calls=5), "limit of today"),
        (Share(id=2, user_id="usr_bob"), r"may use\."),
    ],
)
def test_a_share_serves_within_its_limits(share: Share, why: str) -> None:
    with pytest.raises(GatewayError, match=why) as caught:
        found([key(3, "instance", share)], ANN, spent=9)
    assert caught.value.code == "no_key_for_user"


def test_a_share_of_ones_own_goes_before_everybodys() -> None:
    limited = Share(id=8, user_id="usr_ann", expires_at=NOW + timedelta(seconds=1))
    keys = [key(3, "instance", ALL), key(4, "instance", limited)]
    assert found(keys, ANN) == ["4:admin_shared", "3:admin_shared"]


def test_a_key_that_was_refused_gives_way(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = key(1, "user", user_id="usr_ann", is_invalid=True)
    assert found([refused, SHARED], ANN) == ["3:admin_shared"]
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment")
    assert found([refused], ANN) == ["None:admin_shared"]
    assert found([], NOBODY) == ["None:instance"]


def test_names_of_models(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Registry(
        keys={"openai": [SHARED]},
        aliases={
            "smart": Alias(
                name="smart",
                chain=("openai/gpt-4o", "quick", "openrouter/a/b"),
                error_classes=frozenset(),
                max_attempts=0,
            ),
            "quick": Alias(
                name="quick",
                chain=("groq/x", "smart", "openai/gpt-4o"),
                error_classes=frozenset(),
                max_attempts=0,
            ),
        },
    )
    assert models_of(registry, "openrouter/a/b").models == [("openrouter", "a/b")]
    assert models_of(registry, "gpt-4o").models == [("openai", "gpt-4o")]
    assert models_of(registry, "smart").models == [
        ("openai", "gpt-4o"),
        ("groq", "x"),
        ("openrouter", "a/b"),
    ]
    monkeypatch.setenv("GROQ_API_KEY", "k")
    both = {name: {"m": ModelFacts(provider=name, model="m")} for name in ("openai", "groq")}
    with pytest.raises(GatewayError, match="groq/m, openai/m") as caught:
        models_of(replace(registry, entries=both), "m")
    assert caught.value.code == "ambiguous_model"
    assert caught.value.extra["candidates"] == ["groq/m", "openai/m"]
    with pytest.raises(GatewayError, match="provider/model"):
        models_of(registry, "no-such-model-anywhere")


def test_a_model_that_nobody_knows_is_as_its_sibling_and_says_so() -> None:
    registry = Registry()
    openai = PROVIDERS["openai"]
    known, sibling = registry.model(openai, "gpt-4o"), registry.model(openai, "gpt-4o-of-tomorrow")
    assert known.price is not None
    assert sibling.price is not None
    assert not known.price.approximate
    assert sibling.price.approximate
    assert sibling.context_window
    assert registry.model(openai, "zzz").price is None, "unknown is not free"
    assert registry.model(PROVIDERS["ollama"], "llama3").price is not None, "one's own is"
