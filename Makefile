# Each target does its own set-up; Node 20 or newer, npm and the package registries are all it takes.
# `make test-real` also needs Debian's apt, Python 3 and Go: it installs SPIRE and Keylime outside the tree.
.PHONY: lab build check test test-real bench clean
.DEFAULT_GOAL := build
# Where Go's own archive unpacks to, for shells whose PATH does not say so.
export PATH := $(PATH):/usr/local/go/bin

node_modules/.installed: package.json package-lock.json
	npm ci --no-audit --no-fund
	@touch $@

dist/spire-keylime.cjs: node_modules/.installed $(shell find src scripts -type f)
	npm run --silent build

build: dist/spire-keylime.cjs

lab: dist/spire-keylime.cjs
	@node dist/spire-keylime.cjs lab

check: dist/spire-keylime.cjs
	npm run --silent check

test: check
	npm test

test-real: dist/spire-keylime.cjs
	test/real/peers/install.sh
	REQUIRE_REAL_PEERS=1 npm run test:real

bench: dist/spire-keylime.cjs
	node bench/run.mjs attestation
	node bench/run.mjs doctor
	node bench/run.mjs trace

clean:
	rm -rf dist node_modules
