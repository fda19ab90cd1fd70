"""The fetched pages of one article -> a document with it; neither asks a site, so that it can be done anywhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lxml import etree

from pipeline.ingest.articles.article_document import article_document
from pipeline.ingest.articles.article_pages import find_next_page, join_pages
from pipeline.ingest.articles.parse_article import parse_article
from pipeline.ingest.documents.plain_line import plain_line
from pipeline.model.syndication.article import Phrases, SpokenRules


@dataclass(frozen=True, slots=True)
class Page:
    """A page as fetched."""

    data: bytes
    url: str


@dataclass(frozen=True, slots=True)
class PagesRead:
    """The article of some pages."""

    data: bytes
    """HTML, under the article's title, without introduction."""
    text: str
    """Plain."""
    picture: str
    """Address of its lead picture, or empty."""
    following: str
    """Address of the page after the last of them, or empty."""


def read_pages(
    pages: Sequence[Page], *, url: str, rules: SpokenRules, phrases_of: Callable[[str], Phrases]
) -> PagesRead:
    """The article of pages.

    Args:
        pages: in their order.
        url: of the first, for messages of those who call this in another process.
        rules: how tables, code, captions and addresses are treated.
        phrases_of: what is said instead of them, by language.

    Raises:
        EmptyDocument: they hold none, or only the beginning of one that has to be paid for.
        DamagedDocument, DocumentTooLarge: they cannot be read.
        MissingExtra
    """
    article = join_pages([parse_article(page.data, url=page.url) for page in pages])
    phrases = replace(phrases_of(article.language), introduction="", ending="")
    return PagesRead(
        data=article_document(article, rules, phrases),
        text=body_text(article.body),
        picture=article.picture,
        following=find_next_page(pages[-1].data, url=pages[-1].url),
    )


def body_text(body: etree._Element) -> str:
    """The text of an article, plain, in one line."""
    return " ".join(plain_line(text) for text in body.itertext() if text.strip())
