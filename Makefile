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
ARCH       := $(shell $(CC) -dumpmachine | cut -d- -f1)

# ---- packages: pkg-config name | Debian package. The first group is needed, the second adds
# features and is compiled in when it is there (HAVE_NAME).
NEEDED     := libpcre2-8 libutf8proc libarchive libxxhash libzstd zlib liblzma
OPTIONAL   := uchardet
APT_BUILD  := gcc libc6-dev pkg-config libpcre2-dev libutf8proc-dev libarchive-dev libxxhash-dev \
              libzstd-dev zlib1g-dev liblzma-dev libcsv-dev libuchardet-dev
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
FLAGS_avx2       := -mavx2 -mfma -mbmi -mbmi2 -mf16c -mpopcnt -mlzcnt
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

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build
