"""HELP: what each command is for, in one or two lines.

Source of the forms: Modern IRC ("HELP message").
"""

from __future__ import annotations

from securechat.protocol import numerics
from securechat.protocol.message import Message, quoted
from securechat.server.command import Command
from securechat.server.session import Session
from securechat.server.turn import Turn

INDEX = "*"
SUBJECTS_BYTES = 400  # of subjects in one line of the index

HELP = {
    "AUTHENTICATE": "AUTHENTICATE PLAIN, then AUTHENTICATE <base64>: log in, before you are admitted",
    "AWAY": "AWAY [<text>]: say that you are away, or back. You are away once all your sessions are",
    "BATCH": "BATCH +<reference> draft/multiline <target>, lines tagged with it, BATCH -<reference>: say several lines",
    "CAP": "CAP LS|LIST|REQ|END [...]: negotiate what your client understands",
    "CHATHISTORY": "CHATHISTORY LATEST|BEFORE|AFTER|AROUND|BETWEEN|TARGETS ...: read what was said",
    "HELP": "HELP [<command>]: this text",
    "INFO": "INFO: about this server's software",
    "INVITE": "INVITE <nick> <channel>: let somebody join, and tell him",
    "ISON": "ISON <nick> [...]: which of these are here",
    "JOIN": "JOIN <channel>[,<channel>] [<key>[,<key>]]: become a member, until you leave; 0 leaves all",
    "KICK": "KICK <channel> <nick> [<reason>]: end somebody's membership",
    "KILL": "KILL <nick> [<reason>]: end all sessions of a person; for IRC operators",
    "LIST": "LIST [<channel>,...]: the channels that you may know of",
    "LUSERS": "LUSERS: how many are here",
    "MARKREAD": "MARKREAD <target> [timestamp=<time>]: see or move the time up to which you have read",
    "MODE": "MODE <channel> [<modes> [<parameter> ...]]: see or change a channel's modes: b e I k l i m n s t, o v\n"
    "MODE <nick> +B: say that you are a bot",
    "MONITOR": "MONITOR + <nick>[,<nick>] | - <nick>[,<nick>] | C | L | S: be told when these come and go",
    "MOTD": "MOTD: the message of the day",
    "NAMES": "NAMES <channel>: who is in a channel",
    "NICK": "NICK <nick>: your nick is your account's name; this changes its letter case",
    "NOTICE": "NOTICE <target>[,<target>] <text>: say something that no program answers",
    "OPER": "OPER <account> <password>: be an IRC operator in this session, by an administrator's password",
    "PART": "PART <channel>[,<channel>] [<reason>]: end your membership",
    "PASS": "PASS: this server has no connection password; log in with SASL PLAIN",
    "PASSWD": "PASSWD <base64>: change your password",
    "PING": "PING <token>: be answered PONG",
    "PONG": "PONG <token>: the answer to PING",
    "PRIVMSG": "PRIVMSG <target>[,<target>] <text>: say something to a channel or a person\n"
    "PRIVMSG @<channel> <text>: say it to the channel's operators; that is not stored",
    "QUIT": "QUIT [<reason>]: end this session",
    "REDACT": "REDACT <target> <msgid> [<reason>]: erase what you said, or as an operator what was said in a channel",
    "SEARCH": "SEARCH <attribute>=<value>[;...]: find messages by text, in, from, after, before, limit\n"
    r'SEARCH text=red\sapple | text=app* | text="red\sapple": all of these words, a beginning, a phrase',
    "SETNAME": "SETNAME <real name>: change your real name",
    "STATS": "STATS u: how long the server has been running",
    "TAGMSG": "TAGMSG <target>[,<target>]: send tags without a text, such as +typing or a reaction",
    "TIME": "TIME: the server's time",
    "TOKEN": "TOKEN CREATE :<name> | LIST | REVOKE <id>: your device tokens; each stands in your password's place",
    "TOPIC": "TOPIC <channel> [<topic>]: see or set what a channel is about",
    "USER": "USER <user> 0 * <real name>: who you are, before you are admitted",
    "USERHOST": "USERHOST <nick> [...]: nick, user and host of up to five people",
    "VERSION": "VERSION: the server's version, and what it supports",
    "WHO": "WHO <channel>|<nick>|<mask> [%<fields>[,<token>]]: who is in a channel, or fits the mask",
    "WHOIS": "WHOIS <nick>: about somebody who is here",
    "WHOWAS": "WHOWAS <nick> [<count>]: about somebody who was here",
}


def help(turn: Turn, session: Session, message: Message) -> None:
    subject = message.params[0].upper() if message.params else INDEX
    if subject == INDEX:
        return _show(turn, session, INDEX, "Commands; HELP <command> tells more", _index())
    if subject not in HELP:
        return turn.standard(session, numerics.ERR_HELPNOTFOUND, quoted(message.params[0]))
    return _show(turn, session, subject, f"Help on {subject}", HELP[subject].splitlines())


def _show(turn: Turn, session: Session, subject: str, title: str, lines: list[str]) -> None:
    turn.reply(session, numerics.RPL_HELPSTART, subject, title)
    for line in lines:
        turn.reply(session, numerics.RPL_HELPTXT, subject, line)
    turn.standard(session, numerics.RPL_ENDOFHELP, subject)


def _index() -> list[str]:
    lines = [""]
    for subject in HELP:
        if len(lines[-1]) + len(subject) > SUBJECTS_BYTES:
            lines.append("")
        lines[-1] = f"{lines[-1]} {subject}".lstrip()
    return lines


COMMANDS = {"HELP": Command(help)}
