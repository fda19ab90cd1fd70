"""The commands around money: what they print, how they end."""

import json
from pathlib import Path

import pytest

from tests.program import Result, bookcast
from tests.remote.conftest import Rig
from tests.remote.test_narration import paragraphs, write_book
from tests.speech_service import SpeechService


class Shell:
    """Runs `bookcast` in a folder of its own."""

    def __init__(self, folder: Path, rig: Rig, **values: object) -> None:
        config = rig.toml(folder, **values)
        self._start = ["--config", str(config), "--data", str(folder / "d")]

    def __call__(self, *arguments: str) -> Result:
        return bookcast(*self._start, *arguments)


@pytest.fixture
def shell(tmp_path: Path, rig: Rig) -> Shell:
    return Shell(tmp_path, rig)


def test_plan_cap_resume_and_account_agree(shell: Shell, service: SpeechService, tmp_path: Path) -> None:
    book = str(write_book(tmp_path, paragraphs(12), chapters=1))
    plan = json.loads(shell("narrate", book, "--dry-run", "--json").stdout)
    capped = shell("narrate", book, "--direct", "--max-cost", str(plan["cost"] / 2), "--json")
    assert capped.returncode == 5
    assert json.loads(capped.stdout)["exit_code"] == 5
    assert "cap of" in capped.stderr
    assert "--max-cost" in capped.stderr
    assert 0 < service.billed_chars <= plan["chars_billed"] / 2
    rest = json.loads(shell("narrate", book, "--dry-run", "--json").stdout)
    assert rest["chars_billed"] == plan["chars_billed"] - service.billed_chars
    assert rest["chars_saved"] == service.billed_chars
    spent = service.billed_chars
    done = json.loads(shell("narrate", book, "--direct", "--max-cost", "1", "--json").stdout)
    assert done["chars_billed"] == service.billed_chars - spent == rest["chars_billed"]
    (line,) = json.loads(shell("spend", "--json").stdout)["spend"]
    assert (line["chars"], line["requests"]) == (service.billed_chars, len(service.asks))
    assert line["cost"] == pytest.approx(plan["cost"])
    (row,) = json.loads(shell("status", "--json").stdout)["books"]
    assert row["cost"] == {"USD": pytest.approx(plan["cost"])}
    assert "Together: " in shell("spend", done["book"]).stdout


def test_say_is_paid_and_cached_too(shell: Shell, service: SpeechService, tmp_path: Path) -> None:
    for _ in range(2):
        assert shell("say", "The lamp was lit.", "-o", str(tmp_path / "a.wav")).returncode == 0
    assert len(service.asks) == 1
    (line,) = json.loads(shell("spend", "--json").stdout)["spend"]
    assert (line["book"], line["chars"]) == ("", 17)


def test_clips_of_a_fallback_are_listed_for_review(tmp_path: Path, rig: Rig, service: SpeechService) -> None:
    shell = Shell(tmp_path, rig, fallback="tone")
    texts = paragraphs(4)
    service.fault = lambda text, nth: "rejected" if text == texts[2] else ""
    done = shell("narrate", str(write_book(tmp_path, texts)), "--direct", "--json")
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(shell("status", "--review", "--json").stdout)["review"]
    assert row["text"] == texts[2]
    assert "spoken by tone" in row["remark"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--voice", "cherry"], 'did you mean "Cherry"'),
        (["--model", "qwen-tts", "--voice", "Dylan"], "Cherry, Serena"),
        (["--speed", "4.5"], "0.25 to 4.0"),
    ],
)
def test_wrong_orders_are_refused_before_the_first_request(
    shell: Shell, service: SpeechService, tmp_path: Path, arguments: list[str], words: str
) -> None:
    done = shell("narrate", str(write_book(tmp_path, paragraphs(2))), *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert not service.asks


def test_a_missing_key_is_named_before_anything_is_done(
    shell: Shell, service: SpeechService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIG_API_KEY")
    book = str(write_book(tmp_path, paragraphs(2)))
    done = shell("narrate", book)
    assert (done.returncode, "export RIG_API_KEY=" in done.stderr) == (2, True)
    assert shell("narrate", book, "--dry-run").returncode == 0, "a plan needs no key"
    assert not service.asks


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('base_url = "ftp://x"', "base_url"),
        ("max_chars = 3", "max_chars"),
        ('response_format = "ogg"', "response_format"),
        ('colour = "red"', "no such setting"),
        ('fallback = "nobody"', "falls back"),
    ],
)
def test_mistakes_in_a_profile_name_the_key(tmp_path: Path, line: str, words: str) -> None:
    values = {"base_url": '"http://127.0.0.1:1/v1"'}
    values.update([line.split(" = ", 1)])
    text = "".join(f"{key} = {value}\n" for key, value in values.items())
    (tmp_path / "s.toml").write_text(
        f'[backends.rig]\nkind = "openai"\n{text}[backends.rig.models."m"]\nvoices = "any"\n', "utf-8"
    )
    done = bookcast("--config", str(tmp_path / "s.toml"), "voices")
    assert done.returncode == 2
    assert words in done.stderr
