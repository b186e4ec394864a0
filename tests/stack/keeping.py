"""Something of every service that keeps data, put there before a test does its worst, and looked for afterwards."""

from __future__ import annotations

import secrets

from tests.stack.services import Services, administrator, publish
from tests.stack.world import World, eventually


def new_word() -> str:
    """A word that nobody else uses. (Letters only: a number in it would be a word of its own.)"""
    return "".join(chr(ord("a") + byte % 26) for byte in secrets.token_bytes(14))


def misspelt(word: str) -> str:
    """With a letter exchanged: the index finds it all the same, MySQL does not."""
    return word[:6] + ("q" if word[6] != "q" else "x") + word[7:]


class Kept:
    """An object in S3, a post in the search index and a trace."""

    def __init__(self, world: World) -> None:
        self._services = Services(world)
        self._word, self._title = new_word(), f"Kept {secrets.token_hex(4)}"
        self._object = {"Bucket": f"altis-{world.name}", "Key": f"uploads/kept-{secrets.token_hex(6)}.txt"}
        self._tag = self._services.aws("s3", "put_object", Body=self._word, **self._object)["ETag"]
        mark = f"kept={secrets.token_hex(6)}"
        with administrator(world) as admin:
            publish(admin, self._title, self._word)
            admin.get(f"/?{mark}")
        self._trace = self._services.trace(mark)["trace_id"]
        self._found()

    def _found(self) -> None:
        def is_found() -> bool:
            return self._title in self._services.found(misspelt(self._word))

        eventually(is_found, f"{self._title} in the index", within=45, every=1.0)

    def check(self) -> None:
        """All of it is still there."""
        assert self._services.aws("s3", "head_object", **self._object)["ETag"] == self._tag
        assert self._services.trace_by_id(self._trace)["trace_id"] == self._trace
        self._found()
