# Two commands, each complete from a clone: `make demo` does the real job, `make test` runs everything that must pass.
# On Linux without a GPU, take torch's CPU build (a tenth of the download):
#   make demo PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu TORCH=torch==2.13.0+cpu

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TORCH ?= torch
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
export PIP_EXTRA_INDEX_URL

.PHONY: demo test test-all test-portable lint clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: $(VENV)/.installed-dev lint
	$(BIN)/python -m pytest -n auto -m "not slow"

# With what is marked slow: the whole zoo exported and drawn, timm's networks trained.
test-all: $(VENV)/.installed-dev lint
	$(BIN)/python -m pytest -n auto

# What compares floating-point numbers, in the arithmetic of an older processor, which stands in for all others: bits are
# equal only where computations are.
FLOATS := tests/kernels tests/layers tests/ops tests/runtime tests/tasks tests/frozen tests/models tests/visual tests/data/test_augment.py tests/data/test_geometry.py
test-portable: $(VENV)/.installed-dev
	ATEN_CPU_CAPABILITY=default ONEDNN_MAX_CPU_ISA=AVX2 $(BIN)/python -m pytest -n auto -m "not slow" $(FLOATS)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

clean:
	rm -rf $(VENV) build dist

$(VENV)/.python:
	$(PYTHON) -c 'import sys; sys.exit("Striate needs Python 3.10 to 3.13, this is " + sys.version.split()[0]) if not (3, 10) <= sys.version_info[:2] <= (3, 13) else None'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.installed: $(VENV)/.python pyproject.toml constraints.txt
	@echo "installing into $(VENV) (torch is large; this takes a minute or more the first time)"
	$(INSTALL) "$(TORCH)"
	$(INSTALL) --editable .
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(INSTALL) --editable '.[dev]'
	$(INSTALL) --no-deps torchvision==0.28.0 timm==1.0.31 captum==0.9.0  # what ours is tried on; no dependencies
	touch $@
