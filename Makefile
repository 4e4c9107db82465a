# Everything starts here: `make demo` and `make test` need Python 3.11+, venv and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
export PYTHONWARNINGS ?= ignore

.PHONY: help demo test check lock bench-quality clean
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tagcast needs Python 3.11 or newer; $$($(PYTHON) -V) found. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*; touch $@

demo: $(STAMP)  ## from 1.47 million shopping lines to tags a marketer can filter, and what became of them
	$(BIN)/python -m pipelines.demo

test: $(STAMP)  ## the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(STAMP)  ## ruff, mypy strict, room rules, docs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/test_rooms.py tests/test_docs.py

bench-quality: $(STAMP)  ## model quality beside reference models, on real data split by time
	$(BIN)/python -m benchmarks.quality

lock: $(STAMP)  ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --all-extras --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --no-header \
	  --output-file requirements.lock pyproject.toml

clean:  ## remove what tagcast made here (the virtual environment stays)
	rm -rf .tagcast .pytest_cache .mypy_cache .ruff_cache benchmarks/out
