# Everything starts here: `make demo` and `make test` need Python 3.11+, venv and make, nothing else.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
BENCH  := .venv-benchmark
RIVALS := .venv-rivals
LOWEST := .venv-lowest
ENGINE := .venv-warehouses
SMALL  := .venv-job .venv-console
SUPPLY := .venv-supply
SBOM   := .venv-sbom
SPARK  := .venv-spark
STAMP  := $(VENV)/.installed-$(shell cat requirements.lock pyproject.toml | cksum | cut -d' ' -f1)
export PYTHONWARNINGS ?= ignore

.PHONY: help demo test check faults nights schedulers explore mutants model-environment small-environments image-root test-image sbom audit warehouses test-spark faults-spark azure lowest lock bench bench-quick bench-quality bench-training bench-sources bench-tags bench-loop bench-spark bench-lift bench-interest bench-season bench-uplift messages docs clean
help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "tagcast needs Python 3.11 or newer; $$($(PYTHON) -V) found. Try: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.installed-*; touch $@

demo: $(STAMP)  ## from 1.47 million shopping lines to tags a marketer can filter, and what became of them
	$(BIN)/python -m tagcast.pipelines.demo

# Each worker has a core: threads of BLAS and OpenMP beside it would only spin. The programs that tests start find
# tagcast's bytecode, wherever it is not to be written otherwise.
test: export OMP_NUM_THREADS ?= 1
test: export OPENBLAS_NUM_THREADS ?= 1
test: export PYTHONDONTWRITEBYTECODE =
test: $(STAMP)  ## the whole suite
	$(BIN)/python -m pytest -n 2 --dist loadgroup --no-loadscope-reorder -rs

faults: $(STAMP)  ## whatever can die, dies: 50 kills a store, full disks, cut connections, lost databases, copied homes, backups
	TAGCAST_FAULTS=full $(BIN)/python -m pytest tests/pipelines/scoring/test_faults.py tests/serving/store/postgres/test_faults.py \
	  tests/pipelines/scoring/test_lost_tags.py tests/pipelines/project tests/pipelines/cli/test_machine_faults.py \
	  tests/pipelines/backups

# NIGHTS=--quick: 45 nights in spring.
nights: $(STAMP)  ## a made shop's year, one tagcast run due a night: kills, a full disk, silence, clocks, late data, beside a year without; and 100 nights after which the home has levelled off
	$(BIN)/python -m tests.nights.sizes
	$(BIN)/python -m tests.nights $(NIGHTS)

SCHEDULERS := .venv-schedulers
$(SCHEDULERS)/.installed: requirements-schedulers.lock | $(STAMP)
	@test -x $(SCHEDULERS)/bin/python || $(PYTHON) -m venv $(SCHEDULERS)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(SCHEDULERS)/bin/python --require-hashes requirements-schedulers.lock
	@touch $@

schedulers: $(SCHEDULERS)/.installed $(STAMP)  ## the examples of schedulers, read by cron, systemd, Kubernetes' schemas, Airflow and Dagster (two minutes)
	TAGCAST_SCHEDULERS=$(CURDIR)/$(SCHEDULERS)/bin/python $(BIN)/python -m pytest -rs tests/pipelines/nights/test_schedulers.py

explore: $(STAMP)  ## the property tests on examples drawn anew, up to a thousand each: what the suite repeats, this goes beyond
	$(BIN)/python -m pytest -n 2 --hypothesis-profile explore $$(grep -rl --include='test_*.py' 'from hypothesis import' tests)

mutants: $(STAMP)  ## deliberate mistakes about time, thresholds, rights and money: how many do tests notice (a quarter of an hour); SHARE="0 2": half of them
	$(BIN)/python -m tests.project.mutants $(if $(SHARE),--share $(SHARE))

model-environment: $(STAMP)  ## a stored model in a fresh environment of its own requirements predicts what the store holds (four minutes)
	TAGCAST_MODEL_ENVIRONMENT=1 $(BIN)/python -m pytest -rs tests/registry/versions/test_stored_models.py

