"""EPUB container (EPUB 3.3, Open Container Format): a ZIP archive -> its files, one at a time.

Bounded against hostile archives: number and size of entries, compression ratio. Nothing is ever
unpacked to disk, so names that point outside the archive lead nowhere.
"""

import io
import lzma
import struct
import zipfile
import zlib

from lxml import etree

from pipeline.errors import DamagedDocument, DocumentTooLarge, ProtectedDocument
from pipeline.ingest.documents.markup import local_name
from pipeline.ingest.epub.archive_names import ArchiveNames, normal_name, readings_of, resolve

MAX_ENTRIES = 20_000
MAX_ENTRY_BYTES = 64 * 1024 * 1024
MAX_MARKUP_BYTES = 16 * 1024 * 1024
"""A whole novel in one file has 4 MB; parsing takes ten times the memory."""
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
MAX_RATIO = 200
"""Text compresses 3 to 20 times; a bomb a thousand times."""

_NAME_IS_UTF_8 = 0x800
"""General purpose bit 11 (ZIP APPNOTE 6.3.9, 4.4.4)."""
_FONT_OBFUSCATION = frozenset({"http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"})

_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,  # NotImplementedError is one: a packing that zipfile does not know
    EOFError,
    OSError,
    ValueError,
)
"""Whatever zipfile lets through of damaged or strange archives."""


class EpubArchive:
    """The files of an EPUB, read one at a time within bounds."""

    def __init__(self, data: bytes, *, name: str) -> None:
        """Open the archive in `data`; `name` is what messages call it.

        Raises:
            DamagedDocument, DocumentTooLarge, ProtectedDocument.
        """
        self.name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except _UNREADABLE as error:
            raise DamagedDocument(
                f"{name} is not a whole EPUB: {error}", path=name, remedy="download or export the book again"
            ) from error
        self._check_bounds(entries)
        self._entries: dict[str, zipfile.ZipInfo] = {}
        readings: dict[str, list[str]] = {}
        for entry in entries:
            if not entry.is_dir():
                _trust_directory(data, entry)
                own, *others = (normal_name(reading) for reading in _readings(entry))
                self._entries[own], readings[own] = entry, others
        self.names = ArchiveNames(readings)
        self._check_protection()

    def _check_bounds(self, entries: list[zipfile.ZipInfo]) -> None:
        total = sum(entry.file_size for entry in entries)
        packed = max(1, sum(entry.compress_size for entry in entries))
        if len(entries) > MAX_ENTRIES or total > MAX_TOTAL_BYTES or total / packed > MAX_RATIO:
            raise DocumentTooLarge(
                f"{self.name} would unpack to {total // 1_000_000} MB in {len(entries)} files: "
                "this looks like a zip bomb",
                path=self.name,
                remedy="get the book from its publisher again",
            )

    def _check_protection(self) -> None:
        """Encrypted fonts are ordinary (EPUB 3.3 font obfuscation); encrypted text is DRM."""
        if any(entry.flag_bits & 1 for entry in self._entries.values()):
            raise self._protected()
        path = self.names.find(resolve("", "META-INF/encryption.xml"))
        if path is None:
            return
        for method in parse_xml(self.read(path), name=self.name).iter():
            if local_name(method) == "encryptionmethod" and method.get("Algorithm") not in _FONT_OBFUSCATION:
                raise self._protected()

    def _protected(self) -> ProtectedDocument:
        return ProtectedDocument(
            f"{self.name} is protected (DRM): its text is encrypted",
            path=self.name,
            remedy="use a copy without DRM from a shop that sells such",
        )

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
        except _UNREADABLE as error:
            raise DamagedDocument(f"{path} in {self.name} does not unpack: {error}", path=self.name) from error
        if len(data) > limit:
            raise DocumentTooLarge(f"{path} in {self.name} unpacks beyond its stated size", path=self.name)
        return data


def _readings(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """What the entry's name may be: as it says where it says UTF-8, else what its bytes can mean."""
    if entry.flag_bits & _NAME_IS_UTF_8:
        return (entry.filename,)
    try:
        return readings_of(entry.filename.encode("cp437"))  # zipfile has read it so, which loses nothing
    except UnicodeEncodeError:  # a later zipfile, which knows the Unicode name behind the plain one
        return (entry.filename,)


def _trust_directory(data: bytes, entry: zipfile.ZipInfo) -> None:
    """Let the archive's directory name the entry, whatever the copy of the name before its bytes says.

    Tools that mend names often mend the directory alone, and zipfile reads nothing where the two differ.
    """
    at = entry.header_offset
    if data[at : at + 4] != b"PK\x03\x04" or len(data) < at + 30:
        return
    flags, length = struct.unpack_from("<6xH18xH", data, at)
    name = data[at + 30 : at + 30 + length]
    try:
        entry.orig_filename = name.decode("utf-8" if flags & _NAME_IS_UTF_8 else "cp437")
    except UnicodeDecodeError:
        return  # zipfile refuses this one file, which is then a hole with a name


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
