"""RESULTS.md, from the files in results/ alone. Pure but for reading them; called by __main__ after every bench."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.summary import counted
from benchmarks.values import Figure

Document = Mapping[str, Any]

_HEAD = """# Figures

Measured by `make bench` (`ONLY=start,wp` for some of it, `AGAIN=1` to start over); this page is rendered from
[results/](results/), which holds every run. p95 is by nearest rank; where more is better the bad end is p5 and the
minimum, and these are shown. *Load* is the median of the 1-minute load average
right before the runs. The bench's own work is a part of it; well above the number of cores, something else was at
work, too.
"""
_COLUMNS = ("figure", "aim", "median", "p95", "max", "n", "baseline", "ratio", "aim met", "load")


def render(figures: Sequence[Figure], documents: Mapping[str, Document]) -> str:
    """The page. `documents`: name of the figure -> its file."""
    pairs = [(figure, documents[figure.name]) for figure in figures if figure.name in documents]
    parts = [
        _HEAD,
        _measured_on(pairs),
        _table(pairs),
        _missing(figures, documents),
        _notes(pairs),
    ]
    parts += [_by_part(pairs), _all_runs(pairs)]
    return "\n".join(part for part in parts if part)


def _measured_on(pairs: Sequence[tuple[Figure, Document]]) -> str:
    """Each host with what was measured on it and when."""
    hosts: dict[str, list[Document]] = {}
    for _, document in pairs:
        host = document["host"]
        told = (
            f"{host['cpu']}, {host['cores']} cores, {host['memory_gib']} GiB, {host['engine']}, Linux {host['kernel']}"
        )
        hosts.setdefault(told, []).append(document)
    lines = []
    for told, documents in hosts.items():
        dates = sorted({run["at"][:10] for document in documents for run in document["runs"]})
        made = sorted({run["revision"] for document in documents for run in document["runs"]})
        lines.append(f"- {told}; {' to '.join(dict.fromkeys((dates[0], dates[-1])))}; revision {', '.join(made)}")
    return "\n".join(lines) + "\n"


def _table(pairs: Sequence[tuple[Figure, Document]]) -> str:
    rows = [_row(_COLUMNS), _row(["---"] * len(_COLUMNS))]
    for figure, document in pairs:
        for line in figure.lines:
            if line.key in document["lines"]:
                rows.append(_row(_cells(document, line.key)))
    return "\n".join(rows) + "\n"


def _cells(document: Document, key: str) -> list[str]:
    line = document["lines"][key]
    is_first = key == "value"
    title = f"[{line['title']}](results/{document['name']}.json)" if is_first else f"– {line['title']}"
    enough = "" if document["n"] >= document["wanted"] else f" of {document['wanted']}"
    baseline = document["baseline"]
    return [
        title,
        _aim(line),
        _number(line["median"], line["unit"]),
        *_bad_end(line),
        f"{line['n']}{enough}",
        _number(baseline["median"], line["unit"]) if is_first else "",
        f"{document['ratio']:.2f} ×" if is_first and document["ratio"] else "",
        {True: "met", False: "**missed**", None: ""}[line["met"]],
        f"{document['load_before']['median']:.1f}" if is_first and document["load_before"]["n"] else "",
    ]


def _aim(line: Document) -> str:
    aim = line["aim"] or {}
    signs = {"most": "≤", "least": "≥"}
    return ", ".join(f"{aim['of']} {signs[name]} {aim[name]:g} {line['unit']}".strip() for name in signs if name in aim)


def _bad_end(line: Document) -> list[str]:
    if not line.get("more_is_better"):
        return [_number(line[name], line["unit"]) for name in ("p95", "max")]
    return [f"{name} {_number(line[name], line['unit'])}" if line["n"] else "" for name in ("p5", "min")]


def _missing(figures: Sequence[Figure], documents: Mapping[str, Document]) -> str:
    names = [
        f"{figure.name} (only by `ONLY={figure.name}`)" if figure.on_request else figure.name
        for figure in figures
        if figure.name not in documents
    ]
    return f"Not measured yet: {', '.join(names)}.\n" if names else ""


def _notes(pairs: Sequence[tuple[Figure, Document]]) -> str:
    lines = ["## Baselines and notes\n"]
    for figure, document in pairs:
        whole = f" (ratio: {_title(document, figure.compared)}, over it)" if figure.compared != "value" else ""
        said = [f"baseline: {figure.baseline}{whole}" if figure.baseline else "no baseline in this issue"]
        said += [f"Measured only by `ONLY={figure.name}`"] if figure.on_request else []
        said += [figure.note] if figure.note else []
        lines.append(f"- `{figure.name}`: {'. '.join(said)}")
        lines += [f"  - void, not counted: {run['void']}" for run in document["runs"] if run.get("void")]
    return "\n".join(lines) + "\n"


def _title(document: Document, key: str) -> str:
    return str(document["lines"][key]["title"])


def _by_part(pairs: Sequence[tuple[Figure, Document]]) -> str:
    found = [(figure, document) for figure, document in pairs if document["parts"]]
    if not found:
        return ""
    names = list(dict.fromkeys(name for _, document in found for name in document["parts"]))
    rows = [_row(["part", *(f"{figure.name} ({figure.unit})" for figure, _ in found)])]
    rows.append(_row(["---"] * (1 + len(found))))
    rows += [_row([name, *(_number(document["parts"].get(name), "") for _, document in found)]) for name in names]
    return "## By part (medians)\n\nAll containers of a role together.\n\n" + "\n".join(rows) + "\n"


def _all_runs(pairs: Sequence[tuple[Figure, Document]]) -> str:
    parts = []
    for figure, document in pairs:
        if figure.shows_all:
            parts.append(f"### {figure.title} ({figure.name})\n\n{_every_run(figure, document)}\n")
    return "\n".join(["## All runs\n", *parts]) if parts else ""


def _every_run(figure: Figure, document: Document) -> str:
    runs = counted(document["runs"])
    text = [f"In order, {figure.unit}: " + ", ".join(f"{run['value']:.3f}" for run in runs) + "."]
    for line in figure.lines[1:]:
        text.append(f"{line.title}: " + ", ".join(f"{run['more'].get(line.key)}" for run in runs) + ".")
    failed = [f"{run['value']:.3f}: {run['more']['failed']}" for run in runs if run["more"].get("failed")]
    text += [f"**Failed:** {one}." for one in failed]
    return "\n\n".join(text)


def _number(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "s" and value < 10:
        return f"{value:.3f} s"
    digits = 0 if value == round(value) else 1 if value >= 10 else 2
    return f"{value:.{digits}f} {unit}".strip()


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
