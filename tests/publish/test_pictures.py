"""Pictures of strangers: bounded before they are decoded, drawn where nothing can be read, and harmless in any case."""

import base64
import io
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.errors import UnusablePicture
from pipeline.model.book import BookMetadata, Cover, PictureKind
from pipeline.publish import cover_image, picture_program
from pipeline.publish.cover_image import PictureNotRead, usable_picture
from pipeline.publish.drawn_picture import draw_cover, draw_picture
from pipeline.publish.picture_size import MAX_PICTURE_BYTES, find_picture_size
from tests.fakes import Crowd
from tests.makers import make_png, sample_cover

SVG = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
SECRET = make_png(np.full((40, 40, 3), (250, 0, 0), np.uint8))
"""A red picture; nothing else of these tests is red."""
HEADERS = {
    "png": lambda w, h: b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", w, h) + b"\x08\x02\0\0\0" + b"\0" * 40,
    "jpeg": lambda w, h: b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc0\0\x11\x08" + struct.pack(">HH", h, w) + b"\x03" + b"\0" * 40,
    "gif": lambda w, h: b"GIF89a" + struct.pack("<HH", w, h) + b"\0" * 40,
    "webp, lossy": lambda w, h: b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", w, h) + b"\0" * 40,
    "webp, lossless": lambda w, h: b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<I", w - 1 | h - 1 << 14) + b"\0" * 40,
    "webp, extended": lambda w, h: b"RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0"
    + (w - 1).to_bytes(3, "little") + (h - 1).to_bytes(3, "little") + b"\0" * 40,
}  # fmt: skip


def svg(inside: str, *, size: str = 'viewBox="0 0 60 90"', before: str = "") -> bytes:
    return f'{before}<svg {SVG} {size}><rect width="60" height="90" fill="#00f"/>{inside}</svg>'.encode()


def drawn(data: bytes, *, seconds: int = 10) -> Cover:
    return usable_picture(Cover("image/svg+xml", data), seconds=seconds)


def pixels(cover: Cover) -> np.ndarray:
    with av.open(io.BytesIO(cover.data)) as container:
        return next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)


def is_red(cover: Cover) -> bool:
    image = pixels(cover)
    return bool(((image[..., 0] > 150) & (image[..., 2] < 100)).any())


@pytest.mark.parametrize("kind", HEADERS)
def test_the_header_tells_how_large_a_picture_is(kind: str) -> None:
    assert find_picture_size(HEADERS[kind](1200, 1800)) == (1200, 1800)


@pytest.mark.parametrize("kind", HEADERS)
def test_a_header_that_ends_too_soon_tells_nothing(kind: str) -> None:
    whole = HEADERS[kind](1200, 1800)
    assert {find_picture_size(whole[:length]) for length in range(len(whole) - 40)} <= {None, (1200, 1800)}
    assert find_picture_size(whole[:8]) is None


@pytest.mark.parametrize("kind", ["png", "jpeg", "gif"])
def test_a_picture_of_30000_by_30000_is_refused_by_its_header(kind: str) -> None:
    with pytest.raises(UnusablePicture, match="30,000 x 30,000 pixels") as caught:
        usable_picture(Cover("image/any", HEADERS[kind](30_000, 30_000)))
    assert "smaller" in caught.value.remedy


def test_a_picture_of_too_many_bytes_is_refused() -> None:
    for data in (SECRET.ljust(MAX_PICTURE_BYTES + 1, b"\0"), svg("").ljust(MAX_PICTURE_BYTES + 1, b" ")):
        with pytest.raises(UnusablePicture, match="20 MB"):
            usable_picture(Cover("image/any", data))


def test_a_large_picture_of_another_kind_is_scaled_down() -> None:
    frame = av.VideoFrame.from_ndarray(np.zeros((40, 4000, 3), np.uint8), format="rgb24")
    target = io.BytesIO()
    with av.open(target, "w", format="gif") as container:
        stream = container.add_stream("gif", rate=1)
        stream.width, stream.height, stream.pix_fmt = 4000, 40, "rgb8"
        container.mux(stream.encode(frame.reformat(format="rgb8")))
        container.mux(stream.encode(None))
    cover = usable_picture(Cover("image/gif", target.getvalue()))
    assert (cover.kind, pixels(cover).shape) == (PictureKind.JPEG, (30, 3000, 3))


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n", "ffconcat version 1.0\nfile /etc/hostname\n", "v=0\nm=audio 9 RTP"],
)
def test_a_playlist_is_no_picture(text: str) -> None:
    with pytest.raises(UnusablePicture, match="not a JPEG"):
        usable_picture(Cover("image/png", text.encode()))


