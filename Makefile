# Everything a developer does here. Needs GNU make 3.81, Python 3.11 or newer, and nothing else.

PYTHON := .venv/bin/python
UV := .venv/bin/uv
MEMBERS := proto libs/domain libs/sdk services/api services/store services/worker deploy/local
PACKAGES := treadle treadle_api treadle_domain treadle_local treadle_store treadle_wire treadle_worker
TIMED := tests/e2e/test_throughput.py
LONGEST := tests/model/
FETCHED := tests/e2e/generated_clients tests/verify
# Those of the folders beside the packages that hold Python.
SCRIPTS = $(sort $(shell find tests bench examples docs -name '*.py' 2>/dev/null | cut -d/ -f1))

.PHONY: help run test verify soak recovery chaos check check-generated proto bench lock docs psql redis-cli clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

run: .venv/ready ## PostgreSQL, Valkey, store, API and worker, until Ctrl-C; data in .treadle
	@$(PYTHON) -m treadle_local run

test: .venv/ready ## all tests, or those that ARGS names: make test ARGS='tests/unit -k claim'
	$(if $(ARGS),$(PYTHON) -m pytest $(ARGS),$(all_tests))

verify: .venv/ready ## Compose on a Docker engine, two releases side by side, restores, generated clients; fetches what it needs
	$(PYTHON) -m pytest -q -m verify $(or $(ARGS),$(patsubst %,tests/chaos/test_%.py,operations pooler upgrades) \
	tests/e2e/test_generated_clients.py tests/verify)

soak: .venv/ready ## the tests that take minutes, then `recovery`; or the long ones that ARGS names
	$(PYTHON) -m pytest -m soak -s $(ARGS)
	$(if $(ARGS),,@$(MAKE) recovery)

recovery: .venv/ready ## every fault ten times, with the median and the worst of the recoveries
	$(PYTHON) -m pytest -q tests/chaos --rounds 10 $(ARGS)

chaos: .venv/ready ## everything breaks under a client that asks for much: make chaos SEED=1 DURATION=300
	$(PYTHON) -m pytest -q -s tests/chaos/test_nemesis.py --seed $(or $(SEED),1) --duration $(or $(DURATION),300) \
	--faults '$(FAULTS)' $(ARGS)

check: .venv/ready check-generated ## format, lint, types, imports, generated code, images, manifests and alerts
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m ruff check
	$(PYTHON) -m mypy $(PACKAGES:%=-p %)
	$(if $(SCRIPTS),$(PYTHON) -m mypy $(SCRIPTS))
	.venv/bin/lint-imports
	$(PYTHON) -m pytest -q $(patsubst %,tests/architecture/test_%.py,manifests components images observability)

check-generated: .venv/ready
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && $(call generate,"$$fresh") && \
	diff -r -x __pycache__ "$$fresh/treadle_wire/store" proto/src/treadle_wire/store || \
	{ echo 'proto/src is not what the .proto files say: make proto' >&2; exit 1; }

proto: .venv/ready ## the Python of proto/treadle, written into proto/src
	$(call generate,proto/src)

bench: .venv/ready ## a load test: make bench SCENARIO=T1 REPEATS=3 PROFILE=store; SCENARIO=smoke AGAINST=main compares
	@$(PYTHON) -m bench $(or $(SCENARIO),T1) $(if $(REPEATS),--repeats $(REPEATS)) $(if $(AMOUNT),--amount $(AMOUNT)) \
	$(if $(PROFILE),--profile $(PROFILE)) $(if $(AGAINST),--against $(AGAINST)) $(ARGS)

lock: .venv/ready ## each requirements.lock from the pyproject.toml files; ARGS=--upgrade for the newest
	$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --group dev \
	$(foreach package,$(PACKAGES),--no-emit-package $(subst _,-,$(package))) \
	--custom-compile-command 'make lock' $(ARGS) pyproject.toml -o requirements.lock
	$(foreach image,api store worker,$(call lock_image,$(image),services/$(image)/pyproject.toml))
	$(call lock_image,examples,examples/requirements.txt)
	$(foreach folder,$(FETCHED),$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command 'make lock' $(ARGS) $(folder)/requirements.in -o $(folder)/requirements.lock;)

