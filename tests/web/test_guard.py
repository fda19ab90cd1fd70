"""Who is not let in: foreign names, foreign pages, other machines without the token, bodies without end."""

import json
import re
import socket
import stat
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from pipeline.cli.studio.studio_token import make_token, read_token, token_file
from pipeline.errors import DocumentError
from pipeline.ingest.http.addresses import is_public
from pipeline.ingest.http.fetch import fetch
from pipeline.settings import StudioSettings
from pipeline.web.server.guard import access_of
from tests.conftest import make_settings
from tests.program import bookcast
from tests.web.conftest import TOKEN, Studio, own_access

Make = Callable[..., Studio]
HTML = {"Accept": "text/html"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost@evil.example"]
)
@pytest.mark.parametrize("path", ["/", "/api/books", "/v1/models", "/static/studio.js"])
def test_a_foreign_name_that_points_here_opens_nothing(open_studio: Studio, host: str, path: str) -> None:
    answer = open_studio.client.get(path, headers={"Host": host})
    assert answer.status_code in {400, 403}
    assert "Library" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/new", "/api/texts", "/v1/audio/speech", "/settings/doctor"])
def test_pages_of_other_sites_change_nothing(open_studio: Studio, path: str, headers: dict[str, str]) -> None:
    before = open_studio.client.get("/api/books").json()["total"]
    answer = open_studio.client.post(path, data={"title": "x", "text": "Words."}, headers=headers)
    assert answer.status_code == 403
    assert open_studio.client.get("/api/books").json()["total"] == before


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pages_of_other_sites_neither_hold_what_stands_here_nor_let_it_speak(open_studio: Studio, site: str) -> None:
    held = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
    link = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
    for path in ("/", "/api/books", "/openapi.json", "/static/studio.js", "/media/audition?backend=tone"):
        assert open_studio.client.get(path, headers=held).status_code == 403, path
    assert open_studio.client.get("/", headers=link).status_code == 200
    assert open_studio.client.get("/media/audition?backend=tone", headers=link).status_code == 403


def test_the_own_page_and_programs_are_let_in(make_studio: Make) -> None:
    studio = make_studio()
    form = {"title": "x", "text": "Words."}
    own = {"Origin": studio.url, "Sec-Fetch-Site": "same-origin"}
    assert studio.client.post("/new", data=form, headers=own).status_code == 303
    assert studio.client.post("/new", data=form).status_code == 303


