"""HTTP/1.1 as values: the head of a request becomes a Request, a Response becomes bytes. h11 reads the head.

A connection gets one answer. What comes behind the head, a body or another request, is dropped unread.
Source: RFC 9110 and 9112.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from http import HTTPStatus

import h11

from securechat.protocol.message import ProtocolError

HEAD_BYTES = 8 * 1024
HEAD_LINES = 100  # h11 takes a microsecond for each

_END = re.compile(rb"\n\r?\n")
_END_BYTES = 3
_SCHEMES = ("http", "https")


class Refused(ProtocolError):
    """What came is no request that gets another answer than this."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)  # never what the peer sent: it may hold a secret
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str  # without the query, as it was sent: nothing in it is decoded
    authorization: str = field(default="", repr=False)

    @property
    def bearer(self) -> str | None:
        """The token of `Authorization: Bearer`. Source: RFC 6750, section 2.1."""
        scheme, _, token = self.authorization.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Response:
    status: HTTPStatus
    text: str = field(repr=False)
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    def encode(self, date: str, *, head_only: bool = False) -> bytes:
        """The bytes that are sent before the connection closes; `head_only` is for HEAD."""
        body = self.text.encode()
        headers = (
            ("Date", date),
            ("Content-Type", self.content_type),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            *self.headers,
            ("Connection", "close"),
        )
        lines = (f"HTTP/1.1 {self.status.value} {self.status.phrase}", *(f"{name}: {value}" for name, value in headers))
        head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
        return head if head_only else head + body


class Head:
    """The head of the one request of a connection, as far as it has come. Owned by the connection."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read = bytearray()

    def feed(self, data: bytes) -> Request | None:
        """The request once its head is whole. Raises Refused, which is the end, too."""
        searched = max(0, len(self._read) - _END_BYTES)
        self._read += data
        if not searched:
            self._read = self._read.lstrip(b"\r\n")  # RFC 9112, section 2.2: empty lines before a request are nothing
        end = _END.search(self._read, searched)
        head = bytes(self._read[: end.end()]) if end else self._read
        if len(head) > HEAD_BYTES or head.count(b"\n") > HEAD_LINES:
            self._read.clear()
            raise Refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large")
        return _parse(bytes(head)) if end else None


def _parse(head: bytes) -> Request:
    reader = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES)
    reader.receive_data(head)
    try:
        event = reader.next_event()
    except h11.RemoteProtocolError as error:
        raise Refused(HTTPStatus(error.error_status_hint), "not a request that this server understands") from None
    if not isinstance(event, h11.Request):
        raise Refused(HTTPStatus.BAD_REQUEST, "not a request that this server understands")
    if not event.http_version.startswith(b"1."):
        raise Refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1")
    authorizations = [value for name, value in event.headers if name == b"authorization"]
    if len(authorizations) > 1:
        raise Refused(HTTPStatus.BAD_REQUEST, "more than one Authorization")
    authorization = authorizations[0].decode("latin-1") if authorizations else ""
    return Request(event.method.decode("ascii"), _path(event.target.decode("ascii")), authorization)


def _path(target: str) -> str:
    """Of `/path?query`, and of a whole URI, as proxies send it (RFC 9112, section 3.2.2)."""
    scheme, _, rest = target.partition("://")
    if scheme.lower() in _SCHEMES:
        target = "/" + rest.partition("/")[2]
    return target.partition("?")[0]
