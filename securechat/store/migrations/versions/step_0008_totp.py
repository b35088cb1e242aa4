"""Second factors and recovery codes."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "totp",
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="totp_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="totp_account_id_fk"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("digest", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("digest", name="recovery_code_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="recovery_code_account_id_fk"),
    )
    op.create_index("recovery_code_account_id_index", "recovery_code", ["account_id"])
