"""Where keys come from, and what is taken out of texts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.llm.errors import GatewayError
from apps.llm.keys import environment_key, mask_secrets, masked
from apps.llm.providers import PROVIDERS, Dialect, Provider, split_model
from apps.llm.registry import Registry

provider_get = Registry().provider


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for provider in PROVIDERS.values():
        for name in (*provider.key_variables, provider.base_url_variable):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(f"{name}_FILE", raising=False)
    for name in CLOUD:
        monkeypatch.delenv(name, raising=False)


def test_a_key_comes_from_its_variable_or_its_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text("from-a-file-0123456789\n")
    monkeypatch.setenv("OPENAI_API_KEY_FILE", str(path))
    assert environment_key(PROVIDERS["openai"]) == "from-a-file-0123456789"
    path.write_text("replaced-without-a-restart")
    assert environment_key(PROVIDERS["openai"]) == "replaced-without-a-restart"
    monkeypatch.setenv("OPENAI_API_KEY", "given")
    assert environment_key(PROVIDERS["openai"]) == "given"


def test_a_masked_key_tells_two_apart_and_no_more() -> None:
    assert masked("from-a-file-0123456789") == "…6789"
    assert masked("short") == "…"


def test_a_second_variable_serves_where_the_first_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GOOGLE_API_KEY", "second")
    assert environment_key(PROVIDERS["google"]) == "second"


def test_a_key_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY_FILE", "/nowhere/at/all")
    with pytest.raises(GatewayError, match="OPENAI_API_KEY_FILE") as caught:
        environment_key(PROVIDERS["openai"])
    assert caught.value.code == "no_provider_key"


CLOUD = {
    "AZURE_OPENAI_RESOURCE": "mine",
    "AWS_REGION": "eu-central-1",
    "GOOGLE_CLOUD_PROJECT": "a-project",
    "GOOGLE_CLOUD_LOCATION": "europe-west1",
}


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda provider: provider.id)
def test_every_provider_is_complete(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CLOUD.items():
        monkeypatch.setenv(name, value)
    found = provider_get(provider.id)
    assert found.endpoint("chat").startswith(("https://", "http://127.0.0.1"))
    assert "{" not in found.endpoint("chat")
    assert environment_key(found) == ""


def test_a_cloud_provider_says_what_its_address_lacks() -> None:
    with pytest.raises(GatewayError, match="lacks: project, location") as caught:
        provider_get("vertex")
    assert caught.value.code == "no_base_url"


def test_a_base_url_of_anthropic_may_end_in_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    for url in ("http://a", "http://a/", "http://a/v1"):
        monkeypatch.setenv("ANTHROPIC_BASE_URL", url)
        assert provider_get("anthropic").endpoint("messages") == "http://a/v1/messages"


def test_a_custom_provider_needs_an_address_and_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(GatewayError, match="CUSTOM_MY_BOX_BASE_URL"):
        provider_get("custom-my-box")
    monkeypatch.setenv("CUSTOM_MY_BOX_BASE_URL", "http://127.0.0.1:9/v1")
    provider = provider_get("custom-my-box")
    assert (provider.dialect, provider.key_optional) == (Dialect.OPENAI, True)


@pytest.mark.parametrize("name", ["custom-", "custom-A", "custom-a", "custom-" + "a" * 33, "x"])
def test_other_names_are_no_providers(name: str) -> None:
    with pytest.raises(GatewayError, match="No model provider") as caught:
        provider_get(name)
    assert caught.value.code == "unknown_provider"


def test_a_model_name_keeps_its_slashes() -> None:
    assert split_model("openrouter/vendor/model:free") == ("openrouter", "vendor/model:free")
    for name in ("model", "/model", "openai/", ""):
        with pytest.raises(GatewayError, match="provider/model"):
            split_model(name)


@given(before=st.text(), after=st.text())
def test_known_keys_are_masked_in_any_text(before: str, after: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XAI_API_KEY", "Zq9!secret!value")
        masked = mask_secrets(f"{before}Zq9!secret!value{after}")
    assert "Zq9!secret!value" not in masked


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abc123def456",
        "gsk_abc123def456",
        "hf_abcdefghijkl",
        "AIza" + "x" * 35,
        "dst_abc-123_xyz",
    ],
)
def test_what_looks_like_a_key_is_masked(secret: str) -> None:
    assert secret not in mask_secrets(f"Incorrect key: {secret}.")
    assert mask_secrets("A task-breakdown of the risk-free disk_usage.") == (
        "A task-breakdown of the risk-free disk_usage."
    )
