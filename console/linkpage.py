"""PURE. The small pages behind links in notices: plain HTML that needs no script, no login and no other file."""

from __future__ import annotations

from html import escape

from citybrain.text import text

HEADERS = {
    # whoever reads along must not find the link in a cache, a referrer or a search
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
}

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body{{font:18px/1.5 system-ui,sans-serif;max-width:34em;margin:2em auto;padding:0 1em}}
button{{font:inherit;padding:.7em 1.6em;border:0;border-radius:.4em;background:#0b57d0;color:#fff}}</style>
</head><body><h1>{title}</h1>
{body}
</body></html>
"""


def page(language: str, title: str, *paragraphs: str, button: str | None = None) -> str:
    """A page of some paragraphs; with a button it asks, and the button posts to the page's own address."""
    body = "\n".join(f"<p>{escape(one)}</p>" for one in paragraphs)
    if button is not None:
        body += f'\n<form method="post"><button type="submit">{escape(button)}</button></form>'
    return _PAGE.format(language="zh-CN" if language == "zh" else "en", title=escape(title), body=body)


def told(language: str, what: str, **values: object) -> str:
    """A page that says what is the matter: `what` is used, expired, wrong, state, busy or down."""
    return page(language, text(f"links.{what}_title", language, **values), text(f"links.{what}_text", language, **values))


def language_of(header: str | None, otherwise: str) -> str:
    """The language of a reader by Accept-Language: the first of ours in it."""
    for part in (header or "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in {"en", "zh"}:
            return code
    return otherwise
