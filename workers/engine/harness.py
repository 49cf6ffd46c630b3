"""Another agent's program as the worker of a step: which one, and how it gets into the box."""

from pathlib import Path

from django.conf import settings

from apps.core.errors import RunnerError
from apps.pipelines import resolve
from apps.runs.claims import ClaimedStep
from workers.protocol.harness import DIRECTORY, PROGRAMS
from workers.runners.base import Mount, Runner


class HarnessMissing(RunnerError):
    default_code = "harness_missing"


def harness_of(step: ClaimedStep) -> str:
    """The name of the program; empty: our own runtime does the step."""
    name = resolve.harness(step.pipeline, step.step)
    return "" if name == "djinnbot" else name


def harness_directory(name: str) -> Path:
    """Where this install keeps a harness."""
    return Path(settings.HARNESS_DIR) / name


def harness_plan(step: ClaimedStep, runner: Runner) -> tuple[dict[str, str], list[Mount]]:
    """What the box needs for it: environment and, where the image does not bring the program along,
    a directory, read-only. Raises HarnessMissing."""
    name = harness_of(step)
    if not name:
        return {}, []
    if name in runner.harnesses(settings.AGENT_IMAGE):
        return {"AGENT_HARNESS": name, "AGENT_HARNESS_DIR": f"{DIRECTORY}/{name}"}, []
    directory = harness_directory(name)
    if not (directory / PROGRAMS[name]).is_file():
        raise HarnessMissing(
            f"The step is to be run by {name}, which is not installed here. "
            f"Install it with: scripts/install_harness.sh {name}",
            harness=name,
            retryable=False,
        )
    mount = Mount(source=directory.resolve(), target=f"{DIRECTORY}/{name}")
    return {"AGENT_HARNESS": name, "AGENT_HARNESS_DIR": runner.seen(mount)}, [mount]
