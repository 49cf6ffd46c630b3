"""`djinn images`: the images that boxes are made from, on this machine's Docker."""

import json
import os
import subprocess
import sys

import click

from djinnbot.cli.errors import CliError
from djinnbot.cli.options import current_options, global_options
from djinnbot.cli.output import print_rows, say
from djinnbot.cli.platform.config import SOURCE_ROOT

_BUILD = SOURCE_ROOT / "compose" / "agent" / "build.sh"
_FINGERPRINT = SOURCE_ROOT / "workers" / "protocol" / "fingerprint.py"
_LABEL = "djinnbot.runtime"
_HARNESS = "djinnbot.harness"
_COLUMNS = ("image", "size", "created", "runtime", "harness")


@click.group()
@global_options
def images() -> None:
    """Build and list the images of boxes."""


@images.command("list")
@global_options
def list_images() -> None:
    """List the images on this machine. `stale` ones hold another runtime: build them anew."""
    current = _fingerprint()
    rows = []
    for line in _docker("image", "ls", "--filter", f"label={_LABEL}", "--format", "{{json .}}"):
        found = json.loads(line)
        if found["Repository"] == "<none>":
            continue
        name = f"{found['Repository']}:{found['Tag']}"
        labels = json.loads(
            "".join(_docker("image", "inspect", "--format", "{{json .Config.Labels}}", name))
        )
        rows.append(
            {
                "image": name,
                "size": found["Size"],
                "created": found["CreatedSince"],
                "runtime": "current" if labels[_LABEL] == current else "stale",
                "harness": labels.get(_HARNESS, ""),
            }
        )
    if not rows and not current_options().json:
        say("There is none; `djinn images build` makes one.")
    print_rows(rows, _COLUMNS)


@images.command()
@click.argument("variant", type=click.Choice(["slim", "full"]), default="slim")
@click.option("--tag", default="", help="Name of the image (djinnbot-agent:VARIANT[-harness]).")
@click.option(
    "--harness",
    "harnesses",
    multiple=True,
    type=click.Choice(["mini-swe-agent", "opencode"]),
    help="Put the program of another agent in; may be given twice.",
)
@global_options
def build(variant: str, tag: str, harnesses: tuple[str, ...]) -> None:
    """Build the image VARIANT: `slim`, or `full` with the whole toolbox (3.7 GB).

    Quick when nothing has changed. Where no registry can be reached, the base is made from this
    host's package mirror. BASE, DEBIAN_MIRROR and PIP_INDEX_URL are read from the environment.
    """
    if not _BUILD.is_file():
        raise CliError("Images are built from DjinnBot's source tree, which is not installed here.")
    tag = tag or f"djinnbot-agent:{variant}{'-harness' if harnesses else ''}"
    environment = {**os.environ, "HARNESS": " ".join(sorted(set(harnesses)))}
    done = subprocess.run(
        [str(_BUILD), variant, tag], env=environment, stdout=sys.stderr, check=False
    )
    if done.returncode:
        raise CliError("The image was not built; the lines above say why.")
    rows = _docker("image", "ls", tag, "--format", "{{.Size}}")
    say(f"{tag} is ready, {rows[0]}.")


def _fingerprint() -> str:
    done = subprocess.run(
        [sys.executable, str(_FINGERPRINT)], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def _docker(*arguments: str) -> list[str]:
    """Lines of what docker says. Raises CliError in plain words."""
    try:
        done = subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=60, check=False
        )
    except FileNotFoundError:
        raise CliError("Docker is not installed. Boxes can be made by bubblewrap too.") from None
    except subprocess.TimeoutExpired:
        raise CliError("The Docker daemon does not answer.") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise CliError(f"Docker refused: {reason}")
    return done.stdout.splitlines()
