"""An item of a feed -> the article that it holds, or what it knows of the one on its page."""

import re
from dataclasses import replace
from typing import Any

from pipeline.ingest.articles.article_tree import drop_trees, prune_junk
from pipeline.ingest.articles.parse_article import Article, no_article, parse_page
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.documents.plain_line import plain_text
from pipeline.model.syndication.feed import FeedItem

_CUT = re.compile(r"(\[?(…|\.\.\.)\]?|(read more|read on|continue reading|weiterlesen)\W*)$", re.IGNORECASE)
_WHOLE_CHARS = 400
_LONG_SUMMARY_CHARS = 1_500


def article_of_item(item: FeedItem) -> Article:
    """The article as far as the feed holds it. Raises: EmptyDocument, DamagedDocument."""
    root = parse_page(f"<html><body>{item.content}</body></html>".encode(), url=item.link or item.guid)
    body = root.find("body")
    if body is None:
        raise no_article(item.link or item.guid)
    prune_junk(body)
    drop_trees(e for e in body.iter() if local_name(e) in {"script", "style", "form", "iframe", "nav", "button"})
    return with_item(Article(item.title, body), item)


def with_item(article: Article, item: FeedItem) -> Article:
    """The article with what the feed knows of it, which stands before what the page says of itself."""
    known: dict[str, Any] = {
        "title": item.title,
        "author": item.author,
        "published": item.published,
        "summary": item.summary,
        "picture": article.picture or item.picture,
        "url": item.link,
    }
    return replace(article, **{key: value for key, value in known.items() if value})


def is_whole(item: FeedItem) -> bool:
    """True where the feed holds the whole article, so that its page need not be fetched."""
    text = plain_text(item.content)
    if _CUT.search(text[-40:]) or not text:
        return not item.link and bool(text)
    return not item.link or len(text) >= (_WHOLE_CHARS if item.is_whole else _LONG_SUMMARY_CHARS)
