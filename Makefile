# synscope: one Makefile, no recursion. `make help` lists the targets.
#
# PROFILE=release|debug|asan|cov|fuzz chooses flags only; everything is built
# under build/$(PROFILE)/, mirroring the source paths. build/synscope links to the
# binary built last. User CFLAGS/LDFLAGS come last and win. V=1 shows commands.

PROFILE ?= release
BUILD   := build/$(PROFILE)

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/synscope

VERSION := $(shell cat VERSION)

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(PROFILE),fuzz)
CC := clang
endif
PKG_CONFIG ?= pkg-config

# Warnings are the same for everyone; only lint and CI turn them into errors.
WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
            -Wmissing-prototypes -Wswitch-enum -Wvla -Wformat=2 -Wundef
ifneq ($(WERROR),)
WARNINGS += -Werror
endif

FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
FLAGS_debug   := -O0 -g3
FLAGS_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
                 -fno-sanitize-recover=all
FLAGS_cov     := -O0 -g --coverage
FLAGS_fuzz    := -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all \
                 -fsanitize=fuzzer-no-link,address,undefined
ifeq ($(filter $(PROFILE),release debug asan cov fuzz),)
$(error PROFILE=$(PROFILE): choose one of release debug asan cov fuzz)
endif

# libnet has no .pc file in Debian 12, and `libnet-config --defines` must not
# be used (its -D_BSD_SOURCE makes glibc warn); plain -lnet is right.
# libnftables is loaded by edge/nftables when it is first needed, which is seldom.
LIBS_edge := -lnet -lpcap -lmnl -lcap-ng -lseccomp -lnettle
# The program itself takes most of them as archives: half of the time of a short run would
# go into loading libraries (see edge/capture_sources.c). LINK=dynamic is for packagers, and
# what is done where the archives are missing or do not fit.
LIBS_static := -Wl,-u,dbus_create -Wl,-u,dbus_findalldevs -Wl,-Bstatic -lpcap -lnet -lcap-ng \
               -lseccomp -lnettle -Wl,-Bdynamic -lmnl
LINK ?= static

ALL_CPPFLAGS := -Iinclude -I$(BUILD)/gen -D_GNU_SOURCE -DSYNSCOPE_VERSION='"$(VERSION)"' $(CPPFLAGS)
ALL_CFLAGS   := -std=c11 $(WARNINGS) $(FLAGS_$(PROFILE)) -fno-strict-aliasing -MMD -MP $(CFLAGS)
ALL_LDFLAGS  := $(FLAGS_$(PROFILE)) -Wl,-z,relro,-z,now $(LDFLAGS)

ifeq ($(V),1)
Q :=
say =
else
Q := @
say = @printf '  %-5s %s\n' '$(1)' '$(2)';
endif

