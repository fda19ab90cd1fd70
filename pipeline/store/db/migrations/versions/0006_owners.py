"""Owners with leases; a claim belongs to one and goes with it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add owners; claims of before have none, so they are dropped."""
    op.create_table(
        "owners",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("machine", sa.String(length=32), nullable=False),
        sa.Column("process", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("lease_until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.drop_table("claims")
    op.create_table(
        "claims",
        sa.Column("clip_key", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["owners.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("clip_key"),
    )
    op.create_index("ix_claims_owner", "claims", ["owner"], unique=False)
