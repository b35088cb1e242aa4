"""No `repr` shows a password, a token or what somebody said: whoever formats it, it may end up in a log.

Swept are all records that there are. What a field shows is allowed by its name, so a new one must be thought about.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import pkgutil
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec

import securechat

SHOWN = {
    *("account", "act", "actor", "address", "authcid", "authzid", "autojoin", "by", "certificate", "channel"),
    *("channels", "command", "content_type", "credential", "device", "entry", "file", "folder", "head", "host", "id"),
    *("key", "keep", "kind", "kinds", "label", "line", "listed", "mask", "method", "mode", "modes", "msgid", "name"),
    *("names", "network", "nick", "nicks", "number", "path", "pin", "place", "places", "pool", "problem", "problems"),
    "realname",
    *("reference", "references", "revision", "revoked", "role", "sender", "serial", "set_by", "source", "subcommand"),
    *("subject", "summary", "tags", "target", "targets", "thread", "topic_by", "usage", "user", "value", "written"),
    *("after", "before", "accepted", "factor_roles", "last_times", "letter", "about", "headers"),
}
ELSEWHERE = {
    # words of our own, or the server's about something of the person's
    *(
        "chat.directory.Lingering.reason",
        "chat.directory.Failure.reason",
        "client.events.LoginRefused.reason",
        "client.events.LoginRefused.code",
    ),
    *("client.events.Refused.reason", "client.events.LinkLost.reason", "client.events.Disconnected.reason"),
    *(
        "server.items.Gone.reason",
        "server.items.Ending.reason",
        "server.items.Overdue.reason",
        "server.gate.Full.reason",
    ),
    *("server.loop.Stop.reason", "store.rows.Audited.detail", "client.batches.Batch.params"),
    # public ids, and a hash of public words
    *("store.rows.TokenStored.token", "store.rows.TokenRevoked.token", "store.rows.TokenUsed.token"),
    *("tls.server_certificate.ServerCertificate.common_name", "tls.server_certificate.ServerCertificate.issuer"),
    *("store.invites.Found.invite", "store.rows.InviteUsed.invite"),
    *("store.tokens.Found.token", "store.audit.Entry.hash"),
    # how things look, and names of people and channels
    *("ui.full.buffer.Entry.who", "ui.full.buffer.Entry.tick", "ui.full.pane.Line.shown", "ui.full.pane.Line.look"),
    *(
        "ui.full.pane.Line.count",
        "client.channels.Channel.marks",
        "ui.setups.Lines.start",
        "client.trust.Shown.version",
        "client.events.Entered.software",
    ),
    # plain functions
    *("server.command.Command.handler", "server.http.route.Route.handle", "ui.commands.Command.run"),
    *("server.services.Services.refused", "server.services.Services.metrics", "ui.setups.Kind.write"),
    "client.trust.ByCA.used",
}


def modules() -> Iterator[ModuleType]:
    for module in pkgutil.walk_packages(securechat.__path__, "securechat."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            yield importlib.import_module(module.name)


def classes() -> Iterator[type]:
    for module in modules():
        yield from (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)


def fields(record: type) -> dict[str, str]:
    """Names of a record's fields with their types as they are written; nothing for any other class."""
    if dataclasses.is_dataclass(record):
        return {field.name: str(field.type) for field in dataclasses.fields(record)}
    if issubclass(record, tuple) and hasattr(record, "_fields"):
        return {name: str(record.__annotations__[name]) for name in record._fields}
    return {}


def shown(record: type) -> Iterator[str]:
    """Its fields whose text can be read in the repr."""
    values = {name: marked(kind, f"mark-of-{name}-") for name, kind in fields(record).items()}
    text = repr(made(record, values))
    return (name for name, value in values.items() if value is not None and f"mark-of-{name}-" in text)


def made(record: type, values: dict[str, Any]) -> Any:
    """An instance with these values, whatever its constructor says of them."""
    if issubclass(record, tuple):
        return record(**values)
    instance = record.__new__(record)
    for name, value in values.items():
        object.__setattr__(instance, name, value)
    return instance


def marked(kind: str, mark: str) -> Any:
    """A value of about this type that shows the mark; None where it can hold no text."""
    if any(word in kind for word in ("Callable", "Done", "Handle")):
        return functools.partial(print, mark)  # a function may come with arguments
    if not any(word in kind for word in ("str", "bytes", "object", "Any")):
        return None
    value = mark.encode() if "bytes" in kind else mark
    if any(word in kind for word in ("tuple[", "list[", "Sequence[", "set[")):
        return (value,)
    return {1: value} if any(word in kind for word in ("dict[", "Mapping[")) else value


def name_of(record: type) -> str:
    return f"{record.__module__.removeprefix('securechat.')}.{record.__qualname__}"


def test_no_record_shows_more_than_it_may() -> None:
    swept = [record for record in classes() if fields(record)]
    assert len(swept) > 100
    shows = {f"{name_of(record)}.{name}" for record in swept for name in shown(record) if name not in SHOWN}
    assert shows - ELSEWHERE == set()
    assert ELSEWHERE - shows == set(), "no longer there; take it out of the list"


def test_only_records_have_a_repr_of_their_own() -> None:
    """All else shows its class and its address in memory."""
    allowed = (msgspec.Struct, BaseException)
    others = [one for one in classes() if not dataclasses.is_dataclass(one) and not issubclass(one, allowed)]
    assert [name_of(one) for one in others if "__repr__" in vars(one) and not fields(one)] == []
