"""Writes the dashboards as JSON: `python ops/grafana/build.py`, or `--check` whether they are as the code says."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dashboards import alarm_quality, asset_detail, city_now, pipeline_health, work_and_limits
from dashboards.words import LANGUAGES, Words
from grafana_foundation_sdk.cog.encoder import JSONEncoder

BOARDS = (city_now, pipeline_health, asset_detail, work_and_limits, alarm_quality)
FOLDER = Path(__file__).parent / "dashboards" / "json"


def files() -> dict[Path, str]:
    """File -> its text."""
    made = {}
    for language in LANGUAGES:
        words = Words(language)
        for module in BOARDS:
            board = module.board(words)
            text = json.dumps(board.build(), cls=JSONEncoder, indent=1, ensure_ascii=False, sort_keys=True)
            made[FOLDER / language / f"{board.key.replace('_', '-')}.json"] = text + "\n"
    return made


def main() -> int:
    """Write, or compare; 1 when something differs."""
    wanted = files()
    there = {path: path.read_text("utf-8") for path in sorted(FOLDER.glob("*/*.json"))}
    wrong = sorted({path for path in wanted.keys() | there.keys() if wanted.get(path) != there.get(path)})
    if "--check" in sys.argv[1:]:
        for path in wrong:
            print(f"not as the code says: {path.relative_to(FOLDER)}; run: python ops/grafana/build.py", file=sys.stderr)
        return 1 if wrong else 0
    for path in wrong:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(wanted[path], "utf-8")
        else:
            path.unlink()
    print(f"{len(wrong)} of {len(wanted)} dashboards written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
