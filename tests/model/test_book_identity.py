"""Which identifiers are trusted to mean one book: unique by their making, in one canonical form; never a placeholder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.book_identity import parse_isbn, trusted_identifier

UUID = "8f2c64a0-7d1b-4e93-a5c8-0b6d9e3f1742"
TRUSTED = {
    f"urn:uuid:{UUID}": f"urn:uuid:{UUID}",
    f"URN:UUID:{UUID.upper()}": f"urn:uuid:{UUID}",
    f"uuid:{UUID}": f"urn:uuid:{UUID}",
    f" {{{UUID}}}\n": f"urn:uuid:{UUID}",
    f"uuid:{UUID.replace('-', '')}": f"urn:uuid:{UUID}",
    UUID: f"urn:uuid:{UUID}",
    "urn:isbn:9780306406157": "isbn:9780306406157",
    "ISBN 978-0-306-40615-7": "isbn:9780306406157",
    "ISBN-13: 978-0-306-40615-7": "isbn:9780306406157",
    "isbn:0306406152": "isbn:9780306406157",
    "urn:isbn:0-8044-2957-X": "isbn:9780804429573",
    "doi:10.1038/NPHYS1170": "doi:10.1038/nphys1170",
    "https://doi.org/10.1038/nphys1170": "doi:10.1038/nphys1170",
    "http://dx.doi.org/10.1038/nphys1170": "doi:10.1038/nphys1170",
    "urn:doi:10.1038/nphys1170": "doi:10.1038/nphys1170",
    "HTTP://Books.Publisher.ORG:80/a/7/": "https://books.publisher.org/a/7",
    "https://books.publisher.org/a/7": "https://books.publisher.org/a/7",
    "https://books.publisher.org:8443/?id=7": "https://books.publisher.org:8443?id=7",
    "https://publisher.org/list#moby": "https://publisher.org/list#moby",
}
NOT_TRUSTED = [
    "",
    " ",
    "Collected Tales-Ada Field",
    "none",
    "None",
    "unknown",
    "bookid",
    "uuid_id",
    "urn:uuid:",
    "id",
    "12345",
    "9780306406157",
    "0306406152",
    "20240101120000",
    "urn:x:3143791401",
    "urn:uuid:bookid",
    "urn:uuid:00000000-0000-0000-0000-000000000000",
    "urn:uuid:ffffffff-ffff-ffff-ffff-ffffffffffff",
    "00000000-0000-0000-0000-000000000001",
    "urn:uuid:11111111-2222-3333-4444-555555555555",
    "urn:uuid:12345678-1234-1234-1234-123456789012",
    "urn:uuid:12345678-1234-5678-1234-567812345678",
    "urn:uuid:01234567-89ab-cdef-0123-456789abcdef",
    "urn:uuid:fedcba98-7654-3210-fedc-ba9876543210",
    "urn:uuid:00112233-4455-6677-8899-aabbccddeeff",
    "urn:uuid:deadbeef-dead-beef-dead-beefdeadbeef",
    "urn:uuid:123e4567-e89b-12d3-a456-426614174000",
    "urn:uuid:A1B0D67E-2E81-4DF5-9E67-A64CBE366809",
    "d41d8cd98f00b204e9800998ecf8427e",
    "urn:isbn:9780306406158",
    "isbn:9780000000002",
    "isbn:0000000000",
    "isbn:9781234567897",
    "isbn:123456789X",
    "urn:isbn:978-3-16-148410-0",
    "isbn:9790060115615",
    "isbn:5901234123457",
    "10.1038/nphys1170",
    "doi:10.5555/12345678",
    "doi:10.1234/abc",
    "doi:nphys1170",
    "http://www.publisher.org",
    "https://www.publisher.org/",
    "http://example.com/book",
    "http://books.example.org/7",
    "http://localhost/book",
    "http://nas.local/book",
    "http://192.168.0.2/book",
    "http://8.8.8.8/book",
    "http://[2001:db8::1]/book",
    "http://server/book",
    "https://me:secret@publisher.org/book",
    "https://publisher.org/a book",
    "http://[broken/book",
    "ftp://publisher.org/book",
    "file:///home/me/book.epub",
    "mailto:me@publisher.org",
    "tag",
    "https://publisher.org/" + "a" * 2_000,
]


@pytest.mark.parametrize("written", TRUSTED)
def test_identifiers_that_are_unique_by_their_making_are_trusted_in_one_form(written: str) -> None:
    assert trusted_identifier(written) == TRUSTED[written]


@pytest.mark.parametrize("written", NOT_TRUSTED)
def test_words_numbers_titles_and_placeholders_are_not_trusted(written: str) -> None:
    assert trusted_identifier(written) == ""


def test_the_isbn_stands_in_for_an_identifier_that_is_not_trusted() -> None:
    assert trusted_identifier("bookid", "9780306406157") == "isbn:9780306406157"
    assert trusted_identifier("urn:isbn:9780306406158", "0306406152") == "isbn:9780306406157"
    assert trusted_identifier(UUID, "9780306406157") == f"urn:uuid:{UUID}"
    assert trusted_identifier("bookid", "9780306406158") == ""


@given(st.text() | st.sampled_from([*TRUSTED, *NOT_TRUSTED]), st.text())
def test_the_canonical_form_is_its_own(identifier: str, isbn: str) -> None:
    trusted = trusted_identifier(identifier, isbn)
    assert trusted_identifier(trusted) == trusted


@given(st.text(alphabet="aZ09 -_:/.{}", max_size=30))
def test_nothing_without_a_scheme_or_a_uuids_form_is_trusted(text: str) -> None:
    known = ("isbn", "eisbn", "e-isbn", "urn:", "uuid:", "doi", "info:", "http:", "https:")
    if not text.strip().lower().startswith(known):
        assert trusted_identifier(text) == ""


@given(st.uuids(version=4), st.uuids(version=4))
def test_random_uuids_are_trusted_and_told_apart(one: object, other: object) -> None:
    assert trusted_identifier(str(one)) == f"urn:uuid:{one}"
    assert (trusted_identifier(f"urn:uuid:{one}") == trusted_identifier(f"{{{other}}}")) == (one == other)


@given(st.integers(0, 10**9 - 1).map(lambda n: f"{n:09}"), st.sampled_from(["", "-", " "]))
def test_both_lengths_of_an_isbn_are_one_number_and_a_wrong_digit_is_noticed(own: str, gap: str) -> None:
    check = -sum((10 - at) * int(digit) for at, digit in enumerate(own)) % 11
    short = own + ("X" if check == 10 else str(check))
    isbn = parse_isbn(gap.join(short), is_named=True)
    if len(set(own)) > 4:
        assert isbn[:12] == f"978{own}"
    assert parse_isbn(isbn) == isbn
    for at in range(len(isbn)):
        wrong = isbn[:at] + str((int(isbn[at]) + 1) % 10) + isbn[at + 1 :]
        assert parse_isbn(wrong) == ""
