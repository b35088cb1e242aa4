"""Why a server is not trusted, each reason in its own words, with what to do: nothing was sent to it."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from securechat.client import clock
from securechat.client.address import Address
from securechat.protocol.text import printable
from securechat.tls.errors import SELF_SIGNED, UNKNOWN_ISSUER, WRONG_NAME, WRONG_PURPOSE, TrustError

if TYPE_CHECKING:
    from securechat.tls.server_certificate import ServerCertificate

SHOW_PIN = "securechat certs show"  # typed on the server
MOST_NAMES = 5


def not_the_pin(address: Address, pin: str, shown: str) -> TrustError:
    return TrustError(
        f"{address} does not have the pinned key: expected {pin}, it shows {shown}; nothing was sent;"
        f" ask its operator for the pin, which this shows on the server: {SHOW_PIN}"
    )


def changed_key(address: Address, pin: str, since: date, shown: str) -> TrustError:
    return TrustError(
        f"THE KEY OF {address} HAS CHANGED, and somebody may be in between; nothing was sent. Since {since} it was"
        f" {pin}, now it shows {shown}. Ask its operator, on another way, what `{SHOW_PIN}` prints there. Only if that"
        f" is the new key, log in with --pin and what he tells you, or type: securechat trust forget {address}"
    )


def by_certificate(
    address: Address, shown: ServerCertificate, error: ssl.SSLCertVerificationError, ca: Path | None, used: date | None
) -> TrustError:
    """For what `ssl` says about a certificate; `ca` is the file that was to vouch for it."""
    code = error.verify_code
    if wrong := wrong_dates(address, shown, used):
        return wrong
    if code in WRONG_NAME:
        return _wrong_name(address, shown)
    if code == SELF_SIGNED:
        return TrustError(
            f"the certificate of {address} vouches for itself, the CA in {ca} does not; ask its operator for the"
            " server's ca.crt, or for its pin and give that with --pin"
        )
    if code in UNKNOWN_ISSUER:
        issuer = _quoted([shown.issuer])
        return TrustError(
            f"the certificate of {address} does not come from the CA in {ca} but from {issuer}; ask its operator for"
            " the server's ca.crt"
        )
    if code == WRONG_PURPOSE:
        return wrong_purpose(address)
    return TrustError(f"the certificate of {address} is not valid: {error.verify_message}; tell its operator")


def wrong_dates(address: Address, shown: ServerCertificate, used: date | None) -> TrustError | None:
    """None when they are right."""
    now = datetime.now(UTC)
    if shown.since <= now < shown.until:
        return None
    if doubt := clock.doubt(used):
        return TrustError(
            f"the clock of this computer is wrong: it says {clock.shown()}, but {doubt}; set it right, then try again:"
            f" by it the certificate of {address} cannot be judged"
        )
    if shown.until <= now:
        return TrustError(
            f"the certificate of {address} expired {_day(shown.until)}; its operator renews it with: python"
            f" scripts/gen_certs.py renew (unless the clock here is wrong: it says {clock.shown()})"
        )
    return TrustError(
        f"the certificate of {address} is not valid before {_day(shown.since)}; check the clock here, which says"
        f" {clock.shown()}, and the server's"
    )


def wrong_purpose(address: Address) -> TrustError:
    return TrustError(
        f"the certificate of {address} does not say that it is for servers; its operator must replace it with: python"
        f" scripts/gen_certs.py --force --host {address.host}"
    )


def _wrong_name(address: Address, shown: ServerCertificate) -> TrustError:
    remedy = f"have its operator make one with: python scripts/gen_certs.py --force --host {address.host}"
    if not shown.names:
        return TrustError(
            f"the certificate of {address} names no host, but for the common name {_quoted([shown.common_name])}, which"
            f" does not count any more; {remedy}"
        )
    names = _quoted(shown.names)
    return TrustError(
        f"the certificate of {address} is for {names}, not for {address.host}; use such a name, or {remedy}"
    )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _quoted(words: Sequence[str]) -> str:
    """A stranger's words."""
    shown = ", ".join(repr(printable(word)) for word in words[:MOST_NAMES])
    return f"{shown} and {len(words) - MOST_NAMES} more" if len(words) > MOST_NAMES else shown
