"""Channel `email`: a plain-text message by SMTP."""

from __future__ import annotations

import re
import smtplib
import ssl
from email.message import EmailMessage
from urllib.parse import SplitResult, unquote, urlsplit

from citybrain.config import Settings
from citybrain.kernel.errors import ConfigError
from dispatch.channels.base import Answer, Message, one_line

TIMEOUT_S = 10.0
_ADDRESS = re.compile(r"[^\s@<>,;:\"()\[\]\\]+@[^\s@<>,;:\"()\[\]\\]+")


class EmailChannel:
    """Sends one message by one SMTP connection. TLS by `smtps://`, else by STARTTLS where the server offers it."""

    name = "email"

    def __init__(self, url: str | None, sender: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._server = _server(url) if url else None
        self._sender, self._timeout_s = sender, timeout_s

    def send(self, message: Message) -> Answer:
        """Send once. What the server calls permanent is final, the rest is tried again."""
        if self._server is None:
            return Answer("fail", "not_configured", "smtp_url")
        address = unquote(urlsplit(message.target).path)
        if not _ADDRESS.fullmatch(address):
            return Answer("fail", "bad_target", "not one e-mail address")
        try:
            with self._connect(self._server) as smtp:
                smtp.send_message(self.mail(message, address))
        except smtplib.SMTPAuthenticationError as error:
            # somebody may put the password right: try again
            return Answer("retry", "not_authorised", f"SMTP {error.smtp_code}")
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(max((code for code, _ in error.recipients.values()), default=550))
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code)
        except smtplib.SMTPNotSupportedError as error:
            return Answer("retry", "refused", type(error).__name__)
        except TimeoutError as error:
            return Answer("retry", "timeout", type(error).__name__)
        except (OSError, smtplib.SMTPException) as error:
            return Answer("retry", "unreachable", type(error).__name__)
        return Answer("ok", "sent")

    def mail(self, message: Message, address: str) -> EmailMessage:
        """The e-mail. Its Message-ID comes from the notice, so that a mail that comes twice is known to be one."""
        mail = EmailMessage()
        mail["From"], mail["To"] = self._sender, address
        mail["Subject"] = one_line(message.subject)
        mail["Message-ID"] = f"<{message.id}@citybrain>"
        mail["Date"] = message.sent_at
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text)
        return mail

    def _connect(self, server: SplitResult) -> smtplib.SMTP:
        host = server.hostname or "localhost"
        smtp: smtplib.SMTP
        if server.scheme == "smtps":
            smtp = smtplib.SMTP_SSL(host, server.port or 465, timeout=self._timeout_s, context=ssl.create_default_context())
        else:
            smtp = smtplib.SMTP(host, server.port or 25, timeout=self._timeout_s)
        try:
            smtp.ehlo()
            if server.scheme == "smtp" and smtp.has_extn("starttls"):
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo()
            if server.username:
                smtp.login(unquote(server.username), unquote(server.password or ""))
        except BaseException:
            smtp.close()
            raise
        return smtp

    def close(self) -> None:
        """Nothing is kept open."""


def _server(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        fine = parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        fine = False
    if not fine:
        # the URL may hold a password: it is not shown
        raise ConfigError("not an SMTP server: give smtp://host:port or smtps://user:password@host", key="smtp_url")
    return parts


def _refused(code: int) -> Answer:
    detail = f"SMTP {code}"
    return Answer("fail", "refused", detail) if code >= 500 else Answer("retry", "server_error", detail)


def open_channel(settings: Settings) -> EmailChannel:
    """The channel by the settings `smtp_url` and `smtp_from`. Raises ConfigError."""
    return EmailChannel(settings.smtp_url, settings.smtp_from)
