"""`checks:` of a step: commands by which the server finds out whether what an agent claims holds.

    checks:
      - python -m pytest -q                     a command, expected to exit with 0
      - name: types
        run: mypy {{package}}
        expectExit: 0      timeout: 600      workdir: server      env: {LEVEL: "1"}
        when: PASS                              only if the step gave this result

Values never become shell text. `{{package}}` in a command turns into `${DJINN_VAR_package}` and
the value goes into the environment: a shell expands a parameter once and does not read the result
as commands. In `env`, where no shell reads, values are put in as they are.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from apps.pipelines import template
from apps.pipelines.definition import Check, Step
from apps.pipelines.reader import Reader
from apps.pipelines.routing import gives_result
from apps.pipelines.yaml_tree import Node

MAX_CHECKS = 20
MAX_COMMAND = 20_000
NAME_CHARS = 80
EXIT_CODES = (0, 255)
CHECK_TIMEOUT_S = (1, 3600)
VARIABLE_PREFIX = "DJINN_VAR_"
# One string of an environment; the kernel takes no longer one.
MAX_VALUE_BYTES = 100_000
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


class ValueTooLong(ValueError):
    """A variable does not fit into an environment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A check made ready: shell text without any value in it, and the values beside it."""

    text: str
    env: Mapping[str, str]


def read_checks(reader: Reader) -> tuple[Check, ...] | None:
    """The `checks` of a step or of the defaults; None: the key is not there."""
    if not reader.has("checks"):
        return None
    entries = reader.entries_of_list("checks")
    if len(entries) > MAX_CHECKS:
        reader.report("P005", "checks", f"There are more than {MAX_CHECKS} checks.")
    return tuple(_read(reader, place, node) for place, node in entries[:MAX_CHECKS])


def _read(holder: Reader, place: str, node: Node) -> Check:
    if isinstance(node.value, str):
        node = Node(value={"run": node}, line=node.line)
    reader = Reader(node, place, holder.problems)
    run = reader.required_text("run", max_length=MAX_COMMAND)
    expected = "expectExit" if reader.has("expectExit") else "expect_exit"
    alias = reader.whole("timeout", *CHECK_TIMEOUT_S)
    timeout = reader.whole("timeoutSeconds", *CHECK_TIMEOUT_S)
    default = Check(run="", name="")
    check = Check(
        run=run,
        name=reader.text("name", max_length=NAME_CHARS) or _first_line(run),
        expect_exit=reader.whole(expected, *EXIT_CODES) or default.expect_exit,
        timeout_s=timeout or alias or default.timeout_s,
        workdir=_read_workdir(reader),
        env=_read_env(reader),
        when=_read_when(reader),
    )
    reader.warn_unknown()
    return check


def _read_workdir(reader: Reader) -> str:
    text = reader.text("workdir") or ""
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        reader.report("P005", "workdir", "workdir must be a directory below the workspace.")
        return ""
    return "" if str(path) == "." else str(path)


def _read_when(reader: Reader) -> tuple[str, ...]:
    """One result, or a list of them."""
    if reader.has("when") and isinstance(reader.fields["when"].value, list):
        return reader.texts("when")
    single = reader.as_text("when", "").strip()
    return (single,) if single else ()


def _read_env(reader: Reader) -> dict[str, str]:
    holder = reader.mapping("env")
    if holder is None:
        return {}
    found: dict[str, str] = {}
    for name in holder.fields:
        if not _ENV_NAME.fullmatch(name):
            holder.report("P005", name, f"{name!r} cannot be the name of a variable.")
            continue
        found[name] = holder.as_text(name, "")
    return found


def _first_line(run: str) -> str:
    line = next((line.strip() for line in run.splitlines() if line.strip()), "")
    return line if len(line) <= NAME_CHARS else f"{line[: NAME_CHARS - 1]}…"


def due(checks: Iterable[Check], step: Step, outputs: Mapping[str, str]) -> tuple[Check, ...]:
    """Those of `checks` that the outputs of a step call for."""
    return tuple(c for c in checks if not c.when or gives_result(step, outputs, c.when))


def script(check: Check, variables: Mapping[str, str]) -> Script:
    """Make a check ready for a shell. Raises ValueTooLong."""
    asked = [name for name in template.names(check.run) if name in variables]
    env = {f"{VARIABLE_PREFIX}{name}": variables[name] for name in asked}
    env |= {name: template.render(text, variables).text for name, text in check.env.items()}
    for name, value in env.items():
        if len(value.encode(errors="replace")) > MAX_VALUE_BYTES:
            raise ValueTooLong(
                f"The value of {name.removeprefix(VARIABLE_PREFIX)} is too long for a command."
            )
    # A name that is set but blank must still be blank to a condition.
    shown = {
        name: f"${{{VARIABLE_PREFIX}{name}}}" if variables[name].strip() else "" for name in asked
    }
    return Script(
        text=template.render(check.run, shown).text,
        env={name: value.replace("\0", "") for name, value in env.items()},
    )
