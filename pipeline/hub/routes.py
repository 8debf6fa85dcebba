"""Which call of the hub's API is answered by what, on the hub on loopback.

Read from `huggingface_hub` 2.4 (`hf_api`, `_commit_api`, `lfs`, `file_download`) and `datasets` 5.2. Xet is not spoken:
a client needs `HF_HUB_DISABLE_XET=1`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

from pipeline.hub import contents
from pipeline.hub.answers import Answer, Hub, Request
from pipeline.hub.repositories import Refusal

Route = Callable[[Hub, Request, Mapping[str, str]], Answer]
_REPO = r"/api/(?P<kinds>models|datasets|spaces)/(?P<repo>[^/]+/[^/]+)"


def _route(method: str, pattern: str, route: Route) -> tuple[str, re.Pattern[str], Route]:
    return method, re.compile(pattern), route


ROUTES = (
    _route("GET", r"/api/whoami-v2", Hub.whoami),
    _route("POST", r"/api/repos/create", Hub.create),
    _route("POST", r"/api/validate-yaml", contents.validate),
    _route("GET", rf"{_REPO}", Hub.info),
    _route("GET", rf"{_REPO}/revision/(?P<rev>[^/]+)", Hub.info),
    _route("PUT", rf"{_REPO}/settings", Hub.settings),
    _route("GET", rf"{_REPO}/refs", Hub.refs),
    _route("GET", rf"{_REPO}/commits/(?P<rev>[^/]+)", contents.history),
    _route("GET", rf"{_REPO}/tree/(?P<rev>[^/]+)(?:/(?P<path>.*))?", contents.tree),
    _route("POST", rf"{_REPO}/paths-info/(?P<rev>[^/]+)", contents.paths),
    _route("POST", rf"{_REPO}/preupload/(?P<rev>[^/]+)", contents.preupload),
    _route("POST", rf"{_REPO}/commit/(?P<rev>[^/]+)", contents.commit),
    _route("POST", rf"{_REPO}/branch/(?P<name>[^/]+)", Hub.branch),
    _route("POST", rf"{_REPO}/tag/(?P<rev>[^/]+)", Hub.tag),
    _route("DELETE", rf"{_REPO}/tag/(?P<name>[^/]+)", Hub.untag),
    _route(
        "POST", r"/(?:(?P<kinds>datasets|spaces)/)?(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", contents.batch
    ),
    _route("PUT", r"/lfs/(?P<sha>[0-9a-f]{64})", contents.put),
    _route("POST", r"/lfs/(?P<sha>[0-9a-f]{64})/complete", contents.complete),
    _route(
        "GET",
        r"/(?:(?P<kinds>datasets|spaces)/)?(?P<repo>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)",
        contents.read,
    ),
)


def answer(hub: Hub, request: Request) -> Answer:
    """Find the route of a call and take it; what the hub says no to becomes its status."""
    try:
        for method, pattern, route in ROUTES:
            if method == request.method and (found := pattern.fullmatch(request.path)):
                return route(hub, request, {name: unquote(text) for name, text in found.groupdict("").items()})
        raise Refusal(404, f"no such call: {request.method} {request.path}")
    except (KeyError, TypeError, ValueError) as problem:
        return Answer({"error": f"not understood: {type(problem).__name__}"}, 400)
    except Refusal as refusal:
        headers = {"X-Error-Message": refusal.message} | ({"X-Error-Code": refusal.code} if refusal.code else {})
        return Answer({"error": refusal.message}, refusal.status, headers)
