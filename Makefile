# millrace: `make help` lists the targets. Everything that is built lies under $(BUILD).
VERSION    := 0.1.0
BUILD      ?= build
DATA       ?= ../shared
PREFIX     ?= /usr/local
DESTDIR    ?=
PROGPREFIX ?=
DATADIR    := $(PREFIX)/share/millrace

CC         ?= cc
PKG_CONFIG ?= pkg-config
OPTFLAGS   ?= -O2 -g
WERROR     ?=
WARN       := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
              -Wwrite-strings -Wundef -Wpointer-arith -Wimplicit-fallthrough $(WERROR)
ARCH       := $(shell $(CC) -dumpmachine 2>/dev/null | cut -d- -f1)

# ---- packages: pkg-config name | Debian package. The first group is needed, the second adds
# features and is compiled in when it is there (HAVE_NAME).
NEEDED     := libpcre2-8 libutf8proc libarchive libxxhash libzstd zlib liblzma
OPTIONAL   := uchardet libbrotlidec libxml-2.0 expat lmdb libdivsufsort libpsl
APT_BUILD  := gcc libc6-dev pkg-config libpcre2-dev libutf8proc-dev libarchive-dev libxxhash-dev \
              libzstd-dev zlib1g-dev liblzma-dev libcsv-dev libuchardet-dev libbrotli-dev liblmdb-dev libdivsufsort-dev \
              libxml2-dev libexpat1-dev libpsl-dev
APT_TEST   := libcmocka-dev bats mandoc python3 perl zstd xz-utils

HAVE_PKG    = $(shell $(PKG_CONFIG) --exists $(1) 2>/dev/null && echo yes)
PRESENT    := $(foreach p,$(OPTIONAL),$(if $(call HAVE_PKG,$(p)),$(p)))
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(NEEDED) $(PRESENT) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(NEEDED) $(PRESENT) 2>/dev/null)
HAVE_DEFS  := $(foreach p,$(PRESENT),-DHAVE_$(shell echo $(p) | tr 'a-z.+-' 'A-Z___')=1)

CPPFLAGS_ALL := -D_GNU_SOURCE -DMILLRACE_VERSION='"$(VERSION)"' -DMILLRACE_DATADIR='"$(DATADIR)"' \
                -DPCRE2_CODE_UNIT_WIDTH=8 $(HAVE_DEFS) $(PKG_CFLAGS) $(CPPFLAGS)
# Contraction is off so that float results are what the source says, on every compiler.
CFLAGS_ALL := -std=gnu11 $(OPTFLAGS) $(WARN) -fno-strict-aliasing -ffp-contract=off -pthread \
              -MMD -MP $(CFLAGS)
LDFLAGS_ALL := -pthread -Wl,--as-needed $(LDFLAGS)
LIBS       := $(PKG_LIBS) -lcsv -lm

# ---- one translation unit per kernel and ISA; its flags by the end of its name.
FLAGS_avx2       := -mavx2 -mfma -mbmi -mbmi2 -mf16c -mpopcnt -mlzcnt -msha
FLAGS_avx512     := $(FLAGS_avx2) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512cd
FLAGS_avx512vbmi := $(FLAGS_avx512) -mavx512vbmi -mavx512vbmi2
FLAGS_avx512vnni := $(FLAGS_avx512vbmi) -mavx512vnni -mavx512bf16
FLAGS_neon       :=
ISA_X86    := avx2 avx512 avx512vbmi avx512vnni
ISA_ARM    := neon

