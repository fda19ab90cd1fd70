"""What feeds and their items need to be asked politely, and podcasts with their subscribers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns to feeds and items; add subscribers and podcasts."""
    for name in ("address", "etag", "last_modified", "ended"):
        op.add_column("feeds", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("name", sa.String(length=80), nullable=False, server_default=""))
    op.add_column("feeds", sa.Column("not_before", sa.DateTime(), nullable=True))
    op.add_column("feeds", sa.Column("failures", sa.Integer(), nullable=False, server_default="0"))
    for name in ("facts", "options"):
        op.add_column("feeds", sa.Column(name, sa.JSON(), nullable=False, server_default="{}"))
    op.create_index("ix_feeds_name", "feeds", ["name"])
    op.add_column("feed_items", sa.Column("canonical", sa.Text(), nullable=False, server_default=""))
    op.add_column("feed_items", sa.Column("digest", sa.String(length=64), nullable=False, server_default=""))
    op.add_column("feed_items", sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"))
    for name in ("first_at", "next_at"):
        op.add_column("feed_items", sa.Column(name, sa.DateTime(), nullable=True))
    op.create_index("ix_feed_items_canonical", "feed_items", ["canonical"])
    op.create_index("ix_feed_items_book", "feed_items", ["book"])
    op.execute("UPDATE feed_items SET first_at = at WHERE state = 'done'")
    op.create_table(
        "subscribers",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "podcasts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("changed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
