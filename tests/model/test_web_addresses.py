"""Which proxy leads where: never one to this machine, whatever the environment says."""

import pytest

from pipeline.errors import SettingsError
from pipeline.model.network.web_addresses import bare_address, is_loopback, proxy_for, proxy_variables

LOOPBACK = [
    "localhost", "LOCALHOST.", "voices.localhost", "127.0.0.1", "127.8.9.10", "127.1", "2130706433", "0x7f.1", "::1",
    "[::1]", "::ffff:127.0.0.1", "0.0.0.0", "::", "１２７.０.０.１",
]  # fmt: skip
ELSEWHERE = [
    "example.org",
    "localhost.example.org",
    "127.0.0.1.example.org",
    "10.0.0.1",
    "128.0.0.1",
    "fe80::1",
    "8.8.8.8",
    "",
]
ALL = {"http": "http://10.9.8.7:3128", "https": "10.9.8.7:3128", "all": "socks5://10.9.8.7:1080"}


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_known_in_every_form(host: str) -> None:
    assert is_loopback(host)
    shown = f"[{host}]" if ":" in host and "[" not in host else host
    for scheme in ("http", "https"):
        assert proxy_for(f"{scheme}://{shown}:8880/v1", ALL) == ""


@pytest.mark.parametrize("host", ELSEWHERE)
def test_what_only_looks_like_this_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_the_scheme_chooses_the_proxy_and_all_is_for_the_rest() -> None:
    assert proxy_for("http://example.org/", ALL) == "http://10.9.8.7:3128"
    assert proxy_for("https://example.org/", ALL) == "http://10.9.8.7:3128"
    assert proxy_for("https://example.org/", {"all": "socks://10.9.8.7:1080"}) == "socks5://10.9.8.7:1080"
    assert proxy_for("https://example.org/", {}) == ""


@pytest.mark.parametrize(
    ("exception", "is_direct"),
    [
        ("example.org", True),
        (".example.org", True),
        ("*.example.org", True),
        ("other.net, example.org", True),
        ("api.example.org:8443", True),
        ("api.example.org:443", False),
        ("ample.org", False),
        ("*", True),
        ("10.0.0.0/8", False),
        ("", False),
    ],
)
def test_exceptions_are_obeyed(exception: str, is_direct: bool) -> None:
    assert (proxy_for("https://api.example.org:8443/v1", ALL | {"no": exception}) == "") == is_direct


def test_networks_are_exceptions_too() -> None:
    assert proxy_for("http://10.1.2.3/", ALL | {"no": "10.0.0.0/8"}) == ""
    assert proxy_for("http://[fd00::1]/", ALL | {"no": "fd00::/8"}) == ""
    assert proxy_for("http://11.1.2.3/", ALL | {"no": "10.0.0.0/8"}) != ""


@pytest.mark.parametrize("written", ["socks4://10.0.0.1:1080", "ftp://x:1", "http://", "http://me:secret@:80", "http://x:99999", "http://a b:80", "://"])  # fmt: skip
def test_a_broken_proxy_is_one_sentence_that_names_the_variable_and_shows_no_password(written: str) -> None:
    for decide in (
        lambda: proxy_for("https://example.org/", {"all": written}),
        lambda: proxy_variables({"all": written}),
    ):
        with pytest.raises(SettingsError) as caught:
            decide()
        said = f"{caught.value} {caught.value.remedy}"
        assert "ALL_PROXY" in said
        assert "secret" not in said
        assert "\n" not in said


def test_other_libraries_are_told_in_both_spellings_and_the_users_own_exceptions_stay() -> None:
    told = proxy_variables({"https": "proxy.example.org:3128", "no": "books.home, localhost"})
    assert told["HTTPS_PROXY"] == told["https_proxy"] == "http://proxy.example.org:3128"
    assert told["NO_PROXY"] == told["no_proxy"] == "books.home,localhost,127.0.0.1,::1"
    assert proxy_variables({"no": "a,*"})["no_proxy"] == "*"
    assert "http_proxy" not in told


def test_addresses_are_shown_without_their_secrets() -> None:
    assert bare_address("https://me:pass@example.org:8443/v1?key=k#x") == "https://example.org:8443/v1"
