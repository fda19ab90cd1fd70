"""Formats of sound and kinds of pictures: one table each, whoever asks."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.model.audio import CHAPTER_FORMATS, FORMATS, AudioFormat, StreamFormat, find_audio_format
from pipeline.model.book import Cover, PictureKind, find_picture_kind


@given(st.sampled_from(FORMATS), st.booleans())
def test_a_format_is_found_by_the_suffix_of_its_files(audio_format: AudioFormat, shouted: bool) -> None:
    suffix = audio_format.suffix.upper() if shouted else audio_format.suffix
    assert find_audio_format(suffix) is audio_format
    assert audio_format.media_type.startswith("audio/")


@pytest.mark.parametrize("suffix", ["", ".", ".txt", "m4b", ".json", ".epub"])
def test_other_files_are_no_sound(suffix: str) -> None:
    assert find_audio_format(suffix) is None


def test_only_the_whole_book_is_no_format_of_a_chapter() -> None:
    assert set(FORMATS) - set(CHAPTER_FORMATS) == {AudioFormat.M4B}


def test_podcast_apps_are_told_the_type_that_their_directories_know() -> None:
    assert AudioFormat.M4A.enclosure_type == "audio/x-m4a"
    assert AudioFormat.MP3.enclosure_type == AudioFormat.MP3.media_type


def test_streams_and_files_of_one_name_have_one_media_type() -> None:
    for name in {*AudioFormat} & {*StreamFormat}:
        assert AudioFormat(name).media_type == StreamFormat(name).media_type


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", PictureKind.JPEG),
        (b"\x89PNG\r\n\x1a\n", PictureKind.PNG),
        (b"GIF87a", PictureKind.GIF),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", PictureKind.WEBP),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', PictureKind.SVG),
    ],
)
def test_a_picture_is_what_its_bytes_say(beginning: bytes, kind: PictureKind) -> None:
    assert find_picture_kind(beginning) is kind
    assert Cover("image/anything", beginning).kind is kind


@given(st.binary())
def test_sound_and_any_other_bytes_are_no_picture_by_mistake(data: bytes) -> None:
    assume(b"<svg" not in data)
    assert find_picture_kind(b"RIFF" + data[:4].ljust(4, b"\0") + b"WAVE") is None
    assert find_picture_kind(b"PK" + data) is None
