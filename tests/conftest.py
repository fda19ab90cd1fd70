"""Fixtures: an empty data directory, settings with test voices, a narration in one call."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings as hypothesis_settings

from pipeline.model.plan import ChapterPlan
from pipeline.narration.core.context import Context
from pipeline.narration.core.events import Event
from pipeline.narration.core.order import Order
from pipeline.narration.core.run_state import MISSING, Summary, Wanted
from pipeline.narration.reading.chapter_text import text_of_stored
from pipeline.narration.reading.import_document import import_document
from pipeline.narration.running.narrations import run_prepared
from pipeline.narration.running.prepare import prepare
from pipeline.settings import BackendSettings, Settings, read_settings
from pipeline.store.ownership.scratch import VARIABLE
from tests.fakes import KIND
from tests.feed_site import serve_site
from tests.makers import SAMPLES, make_epub, make_png
from tests.web_site import Site, open_site

# Timings belong in tests/bench: a slow machine must not fail a property.
hypothesis_settings.register_profile("bookcast", deadline=None)
hypothesis_settings.load_profile("bookcast")

ROOT = Path(__file__).parent.parent
BOOKS = ROOT.parent / "shared" / "books"
SHORT = ("She came to NAME. It was late.", "Nobody saw her at NAME.", "“Yes?” he asked. The wickedest of NAME said no.")


@pytest.fixture
def sample_markdown() -> Path:
    return SAMPLES / "the-keeper-of-gull-rock.md"


@pytest.fixture
def sample_epub() -> Path:
    return SAMPLES / "the-keeper-of-gull-rock.epub"


@pytest.fixture
def short_epub(tmp_path: Path) -> Path:
    """Three chapters of a few sentences, with a cover."""
    files = {
        f"c{n}.xhtml": f"<h2>Chapter {n}</h2>" + "".join(f"<p>{s.replace('NAME', n)}</p>" for s in SHORT)
        for n in ("one", "two", "three")
    }
    picture = make_png(np.full((30, 20, 3), 120, np.uint8))
    path = tmp_path / "short.epub"
    path.write_bytes(make_epub(files, title="A Short Book", cover=picture))
    return path


@pytest.fixture(params=["alice.epub", "love-among-the-chickens.epub"])
def real_book(request: pytest.FixtureRequest) -> Path:
    path = BOOKS / request.param
    if not path.exists():
        pytest.skip("the real books are not beside this checkout")
    return path


@pytest.fixture
def fake_voice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that steers the fake voice."""
    folder = tmp_path / "fake"
    folder.mkdir()
    monkeypatch.setenv("FAKE_VOICE", str(folder))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return folder


def make_settings(**sections: object) -> Settings:
    settings = read_settings(ROOT / "config" / "bookcast.toml")
    # one process: to start it takes longer than what most tests have it say
    backends = {**settings.backends, "fake": BackendSettings(kind=KIND, workers=1)}
    backends["tone"] = BackendSettings(kind="tone", workers=1)
    return settings.model_copy(update={"backends": backends, **sections})


@dataclass
class Desk:
    """One data directory and what was reported of it."""

    data: Path
    settings: Settings
    events: list[Event] = field(default_factory=list)

    def open(self) -> Context:
        return Context(self.settings, self.data, self.events.append)

    def narrate(self, source: Path, order: Order | None = None, again: frozenset[str] | None = None) -> Summary:
        context = self.open()
        try:
            book = import_document(context, str(source))
            wanted = MISSING if again is None else Wanted(again)
            return run_prepared(context, prepare(context, book, order or Order(backend="tone"), wanted))
        finally:
            context.close()


def plans_of(context: Context, slug: str, order: Order) -> list[ChapterPlan]:
    """The plans of a book's chapters, in memory."""
    prepared = prepare(context, context.store.documents.get_book(slug), order)
    return [prepared.planner.plan(text_of_stored(context, chapter)) for chapter in prepared.chapters]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path / "data", make_settings())


@pytest.fixture
def make_desk(tmp_path: Path) -> Callable[..., Desk]:
    return lambda name="data", **sections: Desk(tmp_path / name, make_settings(**sections))


@pytest.fixture
def site() -> Iterator[str]:
    """Address of a site with a feed."""
    yield from serve_site()


@pytest.fixture
def web() -> Iterator[Site]:
    """A site that serves what a test puts there."""
    with open_site() as site:
        yield site


@pytest.fixture(autouse=True, scope="session")
def _scratch_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Tests leave the user's own scratch folder alone."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(tmp_path_factory.mktemp("scratch")))
        yield


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        is_ours = name.startswith(("BOOKCAST_", "PREFECT_")) and name != VARIABLE
        if is_ours or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
