"""Client certificates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("account", sa.Column("certificates_since", sa.BigInteger, nullable=True))
    op.create_table(
        "certificate",
        sa.Column("serial", sa.Text, nullable=False),
        sa.Column("account_id", sa.Integer, nullable=False),
        sa.Column("first_used", sa.BigInteger, nullable=True),
        sa.Column("last_used", sa.BigInteger, nullable=True),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("not_after", sa.BigInteger, nullable=True),
        sa.Column("revoked_at", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("serial", name="certificate_pk"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="certificate_account_id_fk"),
    )
    op.create_index("certificate_account_id_index", "certificate", ["account_id"])
