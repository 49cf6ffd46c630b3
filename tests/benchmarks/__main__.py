"""`python -m tests.benchmarks [name …]`: each benchmark in a process of its own, in turn."""

import subprocess
import sys

NAMES = (
    "steps",
    "fanout",
    "accept",
    "live",
    "lists",
    "dashboard",
    "gateway",
    "runtime",
    "boxes",
    "up",
)


def main() -> int:
    wanted = sys.argv[1:] or NAMES
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        sys.stderr.write(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(NAMES)}\n")
        return 2
    ended = [
        subprocess.run([sys.executable, "-m", f"tests.benchmarks.bench_{name}"], check=False)
        for name in wanted
    ]
    return max(process.returncode for process in ended)


if __name__ == "__main__":
    sys.exit(main())
