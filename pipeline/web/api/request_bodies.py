"""What the REST interface is sent about books, checked before anything is done."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from pipeline.model.audio import AudioFormat
from pipeline.narration.core.order import Order
from pipeline.store.records.edits import StoredPronunciation
from pipeline.web.api import book_actions
from pipeline.web.views import book_views

Number = Annotated[int, Field(ge=1, le=100_000)]
Short = Annotated[str, Field(max_length=200)]


class NarrationOrder(BaseModel):
    """How a book is to be narrated; what is left out stands for what the settings say."""

    backend: Short = ""
    model: Short = ""
    voice: Short = ""
    speed: float = Field(default=0.0, ge=0, le=4, allow_inf_nan=False)
    language: Annotated[str, Field(max_length=35)] = ""
    formats: list[AudioFormat] = Field(default=[], max_length=6)
    mastering: Literal["", "audiobook", "podcast", "broadcast"] = ""
    chapters: list[Number] = Field(default=[], max_length=10_000, description="From 1; empty for all.")
    allow_gaps: bool = False
    max_cost: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    def as_order(self) -> Order:
        """As the stages take it."""
        return book_views.order_of_form(self.model_dump())


class RerunOrder(BaseModel):
    """Which chunks are to be spoken again."""

    failed: bool = True
    chapters: list[Number] = Field(default=[], max_length=10_000)
    chunks: list[Short] = Field(default=[], max_length=10_000)
    max_cost: float | None = Field(
        default=None, ge=0, allow_inf_nan=False, description="A new cap; left out, the last one goes on."
    )


class SpokenText(BaseModel):
    """How a sentence is spoken; empty for as it is written."""

    spoken: str = Field(max_length=4096)


class Word(BaseModel):
    """How a word is said."""

    written: Short
    say: Short = ""
    ipa: Short = ""
    match_case: bool = False
    book: Annotated[str, Field(max_length=120)] = Field(default="", description="Its name; empty for every book.")

    def as_stored(self) -> StoredPronunciation:
        """As the stages take it."""
        return StoredPronunciation(
            id=0, book=self.book, written=self.written, say=self.say, ipa=self.ipa, match_case=self.match_case
        )


class Facts(BaseModel):
    """Facts of a book that are to be written otherwise; what is left out stays."""

    title: str | None = Field(default=None, max_length=500)
    authors: list[Short] | None = Field(default=None, max_length=50)
    series: str | None = Field(default=None, max_length=500)
    series_index: str | None = Field(default=None, max_length=20)
    description: str | None = Field(default=None, max_length=20_000)
    published: str | None = Field(default=None, max_length=40)


class PageAddress(BaseModel):
    """A web page to be read."""

    url: str = Field(max_length=4096)


class PastedText(BaseModel):
    """A text to be read."""

    title: Annotated[str, Field(max_length=200)] = ""
    text: str = Field(max_length=book_actions.MAX_TEXT_CHARS)
