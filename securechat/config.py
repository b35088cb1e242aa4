"""Settings: the defaults, one TOML file that overrides them, and errors that name the path of a wrong key.

Durations are seconds, sizes are bytes. No file is needed.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import rtoml
from msgspec import Meta
from platformdirs import user_data_path

from securechat.errors import SecurechatError

Positive = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


# In every line, so no longer than a label of the DNS, and without what would end a word there.
Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._-]{1,63}$")]


class ConfigError(SecurechatError):
    """The configuration file is unreadable, or a value in it is not of its kind."""

    exit_status = 2


class Server(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name = "localhost"
    network: Name = "securechat"
    data: str | None = None
    motd: str = ""


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    address: str = ""  # every interface
    port: Annotated[int, Meta(ge=0, le=65535)] = 6697
    client_certificates: bool = False  # ask for one, by which an account can log in


class TLS(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    certificate: str | None = None
    key: str | None = None
    client_ca: str | None = None  # issues certificates to clients; without it ca.crt beside the certificate
    min_version: Literal["1.2", "1.3"] = "1.3"


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    bcrypt_rounds: Annotated[int, Meta(ge=4, le=16)] = 12
    min_password_length: Positive = 8
    refuse_common_passwords: bool = True
    totp_required_for: tuple[Literal["admin", "member"], ...] = ()  # roles that log in with a second factor only
    token_days: Annotated[int, Meta(ge=1, le=36500)] = 365  # that a device token counts


class Channels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    autojoin: tuple[str, ...] = ("#lobby",)


class Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a channel's history is kept; 0 is all, None as everywhere."""

    retain_days: Annotated[int, Meta(ge=0)] | None = None
    retain_messages: Annotated[int, Meta(ge=0)] | None = None


class History(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    retain_days: Annotated[int, Meta(ge=0)] = 0  # 0 keeps all
    retain_messages: Annotated[int, Meta(ge=0)] = 0  # of each channel, and of any two people's messages
    playback_lines: Annotated[int, Meta(ge=0, le=500)] = 100  # of each target, for clients that know no CHATHISTORY
    channels: dict[str, Kept] = {}


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    # Networks that limits on connections, sessions, logins and pace do not apply to; each connection looks through all.
    exempt: Annotated[tuple[str, ...], Meta(max_length=32)] = ()
    unauthenticated: Positive = 1000  # connections before admission, in all
    unauthenticated_per_address: Positive = 20
    registration_timeout: Seconds = 30.0  # the peer's own time from accept to admission
    registration_line: Positive = 8192  # bytes of a pending line before admission
    registration_commands: Positive = 64  # commands before admission
    registration_bytes: Positive = 65536  # bytes before admission, in all
    sasl: Positive = 4096  # bytes of one SASL response, as base64
    outbox: Positive = 1024 * 1024  # bytes waiting for one client, then it is closed with a reason
    messages_per_second: Annotated[float, Meta(gt=0)] = 5.0  # of an account, in all its sessions; above it nobody reads
    message_burst: Positive = 20  # messages that it may say at once
    sessions_per_account: Positive = 10  # above it the one that is silent longest is closed
    channels_per_account: Positive = 200
    tokens_per_account: Positive = 50  # device tokens that count, or were made within a day
    guesses_per_account: Positive = 100  # wrong passwords that are checked in an hour; the last fifth is the owner's
    guesses_per_address: Positive = 20  # the same in ten minutes
    login_queue: Positive = 256  # passwords that wait to be checked
    linger: Annotated[float, Meta(ge=0)] = 5.0  # seconds that who lost the connection is not shown to be gone
    ping_interval: Seconds = 120.0
    ping_timeout: Seconds = 60.0


class Store(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    url: str | None = None  # "sqlite:///…"; without it securechat.db in the data folder
    durability: Literal["full", "normal"] = "full"
    timeout: Seconds = 3.0  # how long a turn waits for the database's lock before its senders are told


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    json: bool = False
    file: str | None = None


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value per table of the file; frozen, made once at start and handed down."""

    server: Server = Server()
    listen: Annotated[tuple[Listen, ...], Meta(min_length=1)] = (Listen(),)
    tls: TLS = TLS()
    auth: Auth = Auth()
    channels: Channels = Channels()
    history: History = History()
    limits: Limits = Limits()
    store: Store = Store()
    log: Log = Log()


def load(path: Path) -> Settings:
    """Read the TOML file at `path`; what it does not say keeps its default. Raises ConfigError."""
    try:
        return read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {str(path)!r}: {error.strerror}") from error
    except (ConfigError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def read(text: str) -> Settings:
    """The settings that a file of this text makes. Raises ConfigError."""
    try:
        settings = msgspec.convert(rtoml.loads(text), Settings)
        for network in settings.limits.exempt:
            ipaddress.ip_network(network)
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(" ".join(str(error).splitlines())) from error  # a key may hold a line's end
    return settings


def find(data: Path | None, config: Path | None) -> tuple[Settings, Path]:
    """The settings in force and the server's data folder.

    `--config` names a file; without it `config.toml` in the data folder counts if it is there. `--data` wins over
    the file's `server.data`.
    """
    folder = data or default_data()
    if config is None and (folder / "config.toml").exists():
        config = folder / "config.toml"
    settings = load(config) if config is not None else Settings()
    if data is None and settings.server.data is not None:
        folder = Path(settings.server.data).expanduser()
    return settings, folder


def default_data() -> Path:
    return user_data_path("securechat", appauthor=False) / "server"


def default_profile() -> Path:
    return user_data_path("securechat", appauthor=False) / "client"
