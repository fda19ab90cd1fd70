# Bookcast: `make narrate` and `make test` are all that a new machine needs.
PYTHON ?= python3
VENV := .venv
BOOK ?= data/samples/the-keeper-of-gull-rock.epub
READY := $(VENV)/.ready

.PHONY: setup narrate test test-studio lint up bench wheel
.DEFAULT_GOAL := narrate
# the tests start hundreds of processes, and without compiled files each of them compiles all that it imports
unexport PYTHONDONTWRITEBYTECODE

setup: $(READY)  ## make .venv and install everything

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(READY)

narrate: $(READY)  ## make narrate BOOK=path.epub
	$(VENV)/bin/bookcast narrate "$(BOOK)"

test: $(READY)  ## the default tests
	$(VENV)/bin/python -m pytest

test-studio: $(READY)  ## the studio in a real browser, and what takes long: needs Debian's chromium and npm
	test -d build/npm/node_modules/podcast-partytime || \
	  npm install --silent --no-save --no-package-lock --prefix build/npm axe-core@4 podcast-partytime@5
	$(VENV)/bin/python -m pytest -m "(studio or long) and not slow" -n 2

lint: $(READY)  ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

up: $(READY)  ## the studio: a page to narrate, listen, mend and rerun
	$(VENV)/bin/bookcast up

wheel: $(READY)  ## dist/bookcast-*.whl, to be installed anywhere
	rm -rf build/lib build/bdist.* dist/bookcast-*.whl
	$(VENV)/bin/python -m pip wheel --quiet --disable-pip-version-check --no-deps --wheel-dir dist .

bench: $(READY)  ## measured figures; make bench BOOK=path.epub
	$(VENV)/bin/python -m tests.bench "$(BOOK)"
