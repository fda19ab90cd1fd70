"""A book that a slow service speaks, in a storm of everything else that people and programs may do meanwhile."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.audio.pcm import decode_audio
from pipeline.narration.core.order import Order
from pipeline.narration.running.estimate import estimate
from pipeline.narration.running.narrations import narrate
from pipeline.narration.upkeep.edit_book import speak_sentence_as
from pipeline.narration.upkeep.keep_cache import verify_cache
from tests.conftest import ROOT, Desk
from tests.remote.conftest import Rig
from tests.remote.test_narration import expected, paragraphs, write_book
from tests.speech_service import SpeechService
from tests.tone_code import find_codes
from tests.web.conftest import Studio, own_access


@pytest.mark.parametrize(
    ("paragraphs_", "most"), [(40, 24), pytest.param(300, 200, marks=pytest.mark.slow)], ids=["gale", "storm"]
)
def test_a_storm_of_looks_edits_and_another_run_leaves_a_narration_whole(
    remote_desk: Callable[..., Desk],
    rig: Rig,
    service: SpeechService,
    tmp_path: Path,
    paragraphs_: int,
    most: int,
) -> None:
    texts = paragraphs(paragraphs_)
    book, desk = write_book(tmp_path, texts, chapters=6), remote_desk()
    service.latency_s = 0.1
    model, voice, other = next((m, v[0], v[1]) for m, v in service.models.items() if len(v) > 1)
    command = [sys.executable, "-m", "pipeline.cli", "--config", str(rig.toml(tmp_path, concurrency=8)),
               "--data", str(desk.data), "--json", "narrate", str(book), "--direct", "--model", model,
               "--voice", voice, "--output", str(tmp_path / "first")]  # fmt: skip
    studio = Studio(desk.settings, desk.data, own_access())
    neighbor = edited_neighbor(studio, tmp_path)
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        while not service.asks and program.poll() is None:
            threading.Event().wait(0.02)
        second = threading.Thread(target=narrate, args=(
            studio.context, str(book), Order(backend="rig", model=model, voice=other, output=str(tmp_path / "second"))
        ))  # fmt: skip
        second.start()
        rounds = storm(studio, book, neighbor, most, is_over=lambda: program.poll() is not None)
        output, errors = program.communicate(timeout=120)
        second.join(120)
    studio.close()
    assert program.returncode == 0, errors
    assert '"failed": 0' in output
    assert rounds >= most
    for folder in ("first", "second"):
        assert heard_in(tmp_path / folder, service) == expected(texts, chapters=6), folder
    bought = Counter((ask.text, ask.body["voice"]) for ask in service.asks if ask.whole)
    assert set(bought.values()) == {1}, "nothing is paid twice"
    assert len(bought) == 2 * (paragraphs_ + 6)


def edited_neighbor(studio: Studio, folder: Path) -> str:
    """Another book, whose sentences are edited again and again."""
    path = folder / "neighbor.md"
    path.write_text("# Neighbor\n\nShe read it. He read it. They read it.\n", "utf-8")
    return narrate(studio.context, str(path), Order(backend="tone")).book


def storm(studio: Studio, book: Path, neighbor: str, most: int, *, is_over: Callable[[], bool]) -> int:
    """Look at everything, over and over, until the narration has ended, but often enough; how often."""
    context = studio.context
    orders = [Order(backend="rig"), Order(backend="tone", voice="low"), Order(backend="rig", speed=1.5)]
    (place,) = [p for p in context.store.chunks.places(neighbor) if "She read" in p.text]
    slug = next((b.slug for b in context.store.documents.books() if b.slug != neighbor), "")
    looks = 0
    while looks < most or not is_over():
        slug = slug or next((b.slug for b in context.store.documents.books() if b.slug != neighbor), "")
        turn = looks % 8
        if turn == 0:
            estimate(context, str(book), orders[looks // 8 % len(orders)])
        elif turn == 1 and looks % 24 == 1:
            verify_cache(context)
        elif turn == 2:
            said = f"She red it {looks} times."
            speak_sentence_as(context, neighbor, place.chapter_position, place.chunk.sentences[0].id, said)
        elif turn == 3 and looks % 40 == 3:
            narrate(context, neighbor, replace(orders[1], voice="beep"))
        elif turn == 4:
            assert studio.client.get(f"/books/{slug}/narrate?backend=tone&voice=low").status_code == 200
        elif turn == 5:
            assert studio.client.post(f"/api/books/{slug}/plan", json={"backend": "rig"}).status_code == 200
        elif turn == 6:
            assert studio.client.get(f"/books/{slug}").status_code == 200
            assert studio.client.get(f"/books/{slug}/chapters/2").status_code == 200
        else:
            context.store.chunks.totals(slug)
            assert studio.client.get("/").status_code == 200
        looks += 1
    return looks


def heard_in(folder: Path, service: SpeechService) -> list[str]:
    (path,) = folder.rglob("*.m4b")
    return [service.text_of(number) for number, _ in find_codes(decode_audio(path.read_bytes()))]
