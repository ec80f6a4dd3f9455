# make demo: adapt to real people. make test: the quick tests. make help: the rest.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SHARED ?= ../shared

# what runs against the wheel, the sdist, and the lowest and newest versions: a file or two of every room, without browser and training
ROOMS := $(patsubst %,tests/test_%.py,adapter_contract alphabet bundle embedding equality estimator evaluation folder formats images \
	ink npz paper_adapter paper_formulas recognizer registry server stores styles writer)
EXTRAS := [research,serve,postgres]
TOOLS := pytest pytest-xdist hypothesis httpx

.PHONY: help demo test test-all test-wheel test-sdist test-lowest test-newest test-s3 test-js coverage docs dist changelog lint bench bench-record lock unipen unipen-lines bundle vendor ink client-types vectors screenshots clean
.DELETE_ON_ERROR:

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

demo: $(VENV)/.demo  ## adapt the shipped recognizer to 14 people, write report/
	$(BIN)/allograph demo

test: $(VENV)/.test  ## the quick tests, without torch: under five minutes on two cores
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m "not slow" $(PYTEST)

test-all: $(VENV)/.train  ## every test, training included
	$(BIN)/python -m pytest -q -n 2 $(PYTEST)

coverage: $(VENV)/.train  ## test-all, and which lines none of them runs, the worst files first
	$(BIN)/python -m pytest -q -n 2 --cov --cov-report=term-missing:skip-covered $(PYTEST)

test-sdist: build/sdist $(VENV)/.test  ## the tests of the unpacked sdist, on its own source
	cd build/sdist && PYTHONPATH=src ALLOGRAPH_REQUIRE= ALLOGRAPH_TESTED=$(CURDIR)/build/sdist/src \
		../../$(BIN)/python -m pytest -q -n 2 -m "not slow" $(ROOMS) tests/test_package.py

# a fresh environment with these requirements, in which the tests find the package installed and no source
define in_fresh
	rm -rf $(VENV)-$(1)
	$(PYTHON) -m venv $(VENV)-$(1)
	$(VENV)-$(1)/bin/python -m pip install --quiet --disable-pip-version-check $(2)
	cd build/installed && ALLOGRAPH_REQUIRE= ALLOGRAPH_TESTED=$(CURDIR)/$(VENV)-$(1) \
		../../$(VENV)-$(1)/bin/python -m pytest -q -n 2 -m "not slow" $(ROOMS)
endef
WHEEL = "$$(echo dist/*.whl)$(EXTRAS)"

test-wheel: build/installed  ## the built wheel, in a fresh environment without its source
	$(call in_fresh,wheel,$(WHEEL) $(TOOLS) -c requirements/demo.txt -c requirements/test.txt)

