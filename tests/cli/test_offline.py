"""What `djinn` says when there is nothing to speak to, or it is asked wrongly."""

import json
import socket
from pathlib import Path

import pytest

from djinnbot.cli.main import COMMANDS
from tests.support.cli import djinn
from tests.support.live import free_port

NOBODY = "http://127.0.0.1:9"


# `djinn manage` passes every option on.
@pytest.mark.parametrize("command", sorted(set(COMMANDS) - {"manage"}))
def test_each_command_has_help(command: str, tmp_path: Path) -> None:
    answer = djinn(command, "--help", home=tmp_path)
    assert answer.code == 0
    assert "Usage:" in answer.out


def test_nobody_at_the_address_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    answer = djinn("--url", NOBODY, "runs", "list", home=tmp_path)
    assert answer.code == 1
    assert answer.out == ""
    assert answer.err.count("\n") == 1
    assert "djinn up" in answer.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["runs", "nonsense"],
        ["run", "engineering"],
        ["run", "engineering", "task", "--var", "novalue"],
        ["run", "engineering", "task", "--repo", "/no/such/directory"],
        ["run", "engineering", "task", "--context", "@/no/such/file"],
        ["runs", "list", "--limit", "0"],
        ["api", "FETCH", "/v1/runs"],
        ["api", "POST", "/v1/runs", "--data", "{broken"],
        ["pipeline", "validate", "/no/such/file.yml"],
        ["--timeout", "-1", "runs", "list"],
    ],
)
def test_wrong_usage_ends_with_2_and_without_a_traceback(
    arguments: list[str], tmp_path: Path
) -> None:
    answer = djinn("--url", NOBODY, *arguments, home=tmp_path)
    assert answer.code == 2, answer
    assert answer.err
    assert "Traceback" not in answer.err


def test_a_server_that_never_answers_ends_with_8(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        answer = djinn("--url", url, "--timeout", "0.5", "runs", "list", home=tmp_path)
    assert answer.code == 8
    assert "did not answer in 0.5 s" in answer.err


def test_an_address_without_scheme_is_refused(tmp_path: Path) -> None:
    answer = djinn("--url", "localhost:8000", "runs", "list", home=tmp_path)
    assert answer.code == 1
    assert "http://" in answer.err


def test_broken_credentials_ask_to_sign_in_and_do_not_crash(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{broken")
    answer = djinn("runs", "list", home=tmp_path)
    assert answer.code == 3
    assert "credentials" in answer.err
    assert "Traceback" not in answer.err


def test_the_kept_key_is_not_sent_to_another_address(tmp_path: Path) -> None:
    kept = {"url": f"http://127.0.0.1:{free_port()}", "api_key": "djb_secret"}
    (tmp_path / "credentials.json").write_text(json.dumps(kept))
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        url = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        djinn("--url", url, "--timeout", "0.5", "runs", "list", home=tmp_path)
        connection, _ = stranger.accept()
        with connection:
            assert b"djb_secret" not in connection.recv(4096)


def test_status_without_a_platform_says_so(tmp_path: Path) -> None:
    answer = djinn("--url", NOBODY, "status", home=tmp_path)
    assert answer.code == 1
    assert "not up" in answer.out


def test_down_without_a_platform_is_no_error(tmp_path: Path) -> None:
    answer = djinn("down", home=tmp_path)
    assert answer.code == 0
    assert "not up" in answer.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str, tmp_path: Path) -> None:
    answer = djinn("completion", shell, home=tmp_path)
    assert answer.code == 0
    assert "_DJINN_COMPLETE" in answer.out


def test_the_command_imports_neither_django_nor_celery() -> None:
    """Help must be quick, and the command line works without the server's packages."""
    import subprocess
    import sys

    code = (
        "import sys, djinnbot.cli.main as m\n"
        "[m.djinn.get_command(None, name) for name in m.COMMANDS]\n"
        "sys.exit(bool({'django', 'celery'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
