"""Passwords that turned out wrong of late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "login_failure",
        sa.Column("time", sa.BigInteger, nullable=False),
        sa.Column("account_key", sa.Text, nullable=False),
        sa.Column("network", sa.Text, nullable=False),
    )
    op.create_index("login_failure_time_index", "login_failure", ["time"])
