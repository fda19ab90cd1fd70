"""(X)HTML -> blocks: bytes or a parsed tree in, blocks in reading order out.

Every character of the body ends in exactly one block; what is not spoken stands in a block with its
reason. Reads XHTML as XML first and falls back to HTML 5's forgiving reading (WHATWG, by libxml2).
"""

import codecs
import re
from dataclasses import dataclass, field
from html.entities import html5

from lxml import etree

from pipeline.errors import DamagedDocument, DocumentTooLarge
from pipeline.ingest.markup import Reading, is_block, local_name, read_element
from pipeline.model.text import Block, BlockKind

MAX_TAGS = 1_000_000
"""A novel has 10,000; a million make a tree of 200 MB."""

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
_DECORATION = re.compile(r"^[\s*⁂※•·●◆◇❖❦☙✦✶~#_=\-–—⸻+○]{1,40}$")
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)
_NAMED_ENTITY = re.compile(rb"&([A-Za-z][A-Za-z0-9]{1,31});")

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

    def add(self, text: str | None, reading: Reading) -> None:
        if not text or reading.silent:
            return
        if not reading.preformatted:
            text = _SPACE.sub(" ", text)
        if reading.skip_reason and not self.reading.skip_reason and "".join(self.pieces).strip():
            self.aside.append((text, reading))
        else:
            if not "".join(self.pieces).strip():
                self.reading = reading
            self.pieces.append(text)

    def end_block(self) -> None:
        text = _fold_lines("".join(self.pieces), preformatted=self.reading.preformatted)
        if text:
            self._write(text, self.reading)
        for aside, reading in self.aside:
            if aside.strip():
                self._write(aside.strip(), reading)
        self.pieces, self.aside, self.reading = [], [], Reading()

    def _write(self, text: str, reading: Reading) -> None:
        kind, skip_reason = reading.kind, reading.skip_reason
        if not skip_reason and kind is not BlockKind.CODE and is_decoration(text):
            kind, skip_reason = BlockKind.SCENE_BREAK, "scene break"
        self._append(Block(kind, text, self._place(), reading.level, reading.language, skip_reason))

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


def parse_markup(data: bytes, *, name: str) -> etree._Element:
    """The tree of an XHTML or HTML file, without comments and instructions.

    No entity of the file's own is expanded and nothing is fetched.

    Raises:
        DocumentTooLarge: more than MAX_TAGS tags.
        DamagedDocument: it declares entities, or holds no element at all.
    """
    if _ENTITY.search(data):
        raise DamagedDocument(
            f"{name} declares entities of its own, which can hide an attack",
            path=name,
            remedy="remove the <!ENTITY ...> declarations from the file",
        )
    if data.count(b"<") > MAX_TAGS:
        raise DocumentTooLarge(f"{name} holds more than {MAX_TAGS:,} tags", path=name, remedy="split the document")
    strict = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_pis=True, remove_comments=True
    )
    try:
        return etree.fromstring(_NAMED_ENTITY.sub(_number_entity, data), strict)
    except (etree.XMLSyntaxError, ValueError):
        return _parse_forgiving(data, name)


def _number_entity(match: re.Match[bytes]) -> bytes:
    """`&nbsp;` as `&#160;`: XML itself knows only five names."""
    name = match.group(1).decode("ascii")
    if name in {"amp", "lt", "gt", "quot", "apos"} or f"{name};" not in html5:
        return match.group(0)
    return "".join(f"&#{ord(c)};" for c in html5[f"{name};"]).encode("ascii")


def _parse_forgiving(data: bytes, name: str) -> etree._Element:
    parser = etree.HTMLParser(encoding=_encoding(data), no_network=True, remove_pis=True, remove_comments=True)
    try:
        root: etree._Element | None = etree.fromstring(data, parser)
    except (etree.LxmlError, ValueError, LookupError, AssertionError) as error:
        raise DamagedDocument(f"{name} holds no readable markup", path=name) from error
    if root is None:
        raise DamagedDocument(f"{name} holds no readable markup", path=name)
    return root


def _encoding(data: bytes) -> str | None:
    """UTF-8 where the bytes are; else what they declare; else windows-1252. None leaves it to a byte order mark."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError:
        match = re.search(rb"""(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", data[:2048])
    try:
        declared = codecs.lookup(match.group(1).decode("ascii")).name if match else "utf-8"
    except (LookupError, UnicodeDecodeError):
        declared = "utf-8"
    return "windows-1252" if declared in {"utf-8", "ascii"} else declared


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
