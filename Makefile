# `make run` and `make test` set up all they need; the rest is for those who work on tiercel.
SHELL := /bin/bash
PY := .venv/bin/python
ARGS ?=
FUZZ_SECONDS ?= 600
AGAIN = test -n "$$TIERCEL_RERUN" && echo "once more, what failed:" && $(PY) -m pytest --lf --lfnf=none

.PHONY: chaos binary run test test-long checked sanitize fuzz coverage mutate lint bench gate clean

run:
	@.ci/prepare run
	@.venv/bin/tiercel demo $(ARGS)

# TIERCEL_RERUN=1 (set by .ci/run): what failed is run once more, alone; it must pass then
test: lint
	@$(PY) -m pytest -m "not long and not bench" $(ARGS) || { $(AGAIN) -m "not long and not bench"; }

lint:
	@.ci/prepare test
	@.venv/bin/ruff check --quiet . && .venv/bin/ruff format --check --quiet . && .venv/bin/mypy --no-error-summary

# in streams at once: in front what times itself, beside it drills and, at idle priority, computing
test-long: checked
	@.ci/prepare test
	@$(PY) -m tests.streams long --timeout 900 $(ARGS)

# the suite on a build with all checks on, in a tree of its own
checked:
	@.ci/prepare test
	@.ci/checked $(ARGS)

# hotpath under ASan and UBSan, in a tree of its own; SUITES=... for other tests
sanitize:
	@.ci/prepare test
	@.ci/sanitize $(ARGS)

# bytes against the scanner, codecs, outboxes, configuration, captures and journal rows
fuzz:
	@.ci/prepare test
	@$(PY) -m tests.fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

# lines of compiled gate and order life (all), branches of supervisor, journal, reconciliation (95 %)
coverage:
	@.ci/prepare test
	@.ci/coverage $(ARGS)

# does a test notice each small change of gate and order life (85 %)? ARGS="--minutes 60 --show"
mutate:
	@.ci/prepare test
	@$(PY) -m tests.mutate $(ARGS)

bench:
	@.ci/prepare test
	@.venv/bin/tiercel bench all $(ARGS)

# the fault matrix, one table, stops by itself; counts are options: ARGS="--kills 2000 --images 20000"
chaos:
	@.ci/prepare test
	@$(PY) -m tests.chaos $(ARGS)

gate:
	@.ci/prepare test
	@$(PY) -m bench.gate $(ARGS)

# one self-contained file, dist/tiercel: docs/deployment.md
binary:
	@.ci/prepare test
	@$(PY) -m PyInstaller --noconfirm --log-level WARN --distpath dist --workpath build/binary .ci/tiercel.spec

clean:
	rm -rf build .venv .stamps dist *.egg-info
	find . -name '*.so' -not -path './.venv/*' -delete
