"""How the work of a call grows with the length of what strangers may give it, and what they may give."""

import gc
import importlib
import inspect
import math
import pkgutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import ModuleType

from pipeline.errors import NarrationError

Prepare = Callable[[str], Callable[[], object]]
"""A hostile text -> the call that is measured with it."""

MOST_GROWTH = 1.3
"""The exponent; 1 is linear, 2 the square."""
_TIMES_LONGER = 4
FIRST_CHARS = 6_000
"""Next to it, what libraries do with their own few thousand characters counts for little."""
_MEASURABLE_S = 0.004
"""What looks at each of 6,000 characters from every other takes longer."""
_TRIES = 8

PROSE = {
    "initials": "a.",
    "abbreviations": "Mr. ",
    "quotation marks": '"',
    "quoted letters": "“a” ",
    "hyphens": "a-",
    "opening brackets": "(",
    "mail": "a@",
    "mail addresses": "a@b.c ",
    "schemes": "http://",
    "sites": "www.",
    "figures": "1,",
    "digits": "7",
    "prices": "$1.5 ",
    "spaces": " ",
    "newlines": "\n",
    "lines": "a \n",
    "closing marks": "”)",
    "Chinese": "一",
    "Chinese figures": "一1，",
    "Chinese before Latin": "1 iPhone ",
    "Chinese stops": "。”",
    "accents": "e\u0301",
    "marks out of order": "\u0315\u0327",
    "apostrophes": "ʼ",
    "capitals": "AB ",
    "numerals": "XX",
    "kings": "Henry I ",
    "chapters": "chapter I ",
    "pages": "p. i",
    "sections": "§ ",
    "dots": "…",
    "questions": "?",
    "words": "word ",
    "invisible": "\u200b",
    "invisible between": "a\u200b",
    "flags": "🇦",
    "Greek": "αβ ",
    "Greek letters": "α",
    "lines to fill in": "_",
    "square brackets": "[",
    "clauses": "a, ",
    "sentences": "A b. ",
    "joiners": "a\u200d",
}
MARKUP = {
    "less than": "<",
    "scripts": "<script ",
    "comments": "<!--",
    "instructions": "<?",
    "literals": "<![CDATA[",
    "literal ends": "]]>",
    "line breaks": "<br>",
    "spans": "<span>l</span>",
    "cells": "<tr><td>",
    "tables": "<table><tr><td>",
    "deep": "<div>",
    "unclosed": "<p>a",
    "paragraphs": "<p>a b</p>",
    "headings": "<h1>a</h1>b",
    "links": "<a href='#note'>",
    "tags": "<a ",
    "notes": "<sup><a href='#1'>1</a></sup>a",
    "page numbers": "<span class='pagenum'>",
    "shares": "<div class='share'>a</div>b",
    "captions": "<table><caption>a</caption></table>b",
    "figures": "<figcaption>a",
    "note lists": "<ol class='footnotes'><li>a",
    "code": "<pre>a</pre>b",
    "asides": "a<span hidden>b</span>",
    "bold spaces": "<b> </b>",
    "ampersands": "&",
    "references": "&amp;",
    "numbers": "&#9",
    "equals": "<a=",
    "quotes": "<a b='",
    "attributes": "a='' ",
    "text": "word ",
}
MARKDOWN = {
    "stars": "*",
    "strong": "**a",
    "underscores": "_a ",
    "brackets": "[",
    "links": "[](",
    "pictures": "![",
    "closed": "[a](b)",
    "ticks": "`",
    "rising ticks": "`a``",
    "fences": "```\n",
    "quotes": "> ",
    "lists": "- ",
    "list lines": "- a\n",
    "numbers": "1. ",
    "notes": "[^1]",
    "note texts": "[^1]: a\n",
    "definitions": "[a]: b\n",
    "table": "|a",
    "table lines": "|a|\n|-|\n",
    "backslashes": "\\",
    "headings": "# a\n",
    "rules": "---\n",
    "front matter": "a: \n",
    "angle": "<a",
    "instructions": "<?",
    "comments": "<!--",
    "ampersands": "&",
    "autolinks": "<http:",
    "spaces": " ",
    "newlines": "\n",
    "words": "word\n",
    "both": "*_a",
}
EVERYTHING = PROSE | {f"markup: {k}": v for k, v in MARKUP.items()} | {f"Markdown: {k}": v for k, v in MARKDOWN.items()}

_TELLING = {
    *("initials", "quotation marks", "hyphens", "mail", "figures", "newlines", "closing marks", "marks out of order"),
    *("Chinese", "invisible between", "less than", "scripts", "line breaks", "spans", "cells", "links", "shares"),
    *("captions", "numbers", "attributes", "stars", "brackets", "ticks", "table lines", "front matter", "angle"),
}
"""On these most of what once took the square of its text was found."""


def telling(units: Mapping[str, str]) -> dict[str, str]:
    """Those that are worth a try in every run."""
    return {kind: unit for kind, unit in units.items() if kind in _TELLING}


def feeding(call: Callable[..., object], dress: Callable[[str], object] = lambda text: text) -> Prepare:
    """Gives `call` the hostile text, dressed before time is taken."""

    def prepare(text: str) -> Callable[[], object]:
        given = dress(text)
        return lambda: call(given)

    return prepare


def growth(prepare: Prepare, unit: str, chars: int = FIRST_CHARS) -> float:
    """The exponent by which the CPU time of a call grows with the length of its text; 0 where it takes next to none.

    Other work on the machine can only lengthen a measurement, so the shortest of the long text counts.
    """
    once = _cpu_s(prepare, unit, chars)
    if once < _MEASURABLE_S:
        return 0.0
    longer = float("inf")
    exponent = 2.0
    for _ in range(_TRIES):
        longer = min(longer, _cpu_s(prepare, unit, chars * _TIMES_LONGER))
        exponent = math.log(longer / once, _TIMES_LONGER)
        if exponent < MOST_GROWTH:
            break
        once = max(once, _cpu_s(prepare, unit, chars))
    return exponent


def _cpu_s(prepare: Prepare, unit: str, chars: int) -> float:
    call = prepare((unit * (chars // len(unit) + 1))[:chars])
    gc.disable()  # what earlier tests have left would be counted, too
    began = time.process_time()
    with suppress(NarrationError):
        call()
    took = time.process_time() - began
    gc.enable()
    return took


def public_functions(package: ModuleType) -> set[str]:
    """`module.function` and `module.Class.method` of everything public that is given something."""
    return {name for module in _modules(package) for name in _functions(module)}


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        yield importlib.import_module(found.name)


def _functions(module: ModuleType) -> Iterator[str]:
    own = module.__name__.rpartition(".")[2]
    for name, value in vars(module).items():
        if name.startswith("_") or getattr(value, "__module__", "") != module.__name__:
            continue
        if inspect.isfunction(value) and inspect.signature(value).parameters:
            yield f"{own}.{name}"
        elif inspect.isclass(value):
            yield from (f"{own}.{name}.{method}" for method in _methods(value))


def _methods(kind: type) -> Iterator[str]:
    for name, value in vars(kind).items():
        plain = value.__func__ if isinstance(value, staticmethod) else value
        given = len(inspect.signature(plain).parameters) if inspect.isfunction(plain) else 0
        if not name.startswith("_") and given > (not isinstance(value, staticmethod)):
            yield name
