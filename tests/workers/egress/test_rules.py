"""Where connections may go: addresses, patterns, names that change their answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.addresses import address_of, is_metadata, is_public, networks_of
from apps.core.hosts import HostPattern, host_normalised
from apps.sessions.egress import EgressPolicy, Mode
from tests.support.egress import Names
from workers.egress.rules import Refused, Rules, Unresolved

NOT_PUBLIC = [
    *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *("0.0.0.0", "255.255.255.255", "224.0.0.1", "192.0.2.1", "198.18.0.1", "192.0.0.192"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
    # IPv4 inside IPv6: mapped, compatible, translated, 6to4, Teredo.
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::7f00:1"),
    *("2002:7f00:1::", "2002:a00:1::1", "2001:0:0:0:0:0:80ff:fffe"),
]


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_these_are_not_the_public_internet(text: str) -> None:
    assert not is_public(address_of(text))


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:8.8.8.8"]
)
def test_these_are(text: str) -> None:
    assert is_public(address_of(text))


@pytest.mark.parametrize("text", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "fe80::5"])
def test_metadata_is_known(text: str) -> None:
    assert is_metadata(address_of(text))


@given(st.ip_addresses(v=4))
def test_an_address_inside_another_is_judged_alike(address: object) -> None:
    assert address_of(f"::ffff:{address}") == address
    octets = [int(part) for part in str(address).split(".")]
    translated = "64:ff9b::{:02x}{:02x}:{:02x}{:02x}".format(*octets)
    assert address_of(translated) == address


@pytest.mark.parametrize(
    ("pattern", "host", "port", "matches"),
    [
        ("pypi.org", "pypi.org", 443, True),
        ("pypi.org", "pypi.org", 80, True),
        ("pypi.org", "pypi.org", 22, False),
        ("pypi.org:22", "pypi.org", 22, True),
        ("pypi.org:22", "pypi.org", 443, False),
        ("pypi.org", "evil-pypi.org", 443, False),
        ("pypi.org", "pypi.org.evil.example", 443, False),
        ("*.npmjs.org", "registry.npmjs.org", 443, True),
        ("*.npmjs.org", "a.b.npmjs.org", 443, True),
        ("*.npmjs.org", "npmjs.org", 443, False),
        ("*.npmjs.org", "evilnpmjs.org", 443, False),
        ("PyPI.org.", "pypi.org", 443, True),
        ("[2606:4700::1]:8443", "2606:4700::1", 8443, True),
    ],
)
def test_patterns(pattern: str, host: str, port: int, matches: bool) -> None:
    assert HostPattern.parse(pattern).matches(host_normalised(host), port) is matches


@pytest.mark.parametrize(
    "text", ["", "*", "a b", "http://pypi.org", "a:0", "a:99999", "*.*", "a/b"]
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be|is not|has a port"):
        HostPattern.parse(text)


def _policy(mode: Mode, *allow: str) -> EgressPolicy:
    patterns = tuple(HostPattern.parse(text) for text in allow)
    return EgressPolicy(session_id="s", agent_id="a", run_id="", mode=mode, allow=patterns)


async def _where(rules: Rules, policy: EgressPolicy, host: str, port: int = 443) -> list[str]:
    return [end.address for end in await rules.endpoints(policy, host, port)]


async def test_each_mode_lets_through_what_it_says() -> None:
    names = Names({"pypi.org": ["151.101.0.223"], "evil.example": ["93.184.216.34"]})
    rules = Rules(resolver=names)
    for mode, host, verdict in [
        ("none", "pypi.org", "no_network"),
        ("allowlist", "evil.example", "not_listed"),
    ]:
        with pytest.raises(Refused) as refused:
            await _where(rules, _policy(mode, "pypi.org"), host)  # type: ignore[arg-type]
        assert refused.value.verdict == verdict
    assert names.asked == []  # what is refused is not even looked up
    assert await _where(rules, _policy("allowlist", "pypi.org"), "pypi.org") == ["151.101.0.223"]
    assert await _where(rules, _policy("open"), "evil.example", 8443) == ["93.184.216.34"]
    with pytest.raises(Unresolved):
        await _where(rules, _policy("open"), "nowhere.example")


async def test_only_checked_addresses_are_used_however_a_name_resolves() -> None:
    names = Names(
        {"both.example": ["10.0.0.1", "93.184.216.34", "::1"], "inside.example": ["10.0.0.1"]}
    )
    rules = Rules(resolver=names)
    policy = _policy("allowlist", "*.example")
    assert await _where(rules, policy, "both.example") == ["93.184.216.34"]
    with pytest.raises(Refused) as refused:
        await _where(rules, policy, "inside.example")
    assert refused.value.verdict == "private_address"


async def test_an_opened_network_serves_listed_hosts_only_and_never_metadata() -> None:
    names = Names(
        {"index.corp": ["10.20.0.5"], "other.corp": ["10.20.0.6"], "meta.corp": ["169.254.169.254"]}
    )
    rules = Rules(private=networks_of(["10.20.0.0/16", "169.254.0.0/16"]), resolver=names)
    policy = _policy("open", "index.corp", "meta.corp")
    assert await _where(rules, policy, "index.corp") == ["10.20.0.5"]
    for host in ("other.corp", "meta.corp"):
        with pytest.raises(Refused):
            await _where(rules, policy, host)
