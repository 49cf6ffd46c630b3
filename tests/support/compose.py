"""`docker compose` for tests, from the wheel that the developer's environment has."""

import importlib.util
import os
import secrets
import subprocess
from pathlib import Path


def compose(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it. The package's own command would lose the exit code, so this is the program itself."""
    package = importlib.util.find_spec("compose")
    assert package is not None, "install requirements/dev.txt"
    assert package.origin is not None
    return subprocess.run(
        [str(Path(package.origin).with_name("docker-compose")), *arguments],
        env={**os.environ, "DOCKER_BUILDKIT": "0", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def env_file_write(directory: Path, name: str = "", **values: str) -> None:
    """`.env` (or `name.env`) as an operator makes it of the example: what has no value there gets
    one."""
    example = f"{name}.env.example" if name else "env.example"
    made = {"SECRET_ENCRYPTION_KEY": secrets.token_hex(32), **values}
    lines = []
    for line in (directory / example).read_text().splitlines():
        key, is_setting, value = line.partition("=")
        if is_setting and not line.startswith("#"):
            line = f"{key}={made.get(key, value or secrets.token_hex(16))}"
        lines.append(line)
    (directory / f"{name}.env").write_text("\n".join(lines) + "\n")
