"""A fetched web page -> a document that can be read: the article without what stands around it."""

import html
import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

import trafilatura

from pipeline.errors import EmptyDocument
from pipeline.ingest.fetch import Fetched

_SUFFIX_OF = {
    "application/epub+zip": ".epub",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "application/xhtml+xml": ".html",
    "text/html": ".html",
}


def extract_document(fetched: Fetched) -> tuple[str, bytes]:
    """Name and bytes of the document: HTML with the article alone, everything else as it came.

    Raises:
        EmptyDocument: the page holds no article.
    """
    name = _name(fetched)
    if not name.endswith((".html", ".htm", ".xhtml")):
        return name, fetched.data
    text = trafilatura.utils.decode_file(fetched.data)
    body = trafilatura.extract(
        text, url=fetched.url, output_format="html", include_comments=False, include_formatting=True
    )
    if not body:
        raise EmptyDocument(
            f"{fetched.url} holds no article", path=fetched.url, remedy="save the page and give the file"
        )
    facts = trafilatura.extract_metadata(text, default_url=fetched.url)
    title = (facts.title if facts else "") or name.rsplit(".", 1)[0]
    author = (facts.author if facts else "") or ""
    description = (facts.description if facts else "") or ""
    inner = re.sub(r"</?(?:html|body)[^>]*>", "", body)
    head = (
        f"<title>{html.escape(title)}</title>"
        f'<meta name="author" content="{html.escape(author)}"/>'
        f'<meta name="description" content="{html.escape(description)}"/>'
    )
    opening = "" if re.search(r"<h1", inner) else f"<h1>{html.escape(title)}</h1>"
    return name, f"<html><head>{head}</head><body>{opening}{inner}</body></html>".encode()


def _name(fetched: Fetched) -> str:
    path = PurePosixPath(unquote(urlsplit(fetched.url).path))
    suffix = _SUFFIX_OF.get(fetched.media_type, path.suffix.lower() or ".html")
    return f"{path.stem or urlsplit(fetched.url).hostname or 'page'}{suffix}"
