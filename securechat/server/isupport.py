"""What 005 announces, and the limits that it names: each is written here once and imported by who keeps it."""

from __future__ import annotations

from functools import lru_cache

from securechat.protocol.names import CHANNEL_LENGTH, NICK_LENGTH

HISTORY_ENTRIES = 100  # of one CHATHISTORY
MASKS = 100  # of a channel, all lists together
MODES = 6  # with a parameter, in one MODE
REASON_BYTES = 255  # of KICK, PART, QUIT and AWAY
TARGETS = 4  # of one PRIVMSG, NOTICE or TAGMSG
TOKENS_IN_A_LINE = 13
TOPIC_BYTES = 300


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
        f"MODES={MODES}",
        f"CHANLIMIT=#:{channels_per_account}",
        f"NICKLEN={NICK_LENGTH}",
        f"CHANNELLEN={CHANNEL_LENGTH}",
        f"TOPICLEN={TOPIC_BYTES}",
        f"KICKLEN={REASON_BYTES}",
        f"AWAYLEN={REASON_BYTES}",
        f"MAXLIST=beI:{MASKS}",
        f"TARGMAX=PRIVMSG:{TARGETS},NOTICE:{TARGETS},TAGMSG:{TARGETS},JOIN:,PART:,KICK:1,NAMES:1,LIST:1,WHOIS:1",
        "UTF8ONLY",
        f"CHATHISTORY={HISTORY_ENTRIES}",
        "MSGREFTYPES=msgid,timestamp",
        "draft/ACCOUNTREQUIRED",
    ]


def cut(text: str, limit: int) -> str:
    """The part of `text` that fits into `limit` bytes. For reasons only: what people say is never shortened."""
    return text.encode()[:limit].decode(errors="ignore")
