"""The names under which the program may be asked for.

A page elsewhere can make a browser ask this program under a name of its own, which it lets lead here
(DNS rebinding), and then read the answer. So without login only known names are answered. An address in
digits cannot be such a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

from litestar.connection import ASGIConnection
from litestar.exceptions import HTTPException
from litestar.handlers.base import BaseRouteHandler

_PORT = re.compile(r":\d+\Z")


class KnownHosts:
    """The names that are known: ``localhost``, addresses in digits, and those that are given, each alone
    or with a port."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = frozenset({"localhost", *(name.lower() for name in names if name)})

    def knows(self, host: str) -> bool:
        """Whether a Host header names this program."""
        host = host.lower()
        name = _PORT.sub("", host)
        return host in self._names or name.rstrip(".") in self._names or _is_address(name)

    def guard(self, connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        """Refuse requests under other names. Browsers always name a host; some monitors do not."""
        for host in connection.headers.getall("host", []):
            if not self.knows(host):
                name = _PORT.sub("", host)[:100]
                raise HTTPException(
                    status_code=421,
                    detail=f"This program is not known as {name!r}. If it should be, add the name to "
                    "hosts under [web], and restart.",
                )


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]").partition("%")[0])
    except ValueError:
        return False
    return True
