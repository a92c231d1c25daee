# Two commands carry everything: `make check` (the main job) and `make test` (the gate).
# Paths are relative, so that a checkout may have any name and lie in a folder with spaces.

PYTHON ?= python3
# An extra package index for torch. Without a GPU:
#   make check TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Options for `flowcert check`, for example CHECK="--only D --instances 500".
CHECK ?=
# Options for pytest, for example PYTEST="-k stairs".
PYTEST ?=

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq install -c constraints.txt \
       $(if $(TORCH_INDEX),--extra-index-url "$(TORCH_INDEX)")
# A virtual environment knows where it lies and which Python made it: moved or asked for another
# Python, it is made anew.
KEY := $(shell printf '%s' "$(CURDIR) $(PYTHON)" | cksum | cut -d ' ' -f 1)
VENV := .venv/made-$(KEY)
CORE := .venv/core-$(KEY)
TEST := .venv/test-$(KEY)

.DEFAULT_GOAL := help
.PHONY: help check test tests lint types format links wheel clean

help:
	@echo 'make check    install into .venv, then prove, attack and sharpen every claim'
	@echo 'make test     the gate: lint, format, types, then tests and doctests'
	@echo '              (its parts: make lint, make types, make tests)'
	@echo 'make format   put the sources in order'
	@echo 'make wheel    build a clean wheel into dist/'
	@echo 'make clean    remove .venv, builds, links and caches'
	@echo
	@echo 'PYTHON=$(PYTHON)   the Python (3.11 to 3.13) that makes .venv'
	@echo 'TORCH_INDEX=URL   an extra index for torch; without a GPU, to spare gigabytes:'
	@echo '                  TORCH_INDEX=https://download.pytorch.org/whl/cpu'
	@echo 'CHECK=OPTIONS     for flowcert check: CHECK="--only D --seed 7"'
	@echo 'PYTEST=OPTIONS    for pytest: PYTEST="-k stairs"'

check: $(CORE)
	@$(BIN)/flowcert check $(CHECK)

test: lint types tests

lint: $(TEST)
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check --diff .
	@echo 'ruff: in order'

types: $(TEST) links
	@printf 'mypy, flowcert: '; $(BIN)/mypy

# One thread per worker: two workers on two cores, not two times two.
tests: $(TEST)
	@OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 $(PYTEST)

format: $(TEST)
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format .

# A farm of links lets mypy see the root as `flowcert`, whatever the checkout is called. Each file
# and room is linked by itself: a link to the root would lie inside the root, a cycle.
links:
	@rm -rf .links && mkdir -p .links/flowcert
	@for item in *.py py.typed; do ln -s "../../$$item" ".links/flowcert/$$item"; done
	@for room in */__init__.py; do \
	  room=$$(dirname "$$room"); ln -s "../../$$room" ".links/flowcert/$$room"; done

# A stale build/ would ship modules that no longer exist.
wheel: $(CORE)
	@rm -rf build dist
	@$(BIN)/python -m pip --disable-pip-version-check -qq wheel --no-deps -w dist .
	@ls dist

$(VENV):
	@echo 'Making .venv with $(PYTHON) ...'
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; \
	  (3, 11) <= v < (3, 14) or sys.exit(f"flowcert needs Python 3.11 to 3.13, $(PYTHON) is {v[0]}.{v[1]}: make PYTHON=...")'
	@$(PYTHON) -m venv --clear .venv
	@touch $@

$(CORE): $(VENV) pyproject.toml constraints.txt
	@echo 'Installing flowcert (a few minutes the first time) ...'
	@rm -rf build
	@$(PIP) -e .
	@touch $@

$(TEST): $(VENV) pyproject.toml constraints.txt
	@echo 'Installing flowcert with its test tools (a few minutes the first time) ...'
	@rm -rf build
	@$(PIP) -e '.[test]'
	@touch $(CORE) $@

clean:
	@rm -rf .venv .links build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
	@find . -name __marimo__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
