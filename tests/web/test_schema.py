"""Whatever the OpenAPI document allows, and what it forbids, is answered; nothing makes the server stumble."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from pipeline.settings import NarrationSettings, SpeechApiSettings
from tests.conftest import make_settings
from tests.web.conftest import Studio

EXAMPLES = 12
SKIPPED = {"/api/events"}  # has no end


@pytest.mark.studio
def test_no_request_makes_the_server_stumble(make_studio: Callable[..., Studio], short_epub: Path) -> None:
    import schemathesis

    known = make_settings(
        narration=NarrationSettings(backend="tone"),
        speech_api=SpeechApiSettings(stand_ins={"4allapi": "tone", "llmprovider": "tone", "openai": "tone"}),
    )
    studio = make_studio(known)
    studio.client.post("/api/documents", files={"file": (short_epub.name, short_epub.read_bytes())})
    document = studio.client.get("/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    asked: set[str] = set()
    wrong: list[str] = []

    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in SKIPPED:
            continue
        asked.add(operation.path)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def run(case: schemathesis.Case) -> None:
            answer = case.call(base_url=studio.url, headers=studio.login, timeout=90)
            if answer.status_code >= 500:
                wrong.append(f"{case.method} {case.path} {case.body!r:.200} -> {answer.status_code} {answer.text:.300}")

        run()
    assert not wrong, "\n".join(wrong)
    assert {"/v1/audio/speech", "/api/books/{slug}/narrate", "/media/books/{slug}/files/{name}"} <= asked


def test_the_document_describes_every_operation(make_studio: Callable[..., Studio]) -> None:
    document = make_studio().client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} says nothing"
