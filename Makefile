# Everything a developer runs; `make help` lists it. The targets for release pipelines are in vibforge.mk.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: help setup check format test quick
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

setup: $(VENV)/ready ## make the environment in .venv

$(VENV)/ready: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(BIN)/pip install --quiet --disable-pip-version-check --editable . --group dev
	@touch $@

check: $(VENV)/ready ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: $(VENV)/ready check ## everything that must hold
	$(BIN)/pytest -n auto

quick: $(VENV)/ready ## the tests of a few seconds each
	$(BIN)/pytest -n auto -m 'not slow'
