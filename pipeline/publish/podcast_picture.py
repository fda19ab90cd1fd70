"""A picture for a podcast that has none: bars of sound on a colour of its own, as Apple asks for (square, 1400 px)."""

import hashlib

import resvg_py

from pipeline.model.book import Cover

_SIDE = 1400


def draw_picture(name: str) -> Cover:
    """The same PNG for the same name, always."""
    digest = hashlib.sha256(name.encode()).digest()
    hue = digest[0] * 360 // 256
    bars = "".join(_bar(index, byte) for index, byte in enumerate(digest[1:10]))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_SIDE} {_SIDE}">'
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="hsl({hue},45%,28%)"/>'
        f'<g fill="hsl({(hue + 40) % 360},70%,88%)">{bars}</g></svg>'
    )
    return Cover("image/png", bytes(resvg_py.svg_to_bytes(svg_string=svg, width=_SIDE)))


def _bar(index: int, byte: int) -> str:
    height = 160 + byte * 3
    return f'<rect x="{202 + index * 116}" y="{(_SIDE - height) // 2}" width="68" height="{height}" rx="34"/>'
