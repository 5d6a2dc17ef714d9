"""Where a request really comes from: the other end of the connection, whatever headers say."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from litestar import Request


def peer_of(request: Request[Any, Any, Any]) -> IPv4Address | IPv6Address | None:
    """The address at the other end; an IPv4 address that is written as IPv6 as itself."""
    try:
        address = ip_address((request.client.host if request.client else "").partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def neighbourhood(address: IPv4Address | IPv6Address | None) -> str:
    """What counts as one sender: an IPv4 address, a network of IPv6 that one customer has."""
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def is_among(address: IPv4Address | IPv6Address | None, networks: list[str]) -> bool:
    """Whether an address is in one of these networks."""
    if address is None:
        return False
    known = [ip_network(one) for one in networks]
    return any(address.version == one.version and address in one for one in known)
