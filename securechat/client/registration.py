"""The handshake before chat: CAP 302, SASL PLAIN or EXTERNAL, NICK and USER, up to 001.

Messages in, lines out, no socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from securechat.client import replies
from securechat.client.credentials import Credentials
from securechat.client.events import Admitted, Event, LoginRefused
from securechat.client.multiline import Limits, read_limits
from securechat.protocol import numerics, sasl
from securechat.protocol.message import Message, ProtocolError
from securechat.protocol.multiline import KIND

WANTED = (
    "sasl",
    "message-tags",
    "server-time",
    "account-tag",
    "echo-message",
    "batch",
    "labeled-response",
    "multi-prefix",
    "extended-join",
    "cap-notify",
    "standard-replies",
    "draft/chathistory",
    "draft/multiline",
    "securechat/retry",
    "securechat/tokens",
    "soju.im/search",
)
SECOND_FACTOR_REQUIRED = "SECOND_FACTOR_REQUIRED"
MOST_OFFERED = 500  # capabilities in all the lines of one CAP LS

NOT_OFFERED = {
    "PLAIN": "the server offers no login with a password (SASL PLAIN)",
    "EXTERNAL": "the server asks for no client certificate on this port, or this one is not made for logging in",
}
WRONG = {
    "PLAIN": "wrong name or password",
    "EXTERNAL": "the client certificate opens no account: it was revoked, or there is none of its name",
}

ERR_NICKLOCKED = "902"  # of other servers

Send = Callable[..., None]


class Registration:
    """Owned by the session until `admitted`; forgets the secret once it is sent."""

    def __init__(self, credentials: Credentials, send: Send) -> None:
        self.account = credentials.account
        self.capabilities: set[str] = set()
        self.over = False
        self._mechanism = "EXTERNAL" if credentials.certified else "PLAIN"
        self._credentials: Credentials | None = credentials
        self._send = send
        self._offered: dict[str, str] = {}
        self._authenticated = False
        self._gave_code = False
        self._handlers: Mapping[str, Callable[[Message], Event | None]] = {
            "CAP": self._cap,
            "AUTHENTICATE": self._authenticate,
            "FAIL": self._fail,
            numerics.RPL_SASLSUCCESS: self._logged_in,
            numerics.RPL_WELCOME: self._welcome,
            numerics.ERR_UNKNOWNCOMMAND: self._unknown_command,
            **dict.fromkeys((ERR_NICKLOCKED, numerics.ERR_SASLFAIL), self._wrong_credentials),
            **dict.fromkeys(
                (numerics.ERR_SASLTOOLONG, numerics.ERR_SASLABORTED, numerics.RPL_SASLMECHS), self._refused
            ),
            **dict.fromkeys((numerics.ERR_NICKNAMEINUSE, numerics.ERR_ERRONEUSNICKNAME, "464", "465"), self._refused),
        }

    @property
    def limits(self) -> Limits | None:
        """Of a message of several lines, if the server takes one."""
        return read_limits(self._offered.get(KIND, "")) if KIND in self.capabilities else None

    def start(self) -> None:
        self._send("CAP", "LS", "302")
        self._send("NICK", self.account)
        self._send("USER", self.account, "0", "*", self.account)

    def receive(self, message: Message) -> Event | None:
        """What this message of the server means for the login; lines to answer go to `send`."""
        handler = self._handlers.get(message.command)
        return handler(message) if handler and not self.over else None

    def _cap(self, message: Message) -> Event | None:
        subcommand = message.params[1].upper() if len(message.params) > 2 else ""
        if subcommand == "LS":
            return self._listed(message)
        if subcommand == "ACK":
            self.capabilities.update(message.params[-1].split())
            if not self._authenticated:
                self._send("AUTHENTICATE", self._mechanism)
        elif subcommand == "NAK":
            return self._end("the server takes back the capabilities that it offers")
        return None

    def _listed(self, message: Message) -> Event | None:
        for word in message.params[-1].split():
            name, _, value = word.partition("=")
            self._offered[name] = value
        if len(self._offered) > MOST_OFFERED:
            raise ProtocolError(f"the server offers more than {MOST_OFFERED} capabilities")
        if message.params[2] == "*" and len(message.params) > 3:
            return None  # more lines follow
        if "sasl" not in self._offered:
            return self._end("the server offers no SASL login")
        if self._offered["sasl"] and self._mechanism not in self._offered["sasl"].upper().split(","):
            return self._end(NOT_OFFERED[self._mechanism])
        self._send("CAP", "REQ", " ".join(name for name in WANTED if name in self._offered))
        return None

    def _authenticate(self, message: Message) -> Event | None:
        if message.params[:1] == ("+",) and self._credentials is not None:
            self._gave_code = bool(self._credentials.code)
            response, self._credentials = _response(self._credentials), None
            for piece in sasl.pieces(response):
                self._send("AUTHENTICATE", piece)
        return None

    def _logged_in(self, message: Message) -> Event | None:
        self._authenticated = True
        self._send("CAP", "END")
        return None

    def _welcome(self, message: Message) -> Event | None:
        if not self._authenticated or not message.params:
            return self._end("the server lets people in without a login")
        self.over = True
        return Admitted(message.params[0])

    def _unknown_command(self, message: Message) -> Event | None:
        if "CAP" in message.params[1:2]:
            return self._end("the server knows no capabilities, so no SASL login")
        return None

    def _wrong_credentials(self, message: Message) -> Event | None:
        if self._gave_code:  # nobody was asked for one before the password was right
            return self._end("wrong code, or one that was used before", second_factor=True)
        return self._end(WRONG[self._mechanism], credentials=True)

    def _refused(self, message: Message) -> Event | None:
        return self._end(message.params[-1] if message.params else message.command)

    def _fail(self, message: Message) -> Event | None:
        reason = message.params[-1] if message.params else "the server gave no reason"
        temporary, seconds = replies.is_temporary(message), replies.seconds(message)
        code = message.params[1] if len(message.params) > 2 else ""
        second_factor = code == SECOND_FACTOR_REQUIRED
        return self._end(reason, temporary=temporary, seconds=seconds, second_factor=second_factor, code=code)

    def _end(
        self,
        reason: str,
        *,
        credentials: bool = False,
        temporary: bool = False,
        seconds: int = 0,
        second_factor: bool = False,
        code: str = "",
    ) -> Event:
        self.over = True
        self._credentials = None
        return LoginRefused(reason, credentials, temporary, seconds, second_factor, code)


def _response(credentials: Credentials) -> bytes:
    """Of EXTERNAL nothing: the certificate says who it is. A code stands behind the password, and is forgotten."""
    secret = credentials.secret
    if credentials.certified or secret is None:
        return b""
    code, credentials.code = credentials.code, ""
    return sasl.write_plain(credentials.account, f"{secret}:{code}" if code else secret)
