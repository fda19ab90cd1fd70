"""The wheel alone, in an empty virtual environment, from `/`, for a user without a home folder, behind any proxy."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.studio.installation import Installation

pytestmark = pytest.mark.studio
DEAD = "127.0.0.1:9"
WAYS = {
    "no home": {},
    "a home of somebody else": {"HOME": "/root"},
    "a dead proxy": {"HTTP_PROXY": f"http://{DEAD}", "HTTPS_PROXY": f"http://{DEAD}"},
    "a dead socks proxy": {"ALL_PROXY": f"socks5://{DEAD}"},
    "no utf-8": {"LC_ALL": "C"},
}


@pytest.mark.parametrize(("way", "options"), [*((way, []) for way in WAYS), ("no home", ["--direct"])])
def test_the_sample_is_narrated_from_anywhere(installation: Installation, way: str, options: list[str]) -> None:
    room = installation.room("-".join([*way.split(), *options]))
    command = ["bookcast", "narrate", str(installation.sample), "--json", *options]
    done = installation.run(command, installation.environment(room, **WAYS[way]))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert Path(output).stat().st_size > 100_000


def test_the_wheel_carries_every_default(installation: Installation) -> None:
    carried = {path.relative_to(ROOT / "config"): path.read_bytes() for path in (ROOT / "config").rglob("*.toml")}
    with zipfile.ZipFile(installation.wheel) as wheel:
        for path, content in carried.items():
            assert wheel.read(f"pipeline/settings/defaults/{path}") == content


def test_the_plain_wheel_names_what_it_lacks(installation: Installation) -> None:
    environment = installation.environment(installation.room("lacking"))
    checks = json.loads(installation.run(["bookcast", "--json", "doctor"], environment).stdout)["checks"]
    lacking = {check["check"]: check["remedy"] for check in checks if check["check"].startswith("extra ")}
    assert lacking == {"extra feeds": "pip install 'bookcast[feeds]'", "extra zh": "pip install 'bookcast[zh]'"}


def test_voices_and_settings_are_those_of_the_wheel(installation: Installation) -> None:
    environment = installation.environment(installation.room("voices"))
    voices = json.loads(installation.run(["bookcast", "voices", "--json"], environment).stdout)["voices"]
    assert {"hibari", "tone", "openai", "4allapi"} <= {voice["backend"] for voice in voices}
    told = json.loads(installation.run(["bookcast", "--version", "--json"], environment).stdout)
    assert "site-packages/pipeline/settings/defaults" in told["settings"]
    assert told["data"].startswith(environment["TMPDIR"])
