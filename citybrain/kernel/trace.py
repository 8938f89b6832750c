"""PURE: the trace id of a message, derived from what the message is: every stage computes the same without carrying it."""

from __future__ import annotations

from hashlib import blake2b


def trace_of(asset: str, device: str, observed_ms: int, key: int) -> str:
    """32 hex digits, a trace id by W3C Trace Context, of one reading of one device."""
    text = f"{asset}\x1f{device}\x1f{observed_ms}\x1f{key}"
    return blake2b(text.encode(), digest_size=16).hexdigest()


def span_of(trace: str, stage: str) -> str:
    """16 hex digits: the span of a stage within a trace. The same message passes a stage under the same name again."""
    return blake2b(f"{trace}\x1f{stage}".encode(), digest_size=8).hexdigest()


def traceparent(trace: str, stage: str) -> str:
    """The header `traceparent` (version 00, sampled) for a record that a stage wrote."""
    return f"00-{trace}-{span_of(trace, stage)}-01"


def trace_in(header: str) -> str | None:
    """The trace id in a `traceparent`; None when it is none."""
    parts = header.split("-")
    if len(parts) < 4 or len(parts[1]) != 32 or parts[1] == "0" * 32:
        return None
    return parts[1] if all(digit in "0123456789abcdef" for digit in parts[1]) else None
