# Everything under src/ except main.c is one archive; every tests/unit/test_*.c is a program linked with it. Adding a
# file means adding a file.
#
#   make                       build/roster
#   make unit                  build and run the unit tests
#   make SAN=address,undefined CC=clang
#                              the same, with sanitizers, in build/address-undefined/
#   make SAN=thread CC=clang
CC      ?= cc
SAN     ?=
comma   := ,
VARIANT := $(if $(SAN),$(subst $(comma),-,$(SAN)),plain)
BUILD   := build/$(VARIANT)
VERSION := 0.1.0
PKGS    := sqlite3 libpq libmicrohttpd gnutls jansson libutf8proc libcrypto libcurl librnp zlib
# Asked once: what is in CFLAGS is expanded for every command.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
# Rows of tables end where they have no more to say: the rest is zero.
WARN    := -Wall -Wextra -Wno-missing-field-initializers -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -Wvla -Werror
OPT     ?= $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
# Lines are all that a sanitizer names; for a debugger: make DEBUG=-g (what the environment calls so is something else).
DEBUG   := $(if $(SAN),-g1,-g)
CFLAGS  += -std=c17 -D_GNU_SOURCE -fPIE $(DEBUG) $(OPT) $(WARN) -Isrc -MMD -MP -pthread -DROSTER_VERSION='"$(VERSION)"' \
           $(PKG_CFLAGS) $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
LDLIBS  += $(PKG_LIBS) -lm
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2
LDFLAGS += -pie -Wl,-z,relro,-z,now
ifeq ($(SAN),)
CFLAGS  += $(HARDEN)
else
# Three times as fast as the other linker, if it is there.
LLD     := $(shell command -v ld.lld 2>/dev/null)
LDFLAGS += $(if $(LLD),-fuse-ld=lld)
endif

SOURCES    := $(filter-out src/main.c,$(shell find src -name '*.c'))
MIGRATIONS := $(sort $(wildcard src/store/*/migrations/*.sql))
UNITS      := $(shell find tests/unit -name 'test_*.c')
OBJECTS    := $(SOURCES:%.c=$(BUILD)/%.o) $(BUILD)/src/store/migrations.o $(BUILD)/src/cmd/demo_data.o

all: $(BUILD)/roster
ifeq ($(SAN),)
	@ln -sf $(VARIANT)/roster build/roster
endif

$(BUILD)/roster: $(BUILD)/src/main.o $(BUILD)/roster.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ $(LDLIBS) -o $@
$(BUILD)/roster.a: $(OBJECTS)
	@rm -f $@
	ar rcs $@ $^
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(BUILD)/roster.a
	$(CC) $(CFLAGS) $(LDFLAGS) $^ -lcmocka $(LDLIBS) -o $@
# A test is compiled more often than it runs: without optimization in a quarter of the time.
$(BUILD)/tests/%.o: OPT := -O0
$(BUILD)/tests/%.o: HARDEN :=
$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -c $< -o $@

# The migrations become arrays of { number, name, text }; a file is called NUMBER-NAME.sql.
$(BUILD)/src/store/migrations.c: $(MIGRATIONS) Makefile
	@mkdir -p $(@D)
	@{ echo '#include "store/migrations.h"'; \
	   for engine in sqlite postgres; do echo "const struct migration $${engine}_migrations[] = {"; \
	     for f in $(MIGRATIONS); do case $$f in */$$engine/*) ;; *) continue ;; esac; n=$$(basename $$f .sql); \
	       echo "{ $$(echo $${n%%-*} | sed 's/^0*//'), \"$$n\","; \
	       sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $$f; echo '},'; \
	     done; echo '{ 0, 0, 0 } };'; \
	   done; } > $@
$(BUILD)/src/store/migrations.o: $(BUILD)/src/store/migrations.c
	$(CC) $(CFLAGS) -c $< -o $@

# The demo data becomes a text.
$(BUILD)/src/cmd/demo_data.c: src/cmd/demo.ndjson Makefile
	@mkdir -p $(@D)
	@{ echo '#include "cmd/demo_data.h"'; echo 'const char demo_data[] ='; \
	   sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $<; echo ';'; } > $@
$(BUILD)/src/cmd/demo_data.o: $(BUILD)/src/cmd/demo_data.c
	$(CC) $(CFLAGS) -c $< -o $@

units: $(UNITS:%.c=$(BUILD)/%)
unit: units
	@for t in $(UNITS:%.c=$(BUILD)/%); do $$t || exit 1; done
# Each tests/fuzz/fuzz_*.c is a program of clang's libFuzzer: build/fuzz/fuzz_clock tests/fuzz/corpus/clock
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
fuzzers:
	$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined build/fuzzer-no-link-address-undefined/roster.a
	$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined $(FUZZERS)
build/fuzz/%: tests/fuzz/%.c build/fuzzer-no-link-address-undefined/roster.a
	@mkdir -p $(@D)
	clang $(filter-out -fsanitize=%,$(CFLAGS)) $(LDFLAGS) -Itests/fuzz -fsanitize=fuzzer,address,undefined $< $(BUILD)/roster.a $(LDLIBS) -o $@

clean:
	rm -rf build

.PHONY: all units unit fuzzers clean
.SECONDARY:
-include $(shell find build -name '*.d' 2>/dev/null)
