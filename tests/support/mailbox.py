"""A mail server for tests: speaks SMTP (RFC 5321) over TCP and keeps what it takes."""

import email
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any


@dataclass(slots=True)
class Mailbox:
    """`refuses`: the answer to each RCPT, for instance `451 later` or `550 nobody here`."""

    port: int = 0
    messages: list[Message] = field(default_factory=list)
    refuses: str = ""

    def of(self, address: str) -> list[Message]:
        return [message for message in self.messages if message["X-Envelope-To"] == address]


class _Session(socketserver.StreamRequestHandler):
    server: "_Server"
    timeout = 20

    def handle(self) -> None:
        self._say("220 mailbox.test ESMTP")
        recipients: list[str] = []
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            match verb.upper():
                case "EHLO" | "HELO":
                    self._say("250 mailbox.test")
                case "RCPT" if self.server.mailbox.refuses:
                    self._say(self.server.mailbox.refuses)
                case "RCPT":
                    recipients.append(rest.partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                case "MAIL" | "RSET" | "NOOP":
                    recipients = []
                    self._say("250 ok")
                case "DATA" if recipients:
                    self._take(recipients)
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("503 not now")

    def _take(self, recipients: list[str]) -> None:
        self._say("354 go on")
        lines: list[bytes] = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        for recipient in recipients:
            message = email.message_from_bytes(b"".join(lines))
            message["X-Envelope-To"] = recipient
            self.server.mailbox.messages.append(message)
        self._say("250 taken")

    def _say(self, answer: str) -> None:
        self.wfile.write(f"{answer}\r\n".encode())


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    mailbox: Mailbox


@contextmanager
def mailbox_server() -> Iterator[Mailbox]:
    with _Server(("127.0.0.1", 0), _Session) as server:
        server.mailbox = Mailbox(port=server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.mailbox
        finally:
            server.shutdown()
            thread.join()


def settings_of(mailbox: Mailbox) -> dict[str, Any]:
    """Django's settings that lead to it."""
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": mailbox.port,
    }