SRC_ALL    := $(sort $(wildcard lib/*.c lib/*/*.c))
FOREIGN    := $(if $(filter x86_64,$(ARCH)),$(ISA_ARM),$(if $(filter aarch64,$(ARCH)),$(ISA_X86),$(ISA_X86) $(ISA_ARM)))
LIB_SRC    := $(filter-out $(foreach i,$(FOREIGN),%_$(i).c),$(SRC_ALL))
LIB_OBJ    := $(LIB_SRC:%.c=$(BUILD)/obj/%.o)
LIB        := $(BUILD)/libmillrace.a
CMDS       := $(patsubst cmd/%.c,%,$(sort $(wildcard cmd/*.c)))
BINS       := $(CMDS:%=$(BUILD)/bin/%)
UNIT       := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(sort $(wildcard tests/unit/test_*.c)))
FUZZERS    := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
DEMO_FILES := $(sort $(wildcard lib/data/*.* lib/data/*/*))

.SUFFIXES:
.DEFAULT_GOAL := all
export DATA := $(abspath $(DATA))
export BUILD

.PHONY: all lib unit
all: $(BINS) $(BUILD)/share/millrace/.done ## build the commands into build/bin
lib: $(LIB)

isa_flags = $(strip $(foreach i,$(ISA_X86) $(ISA_ARM),$(if $(filter %_$(i).c,$(1)),$(FLAGS_$(i)))))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(call isa_flags,$<) -c $< -o $@

$(LIB): $(LIB_OBJ)
	@rm -f $@
	$(AR) rcsD $@ $^

$(BUILD)/bin/%: $(BUILD)/obj/cmd/%.o $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LIBS) -o $@

# The tree of the build mirrors the installed one: bin/ and share/millrace side by side.
$(BUILD)/share/millrace/.done: $(DEMO_FILES)
	@mkdir -p $(@D)
	@if [ -d lib/data ]; then cp -R lib/data/. $(@D)/; fi
	@touch $@

$(BUILD)/unit/%: tests/unit/%.c $(LIB) Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -Ilib $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LIBS) -lcmocka -o $@
unit: $(UNIT) ## build the unit tests

# ---- packages of Debian: found, else installed (apt-get) or named. The libraries are looked for
# again by the sub-make, after the installation.
.PHONY: deps-build deps-test
deps-build:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' sh tests/deps.sh '$(NEEDED)' 'csv.h' '' '$(APT_BUILD)'
deps-test:
	@CC='$(CC)' PKG_CONFIG='$(PKG_CONFIG)' sh tests/deps.sh '$(NEEDED) cmocka' 'csv.h' \
	    'bats mandoc python3 perl prove zstd xz' '$(APT_BUILD) $(APT_TEST)'

# ---- demo
.PHONY: demo demo-run
demo: deps-build ## install what is missing, build, run the whole flow on the demo data
	@$(MAKE) --no-print-directory -s -j2 all
	@$(MAKE) --no-print-directory -s demo-run
demo-run:
	@sh tests/demo.sh '$(BUILD)'

# ---- tests
REPLAY := $(FUZZERS:$(BUILD)/fuzz/%=$(BUILD)/replay/%)
$(BUILD)/replay/%: tests/fuzz/%.c tests/fuzz/replay_main.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -Ilib $(CFLAGS_ALL) -Wno-missing-prototypes $(LDFLAGS_ALL) $< tests/fuzz/replay_main.c $(LIB) \
	    $(LIBS) -o $@
test-build: all $(UNIT) $(REPLAY)

.PHONY: check check-run check-isa check-asan check-tsan check-engines torture test-build
check: deps-test ## install what is missing, build, run every test (within 5 minutes)
	@$(MAKE) --no-print-directory -s -j2 test-build
	@$(MAKE) --no-print-directory -s check-run
check-run:
	@sh tests/run.sh all
check-isa: deps-test ## the command-line tests once per instruction set of this machine
	@$(MAKE) --no-print-directory -s -j2 test-build
	@sh tests/run.sh isa
SAN := -O1 -g -fno-omit-frame-pointer
ASAN := BUILD=build/asan OPTFLAGS='$(SAN) -fsanitize=address,undefined -fno-sanitize-recover=undefined'
TSAN := BUILD=build/tsan OPTFLAGS='$(SAN) -fsanitize=thread'
check-asan: deps-test ## the tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -s -j2 $(ASAN) test-build
	@$(MAKE) --no-print-directory -s $(ASAN) MILLRACE_SANITIZED=1 check-run
check-tsan: deps-test ## the tests of threads under ThreadSanitizer
	@$(MAKE) --no-print-directory -s -j2 $(TSAN) test-build
	@BUILD=build/tsan MILLRACE_SANITIZED=1 LIMIT=2400 sh tests/run.sh threads
