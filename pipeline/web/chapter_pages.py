"""The page of a chapter: its text sentence by sentence, and the panel in which a sentence is mended."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from pipeline.stages.context import Context
from pipeline.stages.edit_book import count_touched, get_sentence
from pipeline.store.changes import StoredPronunciation
from pipeline.web import actions, views
from pipeline.web.errors import without_paths
from pipeline.web.pages import back
from pipeline.web.rendering import page
from pipeline.web.run_desk import opened

router = APIRouter(prefix="/books/{slug}/chapters/{number}", include_in_schema=False)
Text = Annotated[str, Form()]


@router.get("")
async def show_chapter(
    request: Request, slug: str, number: int, sentence: Annotated[str, Query(max_length=16)] = ""
) -> HTMLResponse:
    """A chapter; with `sentence`, the panel of that one is open."""
    context, desk = opened(request)
    chapter = views.chapter(context, slug, number)
    book = views.card_of(context, desk, slug)
    panel = sentence_panel(context, slug, number, sentence) if sentence else None
    return page(request, "chapter.html", book=book, chapter=chapter, panel=panel)


@router.get("/sentences/{sentence}")
async def show_sentence(request: Request, slug: str, number: int, sentence: str) -> HTMLResponse:
    """The panel of a sentence by itself, for scripts."""
    panel = sentence_panel(opened(request)[0], slug, number, sentence)
    return page(request, "sentence.html", panel=panel, slug=slug, number=number)


def sentence_panel(
    context: Context, slug: str, number: int, sentence: str, word: StoredPronunciation | None = None
) -> dict[str, Any]:
    """What is known of a sentence: how it is written and spoken, and its takes. Raises: StoreError."""
    found = get_sentence(context, slug, number - 1, sentence)
    chunk = found.place.chunk
    changed = context.store.changes.sentences(slug, number - 1).get(sentence)
    before = [changed.clip_before] if changed and changed.clip_before not in ("", chunk.clip_key) else []
    clips = context.store.clips.find([chunk.clip_key, *before])
    heard = clips.get(chunk.clip_key)
    return {
        "id": sentence,
        "written": found.written,
        "spoken": found.sentence.spoken,
        "is_changed": changed is not None,
        "chunk": chunk.id,
        "state": chunk.state,
        "attempts": chunk.attempts,
        "reason": without_paths(chunk.reason),
        "heard": f"/media/clips/{heard.blob}" if heard else "",
        "before": [f"/media/clips/{clips[key].blob}" for key in before if key in clips],
        "takes": [(blob, f"/media/clips/{blob}") for blob in context.store.takes.of(chunk.clip_key)],
        "word": word,
        "touched": count_touched(context, word) if word else None,
    }


@router.post("/sentences/{sentence}")
def change_sentence(
    request: Request, slug: str, number: int, sentence: str, action: Text, spoken: Text = "", take: Text = ""
) -> RedirectResponse:
    """Speak the sentence otherwise, as it is written, again, or as in another take."""
    context, desk = opened(request)
    if action == "again":
        actions.rerun(context, desk, slug, chunks=[get_sentence(context, slug, number - 1, sentence).place.chunk.id])
    elif action == "take":
        chunk = get_sentence(context, slug, number - 1, sentence).place.chunk.id
        actions.choose_take(context, desk, slug, chunk, take)
    else:
        actions.change_sentence(context, desk, slug, number, sentence, spoken if action == "save" else "")
    return back(f"/books/{slug}/chapters/{number}", "changed")


@router.post("/sentences/{sentence}/word")
def change_word(
    request: Request,
    slug: str,
    number: int,
    sentence: str,
    action: Text,
    written: Text = "",
    say: Text = "",
    ipa: Text = "",
    everywhere: Text = "",
    match_case: Text = "",
) -> Response:
    """Count what a pronunciation would touch, or have the word said so."""
    context, desk = opened(request)
    word = StoredPronunciation(0, "" if everywhere else slug, written, say, ipa, bool(match_case))
    if action == "save":
        actions.change_word(context, desk, word, slug)
        return back(f"/books/{slug}/chapters/{number}", "changed")
    panel = sentence_panel(context, slug, number, sentence, word)
    if request.headers.get("x-fragment"):
        return page(request, "sentence.html", panel=panel, slug=slug, number=number)
    book = views.card_of(context, desk, slug)
    return page(request, "chapter.html", book=book, chapter=views.chapter(context, slug, number), panel=panel)
