"""Channel `apprise`: chat, push and SMS services, by the library of that name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import apprise as library
import httpx
import requests

from citybrain.config import Settings
from citybrain.kernel.contacts import fault, scheme_of
from citybrain.text import text
from dispatch.channels.apprise.editing import edit, handle_in
from dispatch.channels.apprise.plugins import plugin_for
from dispatch.channels.apprise.verdicts import complaint
from dispatch.channels.apprise.witness import Seen, stand_by, watching
from dispatch.channels.base import Answer, Message, answer_of, one_line

TIMEOUT_S = 8.0

TITLED = frozenset({"ntfy", "ntfys", "gotify", "gotifys", "mmost", "mmosts", "discord", "workflows"})
"""Services that show a title over the text."""
SMS = frozenset({"twilio", "vonage", "seven", "sinch", "msgbird", "clicksend"})
_TEMPLATES = {"lark": "feishu", "ntfys": "ntfy", "gotifys": "gotify", "mmosts": "mmost", **dict.fromkeys(SMS, "sms")}

# its log holds tokens: what matters is in our answers
logging.getLogger("apprise").disabled = True


class AppriseChannel:
    """Sends by the service that the scheme of the contact names. Messages of Telegram and Slack bots are edited in place."""

    name = "apprise"

    def __init__(self, *, timeout_s: float = TIMEOUT_S, reroute: Callable[[str], str] | None = None) -> None:
        self._timeout_s, self._reroute = timeout_s, reroute
        self._asset = library.AppriseAsset(
            app_id="citybrain", app_desc="City brain", async_mode=False, http_redirects=False, storage_mode="memory"
        )
        self._client = httpx.Client(timeout=timeout_s, follow_redirects=False, headers={"User-Agent": "citybrain"})

    def send(self, message: Message) -> Answer:
        """Send once, or write over the message before. What services say is told apart by status and by their own codes."""
        scheme = scheme_of(message.target)
        wrong = fault(message.target)
        if wrong is not None:
            return Answer("fail", "bad_target", wrong)
        title, body = words(scheme, message)
        try:
            edited = self._edit(message, body) if message.replaces else None
            return edited or self._post(scheme, message, title, body)
        except (requests.Timeout, httpx.TimeoutException) as error:
            return Answer("retry", "timeout", type(error).__name__)
        except (requests.exceptions.InvalidURL, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return Answer("fail", "bad_target", type(error).__name__)
        except (requests.RequestException, httpx.HTTPError) as error:
            # its text would show the address, which may be a key
            return Answer("retry", "unreachable", type(error).__name__)

    def _edit(self, message: Message, body: str) -> Answer | None:
        reroute = self._reroute or _there
        return edit(self._client, message.target, message.replaces or "", body, message.id, reroute)

    def _post(self, scheme: str, message: Message, title: str, body: str) -> Answer:
        plugin = plugin_for(scheme, message.target, self._asset)
        if plugin is None or not stand_by(plugin):
            return Answer("fail", "bad_target", f"not a contact that {scheme} knows")
        # how often a target is written to is our business: some plugins sleep for seconds before they send
        plugin.request_rate_per_sec = 0
        plugin.socket_read_timeout = plugin.socket_connect_timeout = self._timeout_s
        caller = library.Apprise(asset=self._asset)
        caller.add(plugin)
        with watching(Seen(message.id, self._reroute)) as seen:
            sent = caller.notify(body=body, title=title, body_format=library.NotifyFormat.TEXT)
        if seen.error is not None:
            raise seen.error
        if seen.response is None:
            return Answer("fail", "bad_target", f"nothing that {scheme} could send")
        answer, said = answer_of(seen.response.status_code), _json(seen.response)
        if answer.outcome != "ok":
            # Telegram says 404 to a bot that it does not know
            return answer._replace(reason="not_authorised") if (scheme, answer.detail) == ("tgram", "HTTP 404") else answer
        refused = complaint(scheme, said)
        if refused is None and not sent:
            refused = Answer("fail", "refused", answer.detail)
        return refused or answer._replace(handle=handle_in(scheme, said))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def words(scheme: str, message: Message) -> tuple[str, str]:
    """Title (may be empty) and text of a message as a service shows them, by the templates in `strings/…/channels.yml`."""
    template = _TEMPLATES.get(scheme, scheme)
    links = "\n".join(message.links)
    values = {"subject": one_line(message.subject), "text": message.text, "links": links, "id": message.id}
    if scheme in SMS:
        values["links"] = " ".join(message.links)
    title = text(f"channels.{template}_title", message.language, **values) if scheme in TITLED else ""
    return title, text(f"channels.{template}_text", message.language, **values).strip()


def _there(url: str) -> str:
    return url


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def open_channel(settings: Settings) -> AppriseChannel:
    """The channel; it has no settings: what it needs stands in the contacts."""
    return AppriseChannel()
