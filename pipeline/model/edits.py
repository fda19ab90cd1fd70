"""A person's changes of single sentences, and where they belong in a text that may have changed since.

Neither the position of a chapter nor that of a sentence is part of it: a new edition with one more chapter keeps
every change, and a sentence whose words occur elsewhere is told apart by its neighbors.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TELLING_CHARS = 25
"""A sentence this long is hardly ever said twice in other senses ("He read it." is); chosen, not measured."""


@dataclass(frozen=True, slots=True)
class SentenceEdit:
    """How one sentence is spoken."""

    chapter_digest: str
    """Content address of the chapter that it was set in."""
    chapter_title: str
    sentence_id: str
    """In that chapter."""
    written: str
    """Folded text of the sentence; its neighbors likewise."""
    before: str
    """The sentence before it in the chapter, or empty."""
    after: str
    spoken: str
    clip_before: str = ""
    """Key of the clip that spoke it before the change, or empty."""


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence of a chapter with its neighbors, folded."""

    id: str
    written: str
    before: str
    after: str


def with_neighbors(sentences: Sequence[tuple[str, str]]) -> list[WrittenSentence]:
    """The spoken sentences of a chapter, given as (id, folded text) in order."""
    texts = ["", *(text for _, text in sentences), ""]
    return [
        WrittenSentence(id=number, written=text, before=texts[at], after=texts[at + 2])
        for at, (number, text) in enumerate(sentences)
    ]


def edits_of_chapter(edits: Iterable[SentenceEdit], digest: str, digests: frozenset[str]) -> list[SentenceEdit]:
    """Edits that may belong in a chapter: its own, and those of chapters that the edition does not have any more.

    Args:
        edits: of the book.
        digest: of the chapter.
        digests: of all chapters of the edition.
    """
    # An edit whose chapter is still in the edition belongs in that one alone.
    return [edit for edit in edits if edit.chapter_digest == digest or edit.chapter_digest not in digests]


def place_edits(
    edits: Sequence[SentenceEdit], digest: str, title: str, sentences: Sequence[WrittenSentence]
) -> dict[str, SentenceEdit]:
    """Edits by the id of the sentence of this chapter that they belong to.

    An edit belongs to the sentence of the same words between the same neighbors; in the chapter that it was set in,
    or one of the same title, one neighbor is enough. Where the words are long enough to mean the same wherever they
    are in such a chapter, it belongs to the only sentence of these words.

    The id counts only between sentences that are otherwise equally good: it numbers sentences of the same words, and
    which number one has depends on what else is spoken, and on where long sentences are cut.

    Args:
        edits: that may belong here.
        digest: of the chapter.
        title: of the chapter.
        sentences: of the chapter, in order.
    """
    homes = [(home, edit) for edit in edits if (home := _home(edit, digest, title, sentences))]
    placed: dict[str, SentenceEdit] = {}
    # of two edits that come to one sentence, the one stands that was set in this chapter and fits best
    for home, edit in sorted(homes, key=lambda each: (each[1].chapter_digest != digest, each[0].doubt)):
        placed.setdefault(home.sentence_id, edit)
    return placed


@dataclass(frozen=True, slots=True)
class _Home:
    sentence_id: str
    doubt: int
    """0 for the same neighbors, more for less."""


def _home(edit: SentenceEdit, digest: str, title: str, sentences: Sequence[WrittenSentence]) -> _Home | None:
    is_own = edit.chapter_digest == digest
    if is_own and not edit.written:  # an older Bookcast kept no words
        return next((_Home(s.id, 0) for s in sentences if s.id == edit.sentence_id), None)
    alike = [s for s in sentences if s.written == edit.written]
    same = [s for s in alike if (s.before, s.after) == (edit.before, edit.after)]
    beside = [s for s in alike if _shares_a_neighbor(edit, s)] if is_own or title == edit.chapter_title else []
    # many chapters have no title, and a refrain may stand once in each of them
    is_here = is_own or bool(title and title == edit.chapter_title)
    lone = alike if is_here and len(alike) == 1 and len(edit.written) >= TELLING_CHARS else []
    for doubt, found in enumerate((same, beside, lone)):
        if found:
            numbered = [s for s in found if is_own and s.id == edit.sentence_id]
            return _Home((numbered or found)[0].id, doubt)
    return None


def _shares_a_neighbor(edit: SentenceEdit, sentence: WrittenSentence) -> bool:
    return bool(edit.before and edit.before == sentence.before) or bool(edit.after and edit.after == sentence.after)
