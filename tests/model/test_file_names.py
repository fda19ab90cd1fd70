"""Any name that a disk holds can be shown and stored, and two of them never become one."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model.file_names import is_plain, path_identity, readable_name

NAMES = st.binary(min_size=1, max_size=20).filter(lambda name: b"\0" not in name and b"/" not in name)


@given(NAMES)
def test_any_bytes_are_a_name_that_can_be_shown(name: bytes) -> None:
    readable_name(os.fsdecode(name)).encode("utf-8")


@given(st.text())
def test_any_text_is_a_name_that_can_be_shown(name: str) -> None:
    readable_name(name).encode("utf-8")


@given(NAMES, NAMES)
def test_two_paths_have_two_identities(one: bytes, other: bytes) -> None:
    identities = {path_identity(Path("/", os.fsdecode(name))) for name in (one, other)}
    assert len(identities) == len({os.fsdecode(Path("/", os.fsdecode(name))) for name in (one, other)})
    assert all(map(is_plain, identities))


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"caf\xe9.txt", "café.txt"), ("café.txt".encode(), "café.txt"), (b"\x81.txt", "\ufffd.txt"), (b"a", "a")],
)
def test_old_western_names_read_as_they_were_written(name: bytes, shown: str) -> None:
    assert readable_name(os.fsdecode(name)) == shown
    assert is_plain(os.fsdecode(name)) == (readable_name(os.fsdecode(name)) == os.fsdecode(name))
