"""A site on loopback with a feed: an article that stands in it whole, one that is only begun, one that is gone."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHOLE = "<p>A whole article stands in the feed itself, with all that it has to say about gulls and boats.</p>" * 20
PAGE = (
    "<html><head><title>Short</title></head><body><nav>menu menu menu</nav><article><h1>Short</h1>"
    + "<p>The whole text is only on the page, where the feed has but its first few words to offer.</p>" * 8
    + "</article><footer>imprint</footer></body></html>"
)
RSS = """<?xml version="1.0"?><rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>
<title>Harbour &amp; News</title><link>{base}/</link>
<item><title>Whole</title><guid>one</guid><link>{base}/one</link><pubDate>Mon, 02 Nov 2026 08:00:00 GMT</pubDate>
<author>Ann Author</author><content:encoded><![CDATA[{whole}<script>alert(1)</script>]]></content:encoded></item>
<item><title>Short</title><guid>two</guid><link>{base}/two</link><description>The whole text</description></item>
<item><title>Gone</title><guid>three</guid><link>{base}/gone</link><description>Nothing</description></item>
</channel></rss>"""


def serve_site() -> Iterator[str]:
    class Site(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            base = f"http://127.0.0.1:{self.server.server_address[1]}"  # type: ignore[attr-defined]
            home = '<html><head><link rel="alternate" type="application/rss+xml" href="/feed"></head><body>Home</body></html>'
            bodies = {"/": home, "/feed": RSS.format(base=base, whole=WHOLE), "/two": PAGE, "/page": PAGE}
            self.send_response(200 if self.path in bodies else 404)
            self.send_header("Content-Type", "application/rss+xml" if self.path == "/feed" else "text/html")
            self.end_headers()
            self.wfile.write(bodies.get(self.path, "").encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
