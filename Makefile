# make demo: adapt to real people. make test: the quick tests. make help: the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared

.PHONY: help demo test test-all test-js lint bench lock unipen bundle vendor ink screenshots clean
.DELETE_ON_ERROR:

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

demo: $(VENV)/.demo  ## adapt the shipped recognizer to 14 people, write report/
	$(BIN)/allograph demo

test: $(VENV)/.test  ## the quick tests, without torch
	$(BIN)/python -m pytest -q -n 2 -m "not slow" $(PYTEST)

test-all: $(VENV)/.train  ## every test, training included
	$(BIN)/python -m pytest -q -n 2 $(PYTEST)

test-js:  ## the page's modules: valid, linked, and unit tests (needs node 18)
	node --test --experimental-vm-modules --no-warnings tests/page/

lint: $(VENV)/.train  ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.train  ## every benchmark: ratios against a peer or a limit measured in the same run
	for file in benchmarks/*.py; do echo "== $$file"; $(BIN)/python $$file || exit 1; done

build/unipen.parquet: | $(VENV)/.demo
	mkdir -p build
	$(BIN)/allograph prepare npz $(SHARED)/data/unipen.npz --split $(SHARED)/data/unipen_split.csv -o $@ \
		--origin "UNIPEN train_r01_v07, the International Unipen Foundation, doi 10.5281/zenodo.1195803" --licence "CC BY 4.0"

unipen: build/unipen.parquet  ## judge the methods on UNIPEN's application writers (samples in $(SHARED))
	$(BIN)/allograph embed build/unipen.parquet -o build/unipen.embedded.parquet
	$(BIN)/allograph evaluate build/unipen.embedded.parquet --method all --report build/unipen-none
	$(BIN)/allograph evaluate build/unipen.embedded.parquet --method paper --feedback all --report build/unipen-all

FOLDS := $(foreach part,1 2 3,build/unipen-fold-$(part).embedded.parquet)

build/unipen-fold-%.embedded.parquet: | $(VENV)/.train build/unipen.parquet
	$(BIN)/allograph fold build/unipen.parquet --part $*/3 -o build/unipen-fold-$*.parquet
	$(BIN)/allograph train build/unipen-fold-$*.parquet -o build/unipen-fold-$* --augment --schedule 7x256,1x1024 --resume
	$(BIN)/allograph embed build/unipen-fold-$*.parquet --model build/unipen-fold-$* -o $@

bundle: $(VENV)/.train build/unipen.parquet $(FOLDS)  ## train and tune the shipped bundle anew from UNIPEN (samples in $(SHARED))
	$(BIN)/allograph train build/unipen.parquet -o build/shipped --augment --schedule 60x256 --patience 6 --resume
	$(BIN)/allograph embed build/unipen.parquet --model build/shipped -o build/unipen.embedded.parquet
	$(BIN)/allograph tune build/unipen.embedded.parquet --model build/shipped $(FOLDS:%=--fold %) --jobs 2
	cp build/shipped/* src/allograph/shipped/

lock:  ## resolve the newest versions anew into requirements/
	PYTHON=$(PYTHON) requirements/lock

vendor:  ## fetch the page's libraries anew into src/allograph/page/vendor (needs npm)
	requirements/vendor

ink: $(VENV)/.demo  ## draw tests/ink.json anew from its description
	$(BIN)/python tests/draw_ink.py

screenshots: $(VENV)/.test  ## take docs/images anew (needs chromium)
	$(BIN)/python tests/take_screenshots.py

clean:  ## remove what make made
	rm -rf $(VENV) build report

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "allograph needs Python 3.11 or later; name one with: make PYTHON=python3.11" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "this Python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	@touch $@

INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
PACKAGE = $(INSTALL) --no-deps --no-build-isolation -e .

$(VENV)/.demo: $(VENV)/.python requirements/demo.txt pyproject.toml
	$(INSTALL) -r requirements/demo.txt
	$(PACKAGE)
	@touch $@

$(VENV)/.test: $(VENV)/.demo requirements/test.txt
	$(INSTALL) -r requirements/test.txt
	@touch $@

$(VENV)/.train: $(VENV)/.test requirements/train.txt requirements/torch.txt
	$(INSTALL) -r requirements/torch.txt -r requirements/train.txt
	@touch $@
