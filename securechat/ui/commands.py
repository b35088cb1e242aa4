"""The slash commands: a table, and one function each. What is no command is never sent."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from securechat.client.search import SearchUsage, read_query
from securechat.protocol.names import CHANNEL_PREFIX, fold, is_account_name, is_channel_name
from securechat.protocol.text import printable

if TYPE_CHECKING:
    from securechat.ui.chat import Chat

Lines = list[str]


@dataclass(frozen=True, slots=True)
class Command:
    run: Callable[[Chat, str], Lines]
    usage: str
    summary: str
    takes_lines: bool = False  # several, as they were pasted


def run(chat: Chat, line: str) -> Lines:
    """Run the command in `line`, which begins with a slash."""
    word, _, rest = line[1:].partition(" ")
    name, *further = word.split("\n")
    name = ALIASES.get(name.lower(), name.lower())
    command = COMMANDS.get(name)
    if command is None:
        return _unknown(name)
    if further or ("\n" in rest and not command.takes_lines):
        return [f"-!- /{name} takes one line, nothing was sent (a text that begins with / is typed //)"]
    return command.run(chat, rest.strip(" "))


def _unknown(name: str) -> Lines:
    nearest = difflib.get_close_matches(name, [*COMMANDS, *ALIASES], n=1, cutoff=0.5)
    advice = f"did you mean /{nearest[0]}?" if nearest else "/help lists the commands"
    return [f"-!- no command /{printable(name)}, nothing was sent; {advice} (a text that begins with / is typed //)"]


def join(chat: Chat, rest: str) -> Lines:
    name, _, key = rest.partition(" ")
    if name and not name.startswith(CHANNEL_PREFIX):
        name = f"{CHANNEL_PREFIX}{name}"
    if not is_channel_name(name) or " " in key or key.startswith(":"):
        return _usage("join")
    if fold(name) in chat.channels:
        chat.target = chat.channels[fold(name)]
        return []
    chat.post(lambda session: session.join(name, key or None))
    return []


def part(chat: Chat, rest: str) -> Lines:
    name, reason = _channel_and_rest(chat, rest)
    if not is_channel_name(name):
        return _usage("part")
    chat.post(lambda session: session.part(name, reason))
    return []


def msg(chat: Chat, rest: str) -> Lines:
    target, _, words = rest.partition(" ")
    if not is_account_name(target) and not is_channel_name(target):
        return _usage("msg")
    if words.strip():
        chat.say(target, words)
    else:
        chat.target = chat.channels.get(fold(target), target)
    return []


def names(chat: Chat, rest: str) -> Lines:
    name = rest or chat.target
    if not is_channel_name(name):
        return _usage("names")
    chat.post(lambda session: session.ask_names(name))
    return []


def topic(chat: Chat, rest: str) -> Lines:
    name, words = _channel_and_rest(chat, rest)
    if not is_channel_name(name):
        return _usage("topic")
    if words:
        chat.post(lambda session: session.set_topic(name, words))
    else:
        chat.post(lambda session: session.ask_topic(name))
    return []


def me(chat: Chat, rest: str) -> Lines:
    if not rest:
        return _usage("me")
    chat.say(chat.target, rest, action=True)
    return []


def who(chat: Chat, rest: str) -> Lines:
    mask = rest or chat.target
    if " " in mask or mask.startswith(":"):
        return _usage("who")
    chat.post(lambda session: session.ask_who(mask))
    return []


def search(chat: Chat, rest: str) -> Lines:
    try:
        query = read_query(rest, datetime.now().astimezone())
    except SearchUsage as error:
        return [f"-!- {printable(str(error))}"]
    if query is None:
        return _usage("search")
    chat.post(lambda session: session.search(query))
    return []


def passwd(chat: Chat, rest: str) -> Lines:
    if rest:
        return ["-!- /passwd takes nothing behind it: it asks, and does not show what you type"]
    chat.ask_hidden(("old password", "new password", "new password again"), lambda words: _change(chat, words))
    return []


def _change(chat: Chat, words: list[str]) -> Lines:
    old, new, again = words
    if new != again:
        return ["-!- password not changed: the two new ones differ"]
    if not old or not new or "\0" in old + new:
        return ["-!- password not changed: nothing was typed"]
    chat.post(lambda session: session.change_password(old, new))
    return []


def remember(chat: Chat, rest: str) -> Lines:
    chat.post(lambda session: session.remember())
    return []


def forget(chat: Chat, rest: str) -> Lines:
    chat.post(lambda session: session.forget())
    return []


def show_help(chat: Chat, rest: str) -> Lines:
    width = max(len(command.usage) for command in COMMANDS.values())
    lines = [f"-!- {command.usage:<{width}}  {command.summary}" for command in COMMANDS.values()]
    return [*lines, "-!- anything else is said where the prompt says; // at the start sends a text that begins with /"]


def leave(chat: Chat, rest: str) -> Lines:
    chat.leaving = True
    return []


def _channel_and_rest(chat: Chat, rest: str) -> tuple[str, str]:
    """A channel if one is named first, else the one that is being talked in."""
    first, _, others = rest.partition(" ")
    return (first, others.strip(" ")) if first.startswith(CHANNEL_PREFIX) else (chat.target, rest)


def _usage(name: str) -> Lines:
    return [f"-!- usage: {COMMANDS[name].usage}"]


COMMANDS = {
    "join": Command(join, "/join #CHANNEL [KEY]", "enter a channel, or talk in it when you are in it"),
    "part": Command(part, "/part [#CHANNEL] [REASON]", "leave a channel for good"),
    "msg": Command(
        msg,
        "/msg NAME [TEXT]",
        "tell a person something; without text: talk to that person from now on",
        takes_lines=True,
    ),
    "names": Command(names, "/names [#CHANNEL]", "who is in the channel"),
    "topic": Command(topic, "/topic [#CHANNEL] [TEXT]", "show or set the topic"),
    "me": Command(me, "/me TEXT", "say what you do"),
    "who": Command(who, "/who [NAME]", "who somebody is, or who is here"),
    "search": Command(search, "/search WORDS [in:#X] [from:NAME] [since:30d]", "find what was said"),
    "passwd": Command(passwd, "/passwd", "change your password"),
    "remember": Command(remember, "/remember", "log in without the password on this computer from now on"),
    "forget": Command(forget, "/forget", "undo /remember; a session that began without the password ends"),
    "help": Command(show_help, "/help", "this list"),
    "quit": Command(leave, "/quit", "log out; Ctrl-D does the same"),
}
ALIASES = {
    "j": "join",
    "leave": "part",
    "m": "msg",
    "query": "msg",
    "n": "names",
    "t": "topic",
    "exit": "quit",
    "q": "quit",
    "s": "search",
    "find": "search",
    "grep": "search",
}
