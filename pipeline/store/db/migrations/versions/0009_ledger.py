"""The cap that a purchase counts against, which reruns and edits of a book go on with."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the cap's id to the ledger; until now each run had a cap of its own."""
    op.add_column("spend", sa.Column("cap_id", sa.String(length=36), nullable=False, server_default=""))
    op.execute("UPDATE spend SET cap_id = run")
    op.create_index("ix_spend_cap_id", "spend", ["cap_id"])
