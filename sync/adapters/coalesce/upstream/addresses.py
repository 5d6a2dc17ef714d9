"""Which addresses of the network a callback may lead to, and connections that lead nowhere else.

A callback's host is resolved once, every address that it has is checked, and the connection goes to one
of those very addresses. If the host were resolved again to connect, its owner could answer with a
private address the second time.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from sync.domain.errors import Cause, Refused, Rejected

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address
# As ``socket.getaddrinfo``.
Resolve = Callable[..., list[Any]]

# Translators of addresses (NAT64): the last 32 bits are an IPv4 address.
_TRANSLATED = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"))
# The public addresses of IPv6, without the tunnels (6to4, Teredo) in which an address leads to an IPv4
# address that it holds.
_PUBLIC = ip_network("2000::/3")
_TUNNELS = (ip_network("2002::/16"), ip_network("2001::/32"))


class Addresses:
    """Resolves hosts to addresses that may be called: public ones, and those of the networks in
    ``private``."""

    def __init__(
        self, private: Sequence[Network] = (), resolve: Resolve = socket.getaddrinfo
    ) -> None:
        self._private = tuple(private)
        self._resolve = resolve

    def of(self, host: str, port: int) -> list[tuple[int, Any]]:
        """Family and address of each way to a host, for ``connection``. Raises Rejected if one of them
        is not allowed, Refused if the host has none now."""
        try:
            found = self._resolve(host, port, 0, socket.SOCK_STREAM)
        except OSError as error:
            raise Refused(
                f"the name {host} could not be resolved ({type(error).__name__})"
            ) from None
        except ValueError:
            raise Rejected(f"{host} is no name of a host") from None
        for _family, _type, _protocol, _name, address in found:
            if not self.allowed(address[0]):
                raise Rejected(
                    f"{host} leads to an address that is not public",
                    cause=Cause.PERMISSION,
                    remedy="If callbacks may go there, name the network in private of "
                    "[coalesce.callbacks].",
                )
        return [(family, address) for family, _type, _protocol, _name, address in found]

    def allowed(self, text: str) -> bool:
        """Whether an address, as the system writes it, may be called."""
        try:
            address = _meant(ip_address(text.partition("%")[0]))
        except ValueError:
            return False
        if any(address in network for network in self._private):
            return True
        if address.version == 6 and address not in _PUBLIC:
            return False
        tunnel = any(address in network for network in _TUNNELS)
        return address.is_global and not address.is_multicast and not tunnel


def _meant(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for, else the address itself."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if any(address in network for network in _TRANSLATED):
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def connection(ways: Sequence[tuple[int, Any]], timeout: float) -> socket.socket:
    """A connection by the first way that leads there. Raises OSError."""
    last = OSError("no address")
    for family, address in ways:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.settimeout(timeout)
            made.connect(address)
        except OSError as error:
            made.close()
            last = error
        else:
            return made
    raise last
