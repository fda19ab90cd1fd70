"""The ways to a web server: names in any script, several addresses, proxies, and all of it within the time limit."""

import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from pipeline.errors import DocumentError, PageUnavailable, SettingsError
from pipeline.ingest.http.addresses import host_of, is_public
from pipeline.ingest.http.fetch import Fetched, fetch
from tests.proxies import open_proxy
from tests.web_site import Site, open_site

PUBLIC = "http://93.184.215.14/a"
Names = Callable[..., list[str]]


def get(url: str, **more: object) -> Fetched:
    return fetch(url, **{"max_bytes": 1_000_000, "private_addresses": True, **more})  # type: ignore[arg-type]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    """names(example_org=["192.0.2.1"]): what the system's resolver knows of the world; gives the list of questions."""
    known: dict[str, list[str]] = {}
    asked: list[str] = []
    usual = socket.getaddrinfo

    def answer(host: str, port: int, *args: object, **more: object) -> object:
        asked.append(host)
        if host not in known:
            return usual(host, port, 0, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        kinds = [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in known[host]]
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in kinds]

    def learn(**addresses: list[str]) -> list[str]:
        known.update({name.replace("__", "-").replace("_", "."): found for name, found in addresses.items()})
        return asked

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return learn


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("http://bücher.example/", "xn--bcher-kva.example"),
        ("https://BÜCHER.Example:8443/x", "xn--bcher-kva.example"),
        ("http://straße.example/", "xn--strae-oqa.example"),  # IDNA 2008; 2003 made "ss" of it
        ("http://例え。テスト/", "xn--r8jz45g.xn--zckzah"),
        ("http://EXAMPLE.org/", "example.org"),
        ("http://my_host.example/", "my_host.example"),
        ("http://１２７.０.０.１/", "127.0.0.1"),
    ],
)
def test_names_in_any_script_are_written_as_servers_know_them(written: str, host: str) -> None:
    assert host_of(written) == host


@pytest.mark.parametrize("url", ["http://bü cher.example/", "http://ü..example/", "http://-ü.example/", "http://" + "ü" * 70 + ".example/", "http://" + "a" * 70 + ".example/"])  # fmt: skip
def test_names_that_cannot_be_are_refused_in_a_sentence(url: str, names: Names) -> None:
    with pytest.raises(DocumentError):
        get(url)


def test_an_address_in_another_script_is_fetched(web: Site, names: Names) -> None:
    names(xn____bcher__kva_example=["127.0.0.1"])
    port = web.url.rpartition(":")[2]
    web.put("/%C3%BC", "hello")
    assert get(f"http://bücher.example:{port}/ü").data == b"hello"
    assert web.log[0].headers["Host"] == f"xn--bcher-kva.example:{port}"


def test_every_address_of_a_server_is_tried(web: Site, names: Names) -> None:
    asked = names(two_example=["::1", "127.0.0.1"])
    port = web.url.rpartition(":")[2]
    web.put("/a", "hello")
    assert get(f"http://two.example:{port}/a").data == b"hello"
    assert asked == ["two.example"], "looked up once, and connected to what was found"
    web.close()
    with pytest.raises(PageUnavailable):
        get(f"http://two.example:{port}/a")


def test_one_private_address_among_public_ones_is_enough_to_refuse(names: Names) -> None:
    names(mixed_example=["93.184.215.14", "10.0.0.1"])
    with pytest.raises(DocumentError, match="address of this network"):
        get("http://mixed.example/", private_addresses=False)


