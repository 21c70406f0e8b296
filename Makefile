# Two commands do everything on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
# Limits of one program's threads, which nproc would obey, are no limits of cores.
CORES ?= $(shell env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)
BIN := .venv/bin
SNAKEMAKE := $(BIN)/snakemake --cores $(CORES) --quiet rules progress
NEEDLE := resources/needle
# What tests of the page look for barriers with; it is no part of catomo.
AXE := axe-core@4.14.1
# One process more than CI has cores, because many tests wait for programs that they started. Each
# takes whole files of tests; threads and bytes of a test stay the same.
PYTEST := $(BIN)/pytest -n 3 --dist loadfile --no-loadscope-reorder

define CHECKS
$(BIN)/ruff check .
$(BIN)/ruff format --check .
$(BIN)/snakefmt --check Snakefile workflow
$(BIN)/mypy
endef

# What `make fuzz` does: which doors get made-up bytes, and for how long each.
TARGET ?= mrc tiff labels records models
MINUTES ?= 1
# The pixel size of the slices that the ready model is for.
PIXEL_SIZE_NM ?= 0.12

.PHONY: help demo test thorough quick floors fuzz faults cluster setup needle genc2022 ready-model lock viewer rulegraph docs licences clean

help:            ## this list
	@grep -E '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*##/\t/'

demo: setup      ## the phantom through all nine stages
	$(SNAKEMAKE)
	@echo
	@echo "Done. Open results/phantom/09_report/report.html in a browser."

needle: setup $(NEEDLE)/HAADF.mrc  ## a real tilt series with annotated slices, through all stages
	$(SNAKEMAKE) --configfile config/examples/needle/config.yaml
	@echo "Done. Open results/needle/09_report/report.html in a browser."

genc2022: setup  ## real annotated slices: train, segment, score (needs CATOMO_GENC2022)
	$(SNAKEMAKE) --configfile config/examples/genc2022/config.yaml
	@echo "Done. Open results/genc2022/09_report/report.html in a browser."

ready-model: setup ## a model that phantoms of many kinds taught, to begin with (PIXEL_SIZE_NM=0.12)
	$(BIN)/python resources/ready_model.py build/ready-model --pixel-size-nm $(PIXEL_SIZE_NM)
	@echo "Done. What it is and how to use it says build/ready-model/README.md."

test: setup .venv/.test  ## everything that is tested, one case of each kind
	$(CHECKS)
	$(PYTEST) -m "not thorough" --durations=40

thorough: setup .venv/.test ## more cases of what `make test` shows, before a release
	$(PYTEST) -m thorough

quick: setup .venv/.test ## what to run at each save: the checks and the fast unit tests
	$(CHECKS)
	$(PYTEST) tests/unit -m "not slow"

floors: .venv/floors/.installed ## the unit tests with the oldest packages that envs/ allows
	.venv/floors/bin/python -m pytest -n 2 --dist loadfile tests/unit -m "not slow"

fuzz: setup .venv/.fuzz  ## made-up bytes at every door (TARGET=mrc for one) for MINUTES=1 each
	@failed=0; for target in $(TARGET); do \
	  PYTHONPATH=workflow:tests $(BIN)/python -m fuzz.run $$target --minutes $(MINUTES) \
	    || failed=1; \
	done; exit $$failed

faults: setup .venv/.test ## kills, full disks and other faults on purpose; a stopped run goes on
	PYTHONPATH=workflow:tests $(BIN)/python -m faults.run

cluster: setup .venv/.cluster  ## the Slurm profile on a real Slurm of two nodes (needs root and its packages)
	CATOMO_CLUSTER=1 $(BIN)/pytest tests/cluster -v -s

setup: .venv/.installed

.venv/.installed: requirements.txt pyproject.toml
	./envs/system-libraries.sh
	@echo "Installing the pinned packages into .venv (about 1 GB to fetch, one to two minutes) …"
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/.test: requirements-test.txt .venv/.docs $(NEEDLE)/HAADF.mrc
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-test.txt
	@command -v npm >/dev/null && npm install --silent --no-audit --no-fund --prefix .venv $(AXE) \
	  || echo "Note: without npm the page is not tested for screen readers."
	@touch $@

.venv/.docs: requirements-docs.txt .venv/.installed
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-docs.txt
	@touch $@

.venv/floors/.installed: $(wildcard envs/*.yaml) tests/helpers/floors.py .venv/.test
	$(BIN)/python tests/helpers/floors.py > .venv/floors.txt
	grep -v '^-c' requirements-test.in > .venv/floors-test.txt
	$(PYTHON) -m venv .venv/floors
	.venv/floors/bin/python -m pip install -qq --disable-pip-version-check \
	  -r .venv/floors.txt -r .venv/floors-test.txt "snakemake>=9.27,<10" pygments
	@touch $@

.venv/.fuzz: requirements-fuzz.txt .venv/.test
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-fuzz.txt
	@touch $@

.venv/.cluster: requirements-cluster.txt .venv/.test
	$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-cluster.txt
	@touch $@

# The real series lies inside the package etspy; its files are taken, its code is not run.
$(NEEDLE)/HAADF.mrc: resources/needle.txt .venv/.installed
	$(BIN)/python -m pip download -qq --disable-pip-version-check --no-deps --require-hashes -r resources/needle.txt -d .venv/needle
	$(BIN)/python resources/unpack_needle.py .venv/needle $(NEEDLE)
	@touch $@

LOCK := $(PYTHON) -m uv pip compile -q --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-annotate --custom-compile-command "make lock"

lock:            ## renew requirements.txt and those for tests, pages, fuzzing and Slurm
	$(LOCK) pyproject.toml requirements.in --extra workflow --extra train --extra surfaces \
	  -o requirements.txt
	$(LOCK) requirements-test.in -o requirements-test.txt
	$(LOCK) requirements-docs.in -o requirements-docs.txt
	$(LOCK) requirements-fuzz.in -o requirements-fuzz.txt
	$(LOCK) requirements-cluster.in -o requirements-cluster.txt

docs: setup .venv/.docs ## renew the pages of the configuration, and build the site in build/docs
	$(BIN)/python -m catomo.plan.document > config/README.md
	$(BIN)/python -m catomo.plan.schema > config/schema.json
	[ ! -f results/phantom/09_report/report.html ] || $(BIN)/python docs/pictures.py
	$(BIN)/sphinx-build -W --keep-going -q -b html docs build/docs
	@echo "Done. Open build/docs/index.html in a browser."

licences: setup  ## list the licence of every package that is installed
	@mkdir -p build
	$(BIN)/python resources/licences.py > build/licences.tsv
	@echo "Done. The list is build/licences.tsv."

viewer:          ## renew the script of the page from its sources and three.js (needs Node.js)
	cd workflow/catomo/report/viewer && npm ci --no-audit --no-fund && node build.mjs
	rm -rf workflow/catomo/report/viewer/node_modules

rulegraph: setup ## renew the picture of the rules (needs graphviz)
	$(BIN)/snakemake --rulegraph 2>/dev/null | dot -Tsvg > images/rulegraph.svg

clean:           ## remove the environment; results stay
	rm -rf .venv .snakemake .catomo build
