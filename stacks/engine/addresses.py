"""Which addresses of the network are nobody's business but this machine's and its neighbours' (F37)."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address

_BLOCKS = tuple((ip_network(block), what) for block, what in (
    ("0.0.0.0/8", "this machine"),
    ("127.0.0.0/8", "this machine"),
    ("10.0.0.0/8", "a private network"),
    ("172.16.0.0/12", "a private network"),
    ("192.168.0.0/16", "a private network"),
    ("198.18.0.0/15", "a private network"),
    ("100.64.0.0/10", "a provider's private network"),
    ("192.0.0.0/24", "a provider's private network"),
    ("169.254.0.0/16", "the local link, where clouds keep their metadata"),
    ("168.63.129.16/32", "a cloud's own services"),
    ("224.0.0.0/4", "a group of machines"),
    ("240.0.0.0/4", "nothing"),
    ("::/127", "this machine"),
    ("fe80::/10", "the local link"),
    ("fec0::/10", "a private network"),
    ("fc00::/7", "a private network"),
    ("2001::/32", "a tunnel"),
    ("ff00::/8", "a group of machines"),
))  # fmt: skip
# IPv6 addresses that are IPv4 ones in disguise, and the bit at which those begin.
_DISGUISES = tuple((IPv6Network(block), bit) for block, bit in (
    ("::ffff:0:0/96", 0), ("::/96", 0), ("64:ff9b::/96", 0), ("64:ff9b:1::/48", 0), ("2002::/16", 80),
))  # fmt: skip


def what_is(address: Address) -> str:
    """Say what an address is that only this machine and its neighbours should reach, "" for one that all may."""
    for block, what in _BLOCKS:
        if address in block:
            return what
    inner = _disguised(address)
    if inner is not None:
        return what_is(inner)
    return "this machine" if _is_own(address) else ""


def _disguised(address: Address) -> IPv4Address | None:
    if isinstance(address, IPv4Address):
        return None
    bit = next((bit for block, bit in _DISGUISES if address in block), None)
    return None if bit is None else IPv4Address(int(address) >> bit & 0xFFFFFFFF)


def _is_own(address: Address) -> bool:
    """Tell whether the address is one of this machine's: only those are reached from themselves."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((str(address), 9))  # sends nothing
            return ip_address(probe.getsockname()[0]) == address
    except OSError:
        return False


def literal(host: str) -> Address | None:
    """Read an address in the place of a host's name, in any spelling that programs take; None for a name."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host))  # “127.1”, “0x7f000001” and “2130706433” are addresses too
    except (OSError, ValueError):
        return None
