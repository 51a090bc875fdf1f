# `make run` and `make test` set up all they need; the rest is for those who work on tiercel.
SHELL := /bin/bash
PY := .venv/bin/python
ARGS ?=

.PHONY: run test test-long checked lint bench gate clean

run:
	@.ci/prepare run
	@.venv/bin/tiercel demo $(ARGS)

test: lint
	@$(PY) -m pytest -m "not long and not bench" $(ARGS)

lint:
	@.ci/prepare test
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet . && .venv/bin/mypy --no-error-summary

test-long: checked
	@.ci/prepare test
	@$(PY) -m pytest -m "long" --timeout 900 $(ARGS)

# the suite on a build with all checks on, in a tree of its own
checked:
	@.ci/prepare test
	@.ci/checked $(ARGS)

bench:
	@.ci/prepare test
	@.venv/bin/tiercel bench all $(ARGS)

gate:
	@.ci/prepare test
	@$(PY) -m bench.gate $(ARGS)

clean:
	rm -rf build .venv .stamps dist *.egg-info
	find . -name '*.so' -not -path './.venv/*' -delete
