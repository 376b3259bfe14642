"""The pictures and sounds of questions, to the one sitting that is being asked.

``GET /sit/{sitting}/item/{position}/resource/{name}`` sends one file of the question at ``position``, under exactly the
conditions under which the question itself is shown now. ``name`` is opaque and differs from sitting to sitting.

* Whatever stands against it is 404: another's sitting, another question's name, a question that is closed or not yet
  reached, a sitting that does not run. Nobody learns from the answer which of these it was.
* Nothing is stored on the way (``no-store``, see `web.security`), the media type is the one found at import, and an
  SVG opened by itself is a page without rights (CSP ``sandbox``).
* Players jump: one range of bytes is served as RFC 9110 says (§ 14). More than one range is answered with the whole.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from engine.errors import NotFound, Refused
from engine.form import CandidateItem, ItemResource
from web.candidate import own
from web.exam_browser import missing

#: The mark in an attribute of a tag: neither ``<`` nor ``>`` stands between, so no text of an item can look like it.
_MARKED: Final = re.compile(r'(<[a-z][^<>]*?\s(?:src|poster)=")resource:')
_RANGE: Final = re.compile(r"bytes=(\d{0,12})-(\d{0,12})")
_ALONE: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def placed(opened: CandidateItem, sitting: str, position: str) -> str:
    """The fragment with addresses of this server for its pictures and sounds."""
    return _MARKED.sub(rf"\1/sit/{sitting}/item/{position}/resource/", opened.html)


async def resource(request: Request) -> Response:
    login, state = await own(request)
    if missing(request, state):
        raise NotFound("resource", request.path_params["name"])
    house, bus, params = request.app.state.house, request.app.state.bus, request.path_params
    try:
        found = await bus.aside(
            house.delivery.resource, login.person, state.sitting, params["position"], params["name"]
        )
    except Refused as refused:
        raise NotFound("resource", params["name"]) from refused
    return ranged(found, request.headers.get("range", ""))


def ranged(found: ItemResource, asked: str) -> Response:
    """The whole, or the one range that is asked for; 416 where it begins behind the end."""
    size, content = len(found.content), found.content
    headers = {"accept-ranges": "bytes", "content-security-policy": _ALONE, "content-type": found.media_type}
    known = _RANGE.fullmatch(asked.strip())
    if known is None or known.groups() == ("", ""):
        return Response(content, headers=headers)
    first, last = known.groups()
    begin = int(first) if first else max(0, size - int(last))
    end = min(int(last), size - 1) if first and last else size - 1
    if begin > end:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{size}"})
    headers["content-range"] = f"bytes {begin}-{end}/{size}"
    return Response(content[begin : end + 1], 206, headers)


routes = [Route("/sit/{sitting}/item/{position}/resource/{name}", resource)]
