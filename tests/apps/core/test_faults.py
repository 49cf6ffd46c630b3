"""Fault points: silent unless asked, exact when asked."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = """
from apps.core.faults import InjectedFault, fault_point
for number in range(3):
    try:
        fault_point("here")
        print("passed", flush=True)
    except InjectedFault as fault:
        print("raised", fault, flush=True)
"""


def passing(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PATH": "/usr/bin:/bin", **environment},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("", ["passed"] * 3),
        ("elsewhere:kill", ["passed"] * 3),
        ("here:raise", ["raised here"] * 3),
        ("here:raise@2", ["passed", "raised here", "passed"]),
        ("there:kill, here:raise@1", ["raised here", "passed", "passed"]),
    ],
)
def test_what_is_asked_for_happens(fault: str, said: list[str]) -> None:
    assert passing(DJINN_FAULT=fault).stdout.splitlines() == said


def test_kill_is_kill() -> None:
    done = passing(DJINN_FAULT="here:kill@2")
    assert (done.returncode, done.stdout) == (-9, "passed\n")


def test_sleep_goes_on_afterwards() -> None:
    began = time.monotonic()
    assert passing(DJINN_FAULT="here:sleep=0.3@1").stdout.splitlines() == ["passed"] * 3
    assert time.monotonic() - began > 0.3


def test_once_is_once_over_all_processes(tmp_path: Path) -> None:
    once = {"DJINN_FAULT": "here:raise", "DJINN_FAULT_ONCE": str(tmp_path / "mark")}
    assert passing(**once).stdout.splitlines() == ["raised here", "passed", "passed"]
    assert passing(**once).stdout.splitlines() == ["passed"] * 3


def test_nonsense_stops_the_start_with_a_sentence() -> None:
    done = passing(DJINN_FAULT="here:explode")
    assert done.returncode != 0
    assert "DJINN_FAULT" in done.stderr
