"""The page of a chapter: its text sentence by sentence, and the panel in which a sentence is mended."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response

from pipeline.errors import NotFound
from pipeline.narration.core.context import Context
from pipeline.narration.upkeep.edit_book import Touched, count_touched, edits_in_chapter, get_sentence
from pipeline.store.records.edits import StoredPronunciation
from pipeline.web.api import book_actions
from pipeline.web.pages.form_faults import FORM_ERRORS, FormFault, fault_of
from pipeline.web.pages.pages import back
from pipeline.web.server.error_answers import without_paths
from pipeline.web.server.rendering import page
from pipeline.web.server.run_desk import opened
from pipeline.web.views import book_views, chapter_views

router = APIRouter(prefix="/books/{slug}/chapters/{number}", include_in_schema=False)
Text = Annotated[str, Form()]


@router.get("")
async def show_chapter(
    request: Request, slug: str, number: int, sentence: Annotated[str, Query(max_length=16)] = ""
) -> HTMLResponse:
    """A chapter; with `sentence`, the panel of that one is open."""
    panel = sentence_panel(opened(request)[0], slug, number, sentence) if sentence else None
    return _chapter(request, slug, number, panel)


def _chapter(request: Request, slug: str, number: int, panel: dict[str, Any] | None) -> HTMLResponse:
    context, desk = opened(request)
    chapter = chapter_views.chapter(context, slug, number)
    book = book_views.card_of(context, desk, slug)
    return page(request, "chapter.html", status=_status(panel), book=book, chapter=chapter, panel=panel)


def _status(panel: dict[str, Any] | None) -> int:
    fault = panel["fault"] if panel else None
    return fault.status if fault else 200


@router.get("/sentences/{sentence}")
async def show_sentence(request: Request, slug: str, number: int, sentence: str) -> HTMLResponse:
    """The panel of a sentence by itself, for scripts."""
    panel = sentence_panel(opened(request)[0], slug, number, sentence)
    return page(request, "sentence.html", panel=panel, slug=slug, number=number)


def sentence_panel(context: Context, slug: str, number: int, sentence: str) -> dict[str, Any]:
    """What is known of a sentence: how it is written and spoken, and its takes. Raises: StoreError."""
    found = get_sentence(context, slug, number - 1, sentence)
    chunk = found.place.chunk
    changed = edits_in_chapter(context, slug, number - 1).get(sentence)
    before = [changed.clip_before] if changed and changed.clip_before not in ("", chunk.clip_key) else []
    clips = context.store.clips.find(before)
    heard = context.store.heard.find(slug, [chunk.clip_key]).get(chunk.clip_key)
    return {
        "id": sentence,
        "written": found.written,
        "spoken": found.sentence.spoken,
        "is_changed": changed is not None,
        "chunk": chunk.id,
        "state": found.place.state,
        "attempts": found.place.attempts,
        "reason": without_paths(found.place.reason),
        "heard": f"/media/clips/{heard.blob}" if heard else "",
        "before": [f"/media/clips/{clips[key].blob}" for key in before if key in clips],
        "takes": [(blob, f"/media/clips/{blob}") for blob in context.store.takes.of(chunk.clip_key)],
        "word": None,
        "touched": None,
        "fault": None,
    }


@router.post("/sentences/{sentence}")
def change_sentence(
    request: Request, slug: str, number: int, sentence: str, action: Text, spoken: Text = "", take: Text = ""
) -> Response:
    """Speak the sentence otherwise, as it is written, again, or as in another take."""
    context, desk = opened(request)
    try:
        if action == "again":
            chunk = get_sentence(context, slug, number - 1, sentence).place.chunk.id
            book_actions.rerun(context, desk, slug, chunks=[chunk])
        elif action == "take":
            chunk = get_sentence(context, slug, number - 1, sentence).place.chunk.id
            book_actions.choose_take(context, desk, slug, chunk, take)
        else:
            book_actions.change_sentence(context, desk, slug, number, sentence, spoken if action == "save" else "")
    except NotFound:
        raise
    except FORM_ERRORS as error:
        panel = sentence_panel(context, slug, number, sentence)
        typed = {"spoken": spoken} if action == "save" else {}
        return _chapter(request, slug, number, {**panel, **typed, "fault": fault_of(error)})
    return _back(slug, number, sentence)


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
    word = StoredPronunciation(
        id=0, book="" if everywhere else slug, written=written, say=say, ipa=ipa, match_case=bool(match_case)
    )
    touched: Touched | None = None
    fault: FormFault | None = None
    try:
        if action == "save":
            book_actions.change_word(context, desk, word, slug)
            return _back(slug, number, sentence)
        touched = count_touched(context, word)
    except NotFound:
        raise
    except FORM_ERRORS as error:
        fault = fault_of(error)
    panel = {**sentence_panel(context, slug, number, sentence), "word": word, "touched": touched, "fault": fault}
    if request.headers.get("x-fragment"):
        return page(request, "sentence.html", status=_status(panel), panel=panel, slug=slug, number=number)
    return _chapter(request, slug, number, panel)


def _back(slug: str, number: int, sentence: str) -> Response:
    """To the sentence, which a long chapter would otherwise have to be searched for."""
    return back(f"/books/{slug}/chapters/{number}", "changed", place=f"s-{sentence}")
