"""The ledger of paid requests, and what a person should know of a clip."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the ledger, and remarks to clips."""
    op.create_table(
        "spend",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("backend", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("chars", sa.Integer(), nullable=False),
        sa.Column("cost_nano", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=8), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_spend_run", "spend", ["run"], unique=False)
    op.create_index("ix_spend_book", "spend", ["book"], unique=False)
    op.create_index("ix_spend_month", "spend", ["month"], unique=False)
    op.add_column("clips", sa.Column("remark", sa.Text(), nullable=False, server_default=""))
