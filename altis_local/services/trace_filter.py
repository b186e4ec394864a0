"""Which traces a caller wants to see: parameters of the query API, and filter expressions as X-Ray's console has them.

`http.url contains "/shop" AND http.clientip = "1.2.3.4" AND responsetime > 0.5 AND fault` (fidelity APM-12). Pure:
the outcome is a condition in SQL with its values apart, for trace_store.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from altis_local.errors import UsageError

MOST = 500
DEFAULT_SPAN = 900.0

_TEXT_FIELDS = {"http.url": "url", "http.clientip": "client_ip", "http.method": "method"}
_NUMBER_FIELDS = {"http.status": "status", "responsetime": "duration", "duration": "duration"}
_OK = "fault = 0 AND error = 0"
_FLAGS = {"fault": "fault = 1", "error": "error = 1", "ok": _OK, "!ok": f"NOT ({_OK})"}
_TEXT_FORMS = {
    "=": "{} = ?",
    "!=": "{} != ?",
    "contains": "instr({}, ?) > 0",
    "beginswith": "instr({}, ?) = 1",
}
_NUMBER_OPERATORS = ("=", "!=", "<", "<=", ">", ">=")

_TERM = re.compile(
    r"\s*(?P<name>!?[a-z_.]+)\s*"
    r"(?:(?P<operator>!=|<=|>=|=|<|>|contains|beginswith)\s*(?:\"(?P<text>[^\"]*)\"|(?P<number>\d+(?:\.\d+)?)))?"
    r"\s*(?P<rest>and\b)?",
    re.IGNORECASE,
)
_HELP = 'such as http.url contains "/shop" AND http.status = 500; joined by AND'


@dataclass(frozen=True, slots=True)
class Wanted:
    """Requests that began from `since` to `until`, newest first, at most `limit`; `condition` may be empty."""

    since: float
    until: float
    condition: str = ""
    values: tuple[str | float, ...] = ()
    limit: int = MOST


def wanted(query: Mapping[str, str], now: float) -> Wanted:
    """From a URL's parameters: from, to, url, client_ip, status, filter, limit. Raises UsageError."""
    unknown = sorted(set(query) - {"from", "to", "url", "client_ip", "status", "filter", "limit"})
    if unknown:
        raise UsageError(f"unknown parameters: {', '.join(unknown)}")
    until = _number(query, "to", now)
    since = _number(query, "from", until - DEFAULT_SPAN)
    limit = _number(query, "limit", MOST)
    if not 1 <= limit <= MOST:
        raise UsageError(f"limit must be between 1 and {MOST}")
    terms = [condition(query["filter"])] if query.get("filter") else []
    if "url" in query:
        terms.append(("instr(url, ?) > 0", (query["url"],)))
    if "client_ip" in query:
        terms.append(("client_ip = ?", (query["client_ip"],)))
    if "status" in query:
        terms.append(("status = ?", (_number(query, "status", 0),)))
    texts = " AND ".join(text for text, _ in terms)
    return Wanted(since, until, texts, tuple(value for _, values in terms for value in values), int(limit))


def _number(query: Mapping[str, str], name: str, preset: float) -> float:
    text = query.get(name)
    if text is None:
        return preset
    if not re.fullmatch(r"\d+(\.\d+)?", text):
        raise UsageError(f"{name} is not a number: {text}")
    return float(text)


def condition(expression: str) -> tuple[str, tuple[str | float, ...]]:
    """A filter expression as SQL and its values. Raises UsageError that says what is understood."""
    terms: list[str] = []
    values: list[str | float] = []
    place, joined = 0, True
    while joined:
        found = _TERM.match(expression, place)
        if not found:
            raise UsageError(
                f"not understood from here on: {expression[place:]!r}; a filter is a list of terms {_HELP}"
            )
        term, value = _term(found)
        terms.append(term)
        values += value
        place, joined = found.end(), found["rest"] is not None
    if expression[place:].strip():
        raise UsageError(f"not understood from here on: {expression[place:]!r}; a filter is a list of terms {_HELP}")
    return " AND ".join(f"({term})" for term in terms), tuple(values)


def _term(found: re.Match[str]) -> tuple[str, list[str | float]]:
    name, operator = found["name"].lower(), (found["operator"] or "").lower()
    if not operator and name in _FLAGS:
        return _FLAGS[name], []
    if found["text"] is not None and name in _TEXT_FIELDS and operator in _TEXT_FORMS:
        return _TEXT_FORMS[operator].format(_TEXT_FIELDS[name]), [found["text"]]
    if found["number"] is not None and name in _NUMBER_FIELDS and operator in _NUMBER_OPERATORS:
        return f"{_NUMBER_FIELDS[name]} {operator} ?", [float(found["number"])]
    raise UsageError(
        f"not understood: {found[0].strip()}; texts: {', '.join(_TEXT_FIELDS)} with {', '.join(_TEXT_FORMS)}; "
        f"numbers: {', '.join(_NUMBER_FIELDS)} with {', '.join(_NUMBER_OPERATORS)}; flags: {', '.join(_FLAGS)}"
    )
