"""Moments of articles in full: ten characters held a date only, and databases that count would cut them."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Widen the column; SQLite copies the table for it."""
    with op.batch_alter_table("feed_items") as table:
        table.alter_column("published", existing_type=sa.String(10), type_=sa.String(25), existing_nullable=False)
