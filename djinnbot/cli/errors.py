"""Errors of the command line: a sentence and the exit code that scripts look at."""

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    ERROR = 1
    USAGE = 2
    NOT_SIGNED_IN = 3
    NOT_FOUND = 4
    REFUSED = 5
    CONFLICT = 6
    RUN_FAILED = 7
    TIMEOUT = 8
    INTERRUPTED = 130


class CliError(Exception):
    """Ends the command with one plain line on standard error."""

    def __init__(self, message: str, code: Exit = Exit.ERROR) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class Unreachable(CliError):
    """Nobody answers at the address, for now."""
