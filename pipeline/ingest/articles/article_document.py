"""An article and the rules of speaking -> an HTML document: introduction, text and ending, ready to be read.

What the rules leave out stays in the document, marked with the reason why it is not spoken.
"""

import re
from copy import deepcopy
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

from pipeline.extras import needing
from pipeline.ingest.articles.canonical_link import MAX_ADDRESS_CHARS
from pipeline.ingest.articles.parse_article import Article
from pipeline.ingest.documents.markup import SKIP_ATTRIBUTE, local_name
from pipeline.ingest.documents.plain_line import plain_line
from pipeline.model.syndication.article import LONG_ADDRESS_CHARS, Phrases, SpokenRules, Treatment

_ADDRESS = re.compile(r"\b(?:https?://|www\.)[^\s<>\"”’)\]]*[\w/]", re.IGNORECASE)
_PART = re.compile(r"\[([^\[\]]*)\]")
_FIELD = re.compile(r"\{(\w+)\}")
_DOUBLE_STOP = re.compile(r"([.!?。！？…])[.。]")


def article_document(article: Article, rules: SpokenRules, phrases: Phrases, *, series: str = "") -> bytes:
    """The document, UTF-8.

    Args:
        article: as read.
        rules: how tables, code, captions and addresses are treated.
        phrases: in the article's language; an empty introduction leaves the title as its heading.
        series: what the document belongs to, or empty.
    """
    html = etree.Element("html", {"lang": article.language} if article.language else {})
    html.append(_head(article, series))
    body = etree.SubElement(html, "body")
    facts = _facts(article)
    introduction = fill(phrases.introduction, facts)
    text = deepcopy(article.body)
    _set_title(text, article.title, is_said="{title}" in phrases.introduction)
    if introduction:
        etree.SubElement(body, "p").text = introduction
    _treat(text, rules, phrases)
    body.extend(list(text)) if not (text.text or "").strip() else body.append(_as_div(text))
    if ending := fill(phrases.ending, facts):
        etree.SubElement(body, "p").text = ending
    return bytes(etree.tostring(html, encoding="UTF-8", method="xml"))


def fill(phrase: str, facts: dict[str, str]) -> str:
    """The phrase with its fields filled in.

    >>> fill("{title}.[ By {author}.][ {site}][, {date}].", {"title": "Why?", "site": "The Post"})
    'Why? The Post.'
    """

    def part(match: re.Match[str]) -> str:
        return match[1] if all(facts.get(name) for name in _FIELD.findall(match[1])) else ""

    text = _FIELD.sub(lambda m: facts.get(m[1], ""), _PART.sub(part, phrase))
    return " ".join(_DOUBLE_STOP.sub(r"\1", text).split())


def _facts(article: Article) -> dict[str, str]:
    return {
        "title": article.title,
        "author": article.author,
        "site": article.site,
        "date": say_date(article.published, article.language),
    }


def say_date(published: str, language: str) -> str:
    """An ISO 8601 date or moment as it is written out in that language; empty for none. Raises: MissingExtra.

    >>> say_date("2026-11-02T08:00:00Z", "de"), say_date("2026-11-02", "en-GB")
    ('2. November 2026', '2 November 2026')
    """
    try:
        day = date.fromisoformat(published[:10])
    except ValueError:
        return ""
    with needing("feeds"):
        from babel import UnknownLocaleError
        from babel.dates import format_date
    for locale in (language.replace("-", "_"), language.partition("-")[0], "en"):
        try:
            return str(format_date(day, "long", locale=locale))
        except (UnknownLocaleError, ValueError):
            continue
    return day.isoformat()


def _head(article: Article, series: str) -> Any:
    head = etree.Element("head")
    etree.SubElement(head, "title").text = article.title
    values = {
        "author": article.author,
        "description": article.summary,
        "date": article.published,
        "publisher": article.site,
        "belongs-to-collection": series,
        "identifier": article.url,
        "picture": article.picture,
    }
    for name, value in values.items():
        if value:
            etree.SubElement(head, "meta", name=name, content=value)
    return head


def _set_title(body: Any, title: str, *, is_said: bool) -> None:
    """The heading that repeats the title is spoken once: in the introduction, else as the heading."""
    first = next((e for e in body.iter() if re.fullmatch("h[1-6]", local_name(e))), None)
    own = first is not None and _folded(str(first.xpath("string()"))) == _folded(title)
    if first is not None and own and is_said:
        first.set(SKIP_ATTRIBUTE, "title, said in the introduction")
    elif not own and not is_said:
        heading = etree.Element("h1")
        heading.text = title
        heading.tail, body.text = body.text, None
        body.insert(0, heading)


def _folded(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


def _as_div(body: Any) -> Any:
    body.tag = "div"
    return body


def _treat(body: Any, rules: SpokenRules, phrases: Phrases) -> None:
    for element in _outermost(body, "table") if rules.tables != "read" else ():
        rows = [row for row in element.iter("tr") if any(plain_line(text) for text in row.itertext())]
        columns = max((len(row) for row in rows), default=0)
        _apply(element, rules.tables, phrases.table, {"columns": str(columns), "rows": str(len(rows))}, "table")
    for element in list(body.iter("pre")):
        lines = len([line for line in str(element.xpath("string()")).splitlines() if line.strip()])
        _apply(element, rules.code, phrases.code, {"lines": str(lines)}, "code")
        if rules.code == "read":
            element.tag = "p"
    for element in _outermost(body, "figcaption") if rules.captions != "read" else ():
        text = plain_line(str(element.xpath("string()")))
        _apply(element, rules.captions, phrases.caption, {"text": text}, "caption")
    for element in list(body.iter()):
        if isinstance(element.tag, str):
            _treat_addresses(element, rules.addresses, phrases)


def _outermost(body: Any, tag: str) -> list[Any]:
    """The elements of that name that are not in another one."""
    found: list[Any] = []
    depth = 0
    for event, element in etree.iterwalk(body, events=("start", "end"), tag=tag):
        if event == "start" and depth == 0:
            found.append(element)
        depth += 1 if event == "start" else -1
    return found


def _apply(element: Any, treatment: Treatment, phrase: str, facts: dict[str, str], reason: str) -> None:
    """Sum up in a sentence, which is spoken instead, or leave out."""
    if treatment == "read":
        return
    if treatment == "summary" and (said := fill(phrase, facts)):
        summary = etree.Element("p")
        summary.text = said
        element.addprevious(summary)
    element.set(SKIP_ATTRIBUTE, reason)


def _treat_addresses(element: Any, treatment: Treatment, phrases: Phrases) -> None:
    """Addresses in running text; one that is read is said with its signs."""

    def say(match: re.Match[str]) -> str:
        address = match[0]
        if len(address) <= LONG_ADDRESS_CHARS or treatment == "skip":
            return "" if treatment == "skip" and len(address) > LONG_ADDRESS_CHARS else address
        if treatment == "read":
            return re.sub(r"[/?&=_#-]+", " ", re.sub(r"^https?://", "", address)).strip()
        return fill(phrases.address, {"host": _host(address)})

    if element.text:
        element.text = _ADDRESS.sub(say, element.text)
    for child in element:
        if child.tail:
            child.tail = _ADDRESS.sub(say, child.tail)


def _host(address: str) -> str:
    """The server in an address as it is written in a text, with or without its scheme; empty where there is none."""
    start = address[:MAX_ADDRESS_CHARS]
    try:
        return (urlsplit(start if "://" in start else f"//{start}").hostname or "").removeprefix("www.")
    except ValueError:
        return ""
