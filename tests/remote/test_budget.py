"""Not a cent over the budget: the ledger and the service agree to the character, whatever happens."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from pipeline.errors import BudgetExceeded, SettingsError
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.estimate import estimate
from pipeline.settings import BudgetSettings
from tests.conftest import ROOT, Desk
from tests.remote.conftest import Rig
from tests.remote.test_narration import RIG, expected, heard, paragraphs, write_book
from tests.speech_service import SpeechService

MakeDesk = Callable[..., Desk]
PRICE = 0.00001


def ledger(desk: Desk) -> tuple[int, Decimal]:
    context = desk.open()
    lines = context.store.spend.account()
    context.close()
    return sum(line.chars for line in lines), sum((line.cost for line in lines), Decimal())


def test_a_cap_lets_37_of_100_chunks_pass_and_a_higher_one_the_rest(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = [f"Line {n:03d} of the book has the same length." for n in range(99)]
    length = len(texts[0])
    book = write_book(tmp_path, texts, chapters=1)
    heading = "The first part of the book".ljust(length, "x")
    book.write_text(book.read_text().replace("Part 0", heading))
    service.latency_s = 0.02
    desk = remote_desk()
    cap = round(37 * length * PRICE, 8)
    with pytest.raises(BudgetExceeded) as caught:
        desk.narrate(book, replace(RIG, max_cost=cap))
    assert caught.value.exit_code == 5
    assert f"cap of {cap:g} USD" in str(caught.value)
    assert "--max-cost" in caught.value.remedy
    assert sum(service.whole_answers().values()) == 37
    chars, cost = ledger(desk)
    assert chars == service.billed_chars
    assert cost == Decimal(str(cap))
    summary = desk.narrate(book, replace(RIG, max_cost=1.0))
    assert summary.synthesized == 63
    assert set(service.whole_answers().values()) == {1}
    assert heard(desk, service) == [heading, *texts]
    assert ledger(desk)[0] == service.billed_chars


@pytest.mark.parametrize("name", ["max_cost_per_run", "max_cost_per_book", "max_cost_per_month"])
def test_caps_of_the_settings_are_kept_and_named(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path, name: str
) -> None:
    book = write_book(tmp_path, paragraphs(8), chapters=1)
    capped = remote_desk(sections={"budget": BudgetSettings(**{name: 0.004})})
    with pytest.raises(BudgetExceeded, match=f"for this {name.rpartition('_')[2]}"):
        capped.narrate(book, RIG)
    spent = service.billed_chars
    assert 0 < spent * PRICE <= 0.004
    again = remote_desk(sections={"budget": BudgetSettings(**{name: 0.004})})
    if name == "max_cost_per_run":
        assert again.narrate(book, RIG).synthesized > 0
    else:
        with pytest.raises(BudgetExceeded):
            again.narrate(book, RIG)
        assert service.billed_chars == spent


def test_a_cap_without_a_price_is_refused(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    desk = remote_desk(price_per_1k_chars=0.0)
    with pytest.raises(SettingsError, match="not what rig costs"):
        desk.narrate(write_book(tmp_path, paragraphs(2)), replace(RIG, max_cost=1.0))
    assert not service.asks


def test_a_cap_of_nothing_lets_nothing_be_sent(remote_desk: MakeDesk, service: SpeechService, tmp_path: Path) -> None:
    with pytest.raises(BudgetExceeded):
        remote_desk().narrate(write_book(tmp_path, paragraphs(2)), replace(RIG, max_cost=0.0))
    assert not service.asks


def test_refused_requests_cost_nothing_and_unanswered_ones_stay_counted(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = paragraphs(4)
    faults = {texts[0]: "503", texts[1]: "429", texts[2]: "silence", texts[3]: "hang"}
    service.fault = lambda text, nth: faults.get(text, "") if nth == 0 else ""
    desk = remote_desk(timeout_s=1.0)
    desk.narrate(write_book(tmp_path, texts, chapters=1), RIG)
    context = desk.open()
    (line,) = context.store.spend.account()
    context.close()
    assert line.unanswered == 1
    assert line.chars == service.billed_chars + len(texts[3]), "nobody knows whether the lost request was billed"


def test_the_plan_says_what_will_be_billed_to_the_character(
    remote_desk: MakeDesk, service: SpeechService, tmp_path: Path
) -> None:
    texts = [*paragraphs(5), "The same words.", "The same words."]
    desk = remote_desk(requests_per_minute=1200)
    context = desk.open()
    slug = import_document(context, str(write_book(tmp_path, texts))).slug
    plan = estimate(context, slug, RIG)
    context.close()
    assert not service.asks
    summary = desk.narrate(write_book(tmp_path, texts), RIG)
    assert plan.requests == len(service.asks) == summary.synthesized
    assert plan.chars_billed == service.billed_chars == summary.chars_billed
    assert plan.cost == pytest.approx(summary.cost)
    assert plan.wall_seconds >= plan.requests / 20


@pytest.mark.long
def test_kills_waste_at_most_what_was_in_flight(rig: Rig, service: SpeechService, tmp_path: Path) -> None:
    texts = paragraphs(80)
    book, config = write_book(tmp_path, texts), rig.toml(tmp_path, concurrency=4)
    service.latency_s = 0.05
    command = [sys.executable, "-m", "pipeline.cli", "--config", str(config), "--data", str(tmp_path / "data")]
    command += ["narrate", str(book), "--direct", "--quiet"]
    wasted = 0
    for number in range(3):
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, env=os.environ.copy())
        begun = len(service.asks)
        while len(service.asks) < begun + 12 and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.013 * number)
        with suppress(ProcessLookupError):  # the last one may have finished
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        wasted += 4
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
    twice = sum(times - 1 for times in service.whole_answers().values())
    assert twice <= wasted
    desk = Desk(tmp_path / "data", None)  # type: ignore[arg-type]
    assert heard(desk, service) == expected(texts)
    with sqlite3.connect(tmp_path / "data" / "bookcast.db") as database:
        ((counted,),) = database.execute("select sum(chars) from spend where state != 'void'")
    assert counted >= service.billed_chars