test-lowest: build/installed  ## the wheel with the lowest versions that pyproject.toml allows
	$(call in_fresh,lowest,--no-deps dist/*.whl -r requirements/lowest.txt)
	$(VENV)-lowest/bin/python -m pip check

test-s3: $(VENV)-s3/.done  ## corpora at s3://, in an object store on this machine
	PYTHONPATH=src ALLOGRAPH_REQUIRE= $(VENV)-s3/bin/python -m pytest -q tests/test_object_store.py

test-newest: build/installed  ## the wheel with the newest versions that the package index has
	$(call in_fresh,newest,$(WHEEL) $(TOOLS))

dist: $(VENV)/.demo  ## build the sdist and the wheel into dist/
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist

build/sdist: dist
	rm -rf $@ && mkdir -p $@
	tar xzf dist/allograph-*.tar.gz -C $@ --strip-components 1

build/installed: build/sdist
	rm -rf $@
	cp -r build/sdist $@
	rm -r $@/src

docs: $(VENV)-docs/.done  ## the docs site, into build/site; a link that leads nowhere fails
	NO_MKDOCS_2_WARNING=1 $(VENV)-docs/bin/mkdocs build --quiet --strict

changelog: $(VENV)-docs/.done  ## join changelog.d into CHANGELOG.md for VERSION
	$(VENV)-docs/bin/towncrier build --yes --version $(VERSION)
test-js:  ## the page's modules: valid, linked, and unit tests (needs node 18)
	node --test --experimental-vm-modules --no-warnings tests/page/

lint: $(VENV)/.train  ## ruff, mypy strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.train  ## every benchmark (BENCH=names for some), and one table of figures, targets and the last release's
	$(BIN)/python benchmarks/run_all.py $(BENCH)

bench-record: $(VENV)/.train  ## the same, kept as the last release's figures: run it on a quiet machine when releasing
	$(BIN)/python benchmarks/run_all.py --record $(BENCH)

build/unipen.parquet: | $(VENV)/.demo
	mkdir -p build
	$(BIN)/allograph prepare npz $(SHARED)/data/unipen.npz --boxes $(SHARED)/data/unipen_size.npz \
		--split $(SHARED)/data/unipen_split.csv -o $@ --origin "UNIPEN train_r01_v07, the International Unipen Foundation, doi 10.5281/zenodo.1195803" --licence "CC BY 4.0"

unipen: build/unipen.parquet  ## judge the methods on UNIPEN's application writers (samples in $(SHARED))
	$(BIN)/allograph embed build/unipen.parquet -o build/unipen.embedded.parquet
	$(BIN)/allograph evaluate build/unipen.embedded.parquet --method all --report build/unipen-none
	$(BIN)/allograph evaluate build/unipen.embedded.parquet --method paper --feedback all --report build/unipen-all

build/lines.parquet: | $(VENV)/.demo
	mkdir -p build
	$(BIN)/allograph prepare lines $(SHARED)/data/unipen_lines.npz -o $@ \
		--origin "UNIPEN train_r01_v07, the International Unipen Foundation, doi 10.5281/zenodo.1195803" --licence "CC BY 4.0"

unipen-lines: build/lines.parquet  ## judge how lines of UNIPEN's application writers are read (lines in $(SHARED))
	$(BIN)/allograph evaluate-lines build/lines.parquet --report build/unipen-lines

FOLDS := $(foreach part,1 2 3,build/unipen-fold-$(part).embedded.parquet)

build/unipen-fold-%.embedded.parquet: | $(VENV)/.train build/unipen.parquet
	$(BIN)/allograph fold build/unipen.parquet --part $*/3 -o build/unipen-fold-$*.parquet
	$(BIN)/allograph train build/unipen-fold-$*.parquet -o build/unipen-fold-$* --augment --schedule 7x256,1x1024 --resume
	$(BIN)/allograph embed build/unipen-fold-$*.parquet --model build/unipen-fold-$* -o $@

bundle: $(VENV)/.train build/unipen.parquet build/lines.parquet $(FOLDS)  ## train and tune the shipped bundle anew from UNIPEN (samples in $(SHARED))
	$(BIN)/allograph train build/unipen.parquet -o build/shipped --augment --schedule 60x256 --patience 6 --resume
	$(BIN)/allograph embed build/unipen.parquet --model build/shipped -o build/unipen.embedded.parquet
	$(BIN)/allograph tune build/unipen.embedded.parquet --model build/shipped $(FOLDS:%=--fold %) --jobs 2
	$(BIN)/allograph train-lines build/lines.parquet --model build/shipped
	cp build/shipped/* src/allograph/shipped/

lock:  ## resolve the newest versions anew into requirements/
	PYTHON=$(PYTHON) requirements/lock

vendor:  ## fetch the page's libraries anew into src/allograph/page/vendor (needs npm)
	requirements/vendor

ink: $(VENV)/.demo  ## draw tests/ink.json anew from its description
	$(BIN)/python tests/draw_ink.py

client-types: $(VENV)/.test  ## write src/allograph/client/types.py anew from the service's OpenAPI document
	$(BIN)/python tests/make_client_types.py

vectors: $(VENV)/.demo  ## write tests/page/vectors.json anew: what the page's own adapter is to answer
	$(BIN)/python tests/make_vectors.py

screenshots: $(VENV)/.test  ## take docs/images anew (needs chromium)
	$(BIN)/python tests/take_screenshots.py

clean:  ## remove what make made
	rm -rf $(VENV) $(VENV)-* build dist report

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

$(VENV)-s3/.done: requirements/s3.txt
	$(PYTHON) -m venv $(VENV)-s3
	$(VENV)-s3/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/s3.txt
	@touch $@

$(VENV)-docs/.done: requirements/docs.txt
	$(PYTHON) -m venv $(VENV)-docs
	$(VENV)-docs/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/docs.txt
	@touch $@
