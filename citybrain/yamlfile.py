"""YAML that knows the line of each of its keys, so that a fault can be named by file, line and key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic_core import ErrorDetails

from citybrain.kernel.errors import ConfigError

Path_ = tuple[str | int, ...]
MAX_BYTES = 4_000_000
"""No configuration of ours is larger; a larger file is a mistake (or meant to hurt)."""
MAX_DEPTH = 20


def dotted(path: Iterable[str | int]) -> str:
    """`("MH-GAS", "params", "signals", 2, "op")` as `MH-GAS.params.signals[2].op`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(slots=True)
class YamlFile:
    """The content of a file, the line (from 1) of every key and item in it, and what is wrong with its form."""

    file: str
    value: Any = None
    lines: dict[Path_, int] = field(default_factory=dict)
    faults: list[ConfigError] = field(default_factory=list)

    def line(self, path: Path_) -> int:
        """The line of a key; of the nearest one around it when it is missing."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return 1

    def fault(self, path: Path_, message: str) -> ConfigError:
        """An error at a key. It is returned, not raised and not noted."""
        return ConfigError(message, file=self.file, line=self.line(path), key=dotted(path))

    def pydantic_faults(self, path: Path_, errors: Iterable[ErrorDetails]) -> list[ConfigError]:
        """The errors of a pydantic validation of the value at `path`, each at its own line."""
        return [self.fault((*path, *loc), message) for loc, message in worded(errors)]


def worded(errors: Iterable[ErrorDetails]) -> list[tuple[Path_, str]]:
    """Place and sentence of each error of a pydantic validation."""
    return [(_known(error["loc"]), _sentence(error)) for error in errors]


def _known(loc: Iterable[str | int]) -> Path_:
    # pydantic adds the names of union members and functions to a location; they are no keys of the file
    return tuple(part for part in loc if isinstance(part, int) or not ("[" in part or part.endswith(")")))


def _sentence(error: ErrorDetails) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown key"
    if error["type"] in {"missing", "missing_argument"}:
        return "missing"
    message = error["msg"].removeprefix("Value error, ")
    return f"{message[:1].lower()}{message[1:]} (got {_short(error['input'])})"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def parse(text: str, file: str) -> YamlFile:
    """Parse YAML text. Faults of form (syntax, repeated keys, aliases, depth) stand in `.faults`; nothing is raised."""
    found = YamlFile(file)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        found.faults.append(ConfigError(f"not YAML: {error.problem}", file=file, line=mark.line + 1 if mark else 1))
        return found
    except (yaml.YAMLError, RecursionError) as error:
        found.faults.append(ConfigError(f"not YAML: {str(error).splitlines()[0]}", file=file, line=1))
        return found
    if node is not None:
        found.value = _value(node, (), found, set())
    return found


def read(path: Path) -> YamlFile:
    """Read and parse a file. A file that cannot be read is one fault."""
    try:
        if path.stat().st_size > MAX_BYTES:
            return YamlFile(str(path), faults=[ConfigError(f"larger than {MAX_BYTES} bytes", file=str(path))])
        return parse(path.read_text(encoding="utf-8"), str(path))
    except UnicodeDecodeError as error:
        return YamlFile(str(path), faults=[ConfigError(f"not UTF-8 at byte {error.start}", file=str(path))])
    except OSError as error:
        return YamlFile(str(path), faults=[ConfigError(f"cannot be read: {error.strerror}", file=str(path))])


def _value(node: yaml.Node, path: Path_, found: YamlFile, seen: set[int]) -> Any:
    found.lines.setdefault(path, node.start_mark.line + 1)
    if id(node) in seen:
        # an alias may stand for a huge or an endless tree
        found.faults.append(found.fault(path, "anchors and aliases are not allowed; write the value again"))
        return None
    if len(path) > MAX_DEPTH:
        found.faults.append(found.fault(path, f"deeper than {MAX_DEPTH} levels"))
        return None
    if isinstance(node, yaml.MappingNode):
        seen.add(id(node))
        return _mapping(node, path, found, seen)
    if isinstance(node, yaml.SequenceNode):
        seen.add(id(node))
        return [_value(item, (*path, number), found, seen) for number, item in enumerate(node.value)]
    return _scalar(node, path, found)


def _mapping(node: yaml.MappingNode, path: Path_, found: YamlFile, seen: set[int]) -> Mapping[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
        line = key_node.start_mark.line + 1
        if key is None:
            found.faults.append(ConfigError("a key must be a word", file=found.file, line=line, key=dotted(path)))
            continue
        here = (*path, key)
        if key in result:
            first = found.lines[here]
            found.faults.append(
                ConfigError(f"the key stands twice (first in line {first})", file=found.file, line=line, key=dotted(here))
            )
            continue
        found.lines[here] = line
        result[key] = _value(value_node, here, found, seen)
    return result


def _scalar(node: yaml.Node, path: Path_, found: YamlFile) -> Any:
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        found.faults.append(found.fault(path, f"not a value: {str(error).splitlines()[0]}"))
        return None
    finally:
        loader.dispose()
