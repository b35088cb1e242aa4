"""Addresses as people type them."""

import pytest

from securechat.client.address import Address, AddressError, parse


@pytest.mark.parametrize(
    ("written", "account", "address"),
    [
        ("chat.example.org", None, Address("chat.example.org", 6697)),
        ("ada@Chat.Example.org:7000", "ada", Address("chat.example.org", 7000)),
        ("[::1]", None, Address("::1", 6697)),
        ("ada@[2001:db8::1]:7000", "ada", Address("2001:db8::1", 7000)),
        ("::1", None, Address("::1", 6697)),
    ],
)
def test_an_address_is_read(written, account, address):
    assert parse(written) == (account, address)
    assert parse(str(address)) == (None, address)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "ada@",
        "@host",
        "a b@host",
        "host:",
        "host:0",
        "host:65536",
        "host:irc",
        "[::1",
        "[host]",
        "[::1]x",
        "::1%x][",
        "-o",
        "a/b",
    ],
)
def test_what_is_no_address_is_refused_with_what_was_expected(written):
    with pytest.raises(AddressError) as error:
        parse(written)
    assert error.value.exit_status == 2
