"""One cap over everything that may be bought for a book, whoever speaks it, and however often it is taken up again."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import BudgetExceeded, SettingsError
from pipeline.model.voice import SpeechRequest
from pipeline.narration.core.account import Account
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Note
from pipeline.narration.core.order import Order, resolve_voice
from pipeline.narration.running.narrations import Running, narrate, prepare_rerun, run_prepared
from pipeline.narration.speaking.audition import audition_file
from pipeline.settings import BudgetSettings
from pipeline.store.records.purchases import Caps, Spending
from pipeline.web.api import book_actions
from tests.conftest import Desk
from tests.remote.conftest import KEY, Rig
from tests.remote.test_budget import PRICE, ledger
from tests.remote.test_narration import RIG, paragraphs, write_book
from tests.speech_service import SpeechService
from tests.web.direct_desk import DirectDesk

MakeDesk = Callable[..., Desk]
SPARE_PRICE = 2 * PRICE


@pytest.fixture
def spare() -> Iterator[SpeechService]:
    """A second service, for what the first one refuses."""
    running = SpeechService(keys=(KEY,)).serve()
    yield running
    running.close()


@pytest.fixture
def two_services(remote_desk: MakeDesk, service: SpeechService, spare: SpeechService) -> MakeDesk:
    """A desk whose service refuses every second text, and its fallback: two_services(currency="EUR", ...)."""
    service.fault = lambda text, nth: "rejected" if service.number(text) % 2 else ""

    def make(*, sections: dict[str, Any] | None = None, **values: Any) -> Desk:
        desk = remote_desk(sections=sections, fallback="spare")
        backend = Rig(spare).backend(**{"price_per_1k_chars": 0.02, **values})
        desk.settings = desk.settings.model_copy(update={"backends": {**desk.settings.backends, "spare": backend}})
        return desk

    return make


def test_one_cap_holds_over_a_voice_and_its_fallback(
    two_services: MakeDesk, service: SpeechService, spare: SpeechService, tmp_path: Path
) -> None:
    desk, cap = two_services(), 0.02
    with pytest.raises(BudgetExceeded):
        desk.narrate(write_book(tmp_path, paragraphs(24)), replace(RIG, max_cost=cap))
    cost = service.billed_chars * PRICE + spare.billed_chars * SPARE_PRICE
    assert service.billed_chars
    assert spare.billed_chars
    assert cost <= cap
    assert float(ledger(desk)[1]) == pytest.approx(cost)


def test_a_fallback_without_a_price_is_refused_before_the_first_request(
    two_services: MakeDesk, service: SpeechService, spare: SpeechService, tmp_path: Path
) -> None:
    book = write_book(tmp_path, paragraphs(4))
    with pytest.raises(SettingsError, match="what spare costs") as caught:
        two_services(price_per_1k_chars=0.0).narrate(book, replace(RIG, max_cost=1.0))
    assert caught.value.key == "backends.spare.price_per_1k_chars"
    assert not service.asks
    assert not spare.asks


def test_two_currencies_under_a_cap_without_one_are_refused_before_the_first_request(
    two_services: MakeDesk, service: SpeechService, spare: SpeechService, tmp_path: Path
) -> None:
    book = write_book(tmp_path, paragraphs(4))
    desk = two_services(currency="EUR")
    with pytest.raises(SettingsError, match=r"rig .*USD.* spare .*EUR"):
        desk.narrate(book, replace(RIG, max_cost=1.0))
    assert not service.asks
    assert not spare.asks
    assert desk.narrate(book, RIG).failed == 0, "without a cap nothing is compared"


def test_a_cap_in_a_currency_refuses_services_of_others(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    book = write_book(tmp_path, paragraphs(2))
    euros = remote_desk(sections={"budget": BudgetSettings(currency="EUR")})
    with pytest.raises(SettingsError, match=r"EUR.*rig.*USD"):
        euros.narrate(book, replace(RIG, max_cost=1.0))
    assert not service.asks
    dollars = remote_desk(sections={"budget": BudgetSettings(currency="USD")})
    assert dollars.narrate(book, replace(RIG, max_cost=1.0)).failed == 0


@pytest.mark.parametrize("cap", [float("nan"), float("inf"), -1.0])
def test_a_cap_that_is_no_amount_is_refused(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, cap: float
) -> None:
    with pytest.raises(SettingsError, match="not an amount"):
        remote_desk().narrate(write_book(tmp_path, paragraphs(2)), replace(RIG, max_cost=cap))
    assert not service.asks


def test_a_cap_of_nothing_lets_what_is_free_go_on(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    book = write_book(tmp_path, paragraphs(3))
    assert remote_desk().narrate(book, Order(backend="tone", max_cost=0.0)).failed == 0
    assert remote_desk().narrate(book, RIG).synthesized == len(service.asks)
    bought = len(service.asks)
    unpriced = remote_desk(price_per_1k_chars=0.0)
    assert unpriced.narrate(book, replace(RIG, max_cost=0.0)).outputs
    book.write_text(book.read_text() + "\n\nOne line more.")
    with pytest.raises(BudgetExceeded):
        unpriced.narrate(book, replace(RIG, max_cost=0.0))
    assert len(service.asks) == bought


def rerun_all(desk: Desk, slug: str, **given: Any) -> None:
    """What `bookcast rerun` does."""
    context = desk.open()
    try:
        chapters = range(1, len(context.store.editions.chapters(slug)) + 1)
        run_prepared(context, prepare_rerun(context, slug, chapters=chapters, **given))
    finally:
        context.close()


def test_reruns_keep_the_cap_of_the_narration_until_another_one_is_given(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    desk = remote_desk()
    first = desk.narrate(write_book(tmp_path, paragraphs(6)), replace(RIG, max_cost=0.01))
    assert first.cost > 0.004, "a second round would pass the cap"
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            for _ in range(3):
                rerun_all(desk, first.book)
    assert service.billed_chars * PRICE <= 0.01
    spent = service.billed_chars
    rerun_all(desk, first.book, max_cost=0.01)
    assert service.billed_chars == spent + first.chars_billed, "a new cap counts from now on"
    with pytest.raises(BudgetExceeded):
        for _ in range(3):
            rerun_all(desk, first.book)
    assert (service.billed_chars - spent) * PRICE <= 0.01


def test_ten_edits_in_the_studio_cannot_spend_ten_times_the_cap(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    desk = remote_desk()
    first = desk.narrate(write_book(tmp_path, paragraphs(1), chapters=1), replace(RIG, max_cost=0.003))
    context = desk.open()
    studio = DirectDesk(context)
    (chunk,) = [p.chunk for p in context.store.chunks.places(first.book) if len(p.chunk.sentences) > 1]
    for n in range(10):
        spoken = f"Said for the {n}th time, in so many words, and a few more."
        book_actions.change_sentence(context, studio, first.book, 1, chunk.sentences[0].id, spoken)
        studio.wait()
    spent = service.billed_chars
    assert 2 * first.cost < spent * PRICE <= 0.003
    book_actions.rerun(context, studio, first.book, chapters=[1], max_cost=0.002)
    studio.wait()
    assert service.billed_chars > spent, "a new cap counts from now on"
    studio.close()
    context.close()


def test_a_run_that_is_taken_up_again_goes_on_under_its_cap(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    book, desk = write_book(tmp_path, paragraphs(12)), remote_desk()
    context = desk.open()
    for _ in range(3):
        with pytest.raises(BudgetExceeded):
            narrate(context, str(book), replace(RIG, max_cost=0.003), Running(flow_run="one-flow-run"))
    context.close()
    assert service.billed_chars * PRICE <= 0.003


def test_a_service_that_bills_more_is_booked_as_it_says_and_named_once(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    service.bills = lambda text: 3 * len(text)
    service.fault = lambda text, nth: "dashscope"
    desk = remote_desk(concurrency=1)
    with pytest.raises(BudgetExceeded):
        desk.narrate(write_book(tmp_path, paragraphs(12)), replace(RIG, max_cost=0.01))
    chars, cost = ledger(desk)
    assert chars == service.billed_chars
    assert cost - Decimal(str(PRICE)) * service.asks[-1].billed_chars < Decimal("0.01"), "one request at most is over"
    warnings = [event.text for event in desk.events if isinstance(event, Note) and "billed" in event.text]
    assert len(warnings) == 1
    assert warnings[0].startswith("rig says that it billed")


@pytest.mark.parametrize("said", [-50, 10**15])
def test_an_impossible_figure_of_a_service_does_not_spoil_the_ledger(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, said: int
) -> None:
    service.bills = lambda text: said
    service.fault = lambda text, nth: "dashscope"
    desk = remote_desk()
    summary = desk.narrate(write_book(tmp_path, paragraphs(3)), replace(RIG, max_cost=1.0))
    assert summary.chars_billed == sum(len(ask.text) for ask in service.asks)


def test_an_account_that_buys_nothing_is_refused_before_the_request(
    remote_desk: MakeDesk, service: SpeechService
) -> None:
    context = remote_desk(price_per_1k_chars=0.0).open()
    choice, _ = resolve_voice(context.settings, RIG)
    request, account = SpeechRequest(("The lamp was lit.",), choice), no_purchases(context)
    future = context.makers(RIG).submit(request, "key", account)
    with pytest.raises(BudgetExceeded) as caught:
        context.makers(RIG).result(future, request, "key", account)
    assert "buys nothing" in str(caught.value)
    assert "bookcast rerun" in caught.value.remedy
    assert not service.asks
    assert context.store.spend.account() == []
    context.close()


def no_purchases(context: Context) -> Account:
    return Account(
        run="run",
        cap_id="run",
        book="book",
        caps=Caps(spending=Spending.NONE),
        check_stopping=context.check_stopping,
        check_paid=context.check_stopping,
    )


def test_a_sample_in_the_studio_obeys_the_caps(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    desk = remote_desk(sections={"budget": BudgetSettings(max_cost_per_month=0.002)})
    with pytest.raises(BudgetExceeded, match="for this month"):
        desk.narrate(write_book(tmp_path, paragraphs(6)), RIG)
    asked, context = len(service.asks), desk.open()
    with pytest.raises(BudgetExceeded, match="for this month"):
        audition_file(context, "A sample that nobody has heard yet, long enough to be over the cap of the month.", RIG)
    context.close()
    assert len(service.asks) == asked
