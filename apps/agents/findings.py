"""What is worth telling a person about an agent's files: never an error, always with a place."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`line` counts from 1. `path` names the key of a YAML file, dotted."""

    code: str
    file: str
    message: str
    line: int | None = None
    path: str = ""

    def as_dict(self) -> dict[str, str | int | None]:
        return {
            "code": self.code,
            "file": self.file,
            "line": self.line,
            "path": self.path,
            "message": self.message,
        }