# tagcast itself comes as a wheel, as it does for whoever installs these.
small-environments: $(STAMP)  ## what a job and a console install is enough for them, and what it lacks is said (two minutes)
	@rm -rf .venv-wheel; $(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir .venv-wheel .
	@for part in $(SMALL); do \
	  test -x $$part/bin/python || $(PYTHON) -m venv --without-pip $$part || exit 1; \
	  $(BIN)/uv pip sync --quiet --python $$part/bin/python --require-hashes deploy/$${part#.venv-}.lock && \
	  $(BIN)/uv pip install --quiet --python $$part/bin/python --no-deps --reinstall .venv-wheel/*.whl || exit 1; \
	done
	TAGCAST_JOB_ENVIRONMENT=$(CURDIR)/.venv-job/bin/python TAGCAST_CONSOLE_ENVIRONMENT=$(CURDIR)/.venv-console/bin/python \
	  $(BIN)/python -m pytest -rs tests/deploy/test_small_environments.py

$(SUPPLY)/.installed: deploy/supply.lock | $(STAMP)
	@test -x $(SUPPLY)/bin/python || $(PYTHON) -m venv --without-pip $(SUPPLY)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(SUPPLY)/bin/python --require-hashes deploy/supply.lock
	@touch $@

image-root: $(STAMP)  ## the image as a folder, where no container engine runs: a Debian root with tagcast in it; as root, with debootstrap
	deploy/root.sh build $(CURDIR)/.image-root

test-image: $(SUPPLY)/.installed image-root  ## the image's recipe in a fresh Debian root: the demo and the console, without network and rights (five minutes)
	TAGCAST_SUPPLY=$(CURDIR)/$(SUPPLY)/bin/python TAGCAST_IMAGE_ROOT=$(CURDIR)/.image-root $(BIN)/python -m pytest -rs tests/deploy

sbom: $(SUPPLY)/.installed  ## what is in the image, as CycloneDX, and the licence of each package: deploy/out
	@test -x $(SBOM)/bin/python || $(PYTHON) -m venv --without-pip $(SBOM)
	@$(BIN)/uv pip sync --quiet --python $(SBOM)/bin/python --require-hashes deploy/image.lock
	@mkdir -p deploy/out
	$(SUPPLY)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON \
	  --output-file deploy/out/sbom.json $(SBOM)/bin/python
	$(BIN)/python deploy/licences.py deploy/out/sbom.json >deploy/out/licences.md

# A package that cannot be looked up counts as a failure: "no known vulnerabilities" would be said of what nobody looked at.
audit: $(SUPPLY)/.installed  ## whether a known hole is in the locks of the image, asked of PyPI
	@for lock in image console job build; do \
	  $(SUPPLY)/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes --requirement deploy/$$lock.lock || { \
	    echo "deploy/$$lock.lock: a hole is named above, or PyPI does not tell; where it cannot be reached, hand deploy/out/sbom.json (make sbom)" \
	      "to a scanner with data of its own, such as osv-scanner --offline, Trivy or Dependency-Track"; exit 1; }; \
	done

$(ENGINE)/.installed: requirements-warehouses.lock | $(STAMP)
	@test -x $(ENGINE)/bin/python || $(PYTHON) -m venv $(ENGINE)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(ENGINE)/bin/python --require-hashes requirements-warehouses.lock
	@touch $@

WAREHOUSE_TESTS = tests/features/ingest/readers/databases/warehouses tests/features/ingest/parts/test_database_histories.py \
  tests/features/ingest/test_same_log_everywhere.py tests/features/ingest/readers/remote/test_other_stores.py
warehouses: $(ENGINE)/.installed $(STAMP)  ## tables in ClickHouse's own engine and files in Google's store give the log of a full read (three minutes)
	TAGCAST_CLICKHOUSE=$(CURDIR)/$(ENGINE)/bin/python TAGCAST_GOOGLE_STORE=$(CURDIR)/$(ENGINE)/bin/gcp-storage-emulator \
	  $(BIN)/python -m pytest -rs -n 2 --dist loadgroup -k "warehouses or clickhouse or google" $(WAREHOUSE_TESTS)

# pyspark is built from 430 MB of source: in an environment of its own nobody else waits for it.
$(SPARK)/.installed: requirements-spark.lock pyproject.toml | $(STAMP)
	@test -x $(SPARK)/bin/python || $(PYTHON) -m venv $(SPARK)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(SPARK)/bin/python --require-hashes requirements-spark.lock
	$(BIN)/uv pip install --quiet --python $(SPARK)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

test-spark: $(SPARK)/.installed  ## the same bits on Spark: local, a standalone cluster, Spark Connect, and what dies; needs Java 17 (ten minutes)
	@command -v java >/dev/null || { echo "Spark needs Java 17: apt-get install openjdk-17-jre-headless"; exit 1; }
	$(SPARK)/bin/python -m pytest -rs tests/spark

faults-spark: $(SPARK)/.installed  ## executors, drivers and tasks killed in each stage of a night on Spark, lost parts, full disks (half an hour)
	TAGCAST_FAULTS=full $(SPARK)/bin/python -m pytest -rs tests/spark/test_nights.py tests/spark/test_faults.py

azure: $(STAMP)  ## files in Azure's object store, from its own emulator; needs npm (a minute)
	npm install --silent --no-save --prefix .venv-azure azurite@3.37.0
	TAGCAST_AZURE_STORE=$(CURDIR)/.venv-azure/node_modules/.bin/azurite-blob $(BIN)/python -m pytest -rs -k azure tests/features/ingest/readers/remote/test_other_stores.py

# Without the pipelines' walks, which take longest and import nothing that the others do not.
LOWEST_TESTS = tests/features tests/models tests/registry tests/serving tests/pipelines/cards
lowest: $(STAMP)  ## the quick tests with every direct dependency at its declared minimum (ten minutes)
	@test -x $(LOWEST)/bin/python || $(PYTHON) -m venv $(LOWEST)
	$(BIN)/uv pip compile --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --extra full --extra demo --extra postgres --extra mysql --extra snowflake --extra bigquery --extra clickhouse \
	  --extra delta --extra iceberg --extra oidc --extra redis --extra traces --extra dev --no-header --no-annotate --output-file $(LOWEST)/requirements.txt pyproject.toml
	$(BIN)/uv pip sync --quiet --python $(LOWEST)/bin/python $(LOWEST)/requirements.txt
	$(BIN)/uv pip install --quiet --python $(LOWEST)/bin/python --no-deps --no-build-isolation --editable .
	# Old and new libraries warn of one another: nothing that tagcast could mend.
	$(LOWEST)/bin/python -m pytest -m "not slow and not browser" -p no:cacheprovider \
	  -W ignore::DeprecationWarning -W ignore::PendingDeprecationWarning $(LOWEST_TESTS)

docs: $(STAMP)  ## the documentation as a site in docs/_build/html; a warning is an error
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

check: $(STAMP)  ## ruff, mypy strict, room rules, docs
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/mypy
	$(BIN)/python -m pytest -q tests/project/test_structure.py tests/project/test_docs.py

$(BENCH)/.installed: requirements-benchmark.lock | $(STAMP)
	@test -x $(BENCH)/bin/python || $(PYTHON) -m venv $(BENCH)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BENCH)/bin/python --require-hashes requirements-benchmark.lock
	$(BIN)/uv pip install --quiet --python $(BENCH)/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

bench-quality: $(BENCH)/.installed  ## model quality beside other models, on real data split by time
	$(BENCH)/bin/python -m benchmarks.quality
	$(BIN)/python -m benchmarks.quality.subscription
	$(BIN)/python -m benchmarks.quality.app
	$(BIN)/python -m benchmarks.quality.words

$(RIVALS)/.installed: requirements-rivals.lock | $(STAMP)
	@test -x $(RIVALS)/bin/python || $(PYTHON) -m venv $(RIVALS)
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(RIVALS)/bin/python --require-hashes requirements-rivals.lock
	@touch $@

bench: $(RIVALS)/.installed $(STAMP)  ## speed and memory beside rivals (about an hour and a half; 20 GB of disk)
	$(BIN)/python -m benchmarks.speed.kernel
	$(BIN)/python -m benchmarks.speed.scoring
	$(BIN)/python -m benchmarks.speed.audience
	$(BIN)/python -m benchmarks.store_parts
	$(BIN)/python -m benchmarks.speed.features
	$(BIN)/python -m benchmarks.speed.training_frame
	$(BIN)/python -m benchmarks.speed.training
	$(BIN)/python -m benchmarks.speed.console --stores duckdb postgres
	$(BIN)/python -m benchmarks.sources

bench-quick: $(STAMP)  ## the same on little data, in five minutes; no bars
	$(BIN)/python -m benchmarks.speed.kernel --quick
	$(BIN)/python -m benchmarks.speed.scoring --quick
	$(BIN)/python -m benchmarks.speed.audience --quick
	$(BIN)/python -m benchmarks.store_parts --quick
	$(BIN)/python -m benchmarks.speed.features --quick
	$(BIN)/python -m benchmarks.speed.training_frame --quick
	$(BIN)/python -m benchmarks.speed.training --quick
	$(BIN)/python -m benchmarks.training_size --quick
	$(BIN)/python -m benchmarks.many_tags --quick
	$(BIN)/python -m benchmarks.speed.console --quick
	$(BIN)/python -m benchmarks.sources --quick
	$(BIN)/python -m benchmarks.lift_intervals --quick

bench-training: $(STAMP)  ## what training takes at 100,000 and 1,000,000 customers, and what a draw costs in log loss
	$(BIN)/python -m benchmarks.training_size

bench-sources: $(RIVALS)/.installed $(STAMP)  ## what event logs from databases cost, the first time and night by night
	$(BIN)/python -m benchmarks.sources

bench-tags: $(STAMP)  ## what 600 tags over four entities and 100,000 customers cost each night
	$(BIN)/python -m benchmarks.many_tags

bench-lift: $(STAMP)  ## whether intervals of a campaign's lift keep their word, looked at once or daily (half an hour)
	$(BIN)/python -m benchmarks.lift_intervals

bench-spark: $(SPARK)/.installed  ## features on Spark beside one machine, at 0.2, 1 and 3 million customers (half an hour)
	$(SPARK)/bin/python -m benchmarks.on_spark

bench-loop: $(STAMP)  ## what a year of campaigns does to the scores that choose whom they approach (a quarter of an hour)
	$(BIN)/python -m benchmarks.loop.campaigns

bench-season: $(STAMP)  ## what last year's season is worth on both years of Online Retail, and that it does no harm (an hour; TAGCAST_DATA)
	$(BIN)/python -m benchmarks.quality.seasons

bench-interest: $(STAMP)  ## one model for all categories, or one each
	$(BIN)/python -m benchmarks.quality.interest

bench-uplift: $(BENCH)/.installed  ## persuadable customers on a real e-mail test, beside causalml and econml
	$(BENCH)/bin/python -m benchmarks.quality.uplift

# What the image brings: make lock IMAGE="--extra full --extra postgres --extra snowflake" for other sources. Feast asks for mypy,
# by way of SQLAlchemy, and no program does.
IMAGE  := --extra full --extra postgres --extra mysql --extra redis --extra oidc --extra traces --extra demo
LOCKED = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-annotate --no-header
lock: $(STAMP)  ## renew the lock files from pyproject.toml
	$(LOCKED) --extra full --extra demo --extra postgres --extra mysql --extra snowflake --extra bigquery --extra clickhouse --extra delta --extra iceberg \
	  --extra oidc --extra redis --extra traces --extra docs --extra dev --output-file requirements.lock pyproject.toml
	$(LOCKED) --extra full --extra demo --extra benchmark --constraint requirements.lock --override benchmarks/overrides.in --output-file requirements-benchmark.lock pyproject.toml
	$(LOCKED) --output-file requirements-rivals.lock benchmarks/rivals.in
	$(LOCKED) --output-file requirements-schedulers.lock examples/schedulers/requirements.in
	$(LOCKED) --extra full --extra demo --extra postgres --extra spark --extra dev --constraint requirements.lock --output-file requirements-spark.lock pyproject.toml
	$(LOCKED) --constraint requirements.lock --output-file requirements-warehouses.lock tests/support/databases/servers.in
	$(LOCKED) --constraint requirements.lock $(IMAGE) --no-emit-package mypy --output-file deploy/image.lock pyproject.toml
	$(LOCKED) --constraint requirements.lock --extra console --extra postgres --extra redis --extra oidc --extra traces --output-file deploy/console.lock pyproject.toml
	$(LOCKED) --constraint requirements.lock --extra postgres --extra mysql --extra traces --output-file deploy/job.lock pyproject.toml
	$(LOCKED) --constraint requirements.lock --output-file deploy/build.lock deploy/build.in
	$(LOCKED) --output-file deploy/supply.lock deploy/supply.in

PACKAGES := features models registry serving pipelines
messages: $(STAMP)  ## renew the gettext catalogues from the code: what is new is empty, what nothing says any more goes
	@for package in $(PACKAGES); do \
	  $(BIN)/pybabel --quiet extract --mapping babel.cfg --no-default-keywords --keywords msg \
	    --keywords nmsg:1,2 --keywords pmsg:1c,2 --no-location --sort-output --omit-header --width 110 \
	    --output-file .messages.pot $$package && \
	  $(BIN)/pybabel --quiet update --input-file .messages.pot --output-dir features/core/locale --locale zh \
	    --domain $$package --no-fuzzy-matching --ignore-obsolete --omit-header --width 110 --init-missing || exit 1; \
	done; rm -f .messages.pot

clean:  ## remove what tagcast made here (the virtual environment stays)
	rm -rf .tagcast .pytest_cache .mypy_cache .ruff_cache .venv-wheel benchmarks/out deploy/out docs/_build docs/generated docs/reference/generated
