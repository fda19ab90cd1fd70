"""The image that the Dockerfile describes, made by the same steps in a plain folder: Docker cannot run everywhere."""

import json
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.extras import LIBRARIES
from tests.conftest import ROOT
from tests.studio.installation import Installation

pytestmark = pytest.mark.studio
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ENVIRONMENT = dict(re.findall(r"^ENV (\w+)=(\S+)$", DOCKERFILE, re.MULTILINE))
HEALTHCHECK: list[str] = json.loads(re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[0])
COMMAND: list[str] = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[0])
START_S, END_S = 120, 40


class Container:
    """The image's command, with a folder as its data volume."""

    def __init__(self, image: Installation) -> None:
        self.image = image
        self.data = image.room("volume")
        places = {"BOOKCAST_DATA": str(self.data), "XDG_CONFIG_HOME": str(image.folder / "config")}
        self.environment = {
            **image.environment(image.room("temporary")), **ENVIRONMENT, **places, "BOOKCAST_STUDIO__PORT": "0",
        }  # fmt: skip
        self.process = subprocess.Popen([*image.as_nobody, *COMMAND], cwd="/", env=self.environment)

    def is_healthy(self) -> bool:
        return self.image.run(HEALTHCHECK, self.environment).returncode == 0

    def await_health(self) -> None:
        deadline = time.monotonic() + START_S
        while not self.is_healthy():
            assert self.process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "not healthy"
            time.sleep(1)


@pytest.fixture
def container(installation: Installation) -> Iterator[Container]:
    running = Container(installation)
    yield running
    if running.process.poll() is None:
        running.process.terminate()
        running.process.wait(END_S)


def test_the_image_runs_without_rights_shows_its_health_narrates_and_ends_in_order(container: Container) -> None:
    assert not container.is_healthy()
    container.await_health()
    studio = json.loads((container.data / "work" / "up.json").read_text())["studio"]
    port = studio.rpartition(":")[2]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
    link = container.image.run(["bookcast", "up", "--show-link"], container.environment)
    assert "?token=" in link.stdout, link.stderr
    done = container.image.run(["bookcast", "narrate", str(container.image.sample), "--json"], container.environment)
    assert done.returncode == 0, done.stderr
    (output,) = json.loads(done.stdout)["outputs"]
    assert Path(output).is_relative_to(container.data)
    container.process.send_signal(signal.SIGTERM)
    assert container.process.wait(END_S) == 0
    assert not container.is_healthy()


def test_the_image_runs_as_a_user_of_its_own_on_a_volume() -> None:
    assert re.search(r"^USER (?!root|0)\w+$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^VOLUME /data$", DOCKERFILE, re.MULTILINE)
    assert ENVIRONMENT["BOOKCAST_DATA"] == "/data"


def test_the_image_holds_every_extra() -> None:
    (extras,) = re.findall(r'\.whl\)\[([\w,]+)\]"', DOCKERFILE)
    assert set(extras.split(",")) == set(LIBRARIES)
