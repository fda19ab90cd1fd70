"""Blocks -> chunks: whole sentences of one block under the backend's limits, nothing lost.

Chunks never cross a block, so an edited sentence changes one chunk (packing a whole chapter would
change 49 at the 95th percentile). A sentence over the limit is cut by the ladder clause punctuation,
space, grapheme (UAX #29).
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from pipeline.model.edits import WrittenSentence, with_neighbors
from pipeline.model.keys import chunk_id, fold_text, sentence_id
from pipeline.model.text import Block, Chunk, Sentence, Span, join_sentences
from pipeline.text.sentences import split_sentences
from pipeline.text.spoken import is_speakable
from pipeline.text.tokens import count_tokens

Speak = Callable[[str, Block], str]
"""Gives the spoken form of a written sentence of a block."""
Change = Callable[[Sequence[WrittenSentence]], Mapping[str, str]]
"""Gives a person's spoken forms, by sentence id, of the sentences of a chapter."""

_CLAUSE_END = regex.compile(r"[,;:—–，；：、](?:[\"”’)\]」』]*)\s*|\n")
_SPACE = regex.compile(r"\s+")
_GRAPHEME = regex.compile(r"\X")


@dataclass(frozen=True, slots=True)
class Packing:
    """How sentences are gathered into chunks."""

    max_chars: int
    """Most spoken characters of one chunk."""
    sentence_by_sentence: bool = False
    """One request a sentence: exact times from any service."""
    max_tokens: int = 0
    """Most Qwen tokens of one chunk; 0 for no limit."""

    def fits(self, sentences: Sequence[str]) -> bool:
        """True where these spoken sentences may be one request."""
        text = join_sentences(sentences)
        if len(text) > self.max_chars:
            return False
        # a token is at least a byte, so a short text need not be counted
        return not self.max_tokens or len(text.encode()) <= self.max_tokens or count_tokens(text) <= self.max_tokens


def plan_chunks(
    blocks: Iterable[Block], speak: Speak, packing: Packing, change: Change = lambda sentences: {}
) -> Iterator[Chunk]:
    """The chunks of a chapter in order; those of a block tile its text, spoken or skipped with a reason.

    The language of a block decides how its sentences are found.

    Args:
        blocks: of one chapter, in order.
        speak: gives the spoken form of a sentence.
        packing: how sentences are gathered.
        change: told of every spoken sentence of the chapter, gives other spoken forms by sentence id; one that is
            too long for a request is not taken, for it may have been written for another voice.
    """
    found = list(_found_sentences(blocks, speak, packing))
    changed = change(with_neighbors([(s.id, text) for _, _, named in found for s, text in named]))
    for index, skipped, named in found:
        if skipped:
            yield skipped
        sentences = [_changed(s, changed.get(s.id, ""), packing) for s, _ in named]
        for group in _pack(sentences, packing):
            span = Span(group[0].span.start, group[-1].span.end)
            yield Chunk(id=chunk_id([s.id for s in group]), block_index=index, span=span, sentences=tuple(group))


def _changed(sentence: Sentence, spoken: str, packing: Packing) -> Sentence:
    return replace(sentence, spoken=spoken) if spoken and packing.fits([spoken]) else sentence


_Found = tuple[int, Chunk | None, list[tuple[Sentence, str]]]
"""Position of a block; the chunk that it is where it is skipped; else its sentences with their folded text."""


def _found_sentences(blocks: Iterable[Block], speak: Speak, packing: Packing) -> Iterator[_Found]:
    seen: Counter[str] = Counter()
    for index, block in enumerate(blocks):
        reason = block.skip_reason or ("" if is_speakable(block.text) else "nothing to speak")
        if reason:
            if block.text:
                yield index, _skipped(index, block, reason, seen), []
            continue
        pieces = _merge_silent(list(_pieces(block, speak, packing)))
        yield index, None, [_name(block, span, spoken, seen) for span, spoken in pieces]


def _name(block: Block, span: Span, spoken: str, seen: Counter[str]) -> tuple[Sentence, str]:
    """A sentence with its folded text."""
    text = fold_text(span.of(block.text))
    seen[text] += 1
    return Sentence(sentence_id(text, seen[text] - 1), span, spoken), text


def _skipped(index: int, block: Block, reason: str, seen: Counter[str]) -> Chunk:
    span = Span(0, len(block.text))
    sentence, _ = _name(block, span, "", seen)
    return Chunk(id=chunk_id([sentence.id]), block_index=index, span=span, sentences=(), skip_reason=reason)


def _pieces(block: Block, speak: Speak, packing: Packing) -> Iterator[tuple[Span, str]]:
    """Sentences with their spoken forms; one that is too long in pieces."""
    for span in split_sentences(block.text, block.language or "en"):
        spoken = speak(span.of(block.text), block).strip()
        if packing.fits([spoken]):
            yield span, spoken
            continue
        for piece in cut(span.of(block.text), lambda text: packing.fits([speak(text, block).strip()])):
            whole = Span(span.start + piece.start, span.start + piece.end)
            yield whole, speak(whole.of(block.text), block).strip()


def cut(text: str, fits: Callable[[str], bool]) -> list[Span]:
    """Spans that tile `text`, each of which fits, cut at the gentlest place of the ladder that works."""
    for ladder in (_CLAUSE_END, _SPACE, _GRAPHEME):
        ends = [match.end() for match in ladder.finditer(text) if 0 < match.end() < len(text)]
        spans = _longest_fits(text, [*ends, len(text)], fits)
        if spans:
            return spans
    return [Span(0, len(text))]  # a single grapheme whose spoken form is over the limit


def _longest_fits(text: str, ends: list[int], fits: Callable[[str], bool]) -> list[Span]:
    """Greedy spans between `ends`; empty where the stretch between two neighbours does not fit."""
    spans: list[Span] = []
    start = at = 0
    while start < len(text):
        reach = _furthest(text, start, ends, at, fits)
        if reach < at:
            return []
        spans.append(Span(start, ends[reach]))
        start, at = ends[reach], reach + 1
    return spans


def _furthest(text: str, start: int, ends: list[int], at: int, fits: Callable[[str], bool]) -> int:
    """Index of the last end, from `at` on, up to which the text fits; at - 1 where none does. Gallops, then bisects."""
    if not fits(text[start : ends[at]]):
        return at - 1
    low, step = at, 1
    while low + step < len(ends) and fits(text[start : ends[low + step]]):
        low, step = low + step, step * 2
    high = min(low + step, len(ends))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(text[start : ends[middle]]) else (low, middle)
    return low


def _merge_silent(pieces: list[tuple[Span, str]]) -> list[tuple[Span, str]]:
    """A sentence of marks alone joins its neighbour: nothing would be heard of it."""
    merged: list[tuple[Span, str]] = []
    for span, spoken in pieces:
        if merged and not (is_speakable(spoken) and is_speakable(merged[-1][1])):
            before, said = merged.pop()
            span = Span(before.start, span.end)
            spoken = spoken if is_speakable(spoken) else said
        merged.append((span, spoken))
    return merged


def _pack(sentences: list[Sentence], packing: Packing) -> Iterator[list[Sentence]]:
    group: list[Sentence] = []
    said = ""
    for sentence in sentences:
        full = packing.sentence_by_sentence or not packing.fits([said, sentence.spoken])
        if group and full:
            yield group
            group, said = [], ""
        group.append(sentence)
        said = join_sentences([said, sentence.spoken])
    if group:
        yield group
