"""An item of a feed, or a web address -> a document with its article, as it is to be spoken."""

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pipeline.errors import EmptyDocument
from pipeline.ingest.article import (
    Article,
    article_of_item,
    find_next_page,
    is_whole,
    join_pages,
    parse_article,
    with_item,
)
from pipeline.ingest.article_document import article_document
from pipeline.ingest.fetch import Fetched, Known
from pipeline.ingest.plain import plain_line
from pipeline.model.article import Phrases
from pipeline.model.feed import FeedItem
from pipeline.model.text import Block, BlockKind
from pipeline.stages.ask_site import MAX_PAGE_BYTES, ask_site
from pipeline.stages.context import Context
from pipeline.store.feeds import StoredFeed
from pipeline.text.language import block_language

MAX_PAGES = 20
SUMMARY_CHARS = 300
_HTML = {"text/html", "application/xhtml+xml", ""}


@dataclass(frozen=True, slots=True)
class ArticleRead:
    """An article, ready to be imported."""

    data: bytes
    """HTML."""
    text: str
    """Plain."""
    picture: str
    """Address of its lead picture, or empty."""
    known: Known = field(default=Known())
    """What its page said of itself."""

    @property
    def beginning(self) -> str:
        """What shows what it is about."""
        return self.text[:SUMMARY_CHARS].rpartition(" ")[0] + " …" if len(self.text) > SUMMARY_CHARS else self.text


def read_item(context: Context, feed: StoredFeed, item: FeedItem, known: Known | None = None) -> ArticleRead | None:
    """The article of a feed's item: from the feed where it is there whole, else from its page.

    Args:
        context: the open data directory.
        feed: the item's.
        item: as the feed has it.
        known: what the page said of itself when it was read last.

    Returns:
        The article, or None where its page has not changed since.

    Raises:
        EmptyDocument: there is nothing to narrate; a reason for people.
        DocumentError
    """
    if is_whole(item):
        article, found = article_of_item(item), Known()
    else:
        fetched = ask_site(context, item.link, max_bytes=MAX_PAGE_BYTES, known=known)
        if fetched.is_unchanged:
            return None
        article, found = with_item(_read_pages(context, fetched), item), fetched.known
    article = replace(article, language=_language(article, feed), site=_site(article, feed))
    data = _document(context, article, series=feed.title)
    return ArticleRead(data, _text(article), article.picture, found)


def read_page(context: Context, fetched: Fetched) -> ArticleRead:
    """The article of a fetched page, under its title, without introduction. Raises: DocumentError."""
    article = _read_pages(context, fetched)
    data = _document(context, article, introduced=False)
    return ArticleRead(data, _text(article), article.picture, fetched.known)


def _read_pages(context: Context, fetched: Fetched) -> Article:
    """The article with all of its pages. Raises: EmptyDocument, DocumentError."""
    if fetched.media_type not in _HTML:
        raise EmptyDocument(f"{fetched.url} is no page but {fetched.media_type}", path=fetched.url)
    pages = [parse_article(fetched.data, url=fetched.url)]
    while len(pages) < MAX_PAGES and (following := find_next_page(fetched.data, url=fetched.url)):
        fetched = ask_site(context, following, max_bytes=MAX_PAGE_BYTES)
        pages.append(parse_article(fetched.data, url=fetched.url))
    return join_pages(pages)


def _language(article: Article, feed: StoredFeed) -> str:
    """As a person chose it for the feed, else as the text is, else as page or feed say."""
    text = _text(article)[:1000]
    stated = article.language or feed.facts.language
    found = block_language(Block(BlockKind.PARAGRAPH, text, language=stated))
    return feed.options.language or (stated if stated.lower().startswith(found) else found)


def _text(article: Article) -> str:
    return " ".join(plain_line(text) for text in article.body.itertext() if text.strip())


def _site(article: Article, feed: StoredFeed) -> str:
    """The site's name; its address is none that anybody would say."""
    host = urlsplit(article.url).netloc.lower()
    return feed.title if article.site.lower() in {"", host, host.removeprefix("www.")} else article.site


def _document(context: Context, article: Article, *, series: str = "", introduced: bool = True) -> bytes:
    articles = context.settings.articles
    phrases: Phrases = articles.phrases_of(article.language)
    if not introduced:
        phrases = replace(phrases, introduction="", ending="")
    return article_document(article, articles.rules, phrases, series=series)
