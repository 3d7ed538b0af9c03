# Everything starts here: `make demo` and `make test` make their own environment on first use.
.DEFAULT_GOAL := help
.PHONY: help demo test lint types wheel-check bench docs format clean
SHELL := /bin/bash

VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CODE := dgmlang tests $(wildcard benchmarks docs)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

demo: $(INSTALLED) ## train the first example on real data, about two minutes
	@$(BIN)/dgm demo

test: lint types wheel-check ## lint, types, the wheel, and the tests
	$(BIN)/python -m pytest -n 2

lint: $(INSTALLED) ## ruff, and its layout
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: $(INSTALLED) ## basedpyright over dgmlang and tests
	$(BIN)/basedpyright

wheel-check: $(INSTALLED) ## sdist, wheel from it, fresh environment, one program
	@.ci/wheel-check $(BIN)/python

bench: $(INSTALLED) ## the benchmarks; benchmarks/README.md says what the numbers mean
	$(BIN)/python -m benchmarks

docs: $(INSTALLED) ## the documentation, into site/
	$(BIN)/mkdocs build

format: $(INSTALLED) ## let ruff mend what it can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

clean: ## remove the environment, caches and built files
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first of these interpreters that runs and is of a supported version; PYTHON=… puts one first.
$(INSTALLED): pyproject.toml constraints.txt
	@set -e; \
	if [ ! -x $(BIN)/python ]; then \
	  found=; \
	  for python in $(PYTHON) python3.11 python3 python3.12 python3.13; do \
	    if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; \
	    then found=$$python; break; fi; \
	  done; \
	  if [ -z "$$found" ]; then \
	    echo "dgmlang needs Python 3.11, 3.12 or 3.13; found: $$(python3 --version 2>/dev/null || echo none)." >&2; \
	    echo "Install one of them, or name it: make PYTHON=/path/to/python3.11" >&2; \
	    exit 1; \
	  fi; \
	  echo "Making $(VENV) with $$("$$found" --version) ..."; \
	  "$$found" -m venv $(VENV); \
	fi; \
	echo "Installing dgmlang and what it needs into $(VENV) (a few minutes the first time) ..."; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'; \
	touch $@
