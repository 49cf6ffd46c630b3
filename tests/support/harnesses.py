"""Programs of other agents for tests: installed once into the cache of the repository."""

import subprocess
from functools import cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
CACHE = _ROOT / ".cache" / "harnesses"


@cache
def harness_ready(name: str) -> Path:
    """Install `name` as the project's script does (a moment when it is there); where all lie."""
    command = [str(_ROOT / "scripts" / "install_harness.sh"), name, str(CACHE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stderr
    return CACHE
