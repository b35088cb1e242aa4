"""The handshake up to 001, as lines."""

import base64

import pytest

from securechat.client.credentials import Credentials
from securechat.client.events import Admitted, LoginRefused
from securechat.client.multiline import Limits
from securechat.protocol.message import ProtocolError
from tests.client.conftest import Script


def test_the_password_goes_only_into_the_sasl_exchange(script):
    assert script.sent() == ["CAP LS 302", "NICK ada", "USER ada 0 * ada"]
    script.server(":s CAP * LS :sasl=PLAIN,EXTERNAL batch unknown/thing")
    assert script.sent() == ["CAP REQ :sasl batch"]
    script.server(":s CAP * ACK :sasl batch")
    assert script.sent() == ["AUTHENTICATE PLAIN"]
    script.server("AUTHENTICATE +")
    (line,) = script.sent()
    assert base64.b64decode(line.removeprefix("AUTHENTICATE ")) == b"\0ada\0correct horse"
    assert script.server(":s 900 * * ada :You are now logged in", ":s 903 * :ok") == []
    assert script.sent() == ["CAP END"]
    assert script.server(":s 001 Ada :Welcome") == [Admitted("Ada")]


def test_the_password_is_sent_once_however_often_the_server_asks(script):
    script.server(":s CAP * LS :sasl", ":s CAP * ACK :sasl", "AUTHENTICATE +")
    script.sent()
    script.server("AUTHENTICATE +", "AUTHENTICATE +")
    assert script.sent() == []


def test_an_offer_may_take_several_lines(script):
    script.sent()
    script.server(":s CAP * LS * :batch server-time")
    assert script.sent() == []
    script.server(":s CAP * LS :sasl")
    assert script.sent() == ["CAP REQ :sasl server-time batch"]


@pytest.mark.parametrize(("granted", "limits"), [("draft/multiline", Limits(4096, 24)), ("", None)])
def test_several_lines_are_a_message_where_the_server_granted_that_too(script, granted, limits):
    needed = "sasl echo-message labeled-response batch"
    script.server(f":s CAP * LS :{needed} draft/multiline=max-bytes=4096,max-lines=24")
    script.server(f":s CAP * ACK :{needed} {granted}", "AUTHENTICATE +", ":s 903 * :ok", ":s 001 ada :Welcome")
    assert script.conversation.limits == limits


def test_an_endless_offer_ends_the_connection(script):
    with pytest.raises(ProtocolError, match="more than 500 capabilities"):
        script.server(*(f":s CAP * LS * :cap-{number}" for number in range(600)))


@pytest.mark.parametrize(
    ("lines", "reason", "credentials"),
    [
        ([":s CAP * LS :batch"], "no SASL", False),
        ([":s CAP * LS :sasl=EXTERNAL"], "no login with a password", False),
        ([":s CAP * LS :sasl", ":s CAP * NAK :sasl"], "takes back", False),
        ([":s 421 ada CAP :Unknown command"], "knows no capabilities", False),
        ([":s 001 ada :Welcome, whoever you are"], "without a login", False),
        ([":s CAP * LS :sasl", ":s CAP * ACK :sasl", "AUTHENTICATE +", ":s 904 * :failed"], "wrong name or", True),
        ([":s CAP * LS :sasl", ":s CAP * ACK :sasl", ":s 908 ada EXTERNAL :are available"], "are available", False),
        ([":s FAIL * ACCOUNT_REQUIRED :Log in first"], "Log in first", False),
    ],
)
def test_every_refusal_has_its_reason(script, lines, reason, credentials):
    *_, refusal = script.server(*lines)
    assert isinstance(refusal, LoginRefused)
    assert reason in refusal.reason
    assert refusal.credentials is credentials


ASKED = (":s CAP * LS :sasl", ":s CAP * ACK :sasl", "AUTHENTICATE +")


def test_a_missing_code_is_told_apart_from_a_wrong_password(script):
    fail = ":s FAIL AUTHENTICATE SECOND_FACTOR_REQUIRED :put its code behind the password"
    refused = LoginRefused("put its code behind the password", second_factor=True, code="SECOND_FACTOR_REQUIRED")
    assert script.server(*ASKED, fail) == [refused]


def test_a_code_stands_behind_the_password_and_is_sent_once(script):
    credentials = script.session._credentials
    credentials.code = "123456"
    assert "123456" not in repr(credentials)
    script.server(*ASKED)
    assert base64.b64decode(script.sent()[-1].removeprefix("AUTHENTICATE ")) == b"\0ada\0correct horse:123456"
    assert (credentials.password, credentials.code) == ("correct horse", "")
    refused = LoginRefused("wrong code, or one that was used before", second_factor=True)
    assert script.server(":s 904 * :failed") == [refused]


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("TRY_LATER 10 :too many", 10),
        ("TRY_LATER :too many", 0),
        ("TRY_LATER soon :too many", 0),
        ("TRY_LATER -5 :too many", 0),
        ("TRY_LATER 999999999 :too many", 3600),
        ("TRY_LATER 99999999999999 :too many", 0),
        ("ACCOUNT_REQUIRED 10 :Log in first", 0),
    ],
)
def test_a_server_may_say_when_to_come_again(script, words, seconds):
    *_, refusal = script.server(f":s FAIL AUTHENTICATE {words}")
    assert isinstance(refusal, LoginRefused)
    assert refusal.seconds == seconds


def test_with_a_certificate_of_ones_own_there_is_nothing_to_say():
    certified = Script(credentials=Credentials("ada", certified=True))
    certified.server(":s CAP * LS :sasl=PLAIN,EXTERNAL batch", ":s CAP * ACK :sasl batch")
    assert certified.sent()[-1] == "AUTHENTICATE EXTERNAL"
    certified.server("AUTHENTICATE +")
    assert certified.sent() == ["AUTHENTICATE +"]
    certified.server(":s 903 * :ok")
    assert certified.sent() == ["CAP END"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([":s CAP * LS :sasl=PLAIN"], "asks for no client certificate on this port"),
        ([":s CAP * LS :sasl", ":s CAP * ACK :sasl", "AUTHENTICATE +", ":s 904 * :failed"], "opens no account"),
    ],
)
def test_what_is_wrong_with_the_certificate_is_told(lines, reason):
    *_, refusal = Script(credentials=Credentials("ada", certified=True)).server(*lines)
    assert isinstance(refusal, LoginRefused)
    assert reason in refusal.reason


def test_no_repr_shows_the_password(script):
    registration = script.session._registration
    assert "correct horse" not in repr(vars(script.session)) + repr(registration)
