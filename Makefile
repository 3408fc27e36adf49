# SPDX-License-Identifier: Apache-2.0
SHELL := bash -o pipefail
.DEFAULT_GOAL := help

PREFIX ?= /usr/local
CNI_BIN_DIR ?= /opt/cni/bin
PLUGINS := bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan portmap ptp sbr static tap tuning vlan vrf vswitch
TOOLS := cnitool ipam
FUZZ_SECONDS ?= 60
SHORTCUT_ROUNDS ?= 5
# How many integration tests run at the same time
WORKERS ?= 2
# Pods on one node in `make pods`, and how often
PODS ?= 100
POD_ROUNDS ?= 3

BUILD_PACKAGES := gcc make pkg-config libnl-3-dev libjansson-dev libsqlite3-dev musl-dev
DEMO_PACKAGES := iproute2 iputils-ping util-linux
TEST_PACKAGES := $(shell cat integration/packages.txt)
BENCHMARK_PACKAGES := netavark nftables

CHECKED := --explicit-target-dependency-import-check error
STATIC := -c release --static-swift-stdlib -Xswiftc -static-executable -Xlinker --gc-sections -Xlinker -s
MACHINE := $(shell uname -m)
# Plugins are Embedded Swift: no run-time library, whose start would be a third of a plugin's life. Their C library is
# musl, since glibc asks the processor for its features again and again at every start (cpuid), and in a virtual machine
# each answer is the hypervisor's and takes microseconds.
EMBEDDED_LIBRARY = $(shell swiftc -print-target-info | sed -nE 's|.*"runtimeResourcePath": "(.*)".*|\1/embedded|p')
MUSL := /usr/lib/$(MACHINE)-linux-musl
MUSL_HEADERS := -Xcc -nostdlibinc -Xcc -isystem/usr/include/$(MACHINE)-linux-musl \
    -Xcc -idirafter/usr/include/$(MACHINE)-linux-gnu -Xcc -idirafter/usr/include
EMBEDDED = -c release --scratch-path .build/embedded $(MUSL_HEADERS) \
    -Xswiftc -Xclang-linker -Xswiftc -static -Xswiftc -Xclang-linker -Xswiftc -nostdlib \
    -Xlinker $(MUSL)/crt1.o -Xlinker $(MUSL)/crti.o -Xlinker $(MUSL)/crtn.o \
    -Xlinker -L$(EMBEDDED_LIBRARY)/$(MACHINE)-unknown-linux-gnu -Xlinker -lswiftUnicodeDataTables \
    -Xlinker $(MUSL)/libc.a -Xlinker $(shell gcc -print-libgcc-file-name) \
    -Xswiftc -use-ld=lld -Xlinker --gc-sections -Xlinker --script=Sources/Together/layout.ld \
    -Xlinker --symbol-ordering-file=Sources/Together/link-order.txt -Xlinker --no-warn-symbol-ordering
RELEASE := .build/release
# Built in a place of its own: another manifest would have the rest built anew.
FORWARDING_BENCH := .build/benchmarks/release/forwarding-bench
PYTHON := /usr/bin/python3
# How many steps `make replay` tells, and what else it is told: --seed N, --vlans
STEPS ?= 1000000
REPLAY_OPTIONS ?=
# Where packages are put
PACKAGES ?= .build/packages

.PHONY: help demo build build-plugins build-tools build-tests man docs docc install deb deb-lint dist image reproduce \
    test unit-test root-test oracle integration faults replay replay-build forwarding-proofs soak pods benchmark benchmark-forwarding \
    benchmark-peers benchmark-vswitch benchmark-shortcut forwarding-bench instructions baseline link-order fuzz fuzz-configuration fuzz-result \
    fuzz-frame lint format linkage check clean packages-build packages-demo packages-test packages-benchmark

help: ## Show what there is to make.
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

demo: packages-demo build ## Join two containers to a network, prove that they talk, and leave nothing behind.
	@unshare --mount --net --propagation private bash integration/demo.sh $(CURDIR)/$(RELEASE)

build: build-plugins build-tools ## Build the static release binaries into .build/release.
	ln -f .build/embedded/release/culvert-cni $(RELEASE)/culvert-cni

