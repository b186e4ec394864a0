"""Control's API where it is about services: one method for each question and order, so that callers know no paths.

Called by the command line, through the façade. What comes back are the API's documents; it keeps and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import quote

from altis_local.clients.control_api import ControlApi, Document


class ServicesApi(NamedTuple):
    """The services of one running environment."""

    api: ControlApi

    # -- storage

    def objects(self, prefix: str, delimiter: str = "") -> Iterator[Document]:
        """Every page of the bucket's listing: {objects, folders, next}."""
        following = ""
        while True:
            page = self.api.aws("objects", prefix=prefix, delimiter=delimiter, next=following)
            yield page
            following = str(page["next"])
            if not following:
                return

    def copy_object(self, key: str, target: str, acl: str) -> Document:
        """Store an object under another key, too."""
        return self.api.aws_order("copy-object", key=key, target=target, acl=acl)

    def remove_objects(self, keys: Sequence[str]) -> Document:
        """Delete objects; {removed}. Versions stay, as the bucket keeps them."""
        return self.api.aws_order("delete-objects", keys=list(keys))

    def object_data(self, key: str) -> Document:
        """Size, type, time and MD5 of one object."""
        return self.api.aws("object-data", key=key)

    def read_object(self, key: str) -> Iterator[bytes]:
        return self.api.object(key)

    def write_object(self, key: str, content: Iterable[bytes], size: int, headers: Mapping[str, str]) -> Document:
        """Store an object of `size` bytes. `headers`: content_type, x_amz_acl, cache_control."""
        return self.api.store(key, content, size, **headers)

    # -- mail

    def mails(self) -> Document:
        """What was sent and what failed: {mails, log}."""
        return self.api.aws("mails")

    def mail(self, mail_id: str) -> Document:
        return self.api.aws("mail", id=mail_id)

    def clear_mails(self) -> Document:
        return self.api.aws_order("clear-mails")

    # -- cache, search, cdn

    def cache(self) -> Document:
        return self.api.ask("/cache")

    def flush_cache(self) -> Document:
        return self.api.order("/cache/flush")

    def search(self) -> Document:
        return self.api.ask("/search")

    def cdn(self) -> Document:
        return self.api.ask("/cdn")

    def purge(self, paths: Sequence[str]) -> Document:
        return self.api.order("/cdn/invalidations", {"paths": list(paths)})

    # -- jobs

    def jobs(self, **wanted: str) -> Document:
        """Jobs that fit; `wanted`: status, hook, limit."""
        return self.api.ask("/jobs", wanted)

    def job(self, number: int) -> Document:
        return self.api.ask(f"/jobs/{number}")

    def job_ends(self, **wanted: str) -> Sequence[Document]:
        """How runs ended, oldest first; `wanted`: last, or after and limit."""
        ends: Sequence[Document] = self.api.ask("/jobs/ends", wanted)["ends"]
        return ends

    # -- traces

    def traces(self, wanted: Mapping[str, str]) -> Document:
        """Traced requests; `wanted`: from, to, url, client_ip, status, filter, limit."""
        return self.api.ask("/traces", wanted)

    def trace(self, trace_id: str) -> Document:
        return self.api.ask(f"/traces/{quote(trace_id, safe='')}")
