# Bookcast: `make narrate` and `make test` are all that a new machine needs.
PYTHON ?= python3
VENV := .venv
BOOK ?= data/samples/the-keeper-of-gull-rock.epub
READY := $(VENV)/.ready

.PHONY: setup narrate test test-studio lint up bench
.DEFAULT_GOAL := narrate

setup: $(READY)  ## make .venv and install everything

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $(READY)

narrate: $(READY)  ## make narrate BOOK=path.epub
	$(VENV)/bin/bookcast narrate "$(BOOK)"

test: $(READY)  ## the default tests
	$(VENV)/bin/python -m pytest

test-studio: $(READY)  ## the studio in a real browser: needs Debian's chromium and npm
	test -d build/npm/node_modules/podcast-partytime || \
	  npm install --silent --no-save --no-package-lock --prefix build/npm axe-core@4 podcast-partytime@5
	$(VENV)/bin/python -m pytest -m studio -n 2

lint: $(READY)  ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

up: $(READY)  ## the studio: a page to narrate, listen, mend and rerun
	$(VENV)/bin/bookcast up

bench: $(READY)  ## measured figures; make bench BOOK=path.epub
	$(VENV)/bin/python -m tests.bench "$(BOOK)"
