"""How articles are spoken: what is said around them, and what of them is read, summed up or left out."""

from dataclasses import dataclass
from typing import Literal

Treatment = Literal["read", "summary", "skip"]


@dataclass(frozen=True, slots=True)
class Phrases:
    """What is said in one language.

    Fields stand in braces; a part in square brackets is left out when a field in it is empty.
    """

    introduction: str = ""
    """title, author, site, date."""
    ending: str = ""
    """The same."""
    table: str = ""
    """columns, rows; a table without a phrase is left out where it is to be summed up, and so with the others."""
    code: str = ""
    """lines."""
    caption: str = ""
    """text."""
    address: str = ""
    """host."""


@dataclass(frozen=True, slots=True)
class SpokenRules:
    """How the parts of an article are treated that are no running text."""

    tables: Treatment = "summary"
    code: Treatment = "summary"
    captions: Treatment = "read"
    addresses: Treatment = "summary"
    """Web addresses of more than `LONG_ADDRESS_CHARS` that stand in the text."""


LONG_ADDRESS_CHARS = 30
DEFAULT_PHRASES: dict[str, Phrases] = {
    "en": Phrases(
        introduction="{title}.[ By {author}.][ {site}][, {date}].",
        ending="",
        table="A table with {columns} columns and {rows} rows.",
        code="A piece of code with {lines} lines.",
        caption="A picture: {text}",
        address="a link to {host}",
    ),
    "zh": Phrases(
        introduction="{title}。[作者：{author}。][{site}][，{date}]。",
        table="表格，{columns}列，{rows}行。",
        code="代码，共{lines}行。",
        caption="图片：{text}",
        address="{host}的链接",
    ),
    "de": Phrases(
        introduction="{title}.[ Von {author}.][ {site}][, {date}].",
        table="Eine Tabelle mit {columns} Spalten und {rows} Zeilen.",
        code="Programmtext mit {lines} Zeilen.",
        caption="Ein Bild: {text}",
        address="ein Link zu {host}",
    ),
    "*": Phrases(introduction="{title}.[ {author}.][ {site}][, {date}].", caption="{text}", address="{host}"),
}
"""By language; `*` for those that are not named."""
