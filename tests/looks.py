"""How WeeChat, irssi and catgirl write down what happens, so that it can be looked for in what they show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.clients import SERVER, Catgirl, Client, Irssi, Login, Weechat


@dataclass(frozen=True, slots=True)
class Looks:
    """How one client writes down what happens; patterns, with the facts in braces."""

    kind: Callable[[Path, Login], Client]
    said: str
    acted: str
    joined: str
    parted: str
    quit: str
    kicked: str
    voiced: str
    topic_changed: str
    topic: str
    names: str
    who: tuple[str, str, str]  # what is typed, where the answer stands, and the answer
    whois: str
    nick_taken: str
    untrusted: str
    wrong_password: str
    stumbled: str  # what would show that it did not understand a line


WEECHAT = Looks(
    kind=Weechat,
    said=r"\t[@+]?{nick}\t{text}$",
    acted=r" \*\t{nick} {text}$",
    joined=r"-->\t{nick} .*has joined {channel}$",
    parted=r"<--\t{nick} .*has left {channel} \({reason}\)$",
    quit=r"<--\t{nick} .*has quit \(Quit: {reason}\)$",
    kicked=r"<--\t{by} has kicked {nick} \({reason}\)$",
    voiced=r"Mode {channel} \[\+v {nick}\] by {by}$",
    topic_changed=r'{by} has changed topic for {channel} to "{text}"$',
    topic=r'Topic for {channel} is "{text}"$',
    names=r"Nicks {channel}: \[@op \+?ada bob\]$",
    who=("/who #lobby", SERVER, r"\[#lobby\] bob \(bob@\S+\) H 0 \(Bob Test\)$"),
    whois=r"\[bob\] is logged in as bob$",
    nick_taken=r"bob: Nickname is another account's name$",
    untrusted=r"gnutls: peer's certificate is NOT trusted$",
    wrong_password=r"SASL authentication failed$",
    stumbled=r"=!=|not found",
)
IRSSI = Looks(
    kind=Irssi,
    said=r"<[@+ ]?{nick}> {text}$",
    acted=r" \* {nick} {text}$",
    joined=r"-!- {nick} \[.*has joined {channel}$",
    parted=r"-!- {nick} \[.*has left {channel} \[{reason}\]$",
    quit=r"-!- {nick} \[.*has quit \[Quit: {reason}\]$",
    kicked=r"-!- {nick} was kicked from {channel} by {by} \[{reason}\]$",
    voiced=r"mode/{channel} \[\+v {nick}\] by {by}$",
    topic_changed=r"{by} changed the topic of {channel} to: {text}$",
    topic=r"Topic for {channel}: {text}$",
    names=r"\[@op\] \[[+ ]ada\] \[ bob\]$",
    who=("/who #lobby", SERVER, r"#lobby bob +H +0  bob@\S+ \[Bob Test\]$"),
    whois=r"account  : bob$",
    nick_taken=r"Nick bob is already in use$",
    untrusted=r"Could not verify TLS servers certificate",
    wrong_password=r"Cannot authenticate via SASL \(SASL authentication failed\)",
    stumbled=r"-!- \d\d\d |Unknown command|[Uu]nknown numeric",
)
CATGIRL = Looks(
    kind=Catgirl,
    said=r"^<[@+]?{nick}> {text}$",
    acted=r"^\* [@+]?{nick} {text}$",
    joined=r"^{nick}( \(.*\))? arrives in {channel}$",
    parted=r"^{nick} leaves {channel}: {reason}$",
    quit=r"^{nick} leaves: Quit: {reason}$",
    kicked=r"^{by} kicks {nick} out of {channel}: {reason}$",
    voiced=r"^{by} sets \+{nick} .*voice in {channel}$",
    topic_changed=r"^{by} places a new sign in {channel}: {text}$",
    topic=r"^The sign in {channel} reads: {text}$",
    names=r"^In {channel} are @op, bob, ada$",
    who=("/ops", "#lobby", r"^The council of #lobby are @op$"),
    whois=r"^bob is logged in as bob$",
    nick_taken=r"^Nickname is another account's name: bob$",
    untrusted=r"certificate verification failed",
    wrong_password=r"SASL authentication failed",
    stumbled=r"^\d\d\d |Unknown command",
)
