"""The tree of an (X)HTML file -> blocks in reading order.

Every character of the body ends in exactly one block, but for what `markup.NOT_TEXT` lists; what is not
spoken is in a block with its reason.
"""

import re
from dataclasses import dataclass, field

from lxml import etree

from pipeline.ingest.documents.markup import Reading, is_block, local_name, read_element
from pipeline.model.text import Block, BlockKind

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_DECORATION = re.compile(r"^[\s*⁂※•·●◆◇❖❦☙✦✶~#_=\-–—⸻+○]{1,40}$")

_CELL_END = "\x1f"
"""Stands between the cells of a table row until they are joined by commas, so that it is heard as a list."""


@dataclass(frozen=True, slots=True)
class AnchoredBlock:
    """A block and the anchors (`id`, `name`) that stand before it or inside it."""

    block: Block
    anchors: tuple[str, ...]


@dataclass
class _Writer:
    """Gathers text until a block ends."""

    source: str
    blocks: list[AnchoredBlock] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    aside: list[tuple[str, Reading]] = field(default_factory=list)
    """Skipped text met inside the block, written after it."""
    reading: Reading = field(default_factory=Reading)
    has_text: bool = False
    """The pieces hold more than white space; asking them each time would take the square of their number."""

    def add(self, text: str | None, reading: Reading) -> None:
        if not text or reading.silent:
            return
        if not reading.preformatted:
            text = _SPACE.sub(" ", text)
        if reading.skip_reason and not self.reading.skip_reason and self.has_text:
            self.aside.append((text, reading))
            return
        if not self.has_text:
            self.reading = reading
        self.pieces.append(text)
        self.has_text = self.has_text or not text.isspace()

    def end_block(self) -> None:
        text = _fold_lines("".join(self.pieces), preformatted=self.reading.preformatted)
        if text:
            self._write(text, self.reading)
        for aside, reading in self.aside:
            if aside.strip():
                self._write(aside.strip(), reading)
        self.pieces, self.aside, self.reading, self.has_text = [], [], Reading(), False

    def _write(self, text: str, reading: Reading) -> None:
        kind, skip_reason = reading.kind, reading.skip_reason
        if not skip_reason and kind is not BlockKind.CODE and is_decoration(text):
            kind, skip_reason = BlockKind.SCENE_BREAK, "scene break"
        self._append(
            Block(
                kind=kind,
                text=text,
                source=self._place(),
                level=reading.level,
                language=reading.language,
                skip_reason=skip_reason,
            )
        )

    def scene_break(self) -> None:
        self._append(Block(BlockKind.SCENE_BREAK, "", self._place(), skip_reason="scene break"))

    def _append(self, block: Block) -> None:
        self.blocks.append(AnchoredBlock(block, tuple(self.anchors)))
        self.anchors = []

    def _place(self) -> str:
        return f"{self.source}#{self.anchors[-1]}" if self.anchors else f"{self.source}:{len(self.blocks) + 1}"


def is_decoration(text: str) -> bool:
    """True for a line of stars, dashes or ornaments: a scene break."""
    return bool(_DECORATION.match(text))


def _fold_lines(text: str, *, preformatted: bool) -> str:
    if preformatted:
        return text.strip("\n").rstrip()
    lines = (_SPACE.sub(" ", line).strip(" ") for line in text.split("\n"))
    cells = (", ".join(filter(None, (cell.strip(" ") for cell in line.split(_CELL_END)))) for line in lines)
    return "\n".join(line for line in cells if line)


def read_blocks(root: etree._Element, *, source: str, reading: Reading | None = None) -> list[AnchoredBlock]:
    """The blocks of a parsed file in reading order, each with the anchors that lead to it."""
    writer = _Writer(source)
    stack = [reading or Reading()]
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if event == "start":
            stack.append(read_element(element, stack[-1]))
            _open(writer, element, stack[-1])
        else:
            inner = stack.pop()
            _close(writer, element, inner)
            writer.add(element.tail, stack[-1])
    writer.end_block()
    return writer.blocks


def _open(writer: _Writer, element: etree._Element, reading: Reading) -> None:
    if reading.silent:
        return
    tag = local_name(element)
    if is_block(element):
        writer.end_block()
    for name in (element.get("id"), element.get("name") if tag == "a" else None):
        if name:
            writer.anchors.append(name)
    if tag == "br":
        writer.pieces.append("\n")
    elif tag == "hr":
        writer.scene_break()
    writer.add(element.text, reading)


def _close(writer: _Writer, element: etree._Element, reading: Reading) -> None:
    if reading.silent:
        return
    if local_name(element) in {"td", "th"} and not reading.skip_reason:
        writer.pieces.append(_CELL_END)
    if is_block(element):
        writer.end_block()
