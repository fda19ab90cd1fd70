"""EPUB container (EPUB 3.3, Open Container Format): a ZIP archive -> its files, one at a time.

Bounded against hostile archives: number and size of entries, compression ratio. Nothing is ever
unpacked to disk, so names that point outside the archive lead nowhere.
"""

import io
import posixpath
import zipfile
import zlib

from lxml import etree

from pipeline.errors import DamagedDocument, DocumentTooLarge, ProtectedDocument
from pipeline.ingest.markup import local_name

MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 64 * 1024 * 1024
MAX_MARKUP_BYTES = 16 * 1024 * 1024
"""A whole novel in one file has 4 MB; parsing takes ten times the memory."""
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
MAX_RATIO = 200
"""Text compresses 3 to 20 times; a bomb a thousand times."""

_FONT_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})


class EpubArchive:
    """The files of an EPUB, read one at a time within bounds."""

    def __init__(self, data: bytes, *, name: str) -> None:
        """Raises: DamagedDocument, DocumentTooLarge, ProtectedDocument."""
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
            raise DamagedDocument(
                f"{name} is not a whole EPUB: {error}", path=name, remedy="download or export the book again"
            ) from error
        self._check_bounds(entries)
        self._entries = {_normal(entry.filename): entry for entry in entries if not entry.is_dir()}
        self._check_protection()

    def _check_bounds(self, entries: list[zipfile.ZipInfo]) -> None:
        total = sum(entry.file_size for entry in entries)
        packed = max(1, sum(entry.compress_size for entry in entries))
        if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_BYTES or total / packed > MAX_RATIO:
            raise DocumentTooLarge(
                f"{self.name} would unpack to {total // 1_000_000} MB in {len(entries)} files: no honest book does",
                path=self.name,
                remedy="get the book from its publisher again",
            )

    def _check_protection(self) -> None:
        """Encrypted fonts are ordinary (EPUB 3.3 font obfuscation); encrypted text is DRM."""
        if any(entry.flag_bits & 1 for entry in self._entries.values()):
            raise self._protected()
        if "META-INF/encryption.xml" not in self._entries:
            return
        for method in parse_xml(self.read("META-INF/encryption.xml"), name=self.name).iter():
            if local_name(method) == "encryptionmethod" and method.get("Algorithm") not in _FONT_OBFUSCATION:
                raise self._protected()

    def _protected(self) -> ProtectedDocument:
        return ProtectedDocument(
            f"{self.name} is protected (DRM): its text is encrypted",
            path=self.name,
            remedy="use a copy without DRM from a shop that sells such",
        )

    def __contains__(self, path: str) -> bool:
        return path in self._entries

    def find_by_basename(self, path: str) -> str | None:
        """The one file of that name in any folder, if there is exactly one."""
        base = posixpath.basename(path)
        found = [name for name in self._entries if posixpath.basename(name) == base]
        return found[0] if len(found) == 1 else None

    def find_by_suffix(self, suffix: str) -> str | None:
        """The first file whose name ends so."""
        return next((name for name in self._entries if name.lower().endswith(suffix)), None)

    def read(self, path: str, *, limit: int = MAX_ENTRY_BYTES) -> bytes:
        """The bytes of one file of the archive.

        Raises:
            DamagedDocument: the file is missing or does not unpack.
            DocumentTooLarge: it is over `limit` bytes.
        """
        entry = self._entries.get(path)
        if entry is None:
            raise DamagedDocument(f"{self.name} lacks the file {path} that it names", path=self.name)
        if entry.file_size > limit:
            raise DocumentTooLarge(f"{self.name} holds a file of {entry.file_size // 1_000_000} MB", path=self.name)
        try:
            with self._zip.open(entry) as stream:
                data = stream.read(limit + 1)
        except (zipfile.BadZipFile, zipfile.LargeZipFile, RuntimeError, EOFError, OSError, ValueError, zlib.error) as e:
            raise DamagedDocument(f"{path} in {self.name} does not unpack: {e}", path=self.name) from e
        if len(data) > limit:
            raise DocumentTooLarge(f"{path} in {self.name} unpacks beyond its stated size", path=self.name)
        return data


def _normal(path: str) -> str:
    return posixpath.normpath(path.replace("\\", "/")).lstrip("/")


def parse_xml(data: bytes, *, name: str) -> etree._Element:
    """The tree of a container, package or NCX file; small faults of form are read over.

    Raises:
        DamagedDocument: it declares entities of its own, or holds no element.
    """
    if b"<!ENTITY" in data.upper():
        raise DamagedDocument(
            f"{name} declares entities of its own, which can hide an attack",
            path=name,
            remedy="get the book from its publisher again",
        )
    parser = etree.XMLParser(
        recover=True,
        remove_comments=True,
        remove_pis=True,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
    )
    try:
        root: etree._Element | None = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise DamagedDocument(f"{name} holds XML that cannot be read: {error}", path=name) from error
    if root is None:
        raise DamagedDocument(f"{name} holds an empty XML file where its structure should be", path=name)
    return root
