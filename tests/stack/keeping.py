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
    """An object in S3, a post in the search index and a trace. `member`: of the search cluster, to be asked."""

    def __init__(self, world: World, member: str = "search-2") -> None:
        self._services = Services(world)
        self._member = member
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
        """In the index itself: whether the site finds it, too, is another test's question."""

        def is_found() -> bool:
            answer = self._services.elasticsearch(f"/*-post-1/_search?q=post_content:{self._word}", self._member)
            return bool(answer.get("hits", {}).get("hits"))

        eventually(is_found, f"{self._title} in the index", within=60, every=0.5)

    def check(self) -> None:
        """All of it is still there."""
        assert self._services.aws("s3", "head_object", **self._object)["ETag"] == self._tag
        assert self._services.trace_by_id(self._trace)["trace_id"] == self._trace
        self._found()
