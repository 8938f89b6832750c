"""`make servers`: fetch every server that the tests start, as far as it is missing."""

from __future__ import annotations

import sys
from pathlib import Path

from citybrain.kernel.errors import UnavailableError
from tests.servers import debian
from tests.servers.kafka import classes
from tests.servers.node import node_modules


def main() -> int:
    """Fetch all; 1 with what to do by hand when something cannot be had."""
    try:
        debian.require("java", "mosquitto", "mosquitto_sub", "prometheus", "promtool", "wget", "node", "npm")
        classes()
        for package in sorted(Path(__file__).parent.glob("*/package.json")):
            node_modules(package.parent)
    except UnavailableError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
