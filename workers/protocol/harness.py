"""Agents of others that a box can run: their names, and where each one's program stands.

A program lies in a directory of its own on the host, which a box sees read-only. The names are
those of `harness:` in a pipeline.
"""

from collections.abc import Mapping

DIRECTORY = "/opt/harness"  # where a box sees it

# Below the directory of the harness.
PROGRAMS: Mapping[str, str] = {
    "opencode": "bin/opencode",
    "mini-swe-agent": "lib/minisweagent/run/mini.py",
}
