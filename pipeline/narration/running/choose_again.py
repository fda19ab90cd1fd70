"""What a person points at -> the chunks to speak again."""

from collections.abc import Sequence

from pipeline.errors import SettingsError
from pipeline.model.plan import ChunkState
from pipeline.narration.core.context import Context


def choose_again(
    context: Context, slug: str, *, failed: bool = False, chapters: Sequence[int] = (), chunks: Sequence[str] = ()
) -> frozenset[str]:
    """Ids of the chunks of a book that failed, stand in these chapters (from 1), or have these ids.

    Raises:
        SettingsError: a chunk or chapter is not in the book.
        StoreError: there is no such book.
    """
    context.store.documents.get_book(slug)
    places = [place for place in context.store.chunks.places(slug) if place.state is not ChunkState.SKIPPED]
    wanted_chapters, wanted_chunks = frozenset(chapters), frozenset(chunks)
    known = {place.chunk.id for place in places}
    numbers = {place.chapter_position + 1 for place in places}
    for unknown in [*(c for c in chunks if c not in known), *(str(n) for n in chapters if n not in numbers)]:
        raise SettingsError(
            f'"{unknown}" is not a spoken chunk or chapter of {slug}', remedy=f"bookcast status {slug} lists them"
        )
    return frozenset(
        place.chunk.id
        for place in places
        if (failed and place.state is ChunkState.FAILED)
        or place.chapter_position + 1 in wanted_chapters
        or place.chunk.id in wanted_chunks
    )
