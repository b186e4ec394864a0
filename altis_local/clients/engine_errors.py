"""The SDK's errors in the package's own words: EngineUnavailable, Conflict or ActionFailed.

Every call of the Engine is made inside `translated`. Nothing here retries: the next turn plans again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from altis_local.errors import ActionFailed, AltisError, Conflict, EngineUnavailable

HINT = "start the container engine, or point DOCKER_HOST at it; `altis-local doctor` looks closer"

_TAKEN = ("already allocated", "address already in use", "already in use by container", "pool overlaps")


@contextmanager
def translated(doing: str, *, fine: tuple[int, ...] = (), fine_text: str = "") -> Iterator[None]:
    """Run an engine call. HTTP states in `fine`, and answers holding `fine_text`, mean that it was so already."""
    try:
        yield
    except _failures() as error:
        status, text = status_of(error), text_of(error)
        if status in fine or (fine_text and fine_text in text):
            return
        raise translate(doing, status, text) from error


def _failures() -> tuple[type[Exception], ...]:
    # Evaluated only when something failed: importing the SDK takes 0.2 s, and by then it is there.
    from docker.errors import DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    return (DockerException, RequestException, HTTPError, OSError)


def status_of(error: Exception) -> int | None:
    """The HTTP state of an answer; None where there was none."""
    found = getattr(error, "status_code", None)
    return found if isinstance(found, int) else None


def text_of(error: Exception) -> str:
    explanation = getattr(error, "explanation", None)
    return explanation if isinstance(explanation, str) and explanation else str(error)


def translate(doing: str, status: int | None, text: str) -> AltisError:
    """The error for an answer of the engine, or for none."""
    if status is None:
        return EngineUnavailable(f"the container engine does not answer ({doing}: {text})", hint=HINT)
    lower = text.lower()
    # The engine says "address already in use" of ports ("bind: …"), which is a conflict, and of a member's address
    # that its last container has not yet let go of, which is over by the next turn.
    is_late = "address already in use" in lower and "bind" not in lower
    if status == 409 or (any(words in lower for words in _TAKEN) and not is_late):
        return Conflict(f"{doing}: {text}")
    return ActionFailed(f"{doing}: {text}")
