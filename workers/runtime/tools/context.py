"""What tools share in one session: where they may work, and what they have started or decided."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from pydantic_ai import BinaryContent, ToolFailed

from workers.protocol.masking import Masker
from workers.runtime.tools.processes import Processes


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The agent said that the step is over."""

    success: bool
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    error: str = ""
    recoverable: bool = True


@dataclass(slots=True, kw_only=True)
class ToolContext:
    workspace: Path
    home: Path
    tmp: Path
    output: Callable[[str], None]  # live text of a running tool
    completion: Completion | None = None
    processes: Processes = field(default_factory=Processes)
    images: list[BinaryContent] = field(default_factory=list)  # shown to code by its tools
    masker: Masker = field(default_factory=Masker)  # of the secrets that tools were given
    sees_images: Callable[[], bool] = lambda: True  # whether the model of the moment does

    def end(self, completion: Completion) -> None:
        """The agent ends its work. Raises ToolFailed: it has done so already."""
        if self.completion is not None:
            raise ToolFailed("The step has already ended.")
        self.completion = completion

    def resolve(self, path: str) -> Path:
        """The real path that `path` names, if tools may touch it. Relative ones: the workspace."""
        if "\0" in path:
            raise ToolFailed("A path cannot hold a NUL character.")
        expanded = os.path.join(self.home, path[2:]) if path.startswith("~/") else path
        if path == "~":
            expanded = str(self.home)
        real = Path(os.path.realpath(self.workspace / expanded))
        if not any(real.is_relative_to(root) for root in self._roots()):
            raise ToolFailed(
                f"{path} is outside of what you may use: the workspace {self.workspace}, "
                f"your home {self.home} and {self.tmp}."
            )
        return real

    def resolve_for_write(self, path: str) -> Path:
        real = self.resolve(path)
        if ".git" in real.parts:
            raise ToolFailed("Git's own files are not for editing; use git commands through bash.")
        if real.is_dir():
            raise ToolFailed(f"{path} is a directory.")
        return real

    def shown(self, real: Path) -> str:
        """A path as the model should see it: relative to the workspace where it lies inside."""
        workspace = Path(os.path.realpath(self.workspace))
        return str(real.relative_to(workspace)) if real.is_relative_to(workspace) else str(real)

    def kill_processes(self) -> None:
        """End whatever commands and code have left running."""
        self.processes.kill()

    def _roots(self) -> tuple[Path, ...]:
        roots = (self.workspace, self.home, self.tmp)
        return tuple(Path(os.path.realpath(root)) for root in roots)
