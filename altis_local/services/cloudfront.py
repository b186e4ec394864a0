"""The part of CloudFront's API that an Altis site uses: createInvalidation, getInvalidation, listInvalidations.

Served by main to the web containers. Requests must be signed, but the signature is not verified. Nothing is purged
here: `Invalidations` does that through the CDN.
"""

from __future__ import annotations

import logging
import re
import uuid

from altis_local.errors import Unreachable
from altis_local.services import cloudfront_xml as xml
from altis_local.services.invalidations import ApiError, Invalidations
from altis_local.services.server import Answer, Request

LARGEST_PAGE = 100

_PATH = re.compile(r"/(\d{4}-\d\d-\d\d)/distribution/([^/]+)/invalidation(?:/([^/]+))?/?")
_ANY_VERSION = "2019-03-26"

log = logging.getLogger(__name__)


class CloudFront:
    """The API of one distribution."""

    def __init__(self, distribution: str, invalidations: Invalidations) -> None:
        self._distribution = distribution
        self._invalidations = invalidations

    def respond(self, request: Request) -> Answer:
        """The answer to one request, in XML."""
        if request.path == "/health":
            return Answer(200, b"ok\n")
        request_id = str(uuid.uuid4())
        found = _PATH.fullmatch(request.path)
        version = found[1] if found else _ANY_VERSION
        try:
            answer = self._answer(request, found)
        except ApiError as problem:
            log.warning("%s %s: %s %s", request.method, request.path, problem.code, problem.message)
            answer = Answer(problem.status, xml.error(version, problem, request_id))
        headers = {**answer.headers, "x-amzn-RequestId": request_id}
        return Answer(answer.status, answer.body, "text/xml", headers)

    def _answer(self, request: Request, found: re.Match[str] | None) -> Answer:
        if not request.headers.get("authorization", "").startswith("AWS4-HMAC-SHA256 "):
            raise ApiError(403, "MissingAuthenticationToken", "Request is missing Authentication Token")
        if found is None:
            raise ApiError(404, "UnknownOperationException", "This stand-in has invalidations only.")
        version, distribution, id_ = found.groups()
        if distribution != self._distribution:
            raise ApiError(404, "NoSuchDistribution", "The specified distribution does not exist.")
        match request.method, id_:
            case "POST", None:
                return self._create(version, request)
            case "GET", None:
                return self._list(version, request)
            case "GET", str():
                one = self._invalidations.get(id_)
                return Answer(200, xml.invalidation(version, one, done=self._invalidations.is_done(one)))
            case _:
                raise ApiError(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")

    def _create(self, version: str, request: Request) -> Answer:
        try:
            one = self._invalidations.create(xml.batch_of(request.body))
        except Unreachable as error:
            raise ApiError(503, "ServiceUnavailable", f"The CDN did not take the purge: {error}") from error
        log.info("invalidation %s: %s", one.id, " ".join(one.batch.paths[:5]))
        where = f"https://cloudfront.amazonaws.com/{version}/distribution/{self._distribution}/invalidation/{one.id}"
        # Always in progress here: no caller of the cloud ever sees it done so soon.
        return Answer(201, xml.invalidation(version, one, done=False), headers={"Location": where})

    def _list(self, version: str, request: Request) -> Answer:
        marker, wanted = request.query.get("Marker", ""), request.query.get("MaxItems", str(LARGEST_PAGE))
        if not wanted.isdecimal() or not 1 <= int(wanted) <= LARGEST_PAGE:
            raise ApiError(400, "InvalidArgument", f"MaxItems must be between 1 and {LARGEST_PAGE}.")
        known = self._invalidations.newest_first()
        ids = [one.id for one in known]
        if marker and marker not in ids:
            raise ApiError(400, "InvalidArgument", "The marker is not valid.")
        rest = known[ids.index(marker) + 1 :] if marker else known
        page = [(one, self._invalidations.is_done(one)) for one in rest[: int(wanted) + 1]]
        return Answer(200, xml.invalidation_list(version, page, marker=marker, size=int(wanted)))
