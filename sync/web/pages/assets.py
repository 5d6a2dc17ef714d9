"""Style, scripts and their licences, from the package: no page loads anything from elsewhere."""

from __future__ import annotations

import hashlib
import mimetypes
from functools import lru_cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

from sync.web.health import seen

_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
# The address of a file changes with its content, so a browser may keep what it has.
_KEPT = "public, max-age=31536000, immutable"


@lru_cache(maxsize=1)
def _all() -> dict[str, bytes]:
    folder = files("sync.web") / "assets"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.is_file() and one.name.endswith(tuple(_TYPES))
    }


@lru_cache(maxsize=64)
def address_of(name: str) -> str:
    """The address of a file in ``sync/web/assets``, which holds a digest of its content."""
    digest = hashlib.sha256(_all()[name]).hexdigest()[:12]
    return f"/assets/{name}?v={digest}"


def asset_route() -> HTTPRouteHandler:
    """``/assets/NAME``. Whoever may open a port may have these files: they are those of the package."""

    @seen("/assets/{name:str}", name="asset")
    async def asset(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = request.path_params["name"]
        content = _all().get(name)
        if content is None:
            raise NotFoundException(f"there is no file {name}")
        kind = _TYPES.get(f".{name.rpartition('.')[2]}") or mimetypes.guess_type(name)[0]
        headers = {"cache-control": _KEPT if "v" in request.query_params else "no-cache"}
        return Response(content, media_type=kind or "text/plain", headers=headers)

    return asset
