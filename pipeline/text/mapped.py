"""Text that was rewritten for speaking and still knows where each part of it was written."""

import re
from collections.abc import Callable, Iterable
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
        shift = 0
        for edit in self.edits:
            if at >= edit.output.end:
                shift = edit.source.end - edit.output.end
            elif at > edit.output.start:
                return edit.source.start
        return at + shift

    def _right(self, at: int) -> int:
        shift = 0
        for edit in self.edits:
            if at >= edit.output.end:
                shift = edit.source.end - edit.output.end
            elif at > edit.output.start:
                return edit.source.end
        return at + shift

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
        swallowed = [edit.source for edit in self.edits if touches(span, edit.output)]
        return Span(min([whole.start, *(s.start for s in swallowed)]), max([whole.end, *(s.end for s in swallowed)]))

    def _whole_edits(self, changes: Iterable[tuple[Span, str]]) -> list[tuple[Span, str]]:
        """The changes, widened to the earlier edits that they cut: half an edit leads nowhere."""
        widened: list[tuple[Span, str]] = []
        for span, new in changes:
            cut = [e.output for e in self.edits if touches(span, e.output)]
            start = min([span.start, *(output.start for output in cut)])
            end = max([span.end, *(output.end for output in cut)])
            if widened and start < widened[-1][0].end:  # both cut the same edit: one change of both
                before, said = widened.pop()
                said = said[: len(said) - (before.end - span.start)] if before.end > span.start else said
                start, new = before.start, said + self.text[before.end : span.start] + new
                end = max(end, before.end)
                widened.append((Span(start, end), new + self.text[span.end : end]))
            else:
                widened.append((Span(start, end), self.text[start : span.start] + new + self.text[span.end : end]))
        return widened

    def _merge(self, fresh: list[tuple[Span, Edit]]) -> tuple[Edit, ...]:
        """Earlier edits that no new one touches, moved to where they now stand, and the new ones."""
        kept = []
        for edit in self.edits:
            if any(touches(span, edit.output) for span, _ in fresh):
                continue
            shift = sum(len_change(span, new) for span, new in fresh if span.end <= edit.output.start)
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
