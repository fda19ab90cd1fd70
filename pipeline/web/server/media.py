"""Sound and pictures over HTTP: ranges (RFC 9110, section 14), ETags, and nothing outside the library."""

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response

from pipeline.errors import NotFound
from pipeline.model.audio import FORMATS, find_audio_format
from pipeline.narration.core.context import Context
from pipeline.narration.speaking.audition import audition_file
from pipeline.web.views import book_views, chapter_views

router = APIRouter(prefix="/media", tags=["media"])
_ANYTHING = "application/octet-stream"
_FOR_GOOD = "private, max-age=31536000, immutable"
"""Of what has its content in its address."""


@router.get("/books/{slug}/cover", response_class=Response)
async def get_cover(request: Request, slug: str) -> Response:
    """The cover of a book."""
    context: Context = request.app.state.context
    stored = context.store.documents.get_book(slug)
    if is_known(request, stored.cover_digest):
        return Response(status_code=304, headers={"ETag": f'"{stored.cover_digest}"'})
    cover = context.store.documents.find_cover(slug)
    if cover is None:
        raise NotFound("The book has no cover")
    headers = {"ETag": f'"{stored.cover_digest}"', "Cache-Control": _FOR_GOOD}
    return Response(cover.data, media_type=cover.kind or _ANYTHING, headers=headers)


@router.get("/books/{slug}/chapters/{number}", response_class=FileResponse)
@router.head("/books/{slug}/chapters/{number}", include_in_schema=False)
async def get_chapter_sound(request: Request, slug: str, number: int) -> Response:
    """The sound of an assembled chapter, in a format that browsers play."""
    context: Context = request.app.state.context
    chapter = chapter_views.get_chapter(context, slug, number)
    folder = context.store.chapters.folder(chapter.audio_key)
    found = sorted(folder.glob("*.*"), reverse=True) if chapter.audio_key else []
    files = {find_audio_format(path.suffix): path for path in found}
    path = next((files[each] for each in FORMATS if each in files), None)
    if path is None:
        raise NotFound("The chapter is not assembled yet")
    return _sound(request, path, f"{chapter.audio_key}{path.stem}")


@router.get("/books/{slug}/files/{name}", response_class=FileResponse)
@router.head("/books/{slug}/files/{name}", include_in_schema=False)
async def get_release_file(request: Request, slug: str, name: str) -> Response:
    """A published file, to play or to keep."""
    path = book_views.release_path(request.app.state.context, slug, name)
    if path is None:
        raise NotFound("The book has no such file")
    facts = path.stat()
    return _sound(request, path, f"{facts.st_mtime_ns:x}-{facts.st_size:x}", download=path.name)


@router.get("/clips/{blob}", response_class=FileResponse)
async def get_clip(request: Request, blob: str) -> Response:
    """The sound of a clip, or of a former take, by its digest."""
    context: Context = request.app.state.context
    path = context.store.clips.blobs.path(blob)
    if len(blob) != 64 or not set(blob) <= set("0123456789abcdef") or not path.is_file():
        raise NotFound("There is no such clip")
    return _sound(request, path, blob)


@router.get("/audition", response_class=FileResponse)
def get_audition(
    request: Request, backend: str = "", model: str = "", voice: str = "", speed: float = 0.0, text: str = ""
) -> Response:
    """A sample sentence, or a short text, in a voice."""
    context: Context = request.app.state.context
    order = book_views.order_of_form({"backend": backend, "model": model, "voice": voice, "speed": speed})
    path = audition_file(context, text[:400], order)
    return _sound(request, path, path.stem)


def _sound(request: Request, path: Path, tag: str, download: str = "") -> Response:
    headers = {"ETag": f'"{tag[:80]}"', "Accept-Ranges": "bytes", "Cache-Control": "private, no-cache"}
    if is_known(request, tag[:80]):
        return Response(status_code=304, headers=headers)
    audio_format = find_audio_format(path.suffix)
    kind = audio_format.media_type if audio_format else _ANYTHING
    # `inline`: the same address is played by the page; its link there has the attribute `download`
    return FileResponse(
        path, media_type=kind, headers=headers, filename=download or None, content_disposition_type="inline"
    )


def is_known(request: Request, tag: str) -> bool:
    """True where who asks has what has that tag already (RFC 9110, 13.1.2)."""
    given = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    return bool(tag) and (f'"{tag}"' in given or "*" in given)
