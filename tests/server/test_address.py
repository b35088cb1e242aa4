"""By what a peer is counted."""

from __future__ import annotations

import pytest

from securechat.server.address import Networks, network_of


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
    ],
)
def test_an_ipv4_address_stands_for_itself_and_an_ipv6_address_for_its_64(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "inside"),
    [("10.1.2.3", True), ("11.1.2.3", False), ("2001:db8::5", True), ("2001:db9::5", False), ("fe80::1%eth0", False)],
)
def test_networks_hold_the_addresses_in_them(address: str, inside: bool) -> None:
    assert (address in Networks(["10.0.0.0/8", "2001:db8::/32"])) is inside
    assert address not in Networks([])
