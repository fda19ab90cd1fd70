"""Text that was rewritten for speaking and still knows where each part of it was written."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.model.text import Span


@dataclass(frozen=True, slots=True)
class Edit:
    """One replaced stretch: `source` characters of the written text became `output` of the spoken text."""

    source: Span
    output: Span


@dataclass(frozen=True, slots=True)
class MappedText:
    """A spoken text and the edits that made it, in order and without overlap."""

    written: str
    text: str
    edits: tuple[Edit, ...] = ()

    @staticmethod
    def of(written: str) -> "MappedText":
        """A text that is spoken as it is written."""
        return MappedText(written, written)

    def written_span(self, output: Span) -> Span:
        """The smallest span of the written text that `output`, a span of the spoken text, comes from."""
        return Span(self._left(output.start), max(self._left(output.start), self._right(output.end)))

    def _left(self, at: int) -> int:
        shift, edit = self._edit_at(at)
        return edit.source.start if edit and at > edit.output.start else at + shift

    def _right(self, at: int) -> int:
        shift, edit = self._edit_at(at)
        return edit.source.end if edit and at > edit.output.start else at + shift

    def _edit_at(self, at: int) -> tuple[int, Edit | None]:
        """By how much what is written lies behind what is spoken there, and the first edit that ends after `at`."""
        index = bisect_right(self.edits, at, key=lambda edit: edit.output.end)
        before = self.edits[index - 1] if index else None
        shift = before.source.end - before.output.end if before else 0
        return shift, self.edits[index] if index < len(self.edits) else None

    def replace(self, changes: Iterable[tuple[Span, str]]) -> "MappedText":
        """This text with spans of its spoken form replaced; `changes` ascend, do not overlap and are not empty."""
        pieces: list[str] = []
        fresh: list[tuple[Span, Edit]] = []
        done = length = 0
        for span, new in self._whole_edits(changes):
            pieces += [self.text[done : span.start], new]
            start = length + span.start - done
            length = start + len(new)
            fresh.append((span, Edit(self._source(span), Span(start, length))))
            done = span.end
        if not fresh:
            return self
        pieces.append(self.text[done:])
        return MappedText(self.written, "".join(pieces), self._merge(fresh))

    def _source(self, span: Span) -> Span:
        """What a change of `span` replaces in the written text, with the edits that it swallows."""
        whole = self.written_span(span)
        swallowed = [edit.source for edit in self._touched(span)]
        return Span(min([whole.start, *(s.start for s in swallowed)]), max([whole.end, *(s.end for s in swallowed)]))

    def _touched(self, span: Span) -> tuple[Edit, ...]:
        """The earlier edits that a change of `span` meets; one that left nothing is met at its place, too."""
        # An edit of no length sorts behind one that ends, and before one that begins, at its place.
        first = bisect_left(self.edits, (span.start, span.start), key=lambda e: (e.output.end, e.output.start))
        end = bisect_right(self.edits, (span.end, span.end), key=lambda e: (e.output.start, e.output.end))
        return self.edits[first:end]

    def _whole_edits(self, changes: Iterable[tuple[Span, str]]) -> Iterator[tuple[Span, str]]:
        """The changes, widened to the earlier edits that they cut: half an edit leads nowhere.

        Changes that cut the same edit become one.
        """
        start = end = done = 0
        pieces: list[str] = []
        for span, new in changes:
            cut = [edit.output for edit in self._touched(span)]
            left, right = (min(span.start, cut[0].start), max(span.end, cut[-1].end)) if cut else (span.start, span.end)
            if pieces and left < end:
                end = max(end, right)
            else:
                if pieces:
                    yield Span(start, end), "".join([*pieces, self.text[done:end]])
                start, end, done, pieces = left, right, left, []
            pieces += [self.text[done : span.start], new]
            done = span.end
        if pieces:
            yield Span(start, end), "".join([*pieces, self.text[done:end]])

    def _merge(self, fresh: Sequence[tuple[Span, Edit]]) -> tuple[Edit, ...]:
        """Earlier edits that no new one touches, moved to where they now stand, and the new ones."""
        kept = []
        passed = shift = 0  # how many changes end before the edit, and by how much they lengthen the text
        for edit in self.edits:
            while passed < len(fresh) and fresh[passed][0].end <= edit.output.start:
                shift += len_change(*fresh[passed])
                passed += 1
            if not any(touches(span, edit.output) for span, _ in fresh[max(0, passed - 1) : passed + 1]):
                kept.append(Edit(edit.source, Span(edit.output.start + shift, edit.output.end + shift)))
        edits = sorted([*kept, *(edit for _, edit in fresh)], key=lambda edit: (edit.output.start, edit.output.end))
        return tuple(edits)

    def substitute(self, pattern: "re.Pattern[str]", new: Callable[["re.Match[str]"], str | None]) -> "MappedText":
        """This text with every match of `pattern` replaced by what `new` returns; None leaves it."""
        found = ((Span(*match.span()), new(match)) for match in pattern.finditer(self.text))
        return self.replace((span, text) for span, text in found if text is not None and text != span.of(self.text))


def touches(span: Span, output: Span) -> bool:
    """True where a change of `span` meets an earlier edit; one that left nothing is met at its place, too."""
    if output.start == output.end:
        return span.start <= output.start <= span.end
    return span.start < output.end and output.start < span.end


def len_change(span: Span, edit: Edit) -> int:
    """By how many characters an edit of `span` lengthens the text."""
    return (edit.output.end - edit.output.start) - (span.end - span.start)
