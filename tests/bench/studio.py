"""The studio during a narration: how long each kind of request takes, and an edited sentence to the new M4B."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import quantiles

import httpx

from pipeline.narration.core.context import Context
from pipeline.narration.reading.import_document import Source, import_source
from pipeline.settings import read_settings

BOOKS = 1_000
REQUESTS = 200
AT_ONCE = 16
KEEP_BUSY = 40
"""Copies of the sample that are narrated while requests are measured."""
SAMPLE = Path("data/samples/the-keeper-of-gull-rock.md")


def measure_studio(folder: Path, root: Path, book: Path) -> None:
    """Print p50 and p95 of every kind of request, and the time from the clip to the M4B."""
    data = folder / "studio"
    command = [sys.executable, "-m", "pipeline.cli", "--data", str(data)]
    done = subprocess.run(
        [*command, "narrate", str(book), "--direct", "--json"], cwd=root, check=True, capture_output=True, text=True
    )
    slug = json.loads(done.stdout)["book"]
    _fill(data)
    up = subprocess.Popen([*command, "up", "--port", "0", "--json"], cwd=root, stdout=subprocess.PIPE, text=True)
    try:
        assert up.stdout
        told = json.loads(next(line for line in up.stdout if line.startswith("{")))
        login = {"Authorization": f"Bearer {told['token']}"}
        with httpx.Client(base_url=told["studio"], headers=login, trust_env=False, timeout=60) as client:
            _edit(client, slug, data)
            _load(client, slug, root)
    finally:
        up.send_signal(signal.SIGTERM)  # SIGINT may be ignored where the bench runs in the background
        up.wait(30)


def _fill(data: Path) -> None:
    """A library of many books."""
    context = Context(read_settings(), data)
    for n in range(BOOKS):
        text = f"# Book number {n}\n\n" + "\n\n".join(f"Sentence {m} of book {n}." for m in range(20))
        import_source(context, Source(text.encode(), name=f"book-{n}.md"))
    context.close()


def _edit(client: httpx.Client, slug: str, data: Path) -> None:
    """From the moment that the new clip is stored to that in which the M4B is in its place."""
    rows = client.get(f"/api/books/{slug}").json()["chapters_list"]
    row = sorted(rows, key=lambda each: each["seconds"] or 0)[len(rows) // 2]  # an ordinary one
    chapter = client.get(f"/api/books/{slug}/chapters/{row['number']}").json()
    sentence = next(s for b in chapter["blocks"] for s in b["sentences"] if b["kind"] == "paragraph" and s["id"])
    (release,) = data.rglob("*.m4b")
    before, clips = release.stat().st_mtime_ns, _clips(data)
    began = time.perf_counter()
    client.put(
        f"/api/books/{slug}/chapters/{row['number']}/sentences/{sentence['id']}",
        json={"spoken": "This was said in another way."},
    ).raise_for_status()
    while _clips(data) == clips:
        time.sleep(0.01)
    spoken = time.perf_counter()
    while not release.exists() or release.stat().st_mtime_ns == before:
        time.sleep(0.01)
    ended = time.perf_counter()
    length = sum(each["seconds"] or 0 for each in rows) / 3600
    print(
        f"edit: a sentence in a chapter of {row['seconds'] / 60:.0f} min of a book of {length:.1f} h: M4B {ended - spoken:.2f} s after its clip, "
        f"{ended - began:.1f} s after the click",
        flush=True,
    )


def _clips(data: Path) -> int:
    return sum(1 for _ in (data / "clips").glob("??/*.flac"))


def _load(client: httpx.Client, slug: str, root: Path) -> None:
    text = (root / SAMPLE).read_text("utf-8")
    for n in range(KEEP_BUSY):
        # every sentence is another one, so that all of it has to be spoken
        body = "\n\n".join(f"{p} Copy {n}." if p and not p.startswith("#") else p for p in text.split("\n\n"))
        made = client.post("/api/texts", json={"title": f"Copy {n}", "text": body}).json()["book"]
        if n < 4:
            client.post(f"/api/books/{made}/narrate", json={}).raise_for_status()
    started = client.post(f"/api/books/{slug}/narrate", json={"speed": 1.1})
    started.raise_for_status()
    while not any(b["state"] == "running" for b in client.get("/api/books", params={"words": "Copy"}).json()["books"]):
        time.sleep(0.2)
    book = client.get(f"/api/books/{slug}").json()
    sound, release = max(book["chapters_list"], key=lambda c: c["seconds"] or 0)["audio"], book["files"][0]["address"]
    speech = {"model": "hibari", "voice": "heart", "input": "The lamp was lit.", "response_format": "mp3"}
    client.post("/v1/audio/speech", json=speech).raise_for_status()
    ranged = {"Range": "bytes=1000-66535"}
    for name, ask in {
        "library of 1,000 books": lambda: client.get("/"),
        "search": lambda: client.get("/", params={"q": "number 77"}),
        "book of 5 h": lambda: client.get(f"/books/{slug}"),
        "chapter": lambda: client.get(f"/books/{slug}/chapters/4"),
        "new": lambda: client.get("/new"),
        "spend": lambda: client.get("/spend"),
        "settings": lambda: client.get("/settings"),
        "API: book": lambda: client.get(f"/api/books/{slug}"),
        "chapter's sound, a range": lambda: client.get(sound, headers=ranged),
        "M4B, a range": lambda: client.get(release, headers=ranged),
        "cover": lambda: client.get(book["cover"]),
        "speech interface, a cached text": lambda: client.post("/v1/audio/speech", json=speech),
    }.items():
        _measure(name, ask)
    running = [b["book"] for b in client.get("/api/books").json()["books"] if b["state"] in {"running", "pending"}]
    print(f"load: still being narrated at the end: {bool(running) or _is_busy(client, slug)}", flush=True)


def _is_busy(client: httpx.Client, slug: str) -> bool:
    return bool(client.get(f"/api/books/{slug}").json()["state"] in {"running", "pending"})


def _measure(name: str, ask: object) -> None:
    def timed(_: int) -> float:
        began = time.perf_counter()
        answer = ask()  # type: ignore[operator]
        assert answer.status_code in {200, 206}, f"{name}: {answer.status_code}"
        return time.perf_counter() - began

    with ThreadPoolExecutor(AT_ONCE) as threads:
        times = list(threads.map(timed, range(REQUESTS)))
    cuts = quantiles(times, n=20)
    print(f"load: {name}: p50 {cuts[9] * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms", flush=True)
