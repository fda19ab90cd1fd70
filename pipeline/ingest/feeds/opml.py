"""OPML 2.0, the list of feeds that readers exchange -> addresses and titles, and back."""

from collections.abc import Sequence

from lxml import etree

from pipeline.errors import DamagedDocument
from pipeline.ingest.documents.plain_line import plain_line


def parse_opml(data: bytes, *, name: str) -> list[tuple[str, str]]:
    """Address and title of every feed in the list, in its order, each once, whatever folders they stand in.

    Raises:
        DamagedDocument: no OPML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, recover=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _no_opml(name) from error
    if root is None or str(root.tag).lower() != "opml":
        raise _no_opml(name)
    feeds: dict[str, str] = {}
    for outline in root.iter("outline"):
        values = {key.lower(): value.strip() for key, value in outline.attrib.items()}
        address = values.get("xmlurl", "")
        if address.startswith("feed://"):
            address = "http://" + address.removeprefix("feed://")
        if address.startswith(("http://", "https://")):
            feeds.setdefault(address, plain_line(values.get("title") or values.get("text", "")))
    return list(feeds.items())


def _no_opml(name: str) -> DamagedDocument:
    return DamagedDocument(f"{name} is not an OPML file", path=name, remedy="export the list again from the reader")


def write_opml(feeds: Sequence[tuple[str, str, str]]) -> bytes:
    """The list of these feeds: address, title and site of each."""
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = "Feeds of Bookcast"
    body = etree.SubElement(root, "body")
    for address, title, site in feeds:
        outline = etree.SubElement(body, "outline", type="rss", text=title, title=title, xmlUrl=address)
        if site:
            outline.set("htmlUrl", site)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))
