# Everything a developer runs; `make help` lists it. The targets for release pipelines are in
# vibforge.mk, which other repositories include too.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help

VIBFORGE ?= $(BIN)/vibforge
PROJECT ?= payloads/trx-conf
include vibforge.mk
$(vibforge_steps): $(VENV)/ready

.PHONY: help demo setup gates format test integration quick coverage hostile mutants fuzz faults rehearse linuxptp golden docs bench bench-scale instructions lock audit release
help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' Makefile | awk -F':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'
	@echo '  package, bundle, check, lint, dist, clean: see vibforge.mk'

demo: $(VENV)/ready ## build the shipped trx.conf package and its bundle into dist/
	@$(BIN)/vibforge build payloads/trx-conf --acceptance-level partner --bundle --output dist
	@echo
	@ls -l dist

setup: $(VENV)/ready-for-work ## make the environment with all that development needs

# Nothing is installed but what a lock file names, with the digest that it names.
LOCKED_ONLY := install --require-hashes --requirement
AS_CHECKOUT := install --no-index --no-deps --no-build-isolation --editable .

$(VENV)/ready: pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'make: Python 3.11 or later with its venv module is needed' \
		'(Debian: apt install python3-venv)' >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) $(LOCKED_ONLY) requirements.lock
	@$(PIP) $(AS_CHECKOUT)
	@touch $@

LOCKED ?= yes
$(VENV)/ready-for-work: $(VENV)/ready requirements-dev.lock
	@$(PIP) $(if $(filter yes,$(LOCKED)),$(LOCKED_ONLY) requirements-dev.lock,\
		install --upgrade --upgrade-strategy eager --group dev --no-build-isolation --editable '.[evidence,pkcs11,serve,stability]')
	@touch $@

gates: $(VENV)/ready-for-work ## format, lint and types of the code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/ready-for-work ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# What reads workflows: zizmor, pre-commit and check-jsonschema; actionlint too, where there is Go.
WORKFLOWS ?= .workflows
ACTIONLINT := github.com/rhysd/actionlint/cmd/actionlint@v1.7.12
$(WORKFLOWS)/ready: requirements-workflows.lock
	@$(PYTHON) -m venv $(WORKFLOWS)
	@$(WORKFLOWS)/bin/python -m pip --quiet --disable-pip-version-check $(LOCKED_ONLY) $<
	-@go=$$(command -v go || echo /usr/local/go/bin/go); [ ! -x "$$go" ] || \
		GOBIN="$(abspath $(WORKFLOWS)/bin)" "$$go" install $(ACTIONLINT)
	@touch $@

# What takes too long to wait for before each change goes in.
SECOND_TIER := circumstances or hostile or linuxptp or forgeries or long or recorded or rehearsals or workflows

test: gates ## the gates and all tests but those of `make integration`
	$(BIN)/pytest -n auto -m 'not ($(SECOND_TIER))'

integration: $(VENV)/ready-for-work $(WORKFLOWS)/ready ## the second tier: builds under all circumstances, hostile inputs, forgeries, rehearsals, other linuxptp releases, recorded verdicts, workflows
	-tests/trx/rehearsal/fetch-linuxptp $(LINUXPTP)
	VIBFORGE_LINUXPTP=$(LINUXPTP) PATH="$$PATH:$(abspath $(WORKFLOWS)/bin)" $(BIN)/pytest -n auto -m '$(SECOND_TIER)'

hostile: $(VENV)/ready-for-work ## run every hostile input of tests/hostile within its limits
	$(BIN)/pytest -n auto -m hostile

quick: $(VENV)/ready-for-work ## the tests for each save: all but the slow ones
	$(BIN)/pytest -n auto -m 'not slow'

coverage: $(VENV)/ready-for-work ## lines and branches that the quick tests reach; fails below pyproject.toml's part
	$(BIN)/pytest -n auto -m 'not slow' --ignore tests/faults --cov --cov-report=term:skip-covered

BENCH ?= .bench
bench: $(VENV)/ready ## measure against the peers; writes docs/reference/performance.md
	$(BIN)/python -m benchmarks.bench $(BENCH) --write

bench-scale: $(VENV)/ready ## measure how cost grows; writes docs/reference/growth.md
	$(BIN)/python -m benchmarks.scale $(BENCH) --write

