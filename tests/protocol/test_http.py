"""The head of an HTTP request, whole and one byte at a time; what is refused; what a response looks like."""

from __future__ import annotations

from http import HTTPStatus as Status

import pytest

from securechat.protocol.http import HEAD_BYTES, HEAD_LINES, Head, Refused, Request, Response

DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
HOST = b"Host: chat.example.org\r\n"


def read(data: bytes, size: int | None = None) -> Request | None:
    """The request in `data`, fed in pieces of `size`."""
    head = Head()
    for start in range(0, len(data), size or len(data)):
        request = head.feed(data[start : start + (size or len(data))])
        if request is not None:
            return request
    return None


def refusal(data: bytes, size: int | None = None) -> Status:
    with pytest.raises(Refused) as refused:
        read(data, size)
    return refused.value.status


UNDERSTOOD = [
    (b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/healthz")),
    (b"HEAD /metrics HTTP/1.1\r\n" + HOST + b"\r\n", Request("HEAD", "/metrics")),
    (b"GET /healthz HTTP/1.0\r\n\r\n", Request("GET", "/healthz")),
    (b"GET /healthz HTTP/1.1\n" + b"Host: x\n\n", Request("GET", "/healthz")),
    (b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/")),
    (b"GET /healthz?verbose=1#x HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/healthz")),
    (b"GET https://chat.example.org/healthz?x HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/healthz")),
    (b"GET HTTP://chat.example.org HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/")),
    (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", Request("OPTIONS", "*")),
    (b"CONNECT chat.example.org:443 HTTP/1.1\r\n" + HOST + b"\r\n", Request("CONNECT", "chat.example.org:443")),
    (b"GET /%68ealthz/../x HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/%68ealthz/../x")),
    (b"GET / HTTP/1.1\r\n" + HOST + b"Authorization: Bearer abc\r\n\r\n", Request("GET", "/", "Bearer abc")),
    (b"GET / HTTP/1.1\r\n" + HOST + b"Authorization: \xe9\r\n\r\n", Request("GET", "/", "\xe9")),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", Request("POST", "/")),
    (b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", Request("POST", "/")),
    (b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\nGET /2 HTTP/1.1\r\n" + HOST + b"\r\n", Request("GET", "/1")),
]

REFUSED = [
    (b"GET /healthz HTTP/1.1\r\n\r\n", Status.BAD_REQUEST),  # no Host
    (b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", Status.BAD_REQUEST),
    (b"GET /\r\n\r\n", Status.BAD_REQUEST),
    (b"GET / HTTP/0.9\r\n\r\n", Status.HTTP_VERSION_NOT_SUPPORTED),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Status.HTTP_VERSION_NOT_SUPPORTED),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A : b\r\n\r\n", Status.BAD_REQUEST),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: \0\r\n\r\n", Status.BAD_REQUEST),
    (b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n", Status.BAD_REQUEST),
    (b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n", Status.BAD_REQUEST),
    (b"GET / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: gzip\r\n\r\n", Status.NOT_IMPLEMENTED),
    (b"GET / HTTP/1.1\r\n" + HOST + 2 * b"Authorization: Bearer a\r\n" + b"\r\n", Status.BAD_REQUEST),
    (b"CAP LS 302\r\nNICK ada\r\n\r\n", Status.BAD_REQUEST),
    (b"\x16\x03\x01\x02\x00\n\n", Status.BAD_REQUEST),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: b\r\n" * HEAD_LINES + b"\r\n", Status.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * HEAD_BYTES, Status.REQUEST_HEADER_FIELDS_TOO_LARGE),
    (b"x" * (HEAD_BYTES + 1), Status.REQUEST_HEADER_FIELDS_TOO_LARGE),
]


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize(("data", "request_"), UNDERSTOOD)
def test_what_is_understood(data: bytes, request_: Request, size: int | None) -> None:
    assert read(data, size) == request_


@pytest.mark.parametrize("size", [None, 1, 7])
@pytest.mark.parametrize(("data", "status"), REFUSED)
def test_what_is_refused(data: bytes, status: Status, size: int | None) -> None:
    assert refusal(data, size) is status


@pytest.mark.parametrize("data", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\n" + HOST, b"\r\n" * 9000])
def test_an_unfinished_head_is_waited_for(data: bytes) -> None:
    assert read(data, 100) is None


def test_the_largest_head_there_may_be_is_understood() -> None:
    start = b"GET / HTTP/1.1\r\n" + HOST + b"A: "
    assert read(start + b"x" * (HEAD_BYTES - len(start) - 4) + b"\r\n\r\n") == Request("GET", "/")


@pytest.mark.parametrize(
    ("authorization", "token"),
    [("", None), ("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Bearer", ""), ("Basic YTpi", None), ("abc", None)],
)
def test_a_bearer_token_is_found(authorization: str, token: str | None) -> None:
    assert Request("GET", "/", authorization).bearer == token


def test_no_word_of_a_request_is_in_what_is_logged() -> None:
    assert "secret" not in repr(Request("GET", "/", "Bearer secret"))
    with pytest.raises(Refused) as refused:
        read(b"GET /secret\r\nsecret: secret\r\n\r\n")
    assert "secret" not in repr(refused.value)


def test_a_response_says_that_it_is_the_last() -> None:
    response = Response(Status.METHOD_NOT_ALLOWED, "é\n", headers=(("Allow", "GET, HEAD"),))
    head = (
        "HTTP/1.1 405 Method Not Allowed\r\n"
        f"Date: {DATE}\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: 3\r\n"
        "Cache-Control: no-store\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "Allow: GET, HEAD\r\n"
        "Connection: close\r\n"
        "\r\n"
    )
    assert response.encode(DATE).decode() == head + "é\n"
    assert response.encode(DATE, head_only=True).decode() == head