@pytest.mark.parametrize(
    "image",
    [
        '<image href="{path}" width="60" height="90"/>',
        '<image xlink:href="{path}" width="60" height="90"/>',
        '<image href="file://{path}" width="60" height="90"/>',
        '<image href=" {path}" width="60" height="90"/>',
        '<image href="http://127.0.0.1/x.png" width="60" height="90"/>',
        '<image href="/dev/zero" width="60" height="90"/>',
        '<g><pattern id="p" width="1" height="1"><image href="{path}" width="60" height="90"/></pattern></g>',
        '<filter id="f"><feImage href="{path}"/></filter><rect width="60" height="90" filter="url(#f)"/>',
        '<image href="data:image/svg+xml;base64,{inner}" width="60" height="90"/>',
        '<image href="data:image/png;base64,{inner}" width="60" height="90"/>',
    ],
)
def test_a_drawing_that_shows_a_file_or_an_address_is_refused(image: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(SECRET)
    inner = base64.b64encode(svg(f'<image href="{path}" width="60" height="90"/>')).decode()
    with pytest.raises(UnusablePicture):
        drawn(svg(image.format(path=path, inner=inner)))


@pytest.mark.parametrize(
    "outward",
    [
        '<style>@import "{path}"; rect {{ fill: url({path}) }}</style>',
        '<rect width="60" height="90" fill="url(\'{path}#p\')"/>',
        '<rect width="60" height="90" style="fill: url( &quot;file://{path}&quot; )"/>',
        '<use href="{path}#x"/>',
        '<use xlink:href="file://{path}"/>',
        '<g xml:base="file:///"><a href="https://example.org/"><circle r="5"/></a></g>',
    ],
)
def test_whatever_else_names_a_file_is_left_out_of_the_drawing(outward: str, tmp_path: Path) -> None:
    path = tmp_path / "secret.png"
    path.write_bytes(SECRET)
    assert not is_red(drawn(svg(outward.format(path=path))))


def test_entities_read_nothing_and_do_not_grow(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(f'<rect {SVG} width="60" height="90" fill="red"/>')
    outer = f'<!DOCTYPE svg [<!ENTITY x SYSTEM "file://{tmp_path}/secret.txt">]>'
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
    for data in (svg("&x;", before=outer), svg("<desc>&l9;</desc>", before=f"<!DOCTYPE svg [{laughs}]>")):
        with pytest.raises(UnusablePicture):
            drawn(data, seconds=3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_drawing_with_long_entities_is_refused_before_they_are_expanded(encoding: str) -> None:
    before = f'<!--{" " * 90_000}--><!DOCTYPE svg [<!ENTITY a "{"a" * 9_000}">]>'
    bomb = svg(f"<desc>{'&a;' * 900}</desc>", before=before).decode()
    with pytest.raises(UnusablePicture, match="entities"):
        drawn(bomb.encode(encoding))


def test_a_drawing_may_name_its_namespaces_by_entities() -> None:
    before = '<!DOCTYPE svg [<!ENTITY ns_svg "http://www.w3.org/2000/svg">]>'
    assert drawn(f'{before}<svg xmlns="&ns_svg;" viewBox="0 0 6 9"><rect width="6" height="9"/></svg>'.encode()).data


def test_a_drawing_is_read_within_bounds_already() -> None:
    code = """if True:
        import sys
        from pipeline.publish import picture_program
        picture_program.close_svg = lambda data: bytearray(2**31)
        sys.exit(picture_program.main(picture_program.Work.DRAW, 5))
    """
    done = subprocess.run([sys.executable, "-c", code], input=svg(""), capture_output=True, check=False)
    assert done.returncode == picture_program.REFUSED, done.stderr
    assert b"too much memory" in done.stdout


@pytest.mark.parametrize(
    ("bomb", "size", "reason"),
    [
        ("", 'viewBox="0 0 1 100000"', "not the shape"),
        ("", 'width="100000" height="1"', "not the shape"),
        ("", 'width="100%" height="100%"', "how large"),
        ("", 'viewBox="0 0 nan 1e400"', "how large"),
        ("<text>" + "<tspan>" * 60_000 + "</tspan>" * 60_000 + "</text>", 'viewBox="0 0 60 90"', "too much"),
        (
            '<g id="u0"><circle r="9"/></g>'
            + "".join(f'<g id="u{n}">' + f'<use href="#u{n - 1}"/>' * 9 + "</g>" for n in range(1, 12)),
            'viewBox="0 0 60 90"', "too much",
        ),
        (
            '<filter id="f" x="-9" y="-9" width="99" height="99">' + '<feGaussianBlur stdDeviation="4000"/>' * 500
            + '</filter><rect width="60" height="90" filter="url(#f)"/>',
            'viewBox="0 0 60 90"', "too much",
        ),
    ],
    ids=["tall", "wide", "no size", "no number", "deep", "use", "blur"],
)  # fmt: skip
def test_a_drawing_that_asks_for_too_much_is_refused_and_harms_nobody(bomb: str, size: str, reason: str) -> None:
    with pytest.raises(UnusablePicture, match=reason):
        drawn(svg(bomb, size=size), seconds=1)


def test_what_a_picture_asks_for_is_its_own_fault_and_what_the_machine_lacks_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = {"time": "kill -XCPU $$", "crash": "kill -SEGV $$"}
    troubles = {"killed": "kill -KILL $$", "ended": "kill -TERM $$", "no import": "exit 1", "none": "no program at all"}
    for name, code in {**programs, **troubles}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{code}\n")
        program.chmod(0o700 if name != "none" else 0o600)
        monkeypatch.setattr(sys, "executable", str(program))
        with pytest.raises(UnusablePicture) as caught:
            drawn(svg(""), seconds=1)
        assert isinstance(caught.value, PictureNotRead) is (name in troubles), name
        assert caught.value.remedy


def test_a_picture_that_the_clock_has_overtaken_may_be_read_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "slow"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(program))
    with pytest.raises(PictureNotRead, match="busy"):
        usable_picture(Cover("image/svg+xml", svg("")), seconds=0.05)


def test_few_pictures_are_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = Crowd()

    def run(*_: object, **__: object) -> "subprocess.CompletedProcess[bytes]":
        crowd.work()
        return subprocess.CompletedProcess([], 0, SECRET)

    monkeypatch.setattr(subprocess, "run", run)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(drawn, [svg("")] * 8))
    assert crowd.most == cover_image.AT_ONCE


def test_the_process_that_draws_can_open_no_file_and_no_connection() -> None:
    code = """if True:
        import socket
        from pipeline.publish.picture_program import bound_process
        bound_process(5, reads_fonts=False)
        for attempt in (lambda: open("/etc/hostname"), socket.socket, lambda: bytearray(2**31)):
            try:
                attempt()
            except (OSError, MemoryError):
                print("refused")
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["refused"] * 3


def test_an_honest_drawing_looks_as_it_should() -> None:
    inner = base64.b64encode(make_png(np.full((8, 8, 3), (0, 250, 0), np.uint8))).decode()
    cover = drawn(
        svg(
            '<linearGradient id="g"><stop stop-color="#fff"/></linearGradient><rect width="30" height="90" fill="url(#g)"/>'
            f'<image xlink:href="data:image/png;base64,{inner}" x="40" y="30" width="20" height="20"/>'
        )
    )
    image = pixels(cover)
    assert cover.kind is PictureKind.JPEG
    assert image.shape == (2100, 1400, 3)
    assert image[1000, 300].min() > 240
    assert image[1000, 1200].argmax() == 1
    assert image[100, 1200].argmax() == 2


def test_words_of_a_drawing_are_drawn_where_there_are_fonts() -> None:
    fonts = "Georgia, DejaVu Serif, Liberation Serif, Noto Serif"
    place = f'y="40" font-size="20" fill="#fff" font-family="{fonts}"'
    plain, titled = (drawn(svg(f"<text {place}>{text}</text>")) for text in ("", "Lamp"))
    if plain.data == titled.data:
        pytest.skip("this machine has no fonts")
    assert pixels(titled).min(axis=2).max() > 200


def test_ready_pictures_stay_as_they_are_and_broken_ones_are_told() -> None:
    for picture in (SECRET, sample_cover()):
        assert usable_picture(Cover("image/x", picture)) == Cover(PictureKind.PNG, picture)
    for data in (b"", b"\x89PNG\r\n\x1a\nbroken", b"\xff\xd8broken", b"<svg", b"GIF89a", SECRET[:-30], b"<svg/>"):
        with pytest.raises(UnusablePicture) as caught:
            usable_picture(Cover("image/png", data))
        assert caught.value.remedy


@pytest.mark.parametrize("title", ["A Short Book", "<&>\x00 'quoted' \ud800", "海上的灯" * 40, "x" * 5000, ""])
def test_a_cover_is_drawn_for_any_title_and_is_the_same_again(title: str) -> None:
    cover = draw_cover(BookMetadata(title, ("An Author", "海")))
    assert cover == draw_cover(BookMetadata(title, ("An Author", "海")))
    assert pixels(cover).shape == (1400, 1400, 3)


def test_a_drawn_picture_is_told_by_its_name() -> None:
    assert draw_picture("a").kind is PictureKind.PNG
    assert draw_picture("a").data != draw_picture("b").data
