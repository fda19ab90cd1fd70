"""What a person mends of a book: how a sentence or a word is spoken, which take is heard, facts and cover.

Nothing is spoken here: the next narration of the book speaks what has changed, and only that.
"""

from dataclasses import dataclass, fields
from typing import Any

from pipeline.errors import SettingsError, StoreError
from pipeline.model.book import BookMetadata, Cover
from pipeline.model.text import Sentence
from pipeline.publish.cover import find_usable_cover
from pipeline.stages.context import Context
from pipeline.stages.order import Order, resolve_voice
from pipeline.store.changes import SpokenSentence, StoredPronunciation
from pipeline.store.documents import StoredBook
from pipeline.store.plans import DONE, ChunkPlace
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
        StoreError: there is none of that id.
    """
    for place in context.store.plans.places(slug, chapter=chapter):
        for sentence in place.chunk.sentences:
            if sentence.id == sentence_id:
                return SentencePlace(place, sentence)
    raise StoreError("There is no such sentence any more", remedy="load the page again")


def speak_sentence_as(context: Context, slug: str, chapter: int, sentence_id: str, spoken: str) -> None:
    """Have a sentence spoken so from now on; empty for as it would be spoken without a change.

    Raises:
        SettingsError: nothing can be spoken of it, or it is too long for one request.
        StoreError: there is no such sentence.
    """
    spoken = " ".join(spoken.split())
    found = get_sentence(context, slug, chapter, sentence_id)
    if not spoken:
        context.store.changes.remove_sentence(slug, chapter, sentence_id)
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
    before = context.store.changes.sentences(slug, chapter).get(sentence_id)
    heard = found.place.chunk.clip_key if found.place.chunk.state == DONE else ""
    clip_before = before.clip_before if before and before.clip_before else heard
    context.store.changes.set_sentence(slug, chapter, SpokenSentence(sentence_id, spoken, clip_before))


def check_pronunciation(word: StoredPronunciation) -> StoredPronunciation:
    """The word, whitespace folded. Raises: SettingsError where it says nothing."""
    written, say, ipa = (" ".join(text.split()) for text in (word.written, word.say, word.ipa))
    if not written or not any(c.isalnum() for c in written) or not (say or ipa):
        raise SettingsError("A word and how it is said are needed", key="written", remedy="fill in both")
    if max(map(len, (written, say, ipa))) > MAX_WORD_CHARS:
        raise SettingsError(f"A word may have {MAX_WORD_CHARS} characters", key="written", remedy="change the sentence")
    return StoredPronunciation(word.id, word.book, written, say, ipa, word.match_case)


def count_touched(context: Context, word: StoredPronunciation) -> Touched:
    """What a pronunciation would change, in its book or everywhere. Raises: SettingsError."""
    word = check_pronunciation(word)
    lexicon = Lexicon((Pronunciation(word.written, word.say, word.ipa, word.match_case),))
    chapters: set[int] = set()
    books: set[str] = set()
    examples: list[str] = []
    sentences = chars = 0
    for place in context.store.plans.with_text(word.written, word.book):
        texts = [text for s in place.chunk.sentences if lexicon.touches(text := place.written(s))]
        if texts:
            sentences += len(texts)
            chars += place.chunk.spoken_chars
            chapters.add(place.chunk.chapter_id)
            books.add(place.book)
            examples += [" ".join(text.split()) for text in texts][: max(0, _EXAMPLES - len(examples))]
    return Touched(sentences, len(chapters), len(books), chars, tuple(examples))


def change_pronunciation(context: Context, word: StoredPronunciation) -> None:
    """Say a word so from now on. Raises: SettingsError."""
    context.store.changes.set_pronunciation(check_pronunciation(word))


def change_facts(context: Context, slug: str, facts: dict[str, Any], cover: bytes | None = None) -> StoredBook:
    """Let these facts of BookMetadata, and cover, stand before those of the document.

    Raises:
        SettingsError: a fact is unknown, the title empty, a text endless, or the picture cannot be read.
        StoreError: there is no such book.
    """
    known = {field.name for field in fields(BookMetadata)}
    for name, value in facts.items():
        if name not in known:
            raise SettingsError(f'A book has no "{name}"', key=name, remedy="choose " + ", ".join(sorted(known)))
        if sum(map(len, value)) > MAX_FACT_CHARS:
            raise SettingsError(f"{name} is too long", key=name, remedy=f"use {MAX_FACT_CHARS} characters at most")
    if "title" in facts and not str(facts["title"]).strip():
        raise SettingsError("A book needs a title", key="title", remedy="write one")
    picture = find_usable_cover(Cover("", cover)) if cover else None
    if cover and picture is None:
        raise SettingsError("The picture cannot be read", key="cover", remedy="use a JPEG or PNG file")
    return context.store.documents.change_facts(slug, facts, picture)
