"""Which backend this install uses, and why."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.runners.base import BackendName, Runner, RunnerUnavailable
from workers.runners.bubblewrap import BubblewrapRunner
from workers.runners.cgroups import cgroups_unavailable
from workers.runners.docker import DockerRunner
from workers.runners.process import ProcessRunner

_ORDER: tuple[BackendName, ...] = ("docker", "bubblewrap", "process")


@dataclass(frozen=True, slots=True)
class Choice:
    runner: Runner
    reason: str  # a sentence for the status page


def runners(*, boxes_dir: Path, image: str) -> Mapping[BackendName, Runner]:
    return {
        "docker": DockerRunner(image),
        "bubblewrap": BubblewrapRunner(boxes_dir),
        "process": ProcessRunner(boxes_dir),
    }


def choose(wanted: str, *, boxes_dir: Path, image: str) -> Choice:
    """The runner named `wanted`, or for `auto` the best one that works here.

    Raises RunnerUnavailable when the one that was asked for does not work.
    """
    known = runners(boxes_dir=boxes_dir, image=image)
    if wanted != "auto":
        return _named(wanted, known)
    refused: list[str] = []
    for name in _ORDER:
        reason = known[name].unavailable()
        if not reason:
            return Choice(known[name], _sentence(known[name], refused))
        refused.append(reason)
    raise RunnerUnavailable(f"No box can be made here. {' '.join(refused)}", retryable=False)


def _named(wanted: str, known: Mapping[BackendName, Runner]) -> Choice:
    runner = next((runner for name, runner in known.items() if name == wanted), None)
    if runner is None:
        raise RunnerUnavailable(
            f"DJINNBOT_RUNNER is {wanted!r}; it can be auto, {', '.join(_ORDER)}.", retryable=False
        )
    reason = runner.unavailable()
    if reason:
        raise RunnerUnavailable(f"DJINNBOT_RUNNER asks for {wanted}. {reason}", retryable=True)
    reason = f"{_describe(runner)}, as DJINNBOT_RUNNER asks. {_lacks(runner)}"
    return Choice(runner, reason.strip())


def _sentence(runner: Runner, refused: list[str]) -> str:
    return " ".join([f"{_describe(runner)}.", *refused, _lacks(runner)]).strip()


def _lacks(runner: Runner) -> str:
    return "" if runner.name == "docker" else cgroups_unavailable()


def _describe(runner: Runner) -> str:
    names = {
        "docker": "Agents run in Docker containers",
        "bubblewrap": "Agents run in bubblewrap sandboxes",
        "process": "Agents run as bare processes: NOT ISOLATED from this host",
    }
    return names[runner.name]
