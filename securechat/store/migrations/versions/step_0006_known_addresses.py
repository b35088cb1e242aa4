"""From where accounts logged in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "known_address",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("account_id", "network", name="known_address_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="known_address_account_id_fk"),
    )
