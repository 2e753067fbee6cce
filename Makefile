# Everything a user or a developer runs. `make help` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(BIN)/python -m lossland
SMOKE_FLAG := $(if $(SMOKE),--smoke)
.DEFAULT_GOAL := help
PAPER := $(BIN)/python paper/build.py
.PHONY: help install reproduce figures paper test check exhaustive bench docs dist clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 20

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "lossland needs Python 3.11 or newer; $(PYTHON) is older. Name another: make PYTHON=python3.12 ..."; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "No virtual environment could be made. On Debian or Ubuntu: apt install python3-venv"; exit 1; }

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing lossland and what it needs into $(VENV) (about a minute, once)"
	@$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "Installing the test and lint tools into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev
	@touch $@

$(VENV)/.installed-study: $(VENV)/.installed
	@echo "Installing the peers and the tables of the study into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[study]'
	@touch $@

install: $(VENV)/.installed  ## only make the .venv; the command is then .venv/bin/lossland

reproduce: $(VENV)/.installed-study  ## run every experiment, draw figures, write the page, typeset the paper (SMOKE=1: small)
	@$(RUN) run all $(SMOKE_FLAG) && \
	$(RUN) page $(if $(SMOKE),relu+hinge identity+hinge) --out results/page.html && $(PAPER) --if-latex

figures: $(VENV)/.installed-study  ## redraw the figures from saved results
	$(RUN) figures

paper: $(VENV)/.installed-study  ## typeset paper/main.pdf from saved results (needs LaTeX)
	@$(PAPER)

test: $(VENV)/.installed-dev  ## format, lint, types, layering, all tests and doctests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/pytest -n auto --dist loadfile

check: $(VENV)/.installed-dev  ## the same without the slow tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/pytest -n auto --dist loadfile -m "not slow"

exhaustive: $(VENV)/.installed-dev  ## every pair, where `make test` takes a spread; the longest experiments' tests
	LOSSLAND_FULLY_OPTIMISED=1 $(BIN)/pytest -n auto -m exhaustive

bench: $(VENV)/.installed-dev  ## paired timings against peers, written to benchmarks/results
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group bench
	$(BIN)/python benchmarks/elementwise.py
	$(BIN)/python benchmarks/solve.py
	$(BIN)/python benchmarks/sparse.py
	$(BIN)/python benchmarks/kernels.py
	$(BIN)/python benchmarks/cards.py
	$(BIN)/python benchmarks/curvature.py
	$(BIN)/python benchmarks/landscape.py
	$(BIN)/python benchmarks/geometry.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/page.py
	$(BIN)/python benchmarks/scaling.py

dist:  ## build sdist and wheel, install the wheel alone and run it in another folder
	rm -rf dist
	$(PYTHON) -m venv dist/build
	dist/build/bin/python -m pip install --quiet build
	dist/build/bin/python -m build --outdir dist .
	$(PYTHON) -m venv dist/alone
	dist/alone/bin/python -m pip install --quiet dist/*.whl
	@test $$(stat -c %s dist/*.whl) -lt 6000000 || { echo "The wheel is larger than 6 MB."; exit 1; }
	cd "$$(mktemp -d)" && export PATH="$(CURDIR)/dist/alone/bin:$$PATH" && lossland answer && lossland names landscape && \
	lossland card relu hinge && lossland solve breast_cancer --C 1 && lossland list experiments && \
	lossland sweep relu+hinge --data two_moons --seeds 2 --steps 20 && lossland landscape relu+hinge --data two_moons && \
	lossland page relu+hinge && lossland run relu_vs_hinge --smoke && lossland report > /dev/null
	rm -rf dist/build dist/alone

$(VENV)/.installed-docs: $(VENV)/.installed
	@echo "Installing what builds the documentation into $(VENV) (once)"
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	@touch $@

docs: $(VENV)/.installed-dev $(VENV)/.installed-docs  ## run the blocks of the documentation, build docs/_build/html
	$(BIN)/pytest -n auto -m docs tests/test_docs.py
	$(BIN)/sphinx-build -q -W --keep-going -b html docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

clean:  ## remove what the commands above made
	rm -rf $(VENV) results .pytest_cache .ruff_cache .hypothesis dist docs/_build docs/_made docs/api docs/gallery
	rm -rf paper/figures paper/tables paper/numbers.tex $(filter-out paper/main.tex,$(wildcard paper/main.*))
