"""What an import did, or would do."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Refusal(NamedTuple):
    """A row that could not be taken. `line` is the line of a CSV file or the number of a GeoJSON feature."""

    line: int
    id: str
    reason: str
    detail: str


@dataclass(slots=True)
class Report:
    """Every row of the file is exactly one of new, changed, unchanged, repeated, skipped or refused."""

    file: str
    what: str
    row_word: str = "line"
    rows: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    repeated: int = 0
    """Rows that say the same as an earlier one, or that were merged into it."""
    renamed: int = 0
    """Rows among the new, changed and unchanged whose id got a number because an earlier row had it."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Left out on purpose, by the map's reason."""
    blanked: Counter[str] = field(default_factory=Counter)
    """Values that were not believed and left blank, by field."""
    refused: list[Refusal] = field(default_factory=list)
    dry_run: bool = False
    imported: bool = False

    @property
    def taken(self) -> int:
        """Rows that are (or would be) in the register afterwards as they stand in the file."""
        return self.new + self.changed + self.unchanged

    def refuse(self, line: int, id_: str, reason: str, detail: str) -> None:
        """Note a row that cannot be taken."""
        self.refused.append(Refusal(line, id_, reason, detail))

    def reasons(self) -> dict[str, int]:
        """How many rows were refused, by reason."""
        return dict(Counter(item.reason for item in self.refused).most_common())

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "file": self.file,
            "what": self.what,
            "rows": self.rows,
            "taken": self.taken,
            "new": self.new,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "repeated": self.repeated,
            "renamed": self.renamed,
            "skipped": dict(self.skipped),
            "blanked": dict(self.blanked),
            "refused": [{self.row_word: r.line, "id": r.id, "reason": r.reason, "detail": r.detail} for r in self.refused],
            "dry_run": self.dry_run,
            "imported": self.imported,
        }