instructions: $(VENV)/ready-for-work ## count what four commands take at start; write the record
	$(BIN)/python -m tests.instructions

docs: $(VENV)/ready ## write the pages that are made from the code
	$(BIN)/python docs/generate.py

rehearse: $(VENV)/ready-for-work ## rehearse all profiles and mismatches; write their table
	$(BIN)/python -m tests.trx.rehearsal.write_table

LINUXPTP ?= .linuxptp
linuxptp: $(VENV)/ready-for-work ## try other releases of linuxptp, which it fetches from Debian; write their table
	tests/trx/rehearsal/fetch-linuxptp $(LINUXPTP)
	VIBFORGE_LINUXPTP=$(LINUXPTP) $(BIN)/pytest -n auto -m linuxptp tests
	VIBFORGE_LINUXPTP=$(LINUXPTP) $(BIN)/python -m tests.trx.rehearsal.write_locking

UPKEEP ?= .upkeep
$(UPKEEP)/ready: requirements-upkeep.lock
	@$(PYTHON) -m venv $(UPKEEP)
	@$(UPKEEP)/bin/python -m pip --quiet --disable-pip-version-check $(LOCKED_ONLY) $<
	@touch $@

COMPILE := $(UPKEEP)/bin/uv pip compile --quiet --universal --python-version 3.11 --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock'
UPGRADE ?= --upgrade
lock: $(UPKEEP)/ready ## write all lock files with the newest releases that fit; UPGRADE= keeps what fits
	$(COMPILE) $(UPGRADE) --generate-hashes pyproject.toml --group dev --extra evidence --extra pkcs11 --extra serve --extra stability \
		--output-file requirements-dev.lock
	$(COMPILE) --generate-hashes pyproject.toml --group install --constraint requirements-dev.lock \
		--output-file requirements.lock
	$(COMPILE) $(UPGRADE) --generate-hashes --group mutation --constraint requirements-dev.lock \
		--output-file requirements-mutation.lock
	$(COMPILE) $(UPGRADE) --generate-hashes --group upkeep --output-file requirements-upkeep.lock
	$(COMPILE) $(UPGRADE) --generate-hashes --group workflows --output-file requirements-workflows.lock
	$(COMPILE) pyproject.toml --extra evidence --extra pkcs11 --extra serve --extra stability --constraint requirements-dev.lock \
		--output-file constraints.txt

audit: $(UPKEEP)/ready ## ask whether a locked release has a known vulnerability
	$(UPKEEP)/bin/pip-audit --strict --disable-pip --require-hashes \
		$(foreach lock,$(wildcard requirements*.lock),--requirement $(lock))

# Variables of make's command line are in the environment, where no shell expands them.
release: $(VENV)/ready-for-work ## make and sign the files of a release; VERSION=1.2.3 DRY_RUN=yes
	PATH="$(abspath $(BIN)):$$PATH" bash .ci/release "$$VERSION"

MUTANTS ?=
EVERY ?= 20
MINUTES ?= 10
mutants: $(VENV)/ready-for-mutants ## see what no test holds; EVERY=20 one in 20, MINUTES=10 a room, MUTANTS='vibforge.trx.*'
	$(BIN)/python tests/mutants.py --every $(EVERY) --minutes $(MINUTES) $(foreach name,$(MUTANTS),'$(name)')

$(VENV)/ready-for-mutants: $(VENV)/ready-for-work requirements-mutation.lock
	@$(PIP) $(LOCKED_ONLY) requirements-mutation.lock
	@touch $@

FUZZ_MINUTES ?= 60
fuzz: $(VENV)/ready-for-work ## look for inputs that break a reader; FUZZ_MINUTES=60
	$(BIN)/python -m tests.fuzz.run --minutes $(FUZZ_MINUTES)

FAULT_POINTS ?= 200
faults: $(VENV)/ready-for-work ## stop every command that writes at many points; FAULT_POINTS=200
	$(BIN)/python -m tests.faults.run --points $(FAULT_POINTS)
	$(BIN)/python -m tests.faults.fail

golden: $(VENV)/ready-for-work ## write the expected bytes and texts anew, to be looked at in the diff
	$(BIN)/pytest -n auto --update-golden tests
