"""The packaged defaults, the user's file and the files beside it, the environment: each over the one before."""

from pathlib import Path

import pytest

from pipeline.errors import SettingsError
from pipeline.settings import Settings, read_settings
from pipeline.settings.places import DEFAULTS
from tests.conftest import ROOT


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A settings file of a user, with folders beside it."""
    for name in ("backends", "lexicons"):
        (tmp_path / name).mkdir()
    path = tmp_path / "bookcast.toml"
    path.write_text("")
    return path


def own(mine: Path, text: str) -> Settings:
    mine.write_text(text)
    return read_settings(mine)


def test_there_is_one_source_of_the_defaults() -> None:
    assert DEFAULTS.samefile(ROOT / "config")


def test_a_users_file_needs_only_what_differs(mine: Path) -> None:
    defaults = read_settings(DEFAULTS / "bookcast.toml")
    assert own(mine, "").model_dump() == defaults.model_dump()
    changed = own(mine, '[narration]\nspeed = 1.2\n[pauses]\n"* > heading" = 2.0\n')
    assert changed.narration == defaults.narration.model_copy(update={"speed": 1.2})
    assert changed.pauses == {**defaults.pauses, "* > heading": 2.0}
    assert changed.backends == defaults.backends


def test_the_environment_stands_above_the_users_file(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOKCAST_NARRATION__SPEED", "1.5")
    assert own(mine, "[narration]\nspeed = 1.2\n").narration.speed == 1.5


def test_a_users_backend_is_added_and_one_with_a_kind_replaces_the_packaged_one(mine: Path) -> None:
    (mine.parent / "backends" / "mine.toml").write_text('kind = "tone"\n')
    (mine.parent / "backends" / "openai.toml").write_text('kind = "tone"\nworkers = 3\n')
    backends = read_settings(mine).backends
    assert {"mine", "openai", "hibari", "4allapi"} <= set(backends)
    assert (backends["openai"].kind, backends["openai"].workers, backends["openai"].models) == ("tone", 3, {})


@pytest.mark.parametrize("beside", [True, False])
def test_a_users_backend_without_a_kind_changes_just_its_keys(mine: Path, beside: bool) -> None:
    packaged = read_settings(mine).backends["4allapi"]
    if beside:
        (mine.parent / "backends" / "4allapi.toml").write_text("price_per_1k_chars = 0.25\n")
    else:
        mine.write_text("[backends.4allapi]\nprice_per_1k_chars = 0.25\n")
    assert read_settings(mine).backends["4allapi"] == packaged.model_copy(update={"price_per_1k_chars": 0.25})


def test_a_users_lexicon_stands_before_the_packaged_one_of_its_name(mine: Path) -> None:
    assert Path(read_settings(mine).narration.lexicon) == DEFAULTS / "lexicons" / "en.toml"
    theirs = mine.parent / "lexicons" / "en.toml"
    theirs.write_text("")
    assert Path(read_settings(mine).narration.lexicon) == theirs
    assert own(mine, '[narration]\nlexicon = ""\n').narration.lexicon == ""


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bookcast.toml", "[mastering]\ntarget_lufs = 3\n", "mastering.target_lufs"),
        ("bookcast.toml", "backends = 3\n", "backends"),
        ("bookcast.toml", "narration = 3\n", "narration"),
        ("bookcast.toml", "[", "not valid TOML"),
        ("backends/openai.toml", "nonsense = 3\n", "backends.openai.nonsense: no such setting"),
        ("backends/mine.toml", "workers = 3\n", "backends.mine.kind"),
    ],
)
def test_a_mistake_names_its_file_and_key(mine: Path, name: str, text: str, words: str) -> None:
    (mine.parent / name).write_text(text)
    with pytest.raises(SettingsError) as mistake:
        read_settings(mine)
    assert str(mine.parent / name) in str(mistake.value)
    assert words in str(mistake.value)
