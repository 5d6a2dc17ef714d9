"""Callbacks lead to public addresses only, in whatever form an address is written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.adapters.coalesce import Addresses, CallbackCaller
from sync.domain.errors import Cause, Refused, Rejected

NOT_PUBLIC = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
    *("192.0.0.0/29", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"),
]
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "64:ff9b::8.8.8.8", "::ffff:1.1.1.1"]


def numbers(network: str) -> st.SearchStrategy[int]:
    found = ip_network(network)
    return st.integers(int(found.network_address), int(found.broadcast_address))


def forms(number: int) -> Iterator[str]:
    """The ways in which an IPv4 address may stand in the address of a callback."""
    a, b, c, d = number.to_bytes(4, "big")
    yield f"{a}.{b}.{c}.{d}"
    yield f"{a}.{b}.{c * 256 + d}"
    yield f"{a}.{(b * 256 + c) * 256 + d}"
    yield str(number)
    yield hex(number)
    yield f"0x{a:x}.0x{b:x}.0x{c:x}.0x{d:x}"
    yield f"0{a:o}.0{b:o}.0{c:o}.0{d:o}"
    high, low = f"{a * 256 + b:x}", f"{c * 256 + d:x}"
    for v6 in (
        f"::ffff:{IPv4Address(number)}",
        f"::ffff:{high}:{low}",
        f"0:0:0:0:0:ffff:{high}:{low}",
        f"64:ff9b::{high}:{low}",
        f"2002:{high}:{low}::1",
        f"::{high}:{low}",
    ):
        yield f"[{v6}]"


@settings(deadline=None)
@given(st.sampled_from(NOT_PUBLIC).flatmap(numbers))
def test_no_form_of_an_address_that_is_not_public_is_called(number: int) -> None:
    for host in forms(number):
        with pytest.raises(Rejected) as caught:
            CallbackCaller([host]).call(f"https://{host}/s3cr3t", {"mark_fixed": {}})
        assert "not public" in str(caught.value), host
        assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("host", ["::1", "::", "fe80::1", "fe80::1%lo", "fd00::1", "fec0::1", "ff02::1",
                                  "2001:db8::1", "2001:0:4136:e378::1", "64:ff9b:1::a00:1"])  # fmt: skip
def test_no_address_of_ipv6_that_is_not_public_is_allowed(host: str) -> None:
    assert not Addresses().allowed(host)


@pytest.mark.parametrize("host", PUBLIC)
def test_public_addresses_are_allowed(host: str) -> None:
    assert Addresses().allowed(host)


def test_a_network_that_the_operator_names_is_allowed_in_every_form_and_no_other() -> None:
    addresses = Addresses([ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    for host in ("10.1.2.3", "::ffff:10.1.2.3", "fd00::1"):
        assert addresses.allowed(host)
    for host in ("10.2.0.1", "::ffff:10.2.0.1", "127.0.0.1", "fe80::1"):
        assert not addresses.allowed(host)


def found(*hosts: str) -> list[Any]:
    """What ``socket.getaddrinfo`` would answer."""
    families = {4: socket.AF_INET, 6: socket.AF_INET6}
    return [
        (families[ip_address(host).version], socket.SOCK_STREAM, 6, "", (host, 443))
        for host in hosts
    ]


def test_a_name_of_which_one_address_is_not_public_is_refused_as_a_whole() -> None:
    addresses = Addresses(resolve=lambda *_: found("8.8.8.8", "::ffff:10.0.0.1"))
    with pytest.raises(Rejected) as caught:
        addresses.of("api.example.com", 443)
    assert caught.value.cause is Cause.PERMISSION
    assert "private" in caught.value.remedy


def test_a_name_that_cannot_be_resolved_now_is_tried_again_later() -> None:
    def fails(*_: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    with pytest.raises(Refused):
        Addresses(resolve=fails).of("api.example.com", 443)
    with pytest.raises(Rejected):
        Addresses().of("a" * 70 + ".example.com", 443)
