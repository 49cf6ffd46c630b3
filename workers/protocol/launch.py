"""What the worker asks of its launcher (`workers.runtime.launcher`), one packet a request.

The environment of a box never stands in a packet: it comes as a file that only the new process
reads, so that no other box inherits it with the launcher's memory.
"""

from typing import Literal

from pydantic import BaseModel, Field

# In the environment of what belongs to a box: its name.
BOX_VARIABLE = "DJINNBOT_BOX"
# Exit code of a box whose sandbox could not be made or entered.
EXIT_START_FAILED = 125
# Architectures whose system calls `workers.runtime.seccomp` knows.
SANDBOX_MACHINES = frozenset({"x86_64", "aarch64"})


class Launch(BaseModel):
    """Descriptors with it: the environment (JSON), the box's log."""

    kind: Literal["launch"] = "launch"
    id: str
    # bubblewrap's command line up to the program to run; empty: no sandbox.
    sandbox: list[str] = Field(default_factory=list)
    # The program to run; empty: the agent runtime, without a new interpreter.
    command: list[str] = Field(default_factory=list)
    workdir: str
    uid: int | None = None
    gid: int | None = None
    max_processes: int | None = None
    max_file_bytes: int | None = None  # of one file
    cgroups: list[str] = Field(default_factory=list)  # directories to join


class Launched(BaseModel):
    kind: Literal["launched"] = "launched"
    id: str
    pid: int


class Exited(BaseModel):
    kind: Literal["exited"] = "exited"
    id: str
    code: int  # 128 + n: killed by signal n


class LaunchFailed(BaseModel):
    kind: Literal["failed"] = "failed"
    id: str
    error: str


class Answer(BaseModel):
    answer: Launched | Exited | LaunchFailed = Field(discriminator="kind")