def test_a_name_that_is_never_found_is_held_to_the_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def hang(*args: object, **more: object) -> object:
        ended.wait(8)
        raise socket.gaierror("too late")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        with pytest.raises(PageUnavailable, match="in time"):
            get("http://slow.example/", timeout_s=0.3)
    finally:
        ended.set()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("64:ff9b::8.8.8.8", True),  # how a network without IPv4 reaches it
        ("64:ff9b::10.0.0.1", False),
        ("64:ff9b::127.0.0.1", False),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b:1::8.8.8.8", False),
        ("2002:808:808::1", True),
        ("2002:a00:1::1", False),
        ("2001:0:808:808::f7f7:f7f7", True),  # Teredo: server 8.8.8.8, client 8.8.8.8
        ("2001:0:808:808::f5ff:fffe", False),  # client 10.0.0.1
        ("2001:0:a00:1::f7f7:f7f7", False),  # server 10.0.0.1
        ("::ffff:8.8.8.8", True),
        ("::ffff:10.0.0.1", False),
        ("::10.0.0.1", False),
        ("2606:2800:21f:cb07::5efe:a00:1", False),  # ISATAP of 10.0.0.1
        ("2606:2800:21f:cb07::1", True),
        ("fec0::1", False),  # of one site (RFC 3879), which old networks still use
        ("feff:ffff::1", False),
    ],
)
def test_an_address_counts_as_what_it_holds(address: str, public: bool) -> None:
    assert is_public(address) == public


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY"])
@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_pages_are_fetched_through_the_proxy(
    web: Site, monkeypatch: pytest.MonkeyPatch, kind: str, variable: str
) -> None:
    web.put("/a", "hello")
    with open_proxy(kind, web.url) as proxy:
        monkeypatch.setenv(variable, proxy.address)
        assert get(PUBLIC, private_addresses=False).data == b"hello"
        assert proxy.passed == ["93.184.215.14:80"]
        assert web.log[0].headers["Host"] == "93.184.215.14"


def test_a_socks_proxy_is_given_the_checked_address_and_one_that_looks_up_itself_the_name(
    web: Site, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(gulls_example=["93.184.215.14"])
    web.put("/a", "hello")
    with open_proxy("socks5", web.url) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.address)
        assert get("http://gulls.example/a", private_addresses=False).data == b"hello"
        monkeypatch.setenv("ALL_PROXY", proxy.address.replace("socks5", "socks5h"))
        assert get("http://gulls.example/a", private_addresses=False).data == b"hello"
        assert get("http://unknown.example/a", private_addresses=False).data == b"hello"
        assert proxy.passed == ["93.184.215.14:80", "gulls.example:80", "unknown.example:80"]
        assert web.log[0].headers["Host"] == "gulls.example"


@pytest.mark.parametrize("kind", ["http", "socks5", "socks5h"])
@pytest.mark.parametrize("host", ["10.0.0.1", "inside.example", "127.0.0.1", "localhost"])
def test_no_proxy_is_asked_for_addresses_of_the_own_network(
    web: Site, names: Names, monkeypatch: pytest.MonkeyPatch, kind: str, host: str
) -> None:
    names(inside_example=["192.168.0.9"], localhost=["127.0.0.1"])
    with open_proxy(kind.removesuffix("h"), web.url) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.address.replace("socks5", kind))
        with pytest.raises(DocumentError, match="address of this network"):
            get(f"http://{host}/a", private_addresses=False)
        assert proxy.passed == []


def test_servers_of_this_machine_are_fetched_past_the_proxy(web: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    url = web.put("/a", "hello")
    with open_proxy("http", web.url) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.address)
        assert get(url).data == b"hello"
        assert proxy.passed == []


def test_a_broken_proxy_is_said_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks4://me:secret@127.0.0.1:1080")
    with pytest.raises(SettingsError, match="ALL_PROXY"):
        get(PUBLIC)
    for scheme in ("socks5", "http"):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:secret@127.0.0.1:1")
        with pytest.raises(PageUnavailable) as caught:
            get(PUBLIC)
        assert f"{scheme}://127.0.0.1:1" in str(caught.value)
        assert "secret" not in str(caught.value) + caught.value.remedy


def test_certificates_that_cannot_be_read_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/ca.pem")
    with pytest.raises(SettingsError, match="No such file"):
        get("http://127.0.0.1:1/")


def test_a_permanent_move_from_https_to_http_is_followed_but_not_remembered(
    web: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with open_site(context) as safe:
        safe.put("/down", "", status=301, headers={"Location": web.put("/a", "hello")})
        safe.put("/up", "", status=301, headers={"Location": "{base}/b"})
        safe.put("/b", "hello")
        found = get(safe.url + "/down")
        assert (found.data, found.url, found.moved_to) == (b"hello", web.url + "/a", "")
        assert get(safe.url + "/up").moved_to == safe.url + "/b"
        web.put("/up", "", status=308, headers={"Location": safe.url + "/b"})
        assert get(web.url + "/up").moved_to == safe.url + "/b"
