"""What a person changes from the page, former takes, and the flow run that narrates a book."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add changes, takes, and the flow run of a run."""
    op.add_column("runs", sa.Column("flow_run", sa.String(length=36), nullable=False, server_default=""))
    op.add_column("books", sa.Column("changed", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("books", sa.Column("words", sa.Text(), nullable=False, server_default=""))
    books = sa.table("books", sa.column("slug"), sa.column("facts", sa.JSON()), sa.column("words"))
    for slug, facts in op.get_bind().execute(sa.select(books.c.slug, books.c.facts)).all():
        words = " ".join([facts["title"], *facts["authors"], facts["series"]]).casefold()
        op.execute(books.update().where(books.c.slug == slug).values(words=words))
    op.create_table(
        "pronunciations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("say", sa.Text(), nullable=False),
        sa.Column("ipa", sa.Text(), nullable=False),
        sa.Column("match_case", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_pronunciations_book", "pronunciations", ["book"], unique=False)
    op.create_table(
        "spoken_sentences",
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("chapter", sa.Integer(), nullable=False),
        sa.Column("sentence_id", sa.String(length=16), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=False),
        sa.Column("clip_before", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("book", "chapter", "sentence_id"),
    )
    op.create_table(
        "takes",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("energies", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", "blob"),
    )
    op.create_index("ix_takes_blob", "takes", ["blob"], unique=False)
    op.create_index("ix_runs_flow_run", "runs", ["flow_run"], unique=False)
    op.create_index("ix_books_title", "books", ["title"], unique=False)
