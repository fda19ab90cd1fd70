"""Feeds of every format, built in code."""

import json
from dataclasses import dataclass
from xml.sax.saxutils import escape


@dataclass
class Post:
    """An article, as a feed announces it."""

    name: str
    title: str
    content: str = ""
    """HTML; the whole article."""
    summary: str = ""
    day: int = 1
    link: str = ""
    author: str = "Ann Author"
    category: str = ""

    def address(self, base: str) -> str:
        return self.link or f"{base}/{self.name}"


def paragraphs(*texts: str) -> str:
    return "".join(f"<p>{text}</p>" for text in texts)


def story(subject: str, sentences: int = 6) -> str:
    """An article long enough to be taken for whole."""
    return paragraphs(
        *(
            f"The {subject} came by in the morning, and it had the number {n} on its side. Nobody asked it why."
            for n in range(sentences)
        )
    )


def article_page(title: str, body: str) -> str:
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>{escape(title)}</title></head><body><nav><a href="/">Home page</a></nav>'
        f"<main><article><h1>{escape(title)}</h1>{body}</article></main><footer>All rights reserved</footer></body></html>"
    )


def rss(title: str, posts: list[Post], base: str, *, version: str = "2.0", encoding: str = "utf-8") -> bytes:
    items = "".join(
        f'<item><title>{escape(p.title)}</title><link>{p.address(base)}</link><guid isPermaLink="false">{p.name}</guid>'
        f"<pubDate>{p.day:02d} Nov 2026 08:00:00 GMT</pubDate><author>a@example.org ({escape(p.author)})</author>"
        + (f"<category>{escape(p.category)}</category>" if p.category else "")
        + f"<description>{escape(p.summary or p.content[:60])}</description>"
        + (f"<content:encoded><![CDATA[{p.content}]]></content:encoded>" if p.content else "")
        + "</item>"
        for p in posts
    )
    return (
        f'<?xml version="1.0" encoding="{encoding}"?><rss version="{version}" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f"<channel><title>{escape(title)}</title><link>{base}/</link><language>en</language><description>About {escape(title)}</description>{items}</channel></rss>"
    ).encode(encoding)


def rss_091(title: str, posts: list[Post], base: str) -> bytes:
    items = "".join(
        f"<item><title>{escape(p.title)}</title><link>{p.address(base)}</link><description>{escape(p.summary)}</description></item>"
        for p in posts
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">'
        f'<rss version="0.91"><channel><title>{escape(title)}</title><link>{base}/</link><description>x</description><language>en-us</language>{items}</channel></rss>'
    ).encode()


def rdf(title: str, posts: list[Post], base: str) -> bytes:
    """RSS 1.0."""
    items = "".join(
        f'<item rdf:about="{p.address(base)}"><title>{escape(p.title)}</title><link>{p.address(base)}</link>'
        f"<dc:date>2026-11-{p.day:02d}T08:00:00Z</dc:date><description>{escape(p.summary)}</description>"
        f"<content:encoded><![CDATA[{p.content}]]></content:encoded></item>"
        for p in posts
    )
    return (
        '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">'
        f'<channel rdf:about="{base}/"><title>{escape(title)}</title><link>{base}/</link><description>x</description></channel>{items}</rdf:RDF>'
    ).encode()


def atom(title: str, posts: list[Post], base: str) -> bytes:
    entries = "".join(
        f'<entry><title>{escape(p.title)}</title><id>tag:example.org,2026:{p.name}</id><link href="{p.address(base)}"/>'
        f"<updated>2026-11-{p.day:02d}T08:00:00Z</updated><published>2026-11-{p.day:02d}T08:00:00Z</published><author><name>{escape(p.author)}</name></author>"
        f'<summary>{escape(p.summary)}</summary><content type="html">{escape(p.content)}</content></entry>'
        for p in posts
    )
    return (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>{escape(title)}</title>'
        f'<id>{base}/</id><link href="{base}/"/><updated>2026-11-20T08:00:00Z</updated>{entries}</feed>'
    ).encode()


def json_feed(title: str, posts: list[Post], base: str) -> bytes:
    items = [
        {
            "id": p.name, "url": p.address(base), "title": p.title, "content_html": p.content, "summary": p.summary,
            "date_published": f"2026-11-{p.day:02d}T08:00:00Z", "authors": [{"name": p.author}],
        }
        for p in posts
    ]  # fmt: skip
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": title, "home_page_url": base, "items": items}
    return json.dumps(feed).encode()
