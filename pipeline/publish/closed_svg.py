"""A stranger's SVG -> the same drawing of a bounded size, with nothing in it that leads out of it (SVG 1.1).

Whatever would have to be fetched or read is left out. A drawing that shows pictures from outside is refused as a
whole, because without them it would be an empty page.
"""

import base64
import binascii
import re
import xml.etree.ElementTree as ET
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes
from xml.parsers import expat

from pipeline.errors import UnusablePicture
from pipeline.model.book import PictureKind, find_picture_kind
from pipeline.publish.picture_size import MAX_PICTURE_BYTES, MAX_PIXELS, check_picture_size, find_picture_size

MAX_ENTITY_CHARS = 100
"""Of what a short name stands for: the address of a namespace."""
WIDTH = 1400
"""Pixels, as shops ask for at least."""
_STEEPEST = 4.0
"""Of the longer to the shorter side."""
_SHOWING = frozenset({"image", "feImage"})
_WRITTEN = frozenset({"text", "tspan", "textPath"})
_OUTWARD = re.compile(r"url\(\s*[\"']?\s*(?!#)[^)]*\)?", re.IGNORECASE)
_IMPORT = re.compile(r"@import[^;]*;?", re.IGNORECASE)
_LENGTH = re.compile(r"\s*((?:\d{1,9}\.?\d{0,9}|\.\d{1,9})(?:e[+-]?\d{1,2})?)\s*(px|pt|pc|mm|cm|in|)\s*", re.IGNORECASE)
_PIXELS_OF = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}


@dataclass(frozen=True, slots=True)
class ClosedSvg:
    """What may be drawn."""

    text: str
    has_text: bool
    """It shows words, so fonts are needed."""


def close_svg(data: bytes) -> ClosedSvg:
    """The drawing in `data`, closed off.

    Raises:
        UnusablePicture: it is no SVG, too large or of odd proportions, shows pictures from outside, or declares
            entities that could grow.
    """
    if len(data) > MAX_PICTURE_BYTES:
        raise UnusablePicture(f"The picture has more than {MAX_PICTURE_BYTES // 1_000_000} MB")
    _check_entities(data)
    try:
        root = ET.fromstring(data)  # reads no outer entity and no outer document type
    except (ET.ParseError, ValueError, LookupError) as error:
        raise UnusablePicture("The picture cannot be read") from error
    if _local(root.tag) != "svg":
        raise UnusablePicture("The picture cannot be read")
    pixels, has_text = 0, False
    for element in root.iter():
        name = _local(element.tag)
        has_text = has_text or name in _WRITTEN
        pixels += _close_element(element, shows=name in _SHOWING)
        if name == "style" and element.text:
            element.text = _IMPORT.sub("", _OUTWARD.sub("none", element.text))
    if pixels > MAX_PIXELS:
        raise UnusablePicture(f"The pictures in this picture have more than {MAX_PIXELS // 1_000_000} million pixels")
    _set_size(root)
    return ClosedSvg(ET.tostring(root, encoding="unicode"), has_text)


class _AtRoot(Exception):
    """The first element begins, so nothing can be declared any more."""


def _check_entities(data: bytes) -> None:
    """Refuse entities that could grow; drawing programs declare short ones for namespaces. Raises: UnusablePicture."""

    def check(name: str, is_parameter: bool, value: str | None, *place: str | None) -> None:
        if value is None or len(value) > MAX_ENTITY_CHARS or "&" in value or "%" in value:
            raise UnusablePicture("The picture declares entities of its own, which can hide an attack")

    def stop(name: str, attributes: object) -> None:
        raise _AtRoot

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = check
    parser.StartElementHandler = stop
    with suppress(_AtRoot, expat.ExpatError, ValueError, LookupError):  # what is no XML is told by who reads it
        parser.Parse(data, True)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _close_element(element: ET.Element, *, shows: bool) -> int:
    """Take out of an element what leads outside; the pixels of the picture that it shows, if it shows one."""
    pixels = 0
    for name, value in list(element.attrib.items()):
        if _local(name) == "href":
            if shows and not value.lstrip().startswith("#"):
                picture = _inner_picture(value)
                pixels += _pixels(picture)
                kind = find_picture_kind(picture)
                element.set(name, f"data:{kind};base64,{base64.b64encode(picture).decode()}")
            elif not value.lstrip().startswith("#"):
                del element.attrib[name]
        elif _local(name) == "base" or _OUTWARD.search(value):
            del element.attrib[name]
    return pixels


def _pixels(picture: bytes) -> int:
    width, height = find_picture_size(picture) or (0, 0)
    return width * height


def _inner_picture(address: str) -> bytes:
    """The bytes of a JPEG, PNG, GIF or WebP in a `data:` address (RFC 2397). Raises: UnusablePicture."""
    scheme, _, rest = address.strip().partition(":")
    kind, comma, body = rest.partition(",")
    if scheme.lower() != "data" or not comma:
        raise UnusablePicture("The picture shows files or web addresses, which covers may not")
    try:
        data = unquote_to_bytes(body)
        data = base64.b64decode(data) if kind.lower().rstrip().endswith(";base64") else data
    except (binascii.Error, ValueError) as error:
        raise UnusablePicture("The picture cannot be read") from error
    if find_picture_kind(data) is PictureKind.SVG:
        raise UnusablePicture("The picture has another drawing in it, which covers may not")
    check_picture_size(data)
    return data


def _set_size(root: ET.Element) -> None:
    """Give the drawing the size in pixels that it is drawn at. Raises: UnusablePicture."""
    box = [_pixels_of(part) for part in re.split(r"[\s,]+", root.get("viewBox", "").strip())[2:4]]
    sides = [_pixels_of(root.get("width", "")), _pixels_of(root.get("height", ""))]
    width, height = sides if all(sides) else (box if len(box) == 2 else (0.0, 0.0))
    if not width or not height:
        raise UnusablePicture("The picture does not say how large it is")
    if max(width, height) / min(width, height) > _STEEPEST:
        raise UnusablePicture(f"The picture is {width:g} wide and {height:g} high, which is not the shape of a cover")
    if len(box) != 2 or not all(box):
        root.set("viewBox", f"0 0 {width:g} {height:g}")
    root.set("width", str(WIDTH))
    root.set("height", str(round(WIDTH * height / width)))


def _pixels_of(length: str) -> float:
    """0 for what is not a plain length, such as a percentage."""
    match = _LENGTH.fullmatch(length)
    return float(match[1]) * _PIXELS_OF[match[2].lower()] if match else 0.0