build-plugins: packages-build
	CULVERT_EMBEDDED=1 swift build $(EMBEDDED) -Xlinker -s $(CHECKED) --product culvert-cni

build-tools: packages-build
	swift build $(STATIC) $(CHECKED) --product culvert
	swift build $(STATIC) $(CHECKED) --product culvert-dhcpd
	swift build $(STATIC) $(CHECKED) --product culvert-switchd

man: ## Write the manual pages into .build/release/man, and the completions of shells beside them.
	@test -x $(RELEASE)/culvert || { echo "nothing to describe: run make build first"; exit 1; }
	@mkdir -p $(RELEASE)/man $(RELEASE)/completions
	@for page in culvert $(TOOLS); do $(RELEASE)/culvert manual $$page >$(RELEASE)/man/$$page.1; done
	@for plugin in $(PLUGINS); do $(RELEASE)/culvert manual $$plugin >$(RELEASE)/man/culvert-$$plugin.7; done
	@for shell in bash zsh fish; do \
	    $(RELEASE)/culvert completions $$shell >$(RELEASE)/completions/culvert.$$shell; \
	    $(RELEASE)/culvert ipam completions $$shell >$(RELEASE)/completions/ipam.$$shell; done

docs: ## Write the tables of keys into docs, as the code has them.
	swift build --product culvert
	.build/debug/culvert keys $(foreach page,$(shell grep -l '^<!-- keys: ' docs/*.md),--update $(page))

docc: packages-build ## Build the pages of the modules with DocC into .build/docc; compile and run their programs.
	swift build
	integration/outsider.sh
	integration/docc.sh .build/docc

install: man ## Install plugins into CNI_BIN_DIR (/opt/cni/bin), tools into PREFIX/bin (/usr/local/bin), their manuals.
	@test -x $(RELEASE)/culvert-cni -a -x $(RELEASE)/culvert || { echo "nothing to install: run make build first"; exit 1; }
	install -d $(DESTDIR)$(CNI_BIN_DIR) $(DESTDIR)$(PREFIX)/bin
	integration/install-links $(RELEASE)/culvert-cni $(DESTDIR)$(CNI_BIN_DIR) culvert-cni $(PLUGINS)
	integration/install-links $(RELEASE)/culvert $(DESTDIR)$(PREFIX)/bin culvert $(TOOLS)
	integration/install-links $(RELEASE)/culvert-dhcpd $(DESTDIR)$(PREFIX)/bin culvert-dhcpd
	integration/install-links $(RELEASE)/culvert-switchd $(DESTDIR)$(PREFIX)/bin culvert-switchd
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man1 $(foreach page,culvert $(TOOLS),$(RELEASE)/man/$(page).1)
	install -D -m 0644 -t $(DESTDIR)$(PREFIX)/share/man/man7 $(foreach plugin,$(PLUGINS),$(RELEASE)/man/culvert-$(plugin).7)
	@for tool in culvert ipam; do \
	    install -D -m 0644 $(RELEASE)/completions/$$tool.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$tool; \
	    install -D -m 0644 $(RELEASE)/completions/$$tool.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$tool; \
	    install -D -m 0644 $(RELEASE)/completions/$$tool.fish \
	        $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$tool.fish; done

deb: build man ## Pack Debian packages into PACKAGES (.build/packages).
	packaging/deb $(RELEASE) $(PACKAGES) $(PLUGINS)

deb-lint: deb ## Have lintian look at the Debian packages.
	$(call install-packages,lintian)
	lintian --fail-on error,warning --tag-display-limit 0 $(PACKAGES)/*.deb

dist: build man ## Pack a tarball for any Linux into PACKAGES.
	packaging/dist $(RELEASE) $(PACKAGES) $(PLUGINS)

image: build ## Pack an image for containers, which installs the plugins on a node, into PACKAGES.
	packaging/image $(RELEASE) $(PACKAGES) $(PLUGINS)

reproduce: packages-build ## Build and pack what is committed twice, in two directories, and compare the octets.
	packaging/reproduce

# The plugins are compiled as one module, which takes one processor for long: the other one has the rest meanwhile.
test: packages-test ## Install what tests need, build, and run all of them.
	+$(MAKE) --jobs=2 --output-sync=target IN_TURN=1 build-plugins build-tests linkage instructions oracle lint
	Tests/run
	$(run-integration)

unit-test: build-tests ## Run the Swift tests; those of the kernel need root.
	Tests/run

build-tests: packages-build
	swift build --build-tests $(CHECKED)

root-test: packages-build ## Run only the Swift tests that need root.
	swift test --filter KernelTests

integration: packages-test build replay-build oracle ## Play the runtime against the built plugins, beside the reference plugins.
	$(run-integration)

# Builds in the same directory would only wait for each other.
ifdef IN_TURN
build-tests: | replay-build
replay-build: | build-tools
endif

define run-integration
$(PYTHON) -m pytest integration -p no:cacheprovider -n $(WORKERS) --dist loadgroup
endef

oracle: packages-test
	integration/oracle.sh
	integration/stock-kernel.sh

faults: packages-test build oracle ## Kill and refuse plugins and tools at every system call; `make test` tries a part, by chance.
	CULVERT_FAULT_STRIDE=1 $(PYTHON) -m pytest integration -p no:cacheprovider -n $(WORKERS) --dist loadgroup \
	    -m 'not needs_links and not needs_vlans' -k 'killed or anywhere or disturbed or failing_disk'

replay-build: packages-build
	swift build $(STATIC) $(CHECKED) --product forwarding-replay

replay: replay-build ## Tell STEPS (1000000) random steps to our switch and to a bridge of the kernel, REPLAY_OPTIONS besides.
	@unshare --mount --net $(RELEASE)/forwarding-replay --steps $(STEPS) $(REPLAY_OPTIONS)

forwarding-proofs: replay packages-test build fuzz ## The same, all parsers fuzzed, 500 flows explained, 200 containers past a bridge.
	CULVERT_EXPLAIN_FLOWS=500 CULVERT_FAST_PATH_PODS=200 $(PYTHON) -m pytest integration/test_explain.py \
	    integration/test_fast_path.py -p no:cacheprovider -q

soak: packages-test build ## Let hundreds of containers come, go and be damaged for SOAK_SECONDS (1800).
	$(PYTHON) integration/soak.py

benchmark: packages-benchmark build ## Measure against the reference plugins and the bare kernel work.
	$(PYTHON) Benchmarks/benchmark.py

link-order: packages-benchmark ## Find out what plugins run, for the linker to put it side by side.
	CULVERT_EMBEDDED=1 swift build $(EMBEDDED) $(CHECKED) --product culvert-cni
	strip --strip-debug -o .build/with-symbols .build/embedded/release/culvert-cni
	$(PYTHON) Benchmarks/link_order.py .build/with-symbols
	rm .build/with-symbols .build/embedded/release/culvert-cni

pods: packages-test build ## Make and remove PODS (100) pods with containerd, 16 at once, POD_ROUNDS (3) times, beside the reference.
	CULVERT_PODS=$(PODS) CULVERT_POD_ROUNDS=$(POD_ROUNDS) $(PYTHON) -m pytest integration/test_pods.py -p no:cacheprovider -q

benchmark-forwarding: forwarding-bench ## Measure the forwarding core against the same in C.
	$(FORWARDING_BENCH) | column -t -s "$$(printf '\t')"

benchmark-peers: packages-test forwarding-bench ## Measure it against DPDK and Open vSwitch, which are unpacked, not installed.
	Benchmarks/unpack_peers.sh .build/peers
	$(PYTHON) Benchmarks/peers.py $(FORWARDING_BENCH) .build/peers

instructions: packages-test forwarding-bench ## Count the instructions of the forwarding core: 5 % more are a failure.
	$(PYTHON) Benchmarks/instructions.py $(FORWARDING_BENCH)

baseline: packages-test forwarding-bench ## Record how many instructions the forwarding core takes.
	$(PYTHON) Benchmarks/instructions.py $(FORWARDING_BENCH) --record

forwarding-bench: packages-build
	CULVERT_BENCHMARKS=1 swift build -c release --scratch-path .build/benchmarks --product $@

benchmark-vswitch: packages-benchmark build ## Measure the switch in user space against the kernel's bridge.
	gcc -O2 -Wall -Wextra -o .build/frames Benchmarks/frames.c
	gcc -O2 -Wall -Wextra -o .build/floor_taps Benchmarks/floor_taps.c
	unshare --mount --net --propagation private $(PYTHON) Benchmarks/vswitch.py .build/frames .build/floor_taps $(RELEASE)

benchmark-shortcut: packages-benchmark ## Measure the shortcut against the bridge and a bare pair, SHORTCUT_ROUNDS (20) times.
	CULVERT_BENCHMARKS=1 swift build -c release --scratch-path .build/benchmarks --product shortcut-bench
	gcc -O2 -Wall -Wextra -o .build/frames Benchmarks/frames.c
	unshare --mount --net --propagation private \
	    $(PYTHON) Benchmarks/shortcut.py .build/frames .build/benchmarks/release/shortcut-bench $(SHORTCUT_ROUNDS)

fuzz: fuzz-configuration fuzz-result fuzz-frame ## Fuzz all parsers, FUZZ_SECONDS (60) each.

fuzz-configuration: corpus = Fuzz/Configuration/corpus
fuzz-result: corpus = Fuzz/Result/corpus
fuzz-frame: corpus = Fuzz/Frame/corpus
fuzz-frame: dictionary = Fuzz/frame-dictionary
fuzz-configuration fuzz-result: dictionary = Fuzz/dictionary
fuzz-configuration fuzz-result fuzz-frame: packages-build
	CULVERT_FUZZ=1 swift build --scratch-path .build/fuzz --product $@
	mkdir -p .build/fuzz/corpus-$@
	.build/fuzz/debug/$@ -dict=$(dictionary) -max_len=4096 -timeout=5 -max_total_time=$(FUZZ_SECONDS) \
	    -artifact_prefix=.build/fuzz/ .build/fuzz/corpus-$@ $(corpus)

lint: ## Check the form of the sources, and what they may say.
	swift format lint --strict --parallel --recursive Package.swift Plugins Sources Tests Fuzz Benchmarks
	@! grep -rnE '\bunsafe\b' Sources/Addressing Sources/AddressPools Sources/CNI Sources/DHCP Sources/Forwarding \
	    --include='*.swift' --exclude=CheckedMemory.swift || { echo "pure modules may not say unsafe"; exit 1; }
	@! grep -rnE '^(package |internal |public |private )?import Foundation' Sources --include='*.swift' \
	    || { echo "no module imports Foundation"; exit 1; }
	@! grep -rnE '^ *public ' Sources --include='*.swift' --exclude-dir=Addressing --exclude-dir=Forwarding \
	    || { echo "only Forwarding and Addressing are for other packages"; exit 1; }
	@! grep -rnE 'fatalError\(|try!|\bTODO\b|\bFIXME\b' Sources --include='*.swift' \
	    || { echo "not in Sources"; exit 1; }

format: ## Put the sources into form.
	swift format format --in-place --parallel --recursive Package.swift Plugins Sources Tests Fuzz Benchmarks

linkage: build ## Prove that culvert-cni is static, free of Foundation and inside its size budget.
	integration/linkage.sh $(RELEASE)/culvert-cni 12

check: lint build test ## Everything that has to hold before a change goes in.

clean: ## Remove what was built.
	rm -rf .build

# A package that is there already is not asked for again: a second run needs no network.
define install-packages
	@missing=$$(for package in $(1); do \
	    dpkg-query -W -f '$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || echo $$package; done); \
	if [ -n "$$missing" ]; then \
	    echo "installing: "$$missing; \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

packages-build:
	$(call install-packages,$(BUILD_PACKAGES))

packages-demo: packages-build
	$(call install-packages,$(DEMO_PACKAGES))

packages-test: packages-demo
	$(call install-packages,$(TEST_PACKAGES))

packages-benchmark: packages-test
	$(call install-packages,$(BENCHMARK_PACKAGES))
