"""What 005 announces, and the limits that it names: each is written here once and imported by who keeps it."""

from __future__ import annotations

from functools import lru_cache

from securechat.protocol.names import CHANNEL_LENGTH, NICK_LENGTH

BOT_MODE = "B"
HISTORY_ENTRIES = 100  # of one CHATHISTORY
ID_DIGITS = 10  # of an account's number, as a host shows it
MASKS = 100  # of a channel, all lists together
MODES = 6  # with a parameter, in one MODE
OPER_MODE = "o"
MONITORED = 100  # names that a session watches
REALNAME_BYTES = 100
REASON_BYTES = 255  # of KICK, PART, QUIT and AWAY
TARGETS = 4  # of one PRIVMSG, NOTICE or TAGMSG
TARGMAX = (
    f"PRIVMSG:{TARGETS},NOTICE:{TARGETS},TAGMSG:{TARGETS},JOIN:,PART:,KICK:1,NAMES:1,LIST:,MONITOR:,WHOIS:1,WHOWAS:1"
)
TOKENS_IN_A_LINE = 13
TOPIC_BYTES = 300
USER_BYTES = 32


@lru_cache(maxsize=1)
def lines(network: str, channels_per_account: int) -> list[list[str]]:
    """The tokens of each line."""
    tokens = _tokens(network, channels_per_account)
    return [tokens[first : first + TOKENS_IN_A_LINE] for first in range(0, len(tokens), TOKENS_IN_A_LINE)]


def _tokens(network: str, channels_per_account: int) -> list[str]:
    return [
        f"NETWORK={network}",
        "CASEMAPPING=ascii",
        "CHANTYPES=#",
        "CHANMODES=beI,k,l,imnst",
        "EXCEPTS=e",
        "INVEX=I",
        "PREFIX=(ov)@+",
        "STATUSMSG=@+",
        f"MODES={MODES}",
        f"CHANLIMIT=#:{channels_per_account}",
        f"NICKLEN={NICK_LENGTH}",
        f"USERLEN={USER_BYTES}",
        f"HOSTLEN={len(network) + len('u.') + ID_DIGITS}",
        f"NAMELEN={REALNAME_BYTES}",
        f"CHANNELLEN={CHANNEL_LENGTH}",
        f"TOPICLEN={TOPIC_BYTES}",
        f"KICKLEN={REASON_BYTES}",
        f"AWAYLEN={REASON_BYTES}",
        f"MAXLIST=beI:{MASKS}",
        f"MONITOR={MONITORED}",
        f"TARGMAX={TARGMAX}",
        "WHOX",
        "UTF8ONLY",
        f"BOT={BOT_MODE}",
        f"CHATHISTORY={HISTORY_ENTRIES}",
        "MSGREFTYPES=msgid,timestamp",
        "draft/ACCOUNTREQUIRED",
    ]


def cut(text: str, limit: int) -> str:
    """The part of `text` that fits into `limit` bytes. For reasons only: what people say is never shortened."""
    return text.encode()[:limit].decode(errors="ignore")
