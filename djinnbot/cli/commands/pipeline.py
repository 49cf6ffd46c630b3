"""`djinn pipeline`: the library of pipelines."""

from pathlib import Path
from typing import Any

import click

from djinnbot.cli.client import Api
from djinnbot.cli.errors import CliError, Exit
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_facts, print_json, print_rows

_COLUMNS = ("id", "name", "layer", "valid", "description")
_STEP_COLUMNS = ("id", "agent", "type", "outputs")


@click.group()
@global_options
def pipeline() -> None:
    """List, show and check pipelines."""


@pipeline.command("list")
@global_options
def list_pipelines() -> None:
    """List the pipelines."""
    print_rows(_items(_api().get("/v1/pipelines")), _COLUMNS)


@pipeline.command()
@click.argument("pipeline_id")
@global_options
def show(pipeline_id: str) -> None:
    """Show a pipeline with its agents and steps."""
    found = _api().get(f"/v1/pipelines/{pipeline_id}")
    if current_options().json:
        print_json(found)
        return
    names = ("id", "name", "version", "layer", "valid", "description", "agents")
    print_facts((name, _names(found.get(name))) for name in names)
    click.echo()
    print_rows([step for step in found.get("steps", []) if isinstance(step, dict)], _STEP_COLUMNS)
    _print_problems(found, pipeline_id)


@pipeline.command()
@click.argument("pipeline_id")
@global_options
def raw(pipeline_id: str) -> None:
    """Print the YAML of a pipeline."""
    found = _api().get(f"/v1/pipelines/{pipeline_id}/raw")
    if current_options().json:
        print_json(found)
    else:
        click.echo(found["yaml"], nl=not str(found["yaml"]).endswith("\n"))


@pipeline.command()
@click.argument("pipeline_or_file")
@click.option("--local", "-l", is_flag=True, help="It is a file, whatever its name.")
@global_options
def validate(pipeline_or_file: str, local: bool) -> int:
    """Check a pipeline of the library, or a YAML file before it is put there.

    Each problem is printed with its line. Exit code 1 if there is an error.
    """
    path = Path(pipeline_or_file)
    is_file = local or path.suffix in {".yml", ".yaml"} or path.is_file()
    found = _validate_file(path) if is_file else _validate_id(pipeline_or_file)
    if current_options().json:
        print_json(found)
    else:
        _print_problems(found, pipeline_or_file)
        if found["valid"]:
            click.secho(f"{pipeline_or_file} is valid.", fg="green")
    return Exit.OK if found["valid"] else Exit.ERROR


def _validate_file(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise CliError(f"Cannot read {path}: {exc}.", Exit.USAGE) from exc
    answer = _api().call("POST", "/v1/pipelines/validate", body={"yaml_content": text})
    assert isinstance(answer, dict)
    return answer


def _validate_id(pipeline_id: str) -> dict[str, Any]:
    answer = _api().call("POST", f"/v1/pipelines/{pipeline_id}/validate", body={})
    assert isinstance(answer, dict)
    return answer


def _print_problems(found: dict[str, Any], source: str) -> None:
    """`file:line: code: message`, as compilers write it."""
    problems = found.get("problems") or [
        *({"severity": "error", "message": text} for text in found.get("errors") or []),
        *({"severity": "warning", "message": text} for text in found.get("warnings") or []),
    ]
    for problem in problems:
        code = str(problem.get("code") or "")
        warning = problem.get("severity") == "warning" or code.startswith("W")
        line = f":{problem['line']}" if problem.get("line") else ""
        click.secho(
            f"{source}{line}: {code} {problem.get('message', '')}".replace("  ", " "),
            fg="yellow" if warning else "red",
            err=True,
        )


def _names(value: Any) -> Any:
    """Ids of a list of objects."""
    if isinstance(value, list):
        return [item.get("id", item) if isinstance(item, dict) else item for item in value]
    return value


def _items(answer: Any) -> list[dict[str, Any]]:
    found = answer["items"] if isinstance(answer, dict) else answer
    assert isinstance(found, list)
    return found


def _api() -> Api:
    return Api(current_options())
