"""Tables of editions and plans that never change; what was there waits under `old_` names for the next revision."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_OLD = ("books", "chapters", "blocks", "chunks", "releases", "spoken_sentences")
_INDEXES = (
    "ix_books_title", "ix_chapters_book", "ix_chunks_id", "ix_chunks_clip",
)  # fmt: skip


def upgrade() -> None:
    """Make the new tables."""
    connection = op.get_bind()
    for name in _INDEXES:
        connection.exec_driver_sql(f"DROP INDEX IF EXISTS {name}")
    for name in _OLD:
        op.rename_table(name, f"old_{name}")
    _create_books()
    _create_plans()
    _create_sound()


def _create_books() -> None:
    op.create_table(
        "books",
        sa.Column("slug", sa.String(length=120), nullable=False),
        sa.Column("identity", sa.Text(), nullable=True),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("changed", sa.JSON(), server_default="{}", nullable=False),
        sa.Column("cover_media_type", sa.Text(), server_default="", nullable=False),
        sa.Column("cover_digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("words", sa.Text(), server_default="", nullable=False),
        sa.Column("narration", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("slug"),
        sa.UniqueConstraint("identity"),
    )
    op.create_index("ix_books_title", "books", ["title"])
    op.create_table(
        "editions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("document_id", sa.String(length=64), nullable=False),
        sa.Column("reading", sa.String(length=64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("cover_media_type", sa.Text(), server_default="", nullable=False),
        sa.Column("cover_digest", sa.String(length=64), server_default="", nullable=False),
        sa.Column("read_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["book"], ["books.slug"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_editions_book", "editions", ["book"])
    op.create_index("ix_editions_document_id", "editions", ["document_id"])
    op.create_table(
        "spoken_sentences",
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("chapter_digest", sa.String(length=64), nullable=False),
        sa.Column("chapter_title", sa.Text(), nullable=False),
        sa.Column("sentence_id", sa.String(length=16), nullable=False),
        sa.Column("written", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("spoken", sa.Text(), nullable=False),
        sa.Column("clip_before", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["book"], ["books.slug"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("book", "chapter_digest", "sentence_id"),
    )


def _create_plans() -> None:
    op.create_table(
        "plans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
    )
    op.create_table(
        "chunks",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("chunk_id", sa.String(length=12), nullable=False),
        sa.Column("block_position", sa.Integer(), nullable=False),
        sa.Column("start", sa.Integer(), nullable=False),
        sa.Column("end", sa.Integer(), nullable=False),
        sa.Column("sentences", sa.JSON(), nullable=False),
        sa.Column("clip_key", sa.String(length=64), nullable=False),
        sa.Column("skip_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plan_id", "position"),
    )
    op.create_index("ix_chunks_id", "chunks", ["chunk_id"])
    op.create_index("ix_chunks_clip", "chunks", ["clip_key"])
    op.create_table(
        "chapters",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("edition_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("chars", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.Column("audio_key", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["edition_id"], ["editions.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_chapters_edition", "chapters", ["edition_id", "position"], unique=True)
    op.create_index("ix_chapters_plan_id", "chapters", ["plan_id"])
    op.create_table(
        "blocks",
        sa.Column("chapter_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=35), nullable=False),
        sa.Column("skip_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["chapter_id"], ["chapters.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("chapter_id", "position"),
    )


def _create_sound() -> None:
    op.create_table(
        "releases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("format", sa.String(length=8), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("selection", sa.Text(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["book"], ["books.slug"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_releases_place", "releases", ["book", "format", "folder", "selection"], unique=True)
    op.create_index("ix_releases_folder", "releases", ["folder"])
    op.create_table(
        "release_chapters",
        sa.Column("release_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("audio_key", sa.String(length=64), nullable=False),
        sa.Column("plan_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["release_id"], ["releases.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("release_id", "position"),
    )
    op.create_index("ix_release_chapters_audio_key", "release_chapters", ["audio_key"])
    op.create_index("ix_release_chapters_plan_id", "release_chapters", ["plan_id"])
    op.create_table(
        "stand_ins",
        sa.Column("book", sa.String(length=120), nullable=False),
        sa.Column("wanted_key", sa.String(length=64), nullable=False),
        sa.Column("clip_key", sa.String(length=64), nullable=False),
        sa.Column("piece_ends", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["book"], ["books.slug"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("book", "wanted_key"),
    )
    op.create_index("ix_stand_ins_clip_key", "stand_ins", ["clip_key"])
    op.create_table(
        "failures",
        sa.Column("clip_key", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("clip_key"),
    )
    op.add_column("clips", sa.Column("is_former", sa.Boolean(), server_default="0", nullable=False))
    op.get_bind().exec_driver_sql("UPDATE clips SET is_former = 1")
