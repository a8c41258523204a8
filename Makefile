# Everything happens in .venv, which stamps describe: .venv/runtime has what the agent needs,
# .venv/test also what its tests need, .venv/bench also what `make bench` compares with.
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: .venv demo test lint check bench growth soak clean replay screenshots help dashboards docs

# The first Python that is new enough and can make virtual environments.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14; do \
	$$p -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo $$p && break; done)
RUN := .venv/bin
LOCK := tests/requirements.lock
# Many tests wait for real servers: one worker more than there are processors.
WORKERS := $(shell nproc=$$(getconf _NPROCESSORS_ONLN); echo $$((nproc < 3 ? nproc + 1 : 4)))
INSTALL := $(RUN)/python -m pip install --quiet --disable-pip-version-check -c $(LOCK)

help:
	@echo 'make demo    an outage against an embedded world, detected and paged within a minute'
	@echo 'make test    set up what the tests need and run all of them; ARGS="-k dns" picks some'
	@echo 'make lint    formatting, lint, types and the layers of imports'
	@echo 'make check   lint, then test'
	@echo 'make bench   what a probe costs, beside other probers; 1 if a promise is not held'
	@echo 'make growth  what each part costs at ten and a hundred times its work; 1 if one grows faster'
	@echo 'make soak    a million mutated messages, 300,000 probes, 500 kills amid paging, an hour of faults'
	@echo 'make dashboards  the JSON of configs/grafana, and the rules of configs/prometheus'
	@echo 'make docs    the reference of keys and metrics, and the site in build/site'
	@echo 'make screenshots  the pictures of the status page, taken of replayed incidents'
	@echo 'make .venv   set up the virtual environment with what the tests need'
	@echo 'make clean   remove all that was made here'

.venv: .venv/test

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo 'no Python from 3.11 on with venv was found' \
		'(Debian: apt-get install python3-venv); name one: make PYTHON=...' >&2; exit 1; }
	$(PYTHON) -m venv .venv

.venv/runtime: pyproject.toml $(LOCK) | .venv/bin/python
	$(INSTALL) -e .
	@touch $@

.venv/test: pyproject.toml $(LOCK) | .venv/bin/python
	$(INSTALL) -e '.[docs,test,uvloop]'
	@touch .venv/runtime $@

.venv/bench: .venv/test
	$(INSTALL) -e '.[bench]'
	@touch $@

screenshots: .venv/test
	@tests/install-parts
	@$(RUN)/python docs/take-screenshots

demo: .venv/runtime
	@$(RUN)/vedette demo

test: .venv/test
	@tests/install-parts
	@$(RUN)/python -m tests.helm.install
	@$(RUN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

lint: .venv/test
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy -p vedette.agent -p vedette.exporters -p vedette.checks
	$(RUN)/lint-imports

check: lint test

bench: .venv/bench
	@tests/install-parts
	@$(RUN)/python -m tests.bench $(ARGS)

# Every point is a process of its own; the page and its plots are made anew.
growth: .venv/bench
	@tests/install-parts
	@$(RUN)/python -m tests.bench.growth $(ARGS)

# MkDocs' own advertisement of other tools is left out.
docs: .venv/test
	@$(RUN)/python docs/make-reference
	@NO_MKDOCS_2_WARNING=1 $(RUN)/mkdocs build --strict -f docs/site/mkdocs.yml
	@echo 'build/site/index.html is the site'

# After a change of configs/grafana/make; also the rules of the example.
dashboards: .venv/test
	@$(RUN)/python -m configs.grafana.make
	@$(RUN)/vedette rules --config configs/alarms.yaml >configs/prometheus/alarms.rules.yaml

soak: .venv/test
	@$(RUN)/python -m tests.bench.soak_dns
	@$(RUN)/python -m tests.bench.soak_bgp
	@$(RUN)/python -m tests.bench.soak_probes
	@$(RUN)/python -m tests.bench.soak_fleet
	@$(RUN)/python -m tests.bench.soak_delivery
	@$(RUN)/python -m tests.bench.soak_hour

# Those of the project itself, or: make replay SCENARIOS=FOLDER/*.yaml
SCENARIOS = configs/incidents/*.yaml
replay: .venv/runtime
	@$(RUN)/vedette replay $(SCENARIOS)

clean:
	rm -rf .venv build dist src/*.egg-info .*_cache .hypothesis tests/bench/results.json
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
