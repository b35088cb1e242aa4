"""SASL: pieces of 400 bytes, and what PLAIN and PASSWD carry."""

from __future__ import annotations

import pytest

from securechat.protocol import sasl

SIZES = [1, 299, 300, 301, 599, 600, 3071]


@pytest.mark.parametrize("size", SIZES)
def test_what_is_cut_into_pieces_is_joined_again(size: int) -> None:
    response = bytes(number % 251 for number in range(size))
    received = ""
    pieces = list(sasl.pieces(response))
    for piece in pieces:
        assert len(piece) <= sasl.PIECE_BYTES
        received = sasl.joined(received, piece, 4096)
    assert [sasl.is_last(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert sasl.decode(received) == response


def test_an_exact_multiple_ends_with_a_plus() -> None:
    assert list(sasl.pieces(b"x" * 300))[1:] == ["+"]


def test_an_empty_response_is_a_plus() -> None:
    assert list(sasl.pieces(b"")) == ["+"]


@pytest.mark.parametrize(("received", "piece"), [("", "x" * 401), ("x" * 4000, "x" * 97), ("x" * 4096, "x")])
def test_a_response_over_its_limits_is_refused(received: str, piece: str) -> None:
    with pytest.raises(sasl.SaslTooLong):
        sasl.joined(received, piece, 4096)


def test_a_response_at_its_limit_is_taken() -> None:
    assert len(sasl.joined("x" * 4000, "x" * 96, 4096)) == 4096


@pytest.mark.parametrize("received", ["!", "YQ=", "YQ==YQ==x", "Y Q=", "é", "YQ", "="])
def test_what_is_no_base64_is_refused(received: str) -> None:
    with pytest.raises(sasl.SaslMalformed):
        sasl.decode(received)


@pytest.mark.parametrize(
    ("response", "plain"),
    [
        (b"\0ada\0secret", sasl.Plain("", "ada", "secret")),
        (b"ada\0ada\0secret", sasl.Plain("ada", "ada", "secret")),
        ("\0ada\0pässword 😀".encode(), sasl.Plain("", "ada", "pässword 😀")),
    ],
)
def test_plain_carries_who_and_the_password(response: bytes, plain: sasl.Plain) -> None:
    assert sasl.read_plain(response) == plain


@pytest.mark.parametrize(
    "response",
    [b"", b"\0", b"\0\0", b"\0ada\0", b"\0\0secret", b"ada\0secret", b"\0ada\0secret\0", b"a\0b\0c\0d", b"\0ada\0\xff"],
)
def test_a_malformed_plain_is_refused_without_being_quoted(response: bytes) -> None:
    with pytest.raises(sasl.SaslMalformed) as caught:
        sasl.read_plain(response)
    assert "ada" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_plain_s_repr_hides_the_password() -> None:
    assert "secret" not in repr(sasl.read_plain(b"\0ada\0secret"))


def test_what_is_written_reads_the_same() -> None:
    assert sasl.read_plain(sasl.write_plain("ada", "secret")) == sasl.Plain("", "ada", "secret")
    assert sasl.read_passwords(sasl.write_passwords("old é", "new\0too")) == ("old é", "new\0too")


@pytest.mark.parametrize("response", [b"", b"\0", b"old", b"old\0", b"\xff\0new", b"old\0\xff"])
def test_a_malformed_passwd_is_refused(response: bytes) -> None:
    with pytest.raises(sasl.SaslMalformed):
        sasl.read_passwords(response)


@pytest.mark.parametrize(("response", "authzid"), [(b"", ""), (b"ada", "ada"), ("Zoë@laptop".encode(), "Zoë@laptop")])
def test_external_says_at_most_whom_to_act_for(response: bytes, authzid: str) -> None:
    assert sasl.read("EXTERNAL", response) == sasl.External(authzid)


@pytest.mark.parametrize("response", [b"\0", b"ada\0", b"\0ada\0secret", b"\xff"])
def test_what_is_no_authzid_is_malformed(response: bytes) -> None:
    with pytest.raises(sasl.SaslMalformed):
        sasl.read("EXTERNAL", response)


def test_the_mechanism_decides_how_a_response_is_read() -> None:
    assert sasl.read("PLAIN", b"\0ada\0secret") == sasl.Plain("", "ada", "secret")
