# Everything a developer does here is a verb of this file; `make` alone lists them.
PYTHON ?= python3
UV ?= $(shell command -v uv)

MINUTES ?= 10

VENV := .venv
BIN := $(VENV)/bin
LIBRARIES := $(VENV)/.libraries-installed
PROJECT := $(VENV)/.project-installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-dates chaos soak lint format types layers dependencies lock upgrade bench bench-allowance calls measures call-stack clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(PROJECT) ## build .venv from the pinned requirements, with uv if it is there

# A changed pin builds the environment anew, so that nothing of an earlier one stays behind.
# Where uv cannot reach an index, pip may: it has a configuration of its own.
$(LIBRARIES): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is no Python 3.11 or later; name one: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(if $(UV),$(UV) pip install --quiet --python $(BIN)/python --require-hashes -r $< ||) $(PIP_INSTALL) --require-hashes -r $<
	@touch $@

# hatchling is among the pinned requirements, so installing the project itself fetches nothing.
$(PROJECT): $(LIBRARIES) pyproject.toml
	$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## sync from the bundled Procore simulator into SQLite; no credentials needed
	$(BIN)/sync-worker demo

test: setup lint types layers dependencies ## check style, types, layers and dependencies, then run the whole suite
	$(BIN)/pytest -n auto --dist loadfile

test-dates: setup ## run TESTS (all) at DATES (months' and years' ends, other zones); needs Linux and a C compiler
	$(BIN)/python tests/support/dates.py --dates "$(DATES)" -- $(TESTS)

chaos: setup ## kill runs hundreds of times, and change lists while they are paged; prints figures; takes minutes
	$(BIN)/pytest -m chaos -n 0 tests/chaos

soak: setup ## let a daemon run among faults, kills and changes for MINUTES (10), then compare every table
	SOAK_MINUTES=$(MINUTES) $(BIN)/pytest -m soak -n 0 tests/chaos

lint: setup ## check style and format
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: setup ## mend style and format where a tool can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: setup ## check types
	$(BIN)/mypy

layers: setup ## check that rooms import downwards only and libraries stay in their rooms
	$(BIN)/lint-imports --no-logo

dependencies: setup ## check that what is imported is declared, and the other way round
	$(BIN)/deptry --no-ansi .

COMPILE = $(or $(UV),uv) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
  --no-annotate $(OPTIONS)

lock: ## pin anew what pyproject.toml declares, keeping pins that still fit (needs uv)
	$(COMPILE) pyproject.toml --all-extras --output-file requirements/all.txt
	$(COMPILE) pyproject.toml --constraints requirements/all.txt --output-file requirements/run.txt
	$(COMPILE) pyproject.toml --constraints requirements/all.txt --group dev --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml --constraints requirements/all.txt --group container --output-file requirements/container.txt
	$(COMPILE) --constraints requirements/dev.txt --group build --output-file requirements/build.txt

upgrade: ## pin the newest versions that pyproject.toml allows (needs uv)
	$(MAKE) lock OPTIONS=--upgrade

bench: setup ## measure CPU, memory and time of loading, beside the floor
	$(BIN)/python -m benchmarks.load $(OPTIONS)

bench-allowance: setup ## measure how much of the allowance is used, and how often Procore has to refuse a call
	$(BIN)/python -m benchmarks.allowance $(OPTIONS)

calls: setup ## count the calls of the shipped jobs on 100 projects, beside the least possible; takes an hour
	$(BIN)/python -m benchmarks.calls $(OPTIONS)

measures: setup ## print the measures of the source, or of other trees: OPTIONS="before=FOLDER after=."
	@$(BIN)/python -m benchmarks.structure $(OPTIONS)

call-stack: setup ## print the call stacks on which a page is requested, handed over and stored
	@$(BIN)/python -m benchmarks.call_stack

clean: ## remove the environment and everything made by tools
	rm -rf $(VENV) build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
