"""`djinn up`, `down`, `status`, `logs`, `manage`: the platform on this machine."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import Options, current_options, global_options
from djinnbot.cli.output import print_json, print_rows, say
from djinnbot.cli.platform.config import SOURCE_ROOT, Platform, platform_of
from djinnbot.cli.platform.logs import colour_of, follow, last_lines
from djinnbot.cli.platform.programs import processes
from djinnbot.cli.platform.supervision import State, Supervisor, log_file
from djinnbot.cli.platform.up import bring_down, bring_up
from djinnbot.cli.session import dashboard_link

_port_option = click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8000,
    envvar="DJINNBOT_PORT",
    show_default=True,
    help="Port of the dashboard and the API.",
)
_host_option = click.option(
    "--host",
    default="127.0.0.1",
    envvar="DJINNBOT_HOST",
    show_default=True,
    help="Address to listen on.",
)


@click.command()
@click.option("--detach", "-d", is_flag=True, help="Return once the platform is up.")
@_port_option
@_host_option
@global_options
def up(detach: bool, port: int, host: str) -> int:
    """Start the platform: servers, web, workers and scheduler.

    PostgreSQL and Valkey come with DjinnBot and keep their data in DJINNBOT_HOME (default
    ~/.djinnbot). Set DATABASE_URL or REDIS_URL to use servers of your own. Without --detach the
    logs are shown here and Ctrl-C stops the platform.
    """
    options = current_options()
    platform = platform_of(host=host, port=port)
    before = time.monotonic()
    process = bring_up(platform, say)
    if process is None:
        say(f"DjinnBot is already up: {_known_url(options)}")
        return Exit.OK
    if detach:
        _announce(platform, time.monotonic() - before)
        return Exit.OK
    stop = _StopFlag()  # before a word is printed: from now on Ctrl-C means to stop all
    _announce(platform, time.monotonic() - before)
    return _foreground(platform, process, stop)


def _announce(platform: Platform, took_s: float) -> None:
    link = dashboard_link(_local_options(platform))
    if current_options().json:
        print_json({"url": platform.url, "dashboard": link, "seconds": round(took_s, 2)})
        return
    say(f"DjinnBot is up at {platform.url} ({took_s:.1f} s). Dashboard: {link}")
    say(f"Data: {platform.home}   Logs: {platform.logs}")


def _local_options(platform: Platform) -> Options:
    """Speak to the platform just started, whatever --url says."""
    return Options(url=platform.program_environment()["DJINNBOT_URL"])


def _known_url(options: Options) -> str:
    return options.endpoint()[0]


def _foreground(platform: Platform, process: "subprocess.Popen[bytes]", stop: "_StopFlag") -> int:
    """Show logs until Ctrl-C or SIGTERM, then stop everything."""
    for line in _log_lines(platform, from_end=True, until=lambda: stop.raised or _ended(process)):
        click.echo(line)
    if _ended(process):
        raise CliError(f"The supervisor ended by itself. Look into {platform.logs}/supervisor.log.")
    say("Stopping …")
    bring_down(platform)
    return Exit.INTERRUPTED if stop.raised == signal.SIGINT else Exit.OK


class _StopFlag:
    """Set by the first SIGINT or SIGTERM; a second one acts as usual."""

    def __init__(self) -> None:
        self.raised = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._set)

    def _set(self, number: int, _frame: Any) -> None:
        self.raised = number
        signal.signal(number, signal.SIG_DFL)


def _ended(process: "subprocess.Popen[bytes]") -> bool:
    return process.poll() is not None


@click.command()
@global_options
def down() -> int:
    """Stop the platform. Runs that are under way go on after the next start."""
    if bring_down(platform_of()):
        say("DjinnBot is down.")
    else:
        say("DjinnBot was not up.")
    return Exit.OK


@click.command()
@global_options
def status() -> int:
    """Show the processes on this machine and whether the API answers.

    Exit code 1 unless all is up.
    """
    states = _states(platform_of())
    answer = _api_status()
    if current_options().json:
        print_json({"processes": [_facts(state) for state in states], "api": answer})
    else:
        if states:
            print_rows([_facts(state) for state in states], ["name", "status", "pid", "uptime"])
        else:
            click.echo("No processes: the platform is not up on this machine.")
        click.echo(f"API at {answer['url']}: {answer['state']}")
    healthy = answer["state"] == "ok" and all(state.is_up for state in states)
    return Exit.OK if healthy else Exit.ERROR


def _states(platform: Platform) -> list[State]:
    supervisor = Supervisor(platform)
    return supervisor.states() if supervisor.is_running() else []


def _facts(state: State) -> dict[str, Any]:
    minutes, seconds = divmod(state.uptime_s, 60)
    return {
        "name": state.name,
        "status": state.status,
        "pid": state.pid or None,
        "uptime": f"{minutes}m {seconds:02}s" if state.is_up else state.note,
    }


def _api_status() -> dict[str, Any]:
    options = current_options()
    try:
        answer = Api(options).get("/v1/status")
    except CliError as error:
        return {"url": options.endpoint()[0], "state": error.message}
    return {"url": options.endpoint()[0], "state": "ok", "answer": answer}


@click.command()
@click.argument("names", nargs=-1)
@click.option("--follow", "-f", is_flag=True, help="Go on as lines are written.")
@click.option("--lines", "-n", type=click.IntRange(0), default=50, show_default=True)
@global_options
def logs(names: tuple[str, ...], follow: bool, lines: int) -> int:
    """Show the end of the logs of the platform's processes, all or those NAMED."""
    platform = platform_of()
    known = _log_names(platform)
    if unknown := sorted(set(names) - set(known)):
        raise CliError(
            f"There is no process {', '.join(unknown)}. Known: {', '.join(known)}.", Exit.NOT_FOUND
        )
    chosen = list(names) or known
    for name in chosen:
        for line in last_lines(log_file(platform, name), lines):
            click.echo(_prefixed(name, line, known))
    if follow:
        for line in _log_lines(platform, from_end=True, until=lambda: False, chosen=chosen):
            click.echo(line)
    return Exit.OK


def _log_names(platform: Platform) -> list[str]:
    return ["setup", *(process.name for process in processes(platform))]


def _log_lines(
    platform: Platform, *, from_end: bool, until: Any, chosen: list[str] | None = None
) -> Iterator[str]:
    known = _log_names(platform)
    files = {name: log_file(platform, name) for name in chosen or known}
    for name, line in follow(files, from_end=from_end, until=until):
        yield _prefixed(name, line, known)


def _prefixed(name: str, line: str, known: list[str]) -> str:
    width = max(map(len, known))
    return f"{click.style(f'{name:<{width}} |', fg=colour_of(name, known))} {line}"


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def manage(arguments: tuple[str, ...]) -> int:
    """Run `manage.py ARGUMENTS…` with the settings of this install."""
    done = subprocess.run(
        [sys.executable, str(SOURCE_ROOT / "manage.py"), *arguments],
        cwd=os.getcwd(),
        env=platform_of().program_environment(),
        check=False,
    )
    return done.returncode
