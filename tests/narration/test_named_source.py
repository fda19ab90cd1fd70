"""What a run of a server may read and write: books, addresses, and the documents of a few folders."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.errors import DocumentError, SettingsError
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.reading.named_source import check_output, import_named
from pipeline.narration.running.estimate import estimate
from pipeline.settings.sections import InboxSettings, StudioSettings
from tests.conftest import Desk
from tests.web_site import Site


@pytest.fixture
def context(make_desk: Callable[..., Desk], tmp_path: Path) -> Iterator[Context]:
    studio = StudioSettings(folders=(str(tmp_path / "shelf"),), private_addresses=True)
    opened = make_desk(studio=studio, inbox=InboxSettings(folder=str(tmp_path / "watched"))).open()
    yield opened
    opened.close()


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_file_with_the_name_of_a_book_is_never_read_instead_of_it(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slug = import_document(context, str(write(tmp_path / "own" / "lamp.md", "# The Lamp\n\nIt was lit.\n"))).slug
    edition = context.store.documents.get_book(slug).document_id
    write(tmp_path / "cwd" / slug, "# Something else\n\nNobody asked for this.\n")
    write(context.store.data / "inbox" / slug, "# Something else\n\nNobody asked for this.\n")
    monkeypatch.chdir(tmp_path / "cwd")
    assert import_named(context, slug).slug == slug
    assert context.store.documents.get_book(slug).document_id == edition


def test_only_documents_in_the_inbox_and_in_named_folders_are_read(context: Context, tmp_path: Path) -> None:
    write(context.store.data / "inbox" / "one.md", "# One\n\nThe first.\n")
    two = write(tmp_path / "shelf" / "deep" / "two.md", "# Two\n\nThe second.\n")
    write(context.store.data / "uploads" / "three.md", "# Three\n\nThe third.\n")
    assert import_named(context, "one.md").metadata.title == "One"
    assert import_named(context, str(context.store.data.resolve() / "inbox" / "one.md")).metadata.title == "One"
    assert import_named(context, str(two)).metadata.title == "Two"
    assert import_named(context, "deep/two.md").metadata.title == "Two"
    assert import_named(context, "three.md").metadata.title == "Three"


def test_a_document_in_the_watched_folder_is_read_wherever_that_is(context: Context, tmp_path: Path) -> None:
    four = write(tmp_path / "watched" / "four.md", "# Four\n\nThe fourth.\n")
    assert import_named(context, str(four)).metadata.title == "Four"
    assert import_named(context, "four.md").metadata.title == "Four"


def test_on_the_command_line_a_name_is_a_book_and_a_path_is_a_file(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = import_document(context, str(write(tmp_path / "own" / "lamp.md", "# The Lamp\n\nIt was lit.\n")))
    write(tmp_path / "cwd" / own.slug, "Something else: nobody asked for this.\n")
    monkeypatch.chdir(tmp_path / "cwd")
    assert import_document(context, own.slug) == own
    assert estimate(context, own.slug, Order(backend="tone")).book == own.slug
    with pytest.raises(DocumentError):  # it has no ending that says what it is
        import_document(context, f"./{own.slug}")


def test_no_other_file_of_the_machine_is_read_nor_told_of(context: Context, tmp_path: Path) -> None:
    secret = write(tmp_path / "secret.md", "# Secret\n\nNobody may hear this.\n")
    inbox = context.store.data / "inbox"
    inbox.mkdir(exist_ok=True)
    (inbox / "link.md").symlink_to(secret)
    (tmp_path / "shelf-of-others").mkdir()
    other = write(tmp_path / "shelf-of-others" / "x.md", "# X\n\nNor this.\n")
    upwards = inbox / ".." / ".." / "secret.md"
    names = [secret, "../../secret.md", upwards, "link.md", other, "/dev/zero", "a\0b", "", "~"]
    for name in [*map(str, names), str(tmp_path / "not-there.md")]:
        with pytest.raises(DocumentError) as caught:
            import_named(context, name)
        assert caught.value.remedy
        assert "Nobody may hear" not in str(caught.value)
    assert context.store.documents.books() == []


def test_an_address_is_fetched(context: Context, web: Site) -> None:
    web.put("/lamp.md", b"# The Lamp\n\nIt was lit.\n", "text/markdown")
    assert import_named(context, f"{web.url}/lamp.md").metadata.title == "The Lamp"


def test_a_library_outside_the_named_folders_is_written_only_where_a_person_did_before(
    context: Context, tmp_path: Path
) -> None:
    book = import_document(context, str(write(tmp_path / "lamp.md", "# The Lamp\n\nIt was lit.\n")))
    check_output(context, Order(), book)
    check_output(context, Order(output=str(tmp_path / "shelf" / "new")), book)
    check_output(context, Order(output=str(context.store.data / "library" / "sub")), book)
    elsewhere = Order(output=str(tmp_path / "elsewhere"))
    with pytest.raises(SettingsError, match="not a folder that may be published to"):
        check_output(context, elsewhere, book)
    context.store.documents.remember_narration(book.slug, elsewhere.as_options())
    check_output(context, elsewhere, context.store.documents.get_book(book.slug))
