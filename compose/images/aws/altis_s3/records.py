"""LocalStack's models as JSON, and back.

JSON rather than a pickle: rows can be read by people, run no code when they are loaded, and survive another version
of LocalStack: a field it has added gets its default, one it has dropped is carried along. Knows nothing of LocalStack.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

_MODEL, _TIME, _BYTES = "$model", "$time", "$bytes"


class Records:
    """`models`: name of each class of models → how to make an empty one, for the defaults of its fields."""

    def __init__(self, models: Mapping[str, Callable[[], object]]) -> None:
        self._models = models

    def encode(self, value: object) -> bytes:
        return json.dumps(self._plain(value), separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "surrogatepass"
        )

    def decode(self, data: bytes) -> Any:
        return self._restored(json.loads(data.decode("utf-8", "surrogatepass")))

    def _plain(self, value: object) -> object:
        """The same in JSON's own types. Every container is copied first: other threads may be changing it."""
        match value:
            case Enum():
                return self._plain(value.value)
            case None | bool() | int() | float() | str():
                return value
            case datetime():
                return {_TIME: value.isoformat()}
            case bytes():
                return {_BYTES: base64.b64encode(value).decode()}
            case dict():
                return self._fields(dict(value))
            case list() | tuple():
                return [self._plain(item) for item in list(value)]
        if type(value).__name__ not in self._models:
            raise TypeError(f"no record can be made of a {type(value).__name__}")
        return {_MODEL: type(value).__name__, **self._fields(dict(vars(value)))}

    def _fields(self, fields: dict[Any, object]) -> dict[str, object]:
        if strange := [key for key in fields if not isinstance(key, str)]:
            raise TypeError(f"no record can be made of a key that is a {type(strange[0]).__name__}")
        # A key of a user's that looks like one of ours gets one more dollar.
        return {f"${key}" if key.startswith("$") else str(key): self._plain(item) for key, item in fields.items()}

    def _restored(self, value: Any) -> Any:
        match value:
            case list():
                return [self._restored(item) for item in value]
            case {"$time": text}:
                return datetime.fromisoformat(text)
            case {"$bytes": text}:
                return base64.b64decode(text)
            case {"$model": name, **fields}:
                model = self._models[name]()
                vars(model).update(self._restored(fields))
                return model
            case dict():
                return {key.removeprefix("$"): self._restored(item) for key, item in value.items()}
        return value