docs: .venv/ready ## the diagram of states, the OpenAPI document and the alerts for Kubernetes, written from their sources
	$(PYTHON) docs/render_states.py
	$(PYTHON) docs/render_openapi.py
	$(PYTHON) docs/render_rules.py

# The versions that the tests ran with, and of them only what this image needs.
define lock_image
$(UV) pip compile -q --universal --generate-hashes --python-version 3.11 --constraint requirements.lock \
	$(foreach package,$(PACKAGES),--no-emit-package $(subst _,-,$(package))) \
	--custom-compile-command 'make lock' $(2) -o deploy/docker/$(1).lock

endef

psql: .venv/ready ## psql on the database of a running `make run`: make psql ARGS='-c "select 1"'
	@$(PYTHON) -m treadle_local psql $(ARGS)

redis-cli: .venv/ready ## commands to its Valkey: make redis-cli ARGS=FLUSHALL
	@$(PYTHON) -m treadle_local redis-cli $(ARGS)

clean: ## remove the virtualenv and the caches; the data in .treadle stay
	rm -rf .venv .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache bench/results
	find $(MEMBERS) tests bench examples docs -name __pycache__ -prune -exec rm -rf {} +

# The folder treadle_wire/store/v1 exists in the imports alone: protoc derives the Python package from it.
PROTOC = $(PYTHON) -m grpc_tools.protoc -Itreadle_wire/store/v1=proto/treadle/store/v1
generate = $(PROTOC) --python_out=$(1) --pyi_out=$(1) proto/treadle/store/v1/*.proto && \
	$(PROTOC) --grpc_python_out=$(1) --plugin=protoc-gen-mypy_grpc=.venv/bin/protoc-gen-mypy_grpc \
	--mypy_grpc_out=quiet:$(1) $(addprefix proto/treadle/store/v1/,job_store.proto api_keys.proto)

# The two kinds of whole systems wait most of the time, so they go side by side; what judges throughput has the machine
# to itself.
define all_tests
$(PYTHON) -m pytest -q -n 2 --dist loadfile $(LONGEST) $(sort $(filter-out $(LONGEST) tests/chaos/ tests/e2e/,$(wildcard tests/*/)))
	@said=$$(mktemp); $(PYTHON) -m pytest -q tests/chaos > "$$said" 2>&1 & \
	$(PYTHON) -m pytest -q tests/e2e --ignore $(TIMED); failed=$$?; \
	wait $$! || failed=1; cat "$$said"; rm "$$said"; exit $$failed
	$(PYTHON) -m pytest -q $(TIMED)
endef

# `ready` is absent while a set-up is under way: one that was interrupted begins from nothing. Compiled, since a process
# starts in half the time, and where PYTHONDONTWRITEBYTECODE is set none would do it.
.venv/ready: requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@$(find_python); test -e $@ || "$$python" -m venv --clear .venv
	@rm -f $@
	@awk '/^uv==/ { found = 1 } found { print } found && !/\\$$/ { exit }' requirements.lock > .venv/uv.txt
	@$(PYTHON) -m pip install -q --require-hashes --no-deps -r .venv/uv.txt
	@$(UV) pip sync -q --python $(PYTHON) --require-hashes --compile-bytecode requirements.lock
	@$(UV) pip install -q --python $(PYTHON) --no-deps --no-build-isolation $(MEMBERS:%=-e %)
	@touch $@

define find_python
python=; without_pip=; \
for candidate in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
	if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then python=$$candidate; break; fi; \
	without_pip=$$candidate; \
done; \
if test -z "$$python" && test -n "$$without_pip"; then \
	echo "$$without_pip cannot make a virtualenv (no ensurepip): apt-get install python3-venv" >&2; exit 1; \
elif test -z "$$python"; then \
	echo 'Python 3.11 or newer is needed, and neither python3 nor python3.11 to 3.14 is it' >&2; exit 1; \
fi
endef
