"""Which runtime an image holds: worker and box must speak the same protocol.

Also a script, without our dependencies: `compose/agent/build.sh` writes what it prints into the
image's label `LABEL`.
"""

import hashlib
import sys
from functools import cache
from pathlib import Path

LABEL = "djinnbot.runtime"
_WORKERS = Path(__file__).resolve().parents[1]


@cache
def runtime_fingerprint() -> str:
    """SHA-256 over the sources of runtime and protocol as they stand here."""
    digest = hashlib.sha256()
    for path in _sources():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(_WORKERS).as_posix()} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources() -> list[Path]:
    return sorted(
        path for package in ("protocol", "runtime") for path in (_WORKERS / package).rglob("*.py")
    )


if __name__ == "__main__":
    sys.stdout.write(runtime_fingerprint() + "\n")
