"""A session that has a device token made, uses it from then on, and gives it up again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from securechat.client.address import Address
from securechat.client.credentials import Credentials
from securechat.client.events import Admitted, Event, PasswordAnswered, Remembered
from securechat.client.profile import Profile
from securechat.client.remembering import device_name
from securechat.client.tokens import DeviceToken, TokenFile
from tests.client.conftest import CAPABILITIES, Script

TOKEN = DeviceToken("1f3a5c7e", "sct_secret")
WITH_TOKENS = f"{CAPABILITIES} securechat/tokens"


@pytest.fixture
def file(tmp_path: Path) -> TokenFile:
    return Profile(tmp_path / "profile").token(Address("localhost", 6697), "ada")


def visit(file: TokenFile, token: DeviceToken | None = None, *, capabilities: str = WITH_TOKENS) -> Script:
    """A session that has entered, with a password unless there is a token."""
    script = Script(capabilities, credentials=Credentials("ada", "correct horse", token, file=file))
    script.enter()
    return script


def answered(script: Script, *lines: str) -> list[Event]:
    """What the last labelled command leads to when it is answered so; `{}` stands for its label."""
    label = script.sent()[-1].partition(" ")[0]
    return script.server(*(f"{label} {line}" for line in lines))


def remember(script: Script, token: DeviceToken = TOKEN) -> list[Event]:
    script.session.remember()
    return answered(script, f":s TOKEN CREATE {token.id} 2027-03-01T12:00:00.000Z {token.secret} :box")


def test_the_server_is_asked_for_a_token_named_after_this_computer(file: TokenFile) -> None:
    script = visit(file)
    script.session.remember()
    [line] = script.sent()
    assert line.partition(" ")[2] in (f"TOKEN CREATE {device_name()}", f"TOKEN CREATE :{device_name()}")


def test_it_is_kept_and_stands_in_the_passwords_place_at_the_next_link(file: TokenFile) -> None:
    script = visit(file)
    [event] = remember(script)
    assert isinstance(event, Remembered)
    assert event.text.startswith("this computer is remembered as")
    assert file.read() == script.credentials.token == TOKEN
    assert script.credentials.secret == TOKEN.secret


def test_with_the_option_it_is_asked_for_before_anything_is_told(file: TokenFile) -> None:
    script = Script(WITH_TOKENS, credentials=Credentials("ada", "correct horse", file=file, remember=True))
    script.log_in()
    [line] = [line for line in script.sent() if "TOKEN CREATE" in line]
    label = line.partition(" ")[0]
    [event] = script.server(f"{label} :s TOKEN CREATE {TOKEN.id} 2027-03-01T12:00:00.000Z {TOKEN.secret} :box")
    assert isinstance(event, Remembered)


@pytest.mark.parametrize("capabilities", [CAPABILITIES, WITH_TOKENS.replace("labeled-response", "")])
def test_a_server_without_tokens_is_not_asked(file: TokenFile, capabilities: str) -> None:
    script = Script(capabilities, credentials=Credentials("ada", "correct horse", file=file, remember=True))
    [event] = [event for event in script.log_in() if isinstance(event, Remembered)]
    assert event.text.startswith("this server has no device tokens")
    assert not [line for line in script.sent() if "TOKEN" in line]


def test_a_refusal_is_told_in_the_servers_words(file: TokenFile) -> None:
    script = visit(file)
    script.session.remember()
    [event] = answered(script, ":s FAIL TOKEN TOO_MANY CREATE :50 device tokens count at a time")
    assert event == Remembered("not remembered: 50 device tokens count at a time")
    assert script.credentials.secret == "correct horse"


def test_a_token_that_cannot_be_kept_is_given_back(tmp_path: Path) -> None:
    profile = Profile(tmp_path / "profile")
    script = visit(profile.token(Address("localhost", 6697), "ada"))
    (profile.folder / "tokens").rmdir()
    [event] = remember(script)
    assert isinstance(event, Remembered)
    assert event.text.startswith("not remembered: cannot use the profile")
    assert script.sent()[0].endswith(f"TOKEN REVOKE {TOKEN.id}")
    assert script.credentials.secret == "correct horse"


def test_a_remembered_computer_asks_for_no_second_token(file: TokenFile) -> None:
    file.keep(TOKEN)
    for script in (visit(file, TOKEN), visit(file)):
        script.session.remember()
        assert script.sent() == []
        assert isinstance(script.session.take_events()[0], Remembered)


@pytest.mark.parametrize(
    "answer", [f"TOKEN REVOKE {TOKEN.id}", f"FAIL TOKEN UNKNOWN_TOKEN REVOKE {TOKEN.id} :you have no such device token"]
)
def test_forgetting_revokes_the_token_and_needs_the_password_again(file: TokenFile, answer: str) -> None:
    script = visit(file)
    remember(script)
    script.session.forget()
    [event] = answered(script, f":s {answer}")
    assert event == Remembered("forgotten: your next login takes the password")
    assert file.read() is None
    assert script.credentials.secret == "correct horse"


def test_what_the_server_could_not_revoke_is_not_forgotten(file: TokenFile) -> None:
    script = visit(file)
    remember(script)
    script.session.forget()
    [event] = answered(script, ":s FAIL TOKEN TEMPORARILY_UNAVAILABLE :try again later")
    assert event == Remembered("not forgotten: try again later")
    assert file.read() == TOKEN


def test_one_kept_by_an_earlier_visit_is_forgotten_too(file: TokenFile) -> None:
    file.keep(TOKEN)
    script = visit(file)
    script.session.forget()
    assert answered(script, f":s TOKEN REVOKE {TOKEN.id}")
    assert file.read() is None


def test_a_new_password_takes_a_new_token_where_the_password_had_opened_the_session(file: TokenFile) -> None:
    script = visit(file)
    remember(script)
    script.session.change_password("correct horse", "staple")
    answered(script, ":s NOTE PASSWD PASSWORD_CHANGED :Done")
    assert file.read() is None
    newer = DeviceToken("00000000", "sct_newer")
    events = answered(script, f":s TOKEN CREATE {newer.id} 2027-03-01T12:00:00.000Z {newer.secret} :box")
    assert isinstance(events[0], Remembered)
    assert file.read() == newer
    script.session.forget()
    answered(script, f":s TOKEN REVOKE {newer.id}")
    assert script.credentials.secret == "staple"


def test_a_new_password_leaves_the_token_that_opened_the_session(file: TokenFile) -> None:
    file.keep(TOKEN)
    script = visit(file, TOKEN)
    script.session.change_password("correct horse", "staple")
    assert answered(script, ":s NOTE PASSWD PASSWORD_CHANGED :Done") == [PasswordAnswered(True, "Done")]
    assert script.sent() == []
    assert file.read() == TOKEN
    assert script.credentials.secret == TOKEN.secret


@pytest.mark.parametrize(
    ("credentials", "kept", "expected"),
    [
        (Credentials("ada", "correct horse"), False, True),
        (Credentials("ada", "correct horse"), True, False),
        (Credentials("ada", token=TOKEN), True, False),
        (Credentials("ada", certified=True), False, False),
    ],
)
def test_who_may_be_spared_the_password_is_told_so(
    file: TokenFile, credentials: Credentials, kept: bool, expected: bool
) -> None:
    if kept:
        file.keep(TOKEN)
    capabilities = WITH_TOKENS.replace("sasl=PLAIN", "sasl=PLAIN,EXTERNAL")
    script = Script(capabilities, credentials=replace(credentials, file=file))
    [admitted] = [event for event in script.log_in() if isinstance(event, Admitted)]
    assert admitted.rememberable == expected


def test_who_said_no_is_not_asked_again_but_may_change_his_mind(file: TokenFile) -> None:
    file.decline()
    script = Script(WITH_TOKENS, credentials=Credentials("ada", "correct horse", file=file))
    assert Admitted("ada", rememberable=False) in script.log_in()
    script = visit(file)
    remember(script)
    assert file.read() == TOKEN
    assert not file.declined


def test_who_forgets_it_is_not_asked_again(file: TokenFile) -> None:
    script = visit(file)
    remember(script)
    script.session.forget()
    answered(script, f":s TOKEN REVOKE {TOKEN.id}")
    assert file.declined
    assert file.read() is None
