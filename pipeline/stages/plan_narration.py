"""A stored chapter -> its chunks, each with the key of the clip that speaks it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import UnsupportedLanguage
from pipeline.model.keys import clip_key, content_address
from pipeline.model.text import Block, Chunk
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.settings import Settings
from pipeline.stages.context import Context
from pipeline.stages.order import Order, resolve_voice
from pipeline.store.documents import StoredChapter
from pipeline.store.plans import FAILED, PENDING, SKIPPED, PlannedChunk
from pipeline.text.chinese import write_figures
from pipeline.text.chunks import Packing, Speak, plan_chunks
from pipeline.text.language import ForeignPassage, block_language, find_foreign, sentence_language, unreadable_script
from pipeline.text.lexicon import Lexicon, Pronunciation, read_lexicon
from pipeline.text.normalize import normalize_text
from pipeline.text.spoken import speak, spell_foreign_letters

PLAN_VERSION = 2
"""Raised when the same blocks would be spoken otherwise."""
_PLACES_NAMED = 5


@dataclass(frozen=True, slots=True)
class ChapterPlan:
    """A planned chapter."""

    chunks: tuple[PlannedChunk, ...]
    """Those that are spoken."""
    skipped: int
    """Chunks that are not spoken."""

    @property
    def missing(self) -> tuple[PlannedChunk, ...]:
        """Chunks whose clip does not exist yet, or failed before."""
        return tuple(chunk for chunk in self.chunks if chunk.state in {PENDING, FAILED})


def plan_narration(context: Context, chapter: StoredChapter, order: Order) -> ChapterPlan:
    """Plan one chapter, or find the plan that was stored for the same settings.

    Raises:
        SettingsError: the voice or the lexicon is not there.
        StoreError
    """
    key, lexicon, changed = _inputs(context, chapter, order)
    if chapter.plan_key != key:
        chunks = plan_blocks(context, context.store.documents.blocks(chapter.id), order, lexicon, changed)
        choice, _ = resolve_voice(context.settings, order)
        keyed = [(c, clip_key([s.spoken for s in c.sentences], choice) if c.sentences else "") for c in chunks]
        context.store.plans.save(chapter.id, key, keyed)
    return _stored_plan(context, chapter)


def find_plan(context: Context, chapter: StoredChapter, order: Order) -> ChapterPlan | None:
    """The stored plan where it is the one that `plan_narration` would make. Raises: SettingsError, StoreError."""
    is_current = chapter.plan_key == _inputs(context, chapter, order)[0]
    return _stored_plan(context, chapter) if is_current else None


def _stored_plan(context: Context, chapter: StoredChapter) -> ChapterPlan:
    stored = context.store.plans.chunks(chapter.id)
    spoken = tuple(chunk for chunk in stored if chunk.state != SKIPPED)
    return ChapterPlan(spoken, len(stored) - len(spoken))


def _inputs(context: Context, chapter: StoredChapter, order: Order) -> tuple[str, Lexicon, dict[str, str]]:
    """The key of the plan, and what it is made from besides blocks and settings."""
    choice, able = resolve_voice(context.settings, order)
    lexicon = lexicon_of(context, chapter.book)
    changed = {
        s.sentence_id: s.spoken for s in context.store.changes.sentences(chapter.book, chapter.position).values()
    }
    return _plan_key(context.settings, choice, able, lexicon, changed), lexicon, changed


def plan_blocks(
    context: Context, blocks: list[Block], order: Order, lexicon: Lexicon, changed: Mapping[str, str] | None = None
) -> Iterator[Chunk]:
    """The chunks of these blocks for the order's voice, in order; `changed` holds spoken forms by sentence id."""
    choice, able = resolve_voice(context.settings, order)
    packing = Packing(able.max_chars, context.settings.narration.chunking == "sentence", able.max_tokens)
    speaker = _speaker(context.settings, able, lexicon)
    spoken = _skip_kinds(blocks, context.settings, able.scripts)
    return plan_chunks([_in_language(block, choice.language) for block in spoken], speaker, packing, changed)


