"""`djinn demo`: the whole way once, from a repository with a bug to commits that mend it."""

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import Options, current_options, global_options
from djinnbot.cli.output import print_json_line, say
from djinnbot.cli.platform.config import Platform, platform_of
from djinnbot.cli.platform.up import bring_up
from djinnbot.cli.session import dashboard_link
from djinnbot.cli.watch import watch_run

PIPELINE = "engineering"
MODEL = "scripted/demo"
PROJECT = Path(__file__).resolve().parents[1] / "demo_project"
_KEPT = 5
_GIT = ("git", "-c", "user.name=Demo", "-c", "user.email=demo@localhost", "-c", "gc.auto=0")
_TIMEOUT_S = 1800
_DELIVERY_S = 60


@click.command()
@click.option("--dir", "directory", type=click.Path(path_type=Path), help="Where the copy goes.")
@click.option("--model", envvar="DJINNBOT_MODEL", default=MODEL, show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), default=8000, envvar="DJINNBOT_PORT")
@global_options
def demo(directory: Path | None, model: str, port: int) -> int:
    """Run the built-in pipeline on a small real project with a real bug.

    The agents read, edit, test and commit in a box. By default a script plays the model, so it
    costs nothing and needs no network; DJINNBOT_MODEL=provider/model runs the same with a real
    one. Ends with 0 only if the agents' commits make the project's own tests pass.
    """
    platform = platform_of(port=port)
    if bring_up(platform, say) is not None:
        say(f"DjinnBot is up at {platform.url}.")
    options = _options()
    repository = _prepare(directory or _new_directory(platform))
    before = _run_tests(repository)
    say(f"The project is in {repository}. Its tests before: {before.summary}")
    if before.passed:
        raise CliError("The demo project's tests pass already: there is nothing to mend.")
    run = _follow(options, repository, model)
    return _verdict(options, repository, run, before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    passed: bool
    summary: str


def _options() -> Options:
    options = current_options()
    options.timeout = options.timeout or _TIMEOUT_S
    return options


def _new_directory(platform: Platform) -> Path:
    """A fresh directory each time; the oldest go."""
    parent = platform.home / "demo"
    parent.mkdir(exist_ok=True)
    for old in sorted(parent.iterdir())[: -_KEPT + 1]:
        shutil.rmtree(old, ignore_errors=True)
    return parent / datetime.now(tz=UTC).strftime("%Y%m%d-%H%M%S-%f")


def _prepare(target: Path) -> Path:
    """Copy the project and make it a repository with one commit."""
    target = target.expanduser().resolve()
    if target.exists() and any(target.iterdir()):
        raise CliError(f"{target} is not empty. Choose another directory for the demo.", Exit.USAGE)
    shutil.copytree(
        PROJECT, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    _git(target, "init", "--quiet", "--initial-branch=main")
    _git(target, "add", "--all")
    _git(target, "commit", "--quiet", "--message", "The project as it was found.")
    return target


def _git(repository: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            [*_GIT, *arguments], cwd=repository, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as exc:
        raise CliError("git is missing. Install it, for example: apt install git.") from exc
    if done.returncode != 0:
        raise CliError(f"git {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _run_tests(directory: Path) -> Tests:
    """The project's own tests, by the interpreter that runs this command."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-B", "-m", "unittest", "discover", "-s", "tests", "-t", "."],
        cwd=directory,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith(("Ran ", "OK", "FAILED"))]
    return Tests(passed=done.returncode == 0, summary=", ".join(lines) or "could not be run")


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    run_id: str
    exit_code: int
    branch: str


def _follow(options: Options, repository: Path, model: str) -> Followed:
    api = Api(options)
    body = {
        "pipeline_id": PIPELINE,
        "task": (PROJECT / "TASK.md").read_text().strip(),
        "repository": str(repository),
        "model_override": model,
    }
    run_id = str(api.post("/v1/runs", body)["id"])
    say(f"Run {run_id}: pipeline {PIPELINE}, model {model}.")
    code = watch_run(api, run_id, timeout_s=options.timeout)
    branch = "" if code == Exit.INTERRUPTED else _delivered_branch(api, run_id)
    return Followed(run_id=run_id, exit_code=code, branch=branch)


def _delivered_branch(api: Api, run_id: str) -> str:
    """The run's branch, once it has been pushed back to the repository; that follows the end."""
    deadline = time.monotonic() + _DELIVERY_S
    run = api.get(f"/v1/runs/{run_id}")
    while not run["finalized_at"] and not run["workspace_error"]:
        if time.monotonic() > deadline:
            raise CliError(f"The commits of run {run_id} did not arrive in the repository.")
        time.sleep(0.1)
        run = api.get(f"/v1/runs/{run_id}")
    return str(run["task_branch"])


def _verdict(options: Options, repository: Path, run: Followed, before: Tests) -> int:
    """Look at the repository itself: what the run says of itself proves nothing."""
    if run.exit_code == Exit.INTERRUPTED:
        return run.exit_code
    commits = _commits(repository, run.branch)
    after = _tests_of_branch(repository, run.branch) if commits else before
    link = dashboard_link(options, f"/runs/{run.run_id}")
    done = run.exit_code == Exit.OK and bool(commits) and after.passed
    if options.json:
        _print_json(run, repository, commits, (before, after), link, done)
    else:
        _print(run, repository, commits, (before, after), link)
    return Exit.OK if done else Exit.RUN_FAILED


def _commits(repository: Path, branch: str) -> list[str]:
    if not branch or not _git(repository, "branch", "--list", branch):
        return []
    return _git(repository, "log", "--reverse", "--format=%h %s", f"main..{branch}").splitlines()


def _tests_of_branch(repository: Path, branch: str) -> Tests:
    """Run the tests in a second worktree, so that the repository's own stays as it is."""
    checkout = repository.with_name(f"{repository.name}.checkout")
    shutil.rmtree(checkout, ignore_errors=True)
    _git(repository, "worktree", "prune")
    _git(repository, "worktree", "add", "--quiet", "--detach", str(checkout), branch)
    try:
        return _run_tests(checkout)
    finally:
        shutil.rmtree(checkout, ignore_errors=True)
        _git(repository, "worktree", "prune")


def _print(
    run: Followed, repository: Path, commits: list[str], tests: tuple[Tests, Tests], link: str
) -> None:
    before, after = tests
    click.echo()
    click.secho(f"Commits on {run.branch or 'no branch'} in {repository}:", bold=True)
    for commit in commits or ["(none)"]:
        click.echo(f"  {commit}")
    click.secho("The project's own tests:", bold=True)
    click.secho(f"  before  {before.summary}", fg="red")
    click.secho(f"  after   {after.summary}", fg="green" if after.passed else "red")
    click.secho("The run in the dashboard (this link signs you in, once):", bold=True)
    click.echo(f"  {link}")
    click.echo("DjinnBot stays up. `djinn status` looks at it, `djinn down` stops it.")


def _print_json(
    run: Followed,
    repository: Path,
    commits: list[str],
    tests: tuple[Tests, Tests],
    link: str,
    done: bool,
) -> None:
    print_json_line(
        {
            "type": "DEMO",
            "ok": done,
            "run_id": run.run_id,
            "repository": str(repository),
            "branch": run.branch,
            "commits": commits,
            "tests": {"before": tests[0].summary, "after": tests[1].summary},
            "dashboard": link,
        }
    )
