"""Channel files: what is missing turns a channel off, and no credential ever shows."""

import pytest

from apps.agents.channels import mask, parse_channel

TOKEN = "xoxb-canary-token-of-a-test"


def test_reference_to_a_variable_is_resolved() -> None:
    channel, findings = parse_channel(
        "slack",
        "bot_token: ${ADA_TOKEN}\napp_token: literal\nbot_user_id: U1\n",
        {"ADA_TOKEN": TOKEN},
    )

    assert channel.enabled
    assert (channel.primary, channel.secondary) == (TOKEN, "literal")
    assert channel.extra == {"bot_user_id": "U1"}
    assert findings == ()


@pytest.mark.parametrize("key", ["bot_token", "app_token"])
def test_unset_variable_turns_the_channel_off_and_names_itself(key: str) -> None:
    other = "app_token" if key == "bot_token" else "bot_token"
    text = f"{other}: x\n{key}: ${{NOT_THERE}}\n"

    channel, findings = parse_channel("slack", text, {})

    assert not channel.enabled
    assert [(f.code, f.line, f.path) for f in findings] == [("channel_variable_unset", 2, key)]
    assert "NOT_THERE" in findings[0].message


def test_unset_variable_of_an_extra_key_costs_that_key_only() -> None:
    channel, findings = parse_channel("discord", "token: x\nguild_id: ${NOPE}\n", {})

    assert channel.enabled
    assert channel.extra == {}
    assert len(findings) == 1


@pytest.mark.parametrize("name", ["bot_token", "botToken", "token"])
def test_spellings_of_the_primary(name: str) -> None:
    assert parse_channel("telegram", f"{name}: abc\n", {})[0].primary == "abc"


@pytest.mark.parametrize(
    "name", ["app_token", "appToken", "app_id", "appId", "webhook_secret", "webhookSecret"]
)
def test_spellings_of_the_secondary(name: str) -> None:
    assert parse_channel("slack", f"token: a\n{name}: 12\n", {})[0].secondary == "12"


def test_the_first_spelling_wins_and_the_others_are_extra() -> None:
    channel, _ = parse_channel("slack", "token: c\nbotToken: b\nbot_token: a\n", {})
    assert (channel.primary, channel.extra) == ("a", {"token": "c", "botToken": "b"})


def test_channel_without_a_token_is_off() -> None:
    channel, findings = parse_channel("slack", "dm_policy: open\n", {})
    assert not channel.enabled
    assert [finding.code for finding in findings] == ["channel_no_token"]


@pytest.mark.parametrize("name", ["signal", "whatsapp"])
def test_channels_with_a_shared_account_need_no_token(name: str) -> None:
    assert parse_channel(name, "enabled: true\n", {})[0].enabled
    assert not parse_channel(name, "enabled: false\n", {})[0].enabled


def test_disabled_channel_is_off_without_complaint() -> None:
    channel, findings = parse_channel("slack", "enabled: false\n", {})
    assert (channel.enabled, findings) == (False, ())


@pytest.mark.parametrize(
    "text", [f"bot_token: {TOKEN}\n  broken: [", f"- {TOKEN}", f"a: &{TOKEN} *{TOKEN}x"]
)
def test_malformed_file_tells_no_credential(text: str) -> None:
    channel, findings = parse_channel("slack", text, {})

    assert not channel.enabled
    assert findings
    assert "canary" not in repr((channel, findings))


def test_repr_shows_no_credential() -> None:
    channel, _ = parse_channel("slack", f"token: {TOKEN}\nextra_secret: {TOKEN}\n", {})
    assert TOKEN not in repr(channel)


@pytest.mark.parametrize(
    ("value", "shown"),
    [("", ""), ("short", "***"), ("1234567", "***"), ("xoxb-1234567890abcd", "xoxb-123...abcd")],
)
def test_masks(value: str, shown: str) -> None:
    assert mask(value) == shown
