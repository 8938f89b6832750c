"""How is the service in this container? `python -m citybrain.probe /readyz`: exit code 0 for yes, 1 with its words for no.

Nothing but the standard library: it is called every few seconds for each container.
"""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

PATIENCE_S = 4.0
"""a service that answers later than this (real seconds) is not well"""


def probe(words: Sequence[str], environment: Mapping[str, str]) -> tuple[bool, str]:
    """Ask the path in `words` (/readyz when there is none) at the port of the environment; whether it is well, what it said."""
    path = words[0] if words else "/readyz"
    address = f"http://127.0.0.1:{environment.get('CITYBRAIN_HTTP_PORT') or 8080}{path}"
    try:
        with urllib.request.urlopen(address, timeout=PATIENCE_S) as answer:
            return True, answer.read().decode("utf-8", "replace").strip()
    except urllib.error.HTTPError as error:
        with error:
            return False, error.read().decode("utf-8", "replace").strip()
    except OSError as error:
        return False, f"{address}: {error}"


def main() -> int:
    """The exit code."""
    well, said = probe(sys.argv[1:], os.environ)
    print(said)
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
