"""What a person mends of a book: how a sentence or a word is spoken, which take is heard, facts and cover.

Nothing is spoken here: the next narration of the book speaks what has changed, and only that.
"""

from dataclasses import dataclass, fields
from typing import Any

from pipeline.errors import NotFound, SettingsError, UnusablePicture
from pipeline.model.book import BookMetadata, Cover
from pipeline.model.edits import SentenceEdit, WrittenSentence, edits_of_chapter, place_edits, with_neighbors
from pipeline.model.keys import fold_text
from pipeline.model.plan import ChunkState
from pipeline.model.text import Sentence
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.publish.cover_image import usable_picture
from pipeline.store.records.chunk_states import ChunkPlace
from pipeline.store.records.documents import StoredBook
from pipeline.store.records.edits import StoredPronunciation
from pipeline.text.chunks import Packing
from pipeline.text.lexicon import Lexicon, Pronunciation
from pipeline.text.spoken import is_speakable

MAX_WORD_CHARS = 80
MAX_FACT_CHARS = 20_000
_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class SentencePlace:
    """A sentence with the chunk that speaks it."""

    place: ChunkPlace
    sentence: Sentence

    @property
    def written(self) -> str:
        """Its text, whitespace folded."""
        return " ".join(self.place.written(self.sentence).split())


@dataclass(frozen=True, slots=True)
class Touched:
    """Sentences that a pronunciation changes."""

    sentences: int
    chapters: int
    books: int
    chars: int
    """Of the chunks that are to be spoken again."""
    examples: tuple[str, ...]


def get_sentence(context: Context, slug: str, chapter: int, sentence_id: str) -> SentencePlace:
    """A sentence of a chapter (position from 0).

    Raises:
        NotFound: there is none of that id.
    """
    for place in context.store.chunks.places(slug, chapter=chapter):
        for sentence in place.chunk.sentences:
            if sentence.id == sentence_id:
                return SentencePlace(place, sentence)
    raise NotFound("There is no such sentence any more", remedy="load the page again")


def speak_sentence_as(context: Context, slug: str, chapter: int, sentence_id: str, spoken: str) -> None:
    """Have a sentence spoken so from now on; empty for as it would be spoken without a change.

    Raises:
        SettingsError: nothing can be spoken of it, or it is too long for one request.
        NotFound: there is no such sentence.
    """
    spoken = " ".join(spoken.split())
    found = get_sentence(context, slug, chapter, sentence_id)
    here = next(each for each in _written(context, slug, chapter) if each.id == sentence_id)
    before = edits_in_chapter(context, slug, chapter).get(sentence_id)
    if not spoken:
        if before:
            context.store.changes.remove_sentence(slug, before)
        return
    _, able = resolve_voice(context.settings, Order.from_options(context.store.documents.get_book(slug).narration))
    if not is_speakable(spoken):
        raise SettingsError("Nothing of this can be spoken", key="spoken", remedy="write words")
    if not Packing(able.max_chars, max_tokens=able.max_tokens).fits([spoken]):
        raise SettingsError(
            f"A request to this voice holds {able.max_chars} characters, this has {len(spoken)}",
            key="spoken",
            remedy="write it shorter",
        )
    stored = context.store.editions.find_chapter(slug, chapter)
    heard = found.place.chunk.clip_key if found.place.state is ChunkState.DONE else ""
    edit = SentenceEdit(
        chapter_digest=stored.digest if stored else "",
        chapter_title=stored.title if stored else "",
        sentence_id=sentence_id,
        written=here.written,
        before=here.before,
        after=here.after,
        spoken=spoken,
        clip_before=before.clip_before if before and before.clip_before else heard,
    )
    context.store.changes.set_sentence(slug, edit, instead_of=before)