# --- sources --------------------------------------------------------------
LAYERS := client edge render core
src_of  = $(sort $(wildcard src/$(1)/*.c))
obj_of  = $(patsubst src/%.c,$(BUILD)/src/%.o,$(call src_of,$(1)))
ARCHIVES := $(foreach l,$(LAYERS),$(BUILD)/lib$(l).a)

HEADERS := $(sort $(wildcard include/synscope/*/*.h))
SOURCES := $(foreach l,$(LAYERS),$(call src_of,$(l))) src/main.c
SUPPORT := $(sort $(wildcard tests/support/*.c))
UNIT    := $(sort $(wildcard tests/unit/*/test_*.c))
LAB     := $(sort $(wildcard tests/lab/test_*.c))
FUZZ    := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH   := $(sort $(wildcard tests/bench/*.c))
ORACLE  := $(sort $(wildcard tests/oracle/*.c))
WALK    := $(sort $(wildcard tests/walk/*.c))
STACKS  := $(sort $(wildcard tests/stacks/*.c))
MUTATE  := $(sort $(wildcard tests/mutate/*.c))
HOSTS   := $(sort $(wildcard tests/firewall/*.c))
FORMATTED := $(HEADERS) $(sort $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch] tests/*/*/*.[ch]))

UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(UNIT))
LAB_BIN  := $(patsubst %.c,$(BUILD)/%,$(LAB))
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(FUZZ))
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(BENCH))
# What must notice a change of the transition table: the quick ones first.
MUTATE_TESTS := $(addprefix $(BUILD)/tests/mutate/test_,rules rules_prose machine machine_figures \
                machine_timers judge belief pipeline belief_kernel)
ORACLE_BIN := $(if $(ORACLE),$(BUILD)/tests/oracle/oracle)

.PHONY: all help deps demo check check-unit check-golden check-lab check-firewall bench lint format format-check \
        fuzz golden-update states compile_commands.json install install-caps uninstall \
        hooks clean tests binaries oracle walk stacks mutate check-long
.DELETE_ON_ERROR:
.SECONDARY:

all: build/synscope

help:
	@sed -n 's/^#: //p' Makefile

#: all        build build/synscope (default)
build/synscope: $(BUILD)/synscope FORCE
	$(Q)ln -sfnr $(BUILD)/synscope $@

$(BUILD)/synscope: $(BUILD)/src/main.o $(ARCHIVES)
ifeq ($(LINK),static)
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_static) 2>$(BUILD)/link.log || \
	 { echo "        the archives do not fit (see $(BUILD)/link.log): linked dynamically"; \
	   $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_edge); }
else
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_edge)
endif

define archive
$(BUILD)/lib$(1).a: $(call obj_of,$(1))
	$$(call say,AR,$$@) rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call archive,$(l))))

$(BUILD)/%.o: %.c $(BUILD)/flags
	$(call say,CC,$<) mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# The player's parts (page, style, script) as C.
PLAYER := $(sort $(wildcard src/render/player/*))
$(BUILD)/gen/player_data.h: $(PLAYER) $(BUILD)/flags
	$(call say,GEN,$@) mkdir -p $(@D) && src/render/player/embed.sh > $@
$(BUILD)/src/render/html.o: $(BUILD)/gen/player_data.h

# A stamp that changes only when the flags do, so that other flags rebuild all.
$(BUILD)/flags: FORCE | $(filter deps,$(MAKECMDGOALS))
	@mkdir -p $(@D); echo '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LINK)' | \
	 cmp -s - $@ || echo '$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(LINK)' > $@
FORCE:

# --- tests ----------------------------------------------------------------
# A sanitizer's exit must not look like a verdict of synscope.
export ASAN_OPTIONS ?= exitcode=99
export UBSAN_OPTIONS ?= print_stacktrace=1

$(BUILD)/libsupport.a: $(patsubst %.c,$(BUILD)/%.o,$(SUPPORT))
	$(call say,AR,$@) rm -f $@ && ar rcs $@ $^

# A core test links the core, cmocka and the helpers it names, nothing else: purity, tested.
$(BUILD)/tests/unit/core/%: $(BUILD)/tests/unit/core/%.o $(BUILD)/libsupport.a $(BUILD)/libcore.a
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka
$(BUILD)/tests/unit/render/%: $(BUILD)/tests/unit/render/%.o $(BUILD)/libsupport.a $(BUILD)/librender.a $(BUILD)/libcore.a
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka
$(BUILD)/tests/unit/edge/%: $(BUILD)/tests/unit/edge/%.o $(BUILD)/libsupport.a $(BUILD)/libedge.a $(BUILD)/libcore.a
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS_edge)
$(BUILD)/tests/unit/client/%: $(BUILD)/tests/unit/client/%.o $(BUILD)/libsupport.a $(ARCHIVES)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS_edge)
$(BUILD)/tests/lab/%: $(BUILD)/tests/lab/%.o $(BUILD)/libsupport.a $(ARCHIVES)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka -ljansson $(LIBS_edge)
# As needed: the runner has to stay small (see there).
$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BUILD)/libsupport.a $(ARCHIVES)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS_edge)

$(BUILD)/tests/oracle/oracle: $(patsubst %.c,$(BUILD)/%.o,$(ORACLE)) $(BUILD)/libcore.a
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^

# Beside a kernel: all parts but the main program serve the short run too.
WALK_PARTS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out tests/walk/walk.c,$(WALK)))
$(BUILD)/tests/lab/test_belief_kernel: $(BUILD)/tests/lab/test_belief_kernel.o $(WALK_PARTS) $(ARCHIVES)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS_edge)
$(BUILD)/tests/walk/walk: $(BUILD)/tests/walk/walk.o $(WALK_PARTS) $(ARCHIVES)
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_edge)

# Beside other TCPs, those that are installed: a stamp names them, one a line, and is asked anew
# every time. lwIP's headers need their own folder, and warn.
STACKS_CPPFLAGS := -isystem /usr/include/lwip
STACKS_PARTS := $(addprefix $(BUILD)/tests/,$(addprefix stacks/,walk.o ours.o stack_lwip.o stack_slirp.o) walk/watch.o) \
                $(BUILD)/libsupport.a $(BUILD)/libcore.a
$(BUILD)/tests/stacks/installed: FORCE | $(filter deps,$(MAKECMDGOALS))
	@mkdir -p $(@D); for s in lwip:lwip/tcp.h slirp:slirp/libslirp.h; do \
	 echo "#include <$${s#*:}>" | $(CC) $(STACKS_CPPFLAGS) -E -x c - >/dev/null 2>&1 && echo $${s%:*}; \
	 done > $@.new; cmp -s $@.new $@ || cp $@.new $@; rm $@.new
$(BUILD)/tests/stacks/stack_%.o: tests/stacks/stack_%.c tests/stacks/absent_%.c $(BUILD)/flags $(BUILD)/tests/stacks/installed
	$(call say,CC,$<) f=absent; ! grep -qx $* $(@D)/installed || f=stack; \
	 $(CC) $(ALL_CPPFLAGS) $(STACKS_CPPFLAGS) $(ALL_CFLAGS) -c -o $@ tests/stacks/$${f}_$*.c
$(BUILD)/tests/lab/test_stacks: $(BUILD)/tests/lab/test_stacks.o $(STACKS_PARTS)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $$(sed s/^/-l/ $(BUILD)/tests/stacks/installed)
$(BUILD)/tests/stacks/stacks: $(BUILD)/tests/stacks/main.o $(STACKS_PARTS)
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^ $$(sed s/^/-l/ $(@D)/installed)

# A table that can be changed takes the place of the one in libcore.a.
$(BUILD)/tests/mutate/test_%: $(BUILD)/tests/unit/core/test_%.o $(BUILD)/tests/mutate/mutable.o $(BUILD)/libsupport.a $(BUILD)/libcore.a
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka
$(BUILD)/tests/mutate/differ: $(BUILD)/tests/mutate/differ.o $(BUILD)/tests/mutate/mutable.o $(BUILD)/libsupport.a $(BUILD)/libcore.a
	$(call say,LD,$@) $(CC) $(ALL_LDFLAGS) -o $@ $^

# listen_flood.sh borrows its clients from the benchmarks.
tests: $(BUILD)/synscope $(UNIT_BIN) $(LAB_BIN) $(MUTATE_TESTS) $(BUILD)/tests/mutate/differ \
       $(BUILD)/tests/bench/crowd $(BUILD)/tests/firewall/hosts
binaries: tests $(BENCH_BIN) $(ORACLE_BIN) $(BUILD)/tests/stacks/stacks

#: oracle     beliefs beside every execution of a concrete end; ARGS="--hostile --depth 4" ...
oracle: $(ORACLE_BIN)
	$(Q)$< $(ARGS)

#: walk       random walks beside a kernel, in a lab; WALKS=1000 SYNSCOPE_SEED=n ARGS="--only n" ...
WALKS ?= 1000
walk: $(BUILD)/tests/walk/walk
	$(Q)$< --walks $(WALKS) $(ARGS)

#: stacks     the same beside lwIP and libslirp, in process; ARGS="--stack lwip --seed 7 -v" ...
stacks: $(BUILD)/tests/stacks/stacks
	$(Q)$< --walks $(WALKS) $(ARGS)

#: mutate     change the transition table, a row and a thing at a time: does a test notice?
EVERY ?= 1
mutate: $(MUTATE_TESTS) $(BUILD)/tests/mutate/differ
	$(Q)BUILD=$(BUILD) MUTATE_TESTS="$(MUTATE_TESTS)" tests/mutate/run.sh $(EVERY)

#: check-long what takes its time: 10000 walks beside each, every mutant, the oracle's deep
#:            histories, and 100 MB from `listen` over bad wires
check-long: WALKS := 10000
check-long: walk stacks mutate $(ORACLE_BIN) $(BUILD)/synscope
	$(Q)$(ORACLE_BIN) --depth 4 --hostile
	$(Q)$(ORACLE_BIN) --depth 12 --walks 1200
	$(Q)$(ORACLE_BIN) --depth 10 --walks 1200 --lives 2
	$(Q)$(ORACLE_BIN) --depth 10 --walks 1200 --lives 2 --hostile
	$(Q)$(ORACLE_BIN) --depth 12 --walks 800 --hostile --stacks
	$(Q)SYNSCOPE=$(BUILD)/synscope LISTEN_CLIENTS=none LISTEN_TRANSFER_MB=100 tests/lab/listen_clients.sh

#: check      every test: unit, golden, some mutants, lab (in namespaces; no root needed)
check: tests
	$(Q)BUILD=$(BUILD) MUTATE_TESTS="$(MUTATE_TESTS)" tests/run.sh unit golden mutate lab
check-unit: $(UNIT_BIN)
	$(Q)BUILD=$(BUILD) tests/run.sh unit
check-golden: $(BUILD)/synscope
	$(Q)BUILD=$(BUILD) tests/run.sh golden
check-lab: $(BUILD)/synscope $(LAB_BIN) $(BUILD)/tests/bench/crowd $(BUILD)/tests/firewall/hosts
	$(Q)BUILD=$(BUILD) tests/run.sh lab

# Servers and wires for the configurations of firewalls.
$(BUILD)/tests/firewall/hosts: $(BUILD)/tests/firewall/hosts.o $(ARCHIVES)
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS_edge)
#: check-firewall   every configuration of firewalls beside its truth, and what nmap, hping3 and
#:            nping say of it (PEERS= without them); NAMES="a b" only these
PEERS ?= 1
check-firewall: $(BUILD)/synscope $(BUILD)/tests/firewall/hosts
	$(Q)BUILD=$(BUILD) PEERS=$(PEERS) tests/firewall/run.sh $(NAMES)

#: golden-update NAME=x   rewrite one golden file (or all of them: NAME=)
golden-update: $(BUILD)/synscope
	$(Q)BUILD=$(BUILD) tests/golden/run.sh --update $(NAME)

#: fuzz       run every fuzzer for FUZZ_SECONDS (60) each, on the kept corpus
FUZZ_SECONDS ?= 60
$(BUILD)/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libsupport.a $(BUILD)/libedge.a $(BUILD)/librender.a $(BUILD)/libcore.a
	$(call say,LD,$@) mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_edge)
ifeq ($(PROFILE),fuzz)
fuzz: $(FUZZ_BIN)
	$(Q)tests/fuzz/run.sh $(FUZZ_SECONDS) $(FUZZ_BIN)
else
fuzz:
	$(Q)$(MAKE) --no-print-directory PROFILE=fuzz fuzz
endif

#: states     print docs/states.md from the table
states: build/synscope
	$(Q)build/synscope explain --markdown > docs/states.md

#: bench      measure beside the peers, as ratios (see docs/measurements.md)
bench: $(BUILD)/synscope $(BENCH_BIN) $(BUILD)/tests/firewall/hosts
	$(Q)BUILD=$(BUILD) tests/bench/run.sh
	$(Q)BUILD=$(BUILD) tests/bench/firewall.sh

#: demo       an open, an exchange and a close against a real kernel, in a private lab
demo: build/synscope
	$(Q)build/synscope demo

#: deps       install what is missing, with the system's package manager: what the
#:            other goals named with it need, or everything when it stands alone
DEPS_FOR := $(strip $(if $(filter all demo install tests,$(MAKECMDGOALS)),build) \
            $(if $(filter check% bench golden-update,$(MAKECMDGOALS)),build test) \
            $(if $(filter lint format% fuzz,$(MAKECMDGOALS)),build test lint))
deps:
	$(Q)tests/support/deps.sh $(sort $(DEPS_FOR))

# --- lint -----------------------------------------------------------------
#: lint       layers, purity, headers, warnings as errors, tidy, cppcheck, shellcheck, man pages,
#:            options, format; tests/lint/selftest.sh proves that each of them can fail
lint:
	$(Q)CC=$(CC) tests/lint/lint.sh

#: format     rewrite the sources with clang-format;  format-check only tells
format:
	$(Q)clang-format -i $(FORMATTED)
format-check:
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

#: compile_commands.json   for clangd and clang-tidy
compile_commands.json:
	@{ echo '['; sep=; for f in $(SOURCES) $(SUPPORT) $(UNIT) $(LAB) $(FUZZ) $(BENCH) $(ORACLE) $(WALK) $(STACKS) $(MUTATE) $(HOSTS); do \
	  printf '%s{"directory":"%s","file":"%s","command":"%s"}' "$$sep" "$(CURDIR)" "$$f" \
	  "$(CC) $(subst ",\\\",$(ALL_CPPFLAGS)) $(STACKS_CPPFLAGS) $(filter-out -MMD -MP,$(ALL_CFLAGS)) -c $$f"; sep=",$$(printf '\n')"; \
	 done; echo ']'; } > $@
	@echo "wrote $@"

# --- install ----------------------------------------------------------------
MANPAGES := $(sort $(wildcard docs/*.8 docs/*.5))
#: install, uninstall   PREFIX=/usr/local DESTDIR=
install: $(BUILD)/synscope
	install -D -m 755 $(BUILD)/synscope $(DESTDIR)$(BINDIR)/synscope
	for m in $(MANPAGES); do \
	  install -D -m 644 $$m $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done
#: install-caps   give the installed binary cap_net_raw and cap_net_admin (not part of install)
install-caps:
	setcap cap_net_raw,cap_net_admin=ep $(DESTDIR)$(BINDIR)/synscope
uninstall:
	rm -f $(DESTDIR)$(BINDIR)/synscope
	for m in $(MANPAGES); do rm -f $(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}; done

#: hooks      run format-check, layers and unit tests before each commit
hooks:
	git config core.hooksPath tests/support/hooks

#: clean      remove build/
clean:
	rm -rf build compile_commands.json

-include $(patsubst %.c,$(BUILD)/%.d,$(SOURCES) $(SUPPORT) $(UNIT) $(LAB) $(FUZZ) $(BENCH) $(ORACLE) $(WALK) $(STACKS) $(MUTATE) $(HOSTS))
