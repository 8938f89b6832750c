"""Channel `webhook`: a CloudEvents 1.0 event by HTTP POST, structured JSON mode, signed; or the body of Alertmanager."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from citybrain.config import Settings
from dispatch.channels.base import Answer, Message, answer_of
from dispatch.channels.webhook import alertmanager
from dispatch.channels.webhook.signature import sign

TIMEOUT_S = 8.0


class WebhookChannel:
    """Posts events. With a secret every request carries a signature over its timestamp and body."""

    name = "webhook"

    def __init__(
        self, *, city: str, secret: str | None = None, public_url: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._city, self._secret, self._public_url = city, secret, public_url
        # redirects are refused: the signature was made for the target that was named
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, headers={"User-Agent": "citybrain"})

    def send(self, message: Message) -> Answer:
        """POST once. 2xx is ok; 408, 425, 429, 5xx and what the network does are tried again; the rest is final."""
        plain = alertmanager.address(message.target)
        target = plain or message.target
        if not _reachable(target):
            return Answer("fail", "bad_target", "not an http or https URL")
        if plain:
            kind, content = "application/json", alertmanager.body(message, city=self._city, public_url=self._public_url)
        else:
            kind, content = "application/cloudevents+json; charset=utf-8", self.event(message)
        body = orjson.dumps(content)
        stamp = str(int(message.sent_at.timestamp()))
        headers = {
            "Content-Type": kind,
            "Idempotency-Key": message.id,
            "Citybrain-Timestamp": stamp,
        }
        if self._secret:
            headers["Citybrain-Signature"] = sign(self._secret, stamp, body)
        try:
            response = self._client.post(target, content=body, headers=headers)
        except httpx.TimeoutException as error:
            return Answer("retry", "timeout", type(error).__name__)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError, ValueError) as error:
            return Answer("fail", "bad_target", type(error).__name__)
        except httpx.HTTPError as error:
            # its text would show the URL, which may hold a key
            return Answer("retry", "unreachable", type(error).__name__)
        answer = answer_of(response.status_code)
        return answer._replace(handle=message.id) if answer.outcome == "ok" else answer

    def event(self, message: Message) -> dict[str, Any]:
        """The CloudEvents 1.0 event of a message; the extension `replaces` is the id of the event before about the order."""
        return ({"replaces": message.replaces} if message.replaces else {}) | {
            "specversion": "1.0",
            "id": message.id,
            "source": f"/citybrain/{self._city}",
            "type": f"org.citybrain.order.{message.purpose}",
            "subject": f"orders/{message.data.get('number', '')}",
            "time": message.created_at.isoformat(),
            "datacontenttype": "application/json",
            "data": {**message.data, "subject": message.subject, "text": message.text},
        }

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _reachable(target: str) -> bool:
    try:
        parts = urlsplit(target)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def open_channel(settings: Settings) -> WebhookChannel:
    """The channel by the settings `city`, `webhook_secret` and `public_url`."""
    return WebhookChannel(city=settings.city, secret=settings.webhook_secret, public_url=settings.public_url)
