"""One order for all entries, a full-text index over them, and what each account has read, was sent and sent itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    _entries()
    _search()
    _people()


def _entries() -> None:
    """`seq` counted per target; from now on it is the order in which all entries were committed.

    The text of an event is what stands on the wire; that of a PART was its reason alone.
    """
    op.rename_table("entry", "old_entry")
    op.drop_index("entry_target_time_index", "old_entry")
    op.create_table(
        "entry",
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("msgid", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sender_id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="entry_pk"),
        sa.UniqueConstraint("msgid", name="entry_msgid_unique"),
        sa.ForeignKeyConstraint(["sender_id"], ["account.id"], name="entry_sender_id_fk"),
    )
    op.execute(
        "INSERT INTO entry (target, msgid, time, kind, sender_id, text, tags) "
        "SELECT target, msgid, time, kind, sender_id, "
        "CASE WHEN kind = 'PART' AND text <> '' THEN ':' || text ELSE text END, tags "
        "FROM old_entry ORDER BY time, target, seq"
    )
    op.drop_table("old_entry")
    op.create_index("entry_target_time_index", "entry", ["target", "time"])


def _search() -> None:
    op.execute(
        "CREATE VIRTUAL TABLE search USING fts5(text, place, content='', tokenize='unicode61 remove_diacritics 2')"
    )
    op.execute("INSERT INTO search (search, rank) VALUES ('automerge', 0)")
    op.create_table(
        "progress",
        sa.Column("task", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("task", name="progress_pk"),
    )


def _people() -> None:
    op.create_table(
        "read_marker",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "target", name="read_marker_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="read_marker_account_id_fk"),
    )
    op.create_table(
        "place",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "device", name="place_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="place_account_id_fk"),
    )
    op.create_table(
        "client_message",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("msgid", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "name", name="client_message_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="client_message_account_id_fk"),
        sqlite_with_rowid=False,
    )
    op.create_index("client_message_time_index", "client_message", ["time"])
