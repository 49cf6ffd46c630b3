"""Names of the Redis streams of one session, and the account that may use them."""

from dataclasses import dataclass

MAXLEN = 20_000
# A session's streams live on for a while after its end: a reader may still be catching up.
TTL_AFTER_END_S = 3600


@dataclass(frozen=True, slots=True)
class StreamKeys:
    session_id: str

    @property
    def prefix(self) -> str:
        return f"djinnbot:s:{self.session_id}:"

    @property
    def cmd(self) -> str:
        """Worker → box."""
        return self.prefix + "cmd"

    @property
    def out(self) -> str:
        """Box → worker: text as it is produced."""
        return self.prefix + "out"

    @property
    def evt(self) -> str:
        """Box → worker: events and status."""
        return self.prefix + "evt"

    @property
    def all(self) -> tuple[str, str, str]:
        return self.cmd, self.out, self.evt

    @property
    def username(self) -> str:
        return f"djinnbot-s-{self.session_id}"
