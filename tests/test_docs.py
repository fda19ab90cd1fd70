"""What the documentation names is there."""

import os
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])
_PATH = re.compile(r"`((?:pipeline|flows|tests|config|docs)/[\w./-]+)`")
_CONSTANT = re.compile(r"`([A-Z][A-Z_]{5,})`")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    missing = [path for path in _PATH.findall(page.read_text("utf-8")) if not (ROOT / path).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_constant_that_the_architecture_names_is_in_the_code() -> None:
    code = "\n".join(path.read_text("utf-8") for path in [*(ROOT / "pipeline").rglob("*.py")])
    names = set(_CONSTANT.findall((ROOT / "docs" / "architecture.md").read_text("utf-8")))
    assert names
    assert [name for name in names if not re.search(rf"^{name}\b", code, re.MULTILINE)] == []


def test_every_make_target_that_a_page_names_is_there() -> None:
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {name for page in PAGES for name in re.findall(r"^make ([\w-]+)", page.read_text("utf-8"), re.MULTILINE)}
    assert named
    assert named <= targets


def test_every_command_that_a_page_names_is_there() -> None:
    from typer.main import get_command

    from pipeline.cli.main import app

    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    line = re.compile(r"(?:^|`)bookcast(?: --[\w-]+(?: [^-\s`]\S*)?)* ([a-z]+)", re.MULTILINE)
    named = {name for page in PAGES for name in line.findall(page.read_text("utf-8"))}
    assert {"backup", "narrate"} <= named
    assert named <= commands


def test_hooks_before_a_commit_fetch_nothing_and_run_the_project_s_own_tools() -> None:
    found = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    assert {repository["repo"] for repository in found["repos"]} == {"local"}
    for hook in found["repos"][0]["hooks"]:
        assert hook["language"] == "system"
        assert hook["entry"].startswith(".venv/bin/")


def test_the_public_ci_runs_what_every_new_machine_runs() -> None:
    found = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))
    steps = [step for job in found["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_what_a_hook_or_a_template_names_is_there() -> None:
    files = [ROOT / ".pre-commit-config.yaml", *(ROOT / ".github").rglob("*.md")]
    text = "\n".join(path.read_text("utf-8") for path in files)
    named = set(re.findall(r"(?<![\w/.])(?:tests/\S+\.py|[A-Z]+\.md)(?![\w/])", text))
    assert {"CONTRIBUTING.md", "CHANGELOG.md", "tests/test_docs.py"} <= named
    assert [name for name in named if not (ROOT / name).exists()] == []
