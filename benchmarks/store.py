"""Results on disk: results/<figure>.json, written anew after every run, so that an interrupted bench loses none.

Used by `runner`. A file of another host is not gone on with.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.summary import summarise
from benchmarks.values import Figure

FOLDER = Path(__file__).parent / "results"
SCHEMA = 1

Document = dict[str, Any]


class Store:
    """The results of one host."""

    def __init__(self, host: Mapping[str, Any], versions: Mapping[str, str], folder: Path = FOLDER) -> None:
        self._host = dict(host)
        self._versions = dict(versions)
        self._folder = folder

    def runs(self, figure: Figure) -> list[Document]:
        """The runs to go on from: none where there is no file, or one of another host."""
        document = self.read(figure.name)
        return list(document["runs"]) if document and document.get("host") == self._host else []

    def read(self, name: str) -> Document | None:
        """A figure's file; None where there is none that can be read."""
        try:
            document = json.loads((self._folder / f"{name}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return document if isinstance(document, dict) and document.get("schema") == SCHEMA else None

    def write(self, figure: Figure, runs: list[Document]) -> Document:
        """Keep the runs with all that follows from them; what was kept."""
        document = {
            "schema": SCHEMA,
            "name": figure.name,
            "title": figure.title,
            "unit": figure.unit,
            "wanted": figure.runs,
            **summarise(figure, runs),
            "host": self._host,
            "date": runs[-1]["at"][:10],
            "versions": self._versions,
            "note": figure.note,
            "runs": runs,
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{figure.name}.json"
        draft = file.with_suffix(".json.new")
        draft.write_text(_compact(document), encoding="utf-8")
        draft.replace(file)
        return document


def _compact(document: Document) -> str:
    """Indented, but one line for each run: a file of 40 runs is to be read by people too."""
    head = {key: value for key, value in document.items() if key != "runs"}
    runs = ",\n    ".join(json.dumps(run, ensure_ascii=False) for run in document["runs"])
    text = json.dumps(head, indent=2, ensure_ascii=False)
    return f'{text[:-2]},\n  "runs": [\n    {runs}\n  ]\n}}\n'