def edits_in_chapter(context: Context, slug: str, chapter: int) -> dict[str, SentenceEdit]:
    """A person's changes of sentences of a chapter (position from 0), by sentence id."""
    chapters = context.store.editions.chapters(slug)
    edits = edits_of_chapter(
        context.store.changes.sentences(slug), chapters[chapter].digest, frozenset(c.digest for c in chapters)
    )
    if not edits:
        return {}
    here = chapters[chapter]
    return place_edits(edits, here.digest, here.title, _written(context, slug, chapter))


def _written(context: Context, slug: str, chapter: int) -> list[WrittenSentence]:
    """The spoken sentences of a chapter with their neighbors, as planning sees them."""
    return with_neighbors(
        [
            (sentence.id, fold_text(place.written(sentence)))
            for place in context.store.chunks.places(slug, chapter=chapter)
            for sentence in place.chunk.sentences
        ]
    )


def check_pronunciation(word: StoredPronunciation) -> StoredPronunciation:
    """The word, whitespace folded. Raises: SettingsError where it says nothing."""
    written, say, ipa = (" ".join(text.split()) for text in (word.written, word.say, word.ipa))
    if not written or not any(c.isalnum() for c in written) or not (say or ipa):
        raise SettingsError("A word and how it is said are needed", key="written", remedy="fill in both")
    if max(map(len, (written, say, ipa))) > MAX_WORD_CHARS:
        raise SettingsError(f"A word may have {MAX_WORD_CHARS} characters", key="written", remedy="change the sentence")
    return StoredPronunciation(
        id=word.id, book=word.book, written=written, say=say, ipa=ipa, match_case=word.match_case
    )


def count_touched(context: Context, word: StoredPronunciation) -> Touched:
    """What a pronunciation would change, in its book or everywhere. Raises: SettingsError."""
    word = check_pronunciation(word)
    lexicon = Lexicon((Pronunciation(written=word.written, say=word.say, ipa=word.ipa, match_case=word.match_case),))
    chapters: set[int] = set()
    books: set[str] = set()
    examples: list[str] = []
    sentences = chars = 0
    for place in context.store.chunks.with_text(word.written, word.book):
        texts = [text for s in place.chunk.sentences if lexicon.touches(text := place.written(s))]
        if texts:
            sentences += len(texts)
            chars += place.chunk.spoken_chars
            chapters.add(place.chapter_id)
            books.add(place.book)
            examples += [" ".join(text.split()) for text in texts][: max(0, _EXAMPLES - len(examples))]
    return Touched(sentences=sentences, chapters=len(chapters), books=len(books), chars=chars, examples=tuple(examples))


def change_pronunciation(context: Context, word: StoredPronunciation) -> None:
    """Say a word so from now on. Raises: SettingsError."""
    context.store.changes.set_pronunciation(check_pronunciation(word))


def change_facts(context: Context, slug: str, facts: dict[str, Any], cover: bytes | None = None) -> StoredBook:
    """Let these facts of BookMetadata, and cover, stand before those of the document.

    Raises:
        SettingsError: a fact is unknown, the title empty, a text endless, or the picture cannot be used.
        NotFound: there is no such book.
    """
    known = {field.name for field in fields(BookMetadata)}
    for name, value in facts.items():
        if name not in known:
            raise SettingsError(f'A book has no "{name}"', key=name, remedy="choose " + ", ".join(sorted(known)))
        if sum(map(len, value)) > MAX_FACT_CHARS:
            raise SettingsError(f"{name} is too long", key=name, remedy=f"use {MAX_FACT_CHARS} characters at most")
    if "title" in facts and not str(facts["title"]).strip():
        raise SettingsError("A book needs a title", key="title", remedy="write one")
    return context.store.documents.change_facts(slug, facts, _given_cover(cover) if cover else None)


def _given_cover(data: bytes) -> Cover:
    """Raises: SettingsError."""
    try:
        return usable_picture(Cover("", data))
    except UnusablePicture as error:
        raise SettingsError(str(error), key="cover", remedy=error.remedy) from error