def check_languages(context: Context, slug: str, order: Order) -> list[ForeignPassage]:
    """Passages in a language that the voice does not read but can pronounce.

    Raises:
        UnsupportedLanguage: passages that it cannot pronounce at all, unless gaps are allowed, or a book
            that is mostly in another language; the message names the places.
    """
    choice, able = resolve_voice(context.settings, order)
    documents = context.store.documents
    spoken = 0

    def texts() -> Iterator[tuple[str, list[Block]]]:
        nonlocal spoken
        for chapter in documents.chapters(slug):
            blocks = _skip_kinds(documents.blocks(chapter.id), context.settings)
            spoken += sum(not block.skip_reason for block in blocks)
            yield chapter.title, blocks

    languages = () if order.language else able.languages
    foreign = list(find_foreign(texts(), languages=languages, scripts=able.scripts))
    mute = [passage for passage in foreign if not passage.pronounceable]
    if len(foreign) * 2 > spoken:
        raise _unsupported(foreign, choice)
    if mute and not order.allow_gaps:
        raise _unsupported(mute, choice)
    return [passage for passage in foreign if passage.pronounceable]


def _unsupported(passages: list[ForeignPassage], choice: VoiceChoice) -> UnsupportedLanguage:
    named = "; ".join(f'{p.chapter}: "{p.excerpt}" ({p.language})' for p in passages[:_PLACES_NAMED])
    more = f" and {len(passages) - _PLACES_NAMED} more" if len(passages) > _PLACES_NAMED else ""
    return UnsupportedLanguage(
        f'The voice "{choice.voice}" of {choice.backend} cannot read {len(passages)} passages: {named}{more}',
        backend=choice.backend,
        remedy="choose a backend that reads this language, or leave these passages out with --allow-gaps",
    )


def open_lexicon(settings: Settings) -> Lexicon:
    """The configured lexicon, empty where none is. Raises: SettingsError."""
    return read_lexicon(Path(settings.narration.lexicon)) if settings.narration.lexicon else Lexicon()


def lexicon_of(context: Context, book: str = "") -> Lexicon:
    """The configured lexicon under what was set from the page for every book, and for `book`. Raises: SettingsError."""
    own = context.store.changes.pronunciations(book)
    words = open_lexicon(context.settings).words
    said = {(w.written, w.match_case): w for w in words}
    said.update({(w.written, w.match_case): Pronunciation(w.written, w.say, w.ipa, w.match_case) for w in own})
    return Lexicon(tuple(said.values()))


def _plan_key(
    settings: Settings, choice: VoiceChoice, able: Capabilities, lexicon: Lexicon, changed: Mapping[str, str]
) -> str:
    """Everything besides the text that decides chunks and clip keys."""
    narration = settings.narration
    parts = [
        PLAN_VERSION,
        clip_key([], choice),
        able.max_chars,
        able.max_tokens,
        able.reads_numbers,
        list(able.scripts),
        lexicon.id,
        *([dict(changed)] if changed else []),
    ]
    return content_address([*parts, narration.chunking, narration.normalize, [kind.value for kind in narration.skip]])


def _skip_kinds(blocks: list[Block], settings: Settings, scripts: tuple[str, ...] = ()) -> list[Block]:
    """The blocks, with a reason on those that the settings or the voice leave out."""
    changed = []
    for block in blocks:
        if not block.skip_reason and block.kind in settings.narration.skip:
            block = replace(block, skip_reason=block.kind.value)
        elif not block.skip_reason and (script := unreadable_script(block.text, scripts)):
            block = replace(block, skip_reason=f"language: {script.lower()}")
        changed.append(block)
    return changed


def _in_language(block: Block, language: str) -> Block:
    """The block in the language that its text is taken for: the voice's only one, or its own."""
    return block if block.skip_reason else replace(block, language=language or block_language(block))


def _speaker(settings: Settings, able: Capabilities, lexicon: Lexicon) -> Speak:
    wanted = settings.narration.normalize
    normalizes = wanted == "always" or (wanted == "auto" and not able.reads_numbers)

    def speak_sentence(written: str, block: Block) -> str:
        language = sentence_language(written, block.language)
        text = spell_foreign_letters(speak(written, block.kind, language), able.scripts)
        said = lexicon.apply(text, ipa_markup=able.ipa_markup)
        if language == "zh" and wanted != "never":  # no voice reads figures well in Chinese
            return write_figures(said).text
        return (normalize_text(said, language) if normalizes else said).text

    return speak_sentence
