"""What people read on Prefect's page is called as they would call it."""

from pathlib import Path

from flows.runs.run_names import (
    name_of_batch,
    name_of_plan,
    name_of_reading,
    name_of_release,
    name_of_run,
    name_of_sound,
)
from pipeline.feeds.read_feed import ALL_FEEDS
from pipeline.narration.core.order import Order
from pipeline.narration.reading.import_document import import_document
from tests.conftest import Desk, plans_of


def test_runs_and_their_tasks_are_named_after_the_book(desk: Desk, short_epub: Path) -> None:
    context = desk.open()
    try:
        book = import_document(context, str(short_epub))
        assert name_of_run(context, "narrate-document", book.slug) == "A Short Book"
        assert name_of_run(context, "rerun-failed-chunks", book.slug) == "A Short Book: passages again"
        assert name_of_run(context, "rebuild-release", book.slug) == "A Short Book: release again"
        assert name_of_run(context, "narrate-document", "unknown") == "unknown"
        assert name_of_run(context, "convert-feeds", ALL_FEEDS) == "New articles of the feeds"
        chapter = context.store.editions.chapters(book.slug)[1]
        plan = plans_of(context, book.slug, Order(backend="tone"))[1]
        run = type("Run", (), {"book": book})
        batch = {"run": run, "chapter": chapter, "chunks": plan.chunks}
        assert name_of_batch(batch) == f"A Short Book: chapter 2, passages 1 to {len(plan.chunks)}"
        assert name_of_batch({**batch, "chunks": plan.chunks[2:3]}) == "A Short Book: chapter 2, passage 3"
        assert name_of_sound({"book": book, "chapter": chapter}) == "A Short Book: chapter 2, sound"
        assert name_of_release({"book": book}) == "A Short Book: release"
        assert name_of_plan({"chapter": chapter}) == f"{chapter.title}: plan"
        assert name_of_reading({"source": str(short_epub)}) == "Read short.epub"
    finally:
        context.close()


def test_a_chunk_has_the_same_number_in_a_stored_plan(desk: Desk, short_epub: Path) -> None:
    desk.narrate(short_epub)
    context = desk.open()
    try:
        (book,) = context.store.documents.books()
        for plan in plans_of(context, book.slug, Order(backend="tone")):
            assert context.store.plans.find(plan.key) == plan
            assert [chunk.number for chunk in plan.chunks] == list(range(1, len(plan.chunks) + 1))
    finally:
        context.close()
