"""YAML with the line of every key, so that a problem in the configuration can be pointed at.

Called by `settings`. Safe data only (no tags of Python); a key that stands twice in a mapping is an error.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import yaml

Where = tuple[str | int, ...]
"""A place in the data: keys and positions from the top."""


class YamlError(ValueError):
    """The text is not YAML, or not a mapping. `line` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def read(file: Path) -> tuple[Mapping[str, Any], Mapping[Where, int]]:
    """The data of a file and the line of each place in it. An empty file is an empty mapping."""
    loader = yaml.SafeLoader(file.read_text())
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise YamlError("a list of `key: value` lines is expected", node.start_mark.line + 1)
        lines: dict[Where, int] = {}
        _mark(node, (), lines)
        return loader.construct_document(node), lines  # type: ignore[no-untyped-call]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise YamlError(str(error.problem or error), mark.line + 1 if mark else 1) from error
    finally:
        loader.dispose()  # type: ignore[no-untyped-call]


def _mark(node: yaml.Node, where: Where, lines: dict[Where, int]) -> None:
    lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[Hashable] = set()
        for key, value in node.value:
            if key.value in seen:
                raise YamlError(f"the key `{key.value}` stands here a second time", key.start_mark.line + 1)
            seen.add(key.value)
            lines[(*where, key.value)] = key.start_mark.line + 1
            _mark(value, (*where, key.value), lines)
    elif isinstance(node, yaml.SequenceNode):
        for position, item in enumerate(node.value):
            _mark(item, (*where, position), lines)
