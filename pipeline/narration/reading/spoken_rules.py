"""Settings, voice and a person's words -> how blocks are spoken: what is left out, and what each sentence becomes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.model.keys import clip_key, content_address
from pipeline.model.text import Block
from pipeline.model.voice import Capabilities, VoiceChoice
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, reading_language, resolve_voice
from pipeline.settings import Settings
from pipeline.text.chinese import write_figures
from pipeline.text.chunks import Packing
from pipeline.text.language import block_language, sentence_language, unreadable_script
from pipeline.text.lexicon import Lexicon, Pronunciation, read_lexicon
from pipeline.text.normalize import normalize_text
from pipeline.text.spoken import speak, spell_foreign_letters

RULES_VERSION = 3
"""Raised when the same blocks would be spoken otherwise."""
UNREADABLE = "language: "
"""Begins the reason of what the voice cannot pronounce; the script follows."""


@dataclass(frozen=True, slots=True)
class SpokenRules:
    """How blocks become spoken sentences for one voice."""

    settings: Settings
    choice: VoiceChoice
    able: Capabilities
    lexicon: Lexicon
    language: str
    """Primary subtag that every block is taken to be in; empty where each decides by itself."""

    @property
    def packing(self) -> Packing:
        """What a request of this voice holds."""
        by_sentence = self.settings.narration.chunking == "sentence"
        return Packing(self.able.max_chars, sentence_by_sentence=by_sentence, max_tokens=self.able.max_tokens)

    @property
    def id(self) -> str:
        """Content address of everything besides blocks and edits that decides chunks and clip keys."""
        narration, able = self.settings.narration, self.able
        return content_address(
            {
                "version": RULES_VERSION,
                # The clip key of no words holds exactly what of a voice decides the sound.
                "voice": clip_key([], self.choice),
                "language": self.language,
                # Another limit packs the same words into other chunks.
                "limits": [able.max_chars, able.max_tokens],
                "reads": [able.reads_numbers, list(able.scripts), able.ipa_markup],
                "lexicon": self.lexicon.id,
                "rules": [narration.chunking, narration.normalize, sorted(kind.value for kind in narration.skip)],
            }
        )

    def prepared(self, blocks: Iterable[Block]) -> list[Block]:
        """The blocks with a reason on those that are left out, each in the language that it is taken for."""
        return [self._in_language(self._with_reason(block)) for block in blocks]

    def _with_reason(self, block: Block) -> Block:
        block = with_kind_skipped(block, self.settings)
        # A voice may give neither sound nor error for such a script, as hibari does: the words would be lost.
        script = "" if block.skip_reason else unreadable_script(block.text, self.able.scripts)
        return replace(block, skip_reason=f"{UNREADABLE}{script.lower()}") if script else block

    def _in_language(self, block: Block) -> Block:
        return block if block.skip_reason else replace(block, language=self.language or block_language(block))

    def speak(self, written: str, block: Block) -> str:
        """What is said for a written sentence of a block."""
        language = sentence_language(written, block.language)
        text = spell_foreign_letters(speak(written, block.kind, language), self.able.scripts)
        # Before figures are written out, so that a word with figures in it can have an entry of its own.
        said = self.lexicon.apply(text, ipa_markup=self.able.ipa_markup)
        wanted = self.settings.narration.normalize
        if language == "zh" and wanted != "never":  # no voice reads figures well in Chinese
            return write_figures(said).text
        normalizes = wanted == "always" or (wanted == "auto" and not self.able.reads_numbers)
        return (normalize_text(said, language) if normalizes else said).text


def spoken_rules(context: Context, order: Order, book: str = "") -> SpokenRules:
    """The rules for the voice of an order, with the pronunciations of a book.

    Raises:
        UnknownBackend, UnknownVoice, SettingsError: the lexicon cannot be read.
    """
    choice, able = resolve_voice(context.settings, order)
    return SpokenRules(
        settings=context.settings,
        choice=choice,
        able=able,
        lexicon=lexicon_of(context, book),
        language=reading_language(context.settings, order),
    )


def with_kind_skipped(block: Block, settings: Settings) -> Block:
    """The block, with a reason where the settings leave its kind out."""
    if block.skip_reason or block.kind not in settings.narration.skip:
        return block
    return replace(block, skip_reason=block.kind.value)


def kinds_skipped(blocks: Sequence[Block], settings: Settings) -> list[Block]:
    """The blocks, with a reason on those whose kind the settings leave out."""
    return [with_kind_skipped(block, settings) for block in blocks]


def lexicon_of(context: Context, book: str = "") -> Lexicon:
    """The configured lexicon under what was set from the page for every book, and for `book`. Raises: SettingsError."""
    configured = context.settings.narration.lexicon
    words = read_lexicon(Path(configured)).words if configured else ()
    said = {(word.written, word.match_case): word for word in words}
    for own in context.store.changes.pronunciations(book):
        said[own.written, own.match_case] = Pronunciation(
            written=own.written, say=own.say, ipa=own.ipa, match_case=own.match_case
        )
    return Lexicon(tuple(said.values()))