check-engines: deps-test ## the recipes of millrace-engines(7), with what they need installed
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq parallel sqlite3 default-jre-headless python3-venv >/dev/null; fi
	@$(MAKE) --no-print-directory -s -j2 all
	@[ -d build/engines ] || { python3 -m venv build/engines && build/engines/bin/pip -q install pyspark pyyaml; } || true
	@PATH="$(CURDIR)/build/engines/bin:$$PATH" bats -f engines tests/contract/tutorial.bats
torture: deps-test ## the nth allocation and the nth system call fail
	@$(MAKE) --no-print-directory -s -j2 test-build
	@sh tests/run.sh torture

# ---- fuzzing: `make fuzz TIME=600 TARGETS='fuzz_json'` (clang)
TIME    ?= 60
TARGETS ?= $(notdir $(FUZZERS))
$(BUILD)/fuzz/%: tests/fuzz/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -Ilib $(CFLAGS_ALL) -Wno-missing-prototypes $(LDFLAGS_ALL) -fsanitize=fuzzer $< $(LIB) $(LIBS) -o $@
.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZERS)
fuzz: ## run the fuzz targets, TIME seconds each (needs clang)
	@$(MAKE) --no-print-directory -s -j2 BUILD=build/fuzzing CC=clang fuzz-build \
	    OPTFLAGS='$(SAN) -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined'
	@for t in $(TARGETS); do mkdir -p build/fuzzing/corpus/$$t tests/fuzz/corpus/$$t; \
	    echo "== $$t"; build/fuzzing/fuzz/$$t -max_total_time=$(TIME) -timeout=10 -rss_limit_mb=4096 \
	    -print_final_stats=1 -artifact_prefix=build/fuzzing/$$t- \
	    build/fuzzing/corpus/$$t tests/fuzz/corpus/$$t 2>&1 | tail -4 || exit 1; done

# ---- measurements
PERF := $(patsubst tests/perf/%.c,$(BUILD)/perf/%,$(sort $(wildcard tests/perf/*.c)))
$(BUILD)/perf/%: tests/perf/%.c $(LIB)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) -Ilib $(CFLAGS_ALL) $(LDFLAGS_ALL) $< $(LIB) $(LIBS) -o $@
.PHONY: perf perf-build
perf-build: all $(PERF)
perf: deps-build ## measure: every stage in MB/s beside its limit or a peer
	@$(MAKE) --no-print-directory -s -j2 perf-build
	@sh tests/perf/run.sh '$(BUILD)'

# ---- generated documentation
.PHONY: docs
docs: all ## regenerate man OPTIONS, completions and the map of lib
	@sh man/gen.sh $(BUILD)/bin man
	@sh completions/gen.sh $(BUILD)/bin completions
	@sh lib/map.sh

# ---- installation
INSTALL ?= install
MAN1    := $(CMDS:%=man/%.1)
.PHONY: install uninstall dist clean help
install: all ## install under DESTDIR and PREFIX, commands as PROGPREFIXname
	@test '$(abspath $(BUILD))' || exit 1
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(DATADIR) \
	    $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
	    $(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/bash-completion/completions \
	    $(DESTDIR)$(PREFIX)/share/zsh/site-functions $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	@sh tests/install.sh install '$(BUILD)' '$(DESTDIR)' '$(PREFIX)' '$(PROGPREFIX)' '$(CMDS)'
uninstall: ## remove what install put there
	@sh tests/install.sh uninstall '$(BUILD)' '$(DESTDIR)' '$(PREFIX)' '$(PROGPREFIX)' '$(CMDS)'
dist: ## a source archive with the same bytes every time
	@mkdir -p build
	@git ls-files -z | LC_ALL=C sort -z | tar --null -T - --no-recursion --format=ustar --mtime=@0 \
	    --owner=0 --group=0 --numeric-owner --mode=u+rw,go+r,go-w --transform 's,^,millrace-$(VERSION)/,' \
	    -cf - | gzip -n9 > build/millrace-$(VERSION).tar.gz
	@echo build/millrace-$(VERSION).tar.gz
clean: ## remove everything that was built
	rm -rf build
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
