"""What a box must not be able to do. S04, S05."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings

from tests.support.boxes import ISOLATED
from tests.workers.runners.conftest import UID, Yard
from workers.engine.channel import SessionChannel
from workers.protocol.keys import StreamKeys
from workers.protocol.messages import Abort
from workers.runners.base import Mount

Open = Callable[[str], Yard]
isolated = pytest.mark.parametrize("backend", ISOLATED)


@pytest.fixture
def channel(redis_client: redis.Redis) -> Iterator[SessionChannel]:
    made = SessionChannel("ses_mine")
    made.open_account()
    yield made
    made.close()


@isolated
def test_the_host_is_not_there(yard: Open, backend: str, tmp_path: Path) -> None:
    secret = tmp_path / "host-secret"
    secret.write_text("canary")
    secret.chmod(0o644)
    here = yard(backend)
    _, output = here.sh(
        f"cat {secret}; cat /etc/shadow; ls /proc/1/root/; cat /proc/1/root{secret};"
        f" ls {settings.DJINNBOT_HOME}; ls {Path(__file__).parent}; ls /var/run/docker.sock"
    )
    assert "canary" not in output
    assert "root:" not in output
    assert "docker.sock\n" not in output.replace("'/var/run/docker.sock'", "")
    assert "test_isolation" not in output.replace(str(Path(__file__).parent), "")
    assert output.count("No such file") + output.count("denied") >= 5


@isolated
def test_the_box_has_no_rights(yard: Open, backend: str) -> None:
    here = yard(backend)
    _, output = here.sh("id -u; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status")
    lines = output.split()
    assert lines[0] == "1000"
    assert lines[lines.index("CapEff:") + 1] == "0000000000000000"
    assert lines[lines.index("NoNewPrivs:") + 1] == "1"


@isolated
@pytest.mark.parametrize(
    "attempt",
    [
        "mount -t tmpfs none /mnt",
        "mount --bind /home/agent /usr",
        "unshare --mount --pid --fork --map-root-user mount -t proc none /proc && touch /usr/x",
        "touch /usr/bin/x",
        "touch /etc/x",
        "echo x > /proc/sys/kernel/hostname",
        "chroot /home/agent /bin/sh",
        "mknod /home/agent/disk b 8 0",
        "su -c true",
        "kill -9 1 && sleep 1 && ! kill -0 1",
        "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 3)'",
    ],
)
def test_an_escape_is_refused(yard: Open, backend: str, attempt: str) -> None:
    code, output = yard(backend).sh(attempt)
    assert code not in (0, None), output


@isolated
def test_there_is_no_network(yard: Open, backend: str) -> None:
    with socket.create_server(("0.0.0.0", 0)) as server:
        port = server.getsockname()[1]
        host = socket.gethostbyname(socket.gethostname())
        script = (
            "import socket\n"
            f"for host in ('127.0.0.1', '{host}', '172.17.0.1', '169.254.169.254'):\n"
            "  try: socket.create_connection((host, "
            f"{port} if not host.startswith('169') else 80), 2); print('OPEN', host)\n"
            "  except OSError as exc: print('closed', host)\n"
        )
        _, output = yard(backend).sh(f'python3 -c "{script}"')
    assert "OPEN" not in output
    assert output.count("closed") == 4


@isolated
def test_the_database_cannot_be_reached(yard: Open, backend: str) -> None:
    options = settings.DATABASES["default"]
    directory = options["OPTIONS"].get("host") or options["HOST"]
    here = yard(backend)
    connect = (
        "import socket; s = socket.socket(socket.AF_UNIX);"
        f" s.connect('{directory}/.s.PGSQL.5432'); print('OPEN')"
    )
    code, output = here.sh(f'python3 -c "{connect}"')
    assert code != 0
    assert "OPEN" not in output


@isolated
def test_another_agents_home_is_not_there(yard: Open, backend: str, tmp_path: Path) -> None:
    other = tmp_path / "other-agent"
    other.mkdir()
    os.chown(other, UID, UID)
    (other / "notes").write_text("canary")
    _, output = yard(backend).sh(f"cat {other}/notes; ls -R /home; ls -la {tmp_path}")
    assert "canary" not in output
    assert "other-agent\n" not in output


@isolated
def test_a_mount_for_reading_cannot_be_written(yard: Open, backend: str, tmp_path: Path) -> None:
    objects = tmp_path / "mirror.git" / "objects"
    objects.mkdir(parents=True)
    os.chown(objects, UID, UID)
    (objects / "pack").write_text("packed")
    os.chown(objects / "pack", UID, UID)
    mount = Mount(source=objects, target=str(objects))
    code, output = yard(backend).sh(
        f"cat {objects}/pack; echo broken > {objects}/pack; rm {objects}/pack; touch {objects}/new",
        mounts=[mount],
    )
    assert "packed" in output
    assert code != 0
    assert (objects / "pack").read_text() == "packed"
    assert os.listdir(objects) == ["pack"]


@isolated
def test_redis_is_open_for_the_sessions_own_streams_only(
    yard: Open, backend: str, channel: SessionChannel, redis_client: redis.Redis
) -> None:
    other = StreamKeys("ses_other")
    redis_client.xadd(other.evt, {"secret": "canary"})
    redis_client.set("celery", "canary")
    channel.send(Abort(request_id="r1"))
    path = Path(settings.REDIS_URL.partition("@")[2].partition("?")[0])
    mount = Mount(source=path.parent, target="/run/redis")
    url = channel.box_url(f"/run/redis/{path.name}")
    script = Path(__file__).with_name("redis_probe.py").read_text()
    here = yard(backend)
    (here.home / "probe.py").write_text(script)
    python = "/opt/djinnbot/venv/bin/python" if backend == "docker" else _python()
    _, output = here.sh(f"{python} probe.py", mounts=[mount], env={"URL": url, "OTHER": other.evt})
    assert "canary" not in output
    lines = output.split("\n")
    refused = [line for line in lines if line.startswith("refused")]
    allowed = [line.split()[1] for line in lines if line.startswith("allowed")]
    assert allowed == ["ping", "read-cmd", "write-evt", "write-out"], output
    assert len(refused) == 15, output


def _python() -> str:
    import sys

    return sys.executable