def test_everybody_needs_the_token_and_gets_in_by_the_link(make_studio: Make) -> None:
    studio = make_studio()
    ask = studio.stranger
    for path in ("/", "/api/books", "/media/books/x/cover", "/openapi.json", "/static/studio.css", "/health"):
        assert ask.get(path).status_code == 401, path
        assert ask.get(path, headers={"Authorization": "Bearer wrong"}).status_code == 401, path
    assert ask.get("/api/books", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert ask.get("/v1/models").json()["error"]["code"] == "invalid_api_key"
    assert ask.get("/v1/models", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200
    assert ask.get("/?token=wrong").status_code == 401
    link = ask.get(f"/?q=sea&token={TOKEN}")
    assert (link.status_code, link.headers["location"]) == (303, "/?q=sea")
    assert {"HttpOnly", "SameSite=lax"} <= {part.strip() for part in link.headers["set-cookie"].split(";")}
    assert ask.get("/").status_code == 200, "by the cookie"
    away = httpx.get(f"{studio.url}//evil.example/?token={TOKEN}", trust_env=False)
    assert away.headers["location"] == "/"


def test_no_studio_is_open_to_all() -> None:
    with pytest.raises(ValueError, match="token"):
        access_of("127.0.0.1", token="")


def test_studios_at_two_ports_of_a_machine_do_not_log_each_other_out(make_studio: Make) -> None:
    one, other = make_studio(), make_studio(access=access_of("127.0.0.1", token="u" * 43), name="other")
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:  # cookies of a host are sent to all its ports
        for studio in (one, other, one, other):
            assert browser.get(studio.link).status_code == 200
        for studio in (one, other):
            assert browser.get(studio.url).status_code == 200


def test_the_page_without_a_login_says_in_a_sentence_where_to_get_one(open_studio: Studio) -> None:
    page = open_studio.stranger.get("/feeds", headers=HTML)
    assert page.status_code == 401
    (said,) = re.findall(r'role="alert">([^<]+)<', page.text)
    assert "`bookcast up` shows in its terminal" in said
    assert "t" * 43 not in page.text


def test_the_token_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    assert make_token(tmp_path)
    token = read_token(tmp_path)
    assert not make_token(tmp_path)
    assert read_token(tmp_path) == token
    assert stat.S_IMODE(token_file(tmp_path).stat().st_mode) == 0o600
    shown = bookcast("--data", str(tmp_path), "up", "--host", "0.0.0.0", "--port", "9000", "--show-link")
    local, remote = shown.stdout.split()
    assert local == f"http://127.0.0.1:9000/?token={token}"
    assert remote == f"http://{socket.gethostname()}:9000/?token={token}"
    known = bookcast("--data", str(tmp_path), "up", "--show-link", "--json")
    assert json.loads(known.stdout) == {"link": f"http://127.0.0.1:8750/?token={token}", "token": token}
    token_file(tmp_path).chmod(0o644)  # as a backup that was copied back
    assert not make_token(tmp_path)
    assert stat.S_IMODE(token_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize("path", ["/", "/new", "/nowhere", "/api/books", "/openapi.json", "/static/studio.css"])
def test_every_answer_forbids_content_of_other_hosts(open_studio: Studio, path: str) -> None:
    headers = open_studio.client.get(path, headers=HTML).headers
    policy = headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert "frame-ancestors 'none'" in policy


def test_pages_and_styles_name_no_other_host() -> None:
    folder = Path(__file__).parents[2] / "pipeline" / "web"
    for path in [*(folder / "templates").iterdir(), *(folder / "static").iterdir()]:
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "").replace('placeholder="https://"', "")
        assert "http" not in text.replace("httpx", ""), path.name


@pytest.mark.parametrize(
    "path",
    [
        "/media/books/a-book/files/..%2f..%2f..%2fbookcast.db",
        "/media/books/a-book/files/%2e%2e%2f%2e%2e%2fbookcast.db",
        "/media/books/..%2f..%2f/cover",
        "/media/books/a-book/files/%2fetc%2fpasswd",
        "/media/clips/..%2f..%2fbookcast.db",
        "/media/clips/" + "../" * 6 + "etc/passwd",
        "/static/..%2f..%2fapp.py",
        "/static/%2e%2e/%2e%2e/app.py",
        "/static//etc/passwd",
    ],
)
def test_nothing_outside_the_library_can_be_reached(open_studio: Studio, path: str) -> None:
    studio = open_studio
    studio.client.post("/new", data={"title": "A Book", "text": "Words."})
    with socket.create_connection(("127.0.0.1", int(studio.url.rpartition(":")[2])), 5) as line:  # unfolded
        login = f"Authorization: Bearer {TOKEN}"
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{login}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while piece := line.recv(65_536):
            answer += piece
    assert answer.split()[1] in {b"404", b"400"}, answer[:200]
    assert b"root:" not in answer
    assert b"SQLite format" not in answer
    assert b"FastAPI" not in answer


def test_uploads_are_bounded_in_size_and_kind(make_studio: Make, tmp_path: Path) -> None:
    studio = make_studio(access=own_access(max_upload_mb=1))
    big = {"file": ("big.txt", b"word " * 300_000)}
    assert studio.client.post("/api/documents", files=big).status_code == 413
    assert studio.client.post("/new", files={"files": ("big.txt", b"word " * 300_000)}).status_code == 413
    for name, data in (
        ("x.exe", b"MZ\x90\x00\x00"),
        ("x.epub", b"PK\x03\x04rubbish"),
        ("x.txt", b"\x00\x01\x02binary"),
        ("x.txt", b""),
        ("x.html", b"<html></html>"),
    ):
        answer = studio.client.post("/api/documents", files={"file": (name, data)})
        assert answer.status_code == 400, (name, answer.text)
        assert "Traceback" not in answer.text
    assert studio.client.get("/api/books").json()["total"] == 0
    named = studio.client.post("/api/documents", files={"file": ("../../../etc/x.txt", b"Some words here.")})
    assert named.status_code == 201
    assert not list(tmp_path.rglob("etc"))


def test_a_body_that_is_longer_than_it_says_or_never_ends_is_cut(make_studio: Make) -> None:
    studio = make_studio(access=own_access(max_upload_mb=1))

    def endless() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="x.txt"\r\n\r\n'
        for _ in range(64):
            yield b"x" * 100_000

    try:
        answer = studio.client.post(
            "/api/documents", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
        )
        assert answer.status_code == 413
    except httpx.WriteError:
        pass  # the line was cut while it was still coming
    assert studio.client.get("/health").status_code == 200


class _Web(BaseHTTPRequestHandler):
    target = ""

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/away" else 200)
        if self.path == "/away":
            self.send_header("Location", self.target)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        if self.path == "/huge":
            for _ in range(50):
                self.wfile.write(b"<p>word</p>" * 10_000)
            return
        text = "<p>Seven hungry gulls sat on the harbour wall and waited for the boats to come home.</p>" * 6
        self.wfile.write(f"<html><title>Gulls</title><article><h1>Gulls</h1>{text}</article></html>".encode())


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    address = f"127.0.0.1:{server.server_address[1]}"
    _Web.target = f"http://{address}/secret"
    yield address
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "url",
    [
        "http://{web}/",
        "http://localhost:{port}/",  # a name that resolves to it
        "http://[::1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://127.1:{port}/",
        "http://2130706433:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "ftp://example.org/x",
        "gopher://127.0.0.1/",
        "http://",
        "http://user:pass@{web}/",
    ],
)
def test_addresses_of_the_own_network_are_not_fetched(open_studio: Studio, web: str, url: str) -> None:
    studio = open_studio
    answer = studio.client.post("/api/pages", json={"url": url.format(web=web, port=web.rpartition(":")[2])})
    assert answer.status_code == 400, answer.text
    assert "Gulls" not in json.dumps(studio.client.get("/api/books").json())


def test_a_redirect_to_the_own_network_is_not_followed(web: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first address is let through as a public one would be; the second is checked all the same."""
    import pipeline.ingest.http.addresses as door

    seen: list[str] = []

    def first_is_public(address: str) -> bool:
        seen.append(address)
        return len(seen) == 1

    monkeypatch.setattr(door, "is_public", first_is_public)
    with pytest.raises(DocumentError, match="address of this network"):
        fetch(f"http://{web}/away", max_bytes=10_000_000)
    assert seen == ["127.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.1.1", "100.64.0.1",
                                     "0.0.0.0", "::", "fe80::1%eth0", "fc00::1", "::ffff:10.0.0.1", "224.0.0.1", "255.255.255.255",
                                     "2002:7f00:1::"])  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


def test_public_addresses() -> None:
    assert is_public("93.184.215.14")
    assert is_public("2606:2800:21f:cb07:6820:80da:af6b:8b2c")


def test_an_article_is_read_where_the_own_network_is_allowed(make_studio: Make, web: str) -> None:
    studio = make_studio(make_settings(studio=StudioSettings(private_addresses=True)))
    answer = studio.client.post("/api/pages", json={"url": f"http://{web}/"})
    assert answer.json() == {"book": "gulls"}
    (book,) = studio.client.get("/api/books").json()["books"]
    assert book["title"] == "Gulls"
    with pytest.raises(DocumentError, match="more than"):
        fetch(f"http://{web}/huge", max_bytes=1_000_000, private_addresses=True)


def test_errors_show_no_paths(make_studio: Make) -> None:
    studio = make_studio()
    for answer in (
        studio.client.get("/api/books/nobody"),
        studio.client.post("/api/books/nobody/plan", json={}),
        studio.client.post("/api/documents", files={"file": ("x.epub", b"PK\x03\x04")}),
        studio.client.get("/media/audition?backend=nobody"),
    ):
        assert answer.status_code in {400, 404}
        assert str(studio.context.store.data) not in answer.text
        assert "/" not in answer.json()["error"]["message"].replace("http://", "")
