"""The tables as they are now. A change here needs a step in `migrations/versions` and a new REVISION.

Times are milliseconds since the epoch, UTC. Channels are keyed by their casefolded name, everything about people by
the account's id.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

REVISION = "0009"  # the newest step; a test holds the two together

metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pk",
        "uq": "%(table_name)s_%(column_0_name)s_unique",
        "ck": "%(table_name)s_%(constraint_name)s",
        "fk": "%(table_name)s_%(column_0_name)s_fk",
        "ix": "%(table_name)s_%(column_0_N_name)s_index",
    }
)

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),  # never given twice
    Column("name", Text, nullable=False),
    Column("name_key", Text, nullable=True, unique=True),  # NULL once a deleted account's name is released
    Column("password_hash", LargeBinary, nullable=False),
    Column("password_version", Integer, nullable=False),  # 0 until somebody has chosen a password
    Column("role", Text, nullable=False),
    Column("suspended", Integer, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
    Column("created", BigInteger, nullable=False),
    # Client certificates that were issued earlier are void; without it, those from before the account.
    Column("certificates_since", BigInteger, nullable=True),
    CheckConstraint("role IN ('admin', 'member')", name="role"),
    CheckConstraint("suspended IN (0, 1)", name="suspended"),
    CheckConstraint("name_key IS NOT NULL OR deleted_at IS NOT NULL", name="name_key"),
    sqlite_autoincrement=True,
)

channel = Table(
    "channel",
    metadata,
    Column("key", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("topic_by", Text, nullable=False),
    Column("topic_time", BigInteger, nullable=False),
    Column("modes", Text, nullable=False),
    Column("password", Text, nullable=True),
    Column("user_limit", Integer, nullable=True),
    CheckConstraint("key LIKE '#%'", name="key"),  # or it could be taken for a pair of accounts
)

member = Table(
    "member",
    metadata,
    Column("channel", Text, ForeignKey("channel.key"), nullable=False),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("role", Integer, nullable=False),
    PrimaryKeyConstraint("channel", "account_id"),
    CheckConstraint("role BETWEEN 0 AND 3", name="role"),
)

# Rows lie in the order of their commit: SQLite's own number is the order, so that one number says how far a device has
# been told, and the index is filled from. A page of 100 is read in 0.3 ms, as much again as if each target's rows lay
# together, and a row is written in 2.3 us in batches instead of 3.5 (measured with SQLite 3.40 on 2 cores).
entry = Table(
    "entry",
    metadata,
    Column("seq", Integer, primary_key=True),
    Column("target", Text, nullable=False),
    Column("msgid", Text, nullable=False),
    Column("time", BigInteger, nullable=False),  # strictly rises within a target
    Column("kind", Text, nullable=False),
    Column("sender_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("text", Text, nullable=False),
    Column("tags", Text, nullable=False),
    UniqueConstraint("msgid"),
    Index(None, "target", "time"),
)

# The words of messages, by the `seq` of their entry; it holds no text of its own. `place` says where and by whom.
# It merges nothing by itself: the upkeep does, in steps (`index.py`).
INDEX = "fts5(text, place, content='', tokenize='unicode61 remove_diacritics 2')"
SEARCH = f"CREATE VIRTUAL TABLE search USING {INDEX}"

# How far a task that goes through the entries in small steps has come. "search" is the newest entry that the index was
# filled from; "erase" counts up whenever words left the index, and is gone once the disk holds none of them any more.
progress = Table(
    "progress",
    metadata,
    Column("task", Text, primary_key=True),
    Column("seq", Integer, nullable=False),
)

# Up to when an account has read a target: MARKREAD.
read_marker = Table(
    "read_marker",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("target", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "target"),
)

# Up to which entry a device without CHATHISTORY was sent what its account is told; the device "" is any without a name.
place = Table(
    "place",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("device", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    PrimaryKeyConstraint("account_id", "device"),
)

# From where accounts logged in, and when last.
known_address = Table(
    "known_address",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("network", Text, nullable=False),
    Column("time", BigInteger, nullable=False),
    PrimaryKeyConstraint("account_id", "network"),
)

# Passwords that turned out wrong within the last hour, at names that no account has, too; forgotten by the upkeep.
login_failure = Table(
    "login_failure",
    metadata,
    Column("time", BigInteger, nullable=False, index=True),
    Column("account_key", Text, nullable=False),
    Column("network", Text, nullable=False),
)

# The messages that clients named, to know a repeat. `digest` is of what was said, `time` and `msgid` the first one's.
client_message = Table(
    "client_message",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("msgid", Text, nullable=False),
    Column("time", BigInteger, nullable=False, index=True),
    PrimaryKeyConstraint("account_id", "name"),
    sqlite_with_rowid=False,
)

# What stands in a password's place on one device; `id` is what people see of it, `digest` is the SHA-256 of the secret.
# A revoked one is kept for a while: the running server is to end its sessions.
token = Table(
    "token",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("last_used", BigInteger, nullable=True),
    Column("address", Text, nullable=False),  # from where it was used last
    Column("revoked_at", BigInteger, nullable=True),
)

# What lets somebody in who has no password yet, to choose one; `digest` is the SHA-256 of the secret; `channel` is
# where it leads besides, empty for nowhere. A used or revoked one is kept for a while: whoever holds it is told so.
invite = Table(
    "invite",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("channel", Text, nullable=False),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
    Column("used_at", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
)

# Client certificates that were used here, and those that were revoked, by the serial number's hex digits. A revoked one
# is kept until it expires, or for ever where only its serial number is known.
certificate = Table(
    "certificate",
    metadata,
    Column("serial", Text, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("first_used", BigInteger, nullable=True),
    Column("last_used", BigInteger, nullable=True),
    Column("address", Text, nullable=False),  # from where it was used last
    Column("not_after", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
)

# The second factor of an account: what its codes are made of, and the newest time step whose code was taken.
totp = Table(
    "totp",
    metadata,
    Column("account_id", Integer, ForeignKey("account.id"), primary_key=True),
    Column("since", BigInteger, nullable=False),
    Column("secret", Text, nullable=False),  # base32, as apps take it: a code can be checked against nothing less
    Column("step", Integer, nullable=False),
)

# What opens an account once whose device with the second factor is lost, by the hex digits of its SHA-256. One that was
# used or replaced is kept until the next start: the running server is to know.
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=False, index=True),
    Column("revoked_at", BigInteger, nullable=True),
)

list_mode = Table(
    "list_mode",
    metadata,
    Column("channel", Text, ForeignKey("channel.key"), nullable=False),
    Column("mode", Text, nullable=False),
    Column("mask", Text, nullable=False),
    Column("set_by", Text, nullable=False),
    Column("set_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("channel", "mode", "mask"),
    CheckConstraint("mode IN ('b', 'e', 'I')", name="mode"),
)

# What was done by whom to whom, and from where; `hash` is over the row and the one before. The number of the newest row
# stays with SQLite though the row be gone.
audit = Table(
    "audit",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("time", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),  # an account's name, `unix:` and a user's, or empty for nobody
    Column("act", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
AUDIT_TRIGGERS = {
    f"audit_no_{verb.lower()}": f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
    for verb in ("UPDATE", "DELETE")
}

# Two kinds of rows. "account": an administrator changed this account, the running server is to look. "turn": the
# mark of a commit without entries, by which it can be looked up should COMMIT raise.
change = Table(
    "change",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("account_id", Integer, ForeignKey("account.id"), nullable=True),
    Column("token", Text, nullable=True, unique=True),
    Column("created", BigInteger, nullable=False),
    CheckConstraint("kind IN ('account', 'turn')", name="kind"),
    CheckConstraint("(account_id IS NOT NULL) = (kind = 'account')", name="account_id"),
    CheckConstraint("(token IS NOT NULL) = (kind = 'turn')", name="token"),
    sqlite_autoincrement=True,
)
