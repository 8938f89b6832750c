"""The key that signs links in notices: that of the settings, else made once and kept in the data directory."""

from __future__ import annotations

from citybrain.apitoken import ensure_secret
from citybrain.config import Settings

KEY_FILE = "link-key"


def link_key(settings: Settings) -> bytes:
    """The key. Services of a city on several machines need the setting `link_secret`. Raises UnavailableError."""
    return ensure_secret(settings.link_secret, settings.data_dir / KEY_FILE, "CITYBRAIN_LINK_SECRET").encode()
