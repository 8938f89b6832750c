"""A small SMTP server for tests: it takes mails, refuses when told to, and asks for a password when it has one."""

from __future__ import annotations

import base64
import socketserver
import threading
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import cast


class _Talk(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self._say("220 mailbox")
        signed_in = self.server.password is None
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.upper()
            if verb == "EHLO":
                self._say("250-mailbox", "250 AUTH PLAIN")
            elif verb == "AUTH":
                given = base64.b64decode(rest.split(" ", 1)[1]).decode().split("\0")[2]
                signed_in = given == self.server.password
                self._say("235 welcome" if signed_in else "535 wrong name or password")
            elif verb == "RCPT" and self.server.refuse:
                self._say(self.server.refuse)
            elif verb == "MAIL" and not signed_in:
                self._say("530 sign in first")
            elif verb == "DATA":
                self._say("354 go on")
                self._take()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 ok")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line.removeprefix(b"."))
        self.server.mails.append(cast(EmailMessage, message_from_bytes(b"".join(lines), policy=default)))
        self._say("250 taken")

    def _say(self, *lines: str) -> None:
        self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())


class Mailbox(socketserver.ThreadingTCPServer):
    """Listens on a free port of the loopback. `refuse` is the answer to RCPT, such as `550 nobody`."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.mails: list[EmailMessage] = []
        self.refuse: str | None = None
        self.password: str | None = None
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
