"""An item of a feed, or a web address -> a document with its article, as it is to be spoken."""

from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from pipeline.errors import EmptyDocument
from pipeline.ingest.articles.article_document import article_document
from pipeline.ingest.articles.article_of_item import article_of_item, is_whole, with_item
from pipeline.ingest.articles.article_pages import find_next_page, join_pages
from pipeline.ingest.articles.parse_article import Article, parse_article
from pipeline.ingest.articles.read_pages import Page, body_text, read_pages
from pipeline.ingest.http.fetch import Fetched, Known
from pipeline.model.syndication.feed import FeedItem
from pipeline.model.text import Block, BlockKind
from pipeline.narration.core.context import Context
from pipeline.narration.reading.ask_site import MAX_PAGE_BYTES, ask_site
from pipeline.narration.reading.parse_apart import Read, read_here
from pipeline.store.records.feed_rows import StoredFeed
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
    return ArticleRead(data=data, text=body_text(article.body), picture=article.picture, known=found)


def read_page(context: Context, fetched: Fetched, read: Read = read_here) -> ArticleRead:
    """The article of a fetched page, under its title, without introduction; `read` says where it is read.

    Raises:
        EmptyDocument, DocumentError.
    """
    _check_page(fetched)
    articles, url, pages = context.settings.articles, fetched.url, [Page(fetched.data, fetched.url)]
    rules, phrases_of = articles.rules, articles.phrases_of
    found = read(read_pages, pages, url=url, rules=rules, phrases_of=phrases_of)
    following = found.following
    while following and len(pages) < MAX_PAGES:
        page = ask_site(context, following, max_bytes=MAX_PAGE_BYTES)
        pages.append(Page(page.data, page.url))
        following = read(find_next_page, page.data, url=page.url)
    if len(pages) > 1:
        found = read(read_pages, pages, url=url, rules=rules, phrases_of=phrases_of)
    return ArticleRead(data=found.data, text=found.text, picture=found.picture, known=fetched.known)


def _read_pages(context: Context, fetched: Fetched) -> Article:
    """The article with all of its pages. Raises: EmptyDocument, DocumentError."""
    _check_page(fetched)
    pages = [parse_article(fetched.data, url=fetched.url)]
    while len(pages) < MAX_PAGES and (following := find_next_page(fetched.data, url=fetched.url)):
        fetched = ask_site(context, following, max_bytes=MAX_PAGE_BYTES)
        pages.append(parse_article(fetched.data, url=fetched.url))
    return join_pages(pages)


def _check_page(fetched: Fetched) -> None:
    if fetched.media_type not in _HTML:
        raise EmptyDocument(f"{fetched.url} is no page but {fetched.media_type}", path=fetched.url)


def _language(article: Article, feed: StoredFeed) -> str:
    """As a person chose it for the feed, else as the text is, else as page or feed say."""
    text = body_text(article.body)[:1000]
    stated = article.language or feed.facts.language
    found = block_language(Block(BlockKind.PARAGRAPH, text, language=stated))
    return feed.options.language or (stated if stated.lower().startswith(found) else found)


def _site(article: Article, feed: StoredFeed) -> str:
    """The site's name; its address is none that anybody would say."""
    host = urlsplit(article.url).netloc.lower()
    return feed.title if article.site.lower() in {"", host, host.removeprefix("www.")} else article.site


def _document(context: Context, article: Article, *, series: str) -> bytes:
    articles = context.settings.articles
    return article_document(article, articles.rules, articles.phrases_of(article.language), series=series)
