"""The Podcast Index's own parser reads every episode, to the second and the byte."""

import json
import subprocess
from pathlib import Path

import pytest

from pipeline.podcasts.write_podcasts import write_podcasts
from tests.conftest import ROOT
from tests.feed_desk import FeedDesk
from tests.feed_makers import Post, rss, story
from tests.web_site import Site

pytestmark = pytest.mark.studio
NPM = ROOT / "build" / "npm"
BASE = "https://pods.example/audio"


def test_partytime_reads_every_episode_with_its_chapters_transcript_and_people(
    web: Site, tmp_path: Path, fake_voice: Path
) -> None:
    assert (NPM / "node_modules" / "podcast-partytime").is_dir(), "make test-studio fetches podcast-partytime"
    posts = [Post(f"p{n}", f"Story <{n}> & more", story(f"boat {n}"), day=n + 1) for n in range(3)]
    desk = FeedDesk(tmp_path / "data")
    desk.convert(desk.add(web.put("/feed", rss("The Paper", posts, web.url), "application/rss+xml")))
    paths = write_podcasts(desk.context, folder=tmp_path / "www", base_url=BASE)
    desk.close()
    script = [str(Path(__file__).parent / "partytime.mjs"), str(NPM)]
    for path in paths:
        out = subprocess.run(["node", *script, str(path)], capture_output=True, text=True, check=True).stdout
        found = json.loads(out)
        assert found["medium"] == "podcast"
        assert found["guid"]
        assert [item["title"] for item in found["items"]] == [f"Story <{n}> & more" for n in (2, 1, 0)]
        for item in found["items"]:
            sound = tmp_path / "www" / item["enclosure"]["url"].removeprefix(f"{BASE}/")
            assert item["enclosure"]["length"] == sound.stat().st_size
            assert item["duration"] > 10
            assert {t["type"] for t in item["podcastTranscripts"]} == {"text/vtt", "application/json"}
            assert item["podcastChapters"]["type"] == "application/json+chapters"
            assert {person["role"] for person in item["podcastPeople"]} == {"Author", "Narrator"}
