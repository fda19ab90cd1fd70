"""The page where a narration is planned and started: how it is to be spoken, what it takes, and what is wrong."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel, Field

from pipeline.audio.mastering import MASTERINGS
from pipeline.model.audio import FORMATS
from pipeline.narration.core.context import Context
from pipeline.narration.core.order import Order, parse_chapters
from pipeline.narration.running.estimate import Estimate
from pipeline.store.records.documents import StoredBook
from pipeline.web.api import book_actions
from pipeline.web.pages.form_faults import FORM_ERRORS, FormFault, fault_of
from pipeline.web.pages.pages import back
from pipeline.web.server.error_answers import ApiError
from pipeline.web.server.rendering import page
from pipeline.web.server.run_desk import opened
from pipeline.web.views import book_views

router = APIRouter(prefix="/books/{slug}/narrate", include_in_schema=False, default_response_class=HTMLResponse)
MOST_COST = 1e9
FIELDS = ("backend", "model", "voice", "speed", "mastering", "formats", "chapters", "max_cost")


class NarrationForm(BaseModel):
    """The fields of the form, as they were typed."""

    backend: str = ""
    model: str = ""
    voice: str = ""
    speed: float = Field(default=0.0, ge=0, le=4)
    mastering: str = ""
    chapters: str = ""
    formats: list[str] = []
    max_cost: str = ""

    def as_order(self) -> Order:
        """What they ask for. Raises: SettingsError, ApiError."""
        chapters, cap = parse_chapters(self.chapters), _amount(self.max_cost)
        values = {**self.model_dump(), "chapters": chapters, "formats": tuple(self.formats), "max_cost": cap}
        return book_views.order_of_form(values)


@router.get("")
def show_plan(request: Request, slug: str, form: Annotated[NarrationForm, Query()]) -> HTMLResponse:
    """The plan and the price, before anything is spoken; the form stays where there is no plan for it."""
    stored = opened(request)[0].store.documents.get_book(slug)
    return _shown(request, stored, form if request.url.query else _last_form(stored))


@router.post("")
def start_narration(request: Request, slug: str, form: Annotated[NarrationForm, Form()]) -> Response:
    """Start narrating."""
    context, desk = opened(request)
    stored = context.store.documents.get_book(slug)
    try:
        book_actions.start_narration(context, desk, slug, form.as_order())
    except FORM_ERRORS as error:
        return _shown(request, stored, form, fault_of(error))
    return back(f"/books/{slug}", "started")


def _last_form(stored: StoredBook) -> NarrationForm:
    """The form as it was filled in for the last narration of a book."""
    last: dict[str, Any] = {key: value for key, value in stored.narration.items() if value is not None}
    last["chapters"] = ",".join(map(str, last.get("chapters", ())))
    return NarrationForm(**{**last, "max_cost": str(last.get("max_cost", ""))})  # 0 is a cap, too


def _shown(request: Request, stored: StoredBook, form: NarrationForm, fault: FormFault | None = None) -> HTMLResponse:
    context, desk = opened(request)
    plan = None
    status = fault.status if fault else 200
    try:
        plan = _plan(context, stored, form)
    except FORM_ERRORS as error:
        # No voice fits the book, or a field is wrong: this page is where either is put right.
        fault = fault or fault_of(error)
    return page(
        request,
        "narrate.html",
        status=status,
        book=book_views.book_card(stored, None, desk),
        form=form,
        fault=fault,
        plan=plan,
        backends=book_views.voices(context),
        formats=FORMATS,
        masterings=MASTERINGS,
        settings=context.settings,
        fields=FIELDS,
    )


def _plan(context: Context, stored: StoredBook, form: NarrationForm) -> Estimate:
    return book_actions.plan(context, stored.slug, form.as_order())


def _amount(text: str) -> float | None:
    """Raises: ApiError."""
    remedy = "write an amount such as 2.50, or leave the field empty"
    try:
        amount = float(text) if text.strip() else None
    except ValueError as error:
        message = f'"{text[:40]}" is not an amount'
        raise ApiError(400, "invalid_value", message, param="max_cost", remedy=remedy) from error
    if amount is not None and not 0 <= amount < MOST_COST:
        raise ApiError(400, "invalid_value", "A spending limit is 0 or more", param="max_cost", remedy=remedy)
    return amount
