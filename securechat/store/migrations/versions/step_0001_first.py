"""The first schema: accounts, channels, members, history, list modes, changes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _people()
    _channels()
    _history()
    _changes()


def _people() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("name_key", sa.Text, nullable=True),
        sa.Column("password_hash", sa.LargeBinary, nullable=False),
        sa.Column("password_version", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("suspended", sa.Integer, nullable=False),
        sa.Column("deleted_at", sa.BigInteger, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="account_pk"),
        sa.UniqueConstraint("name_key", name="account_name_key_unique"),
        sa.CheckConstraint("role IN ('admin', 'member')", name="account_role"),
        sa.CheckConstraint("suspended IN (0, 1)", name="account_suspended"),
        sa.CheckConstraint("name_key IS NOT NULL OR deleted_at IS NOT NULL", name="account_name_key"),
        sqlite_autoincrement=True,
    )


def _channels() -> None:
    op.create_table(
        "channel",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("topic", sa.Text, nullable=False),
        sa.Column("topic_by", sa.Text, nullable=False),
        sa.Column("topic_time", sa.BigInteger, nullable=False),
        sa.Column("modes", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=True),
        sa.Column("user_limit", sa.Integer, nullable=True),
        sa.PrimaryKeyConstraint("key", name="channel_pk"),
        sa.CheckConstraint("key LIKE '#%'", name="channel_key"),
    )
    op.create_table(
        "member",
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("role", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("channel", "account_id", name="member_pk"),
        sa.ForeignKeyConstraint(["channel"], ["channel.key"], name="member_channel_fk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="member_account_id_fk"),
        sa.CheckConstraint("role BETWEEN 0 AND 3", name="member_role"),
    )
    op.create_index("member_account_id_index", "member", ["account_id"])
    op.create_table(
        "list_mode",
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("mode", sa.Text, nullable=False),
        sa.Column("mask", sa.Text, nullable=False),
        sa.Column("set_by", sa.Text, nullable=False),
        sa.Column("set_at", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("channel", "mode", "mask", name="list_mode_pk"),
        sa.ForeignKeyConstraint(["channel"], ["channel.key"], name="list_mode_channel_fk"),
        sa.CheckConstraint("mode IN ('b', 'e', 'I')", name="list_mode_mode"),
    )


def _history() -> None:
    op.create_table(
        "entry",
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("msgid", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("sender_id", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("tags", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("target", "seq", name="entry_pk"),
        sa.UniqueConstraint("msgid", name="entry_msgid_unique"),
        sa.ForeignKeyConstraint(["sender_id"], ["account.id"], name="entry_sender_id_fk"),
        sqlite_with_rowid=False,
    )
    op.create_index("entry_target_time_index", "entry", ["target", "time"])


def _changes() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=True),
        sa.Column("token", sa.Text, nullable=True),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="change_pk"),
        sa.UniqueConstraint("token", name="change_token_unique"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="change_account_id_fk"),
        sa.CheckConstraint("kind IN ('account', 'turn')", name="change_kind"),
        sa.CheckConstraint("(account_id IS NOT NULL) = (kind = 'account')", name="change_account_id"),
        sa.CheckConstraint("(token IS NOT NULL) = (kind = 'turn')", name="change_token"),
        sqlite_autoincrement=True,
    )
