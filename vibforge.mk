# Targets for release pipelines, for GNU make 3.81 or later. From another repository:
#
#     PROJECTS := packages/agent packages/firewall
#     include path/to/vibforge.mk
#
# VIBFORGE     the command                            vibforge
# PROJECT      what to package: one path              .
#              (make package PROJECT=packages/agent builds that one of several)
# PROJECTS     several; each gets $(OUT)/NAME         $(PROJECT)
# OUT          where to: one path                     dist
# ACCEPTANCE   community, partner, accepted, certified   as the recipe says
# VERSION      VERSION-RELEASE                        as the recipe says
# PREVIOUS     what was published before: VIBs, bundles, build.json, SHA256SUMS, folders of them
# OVERWRITE=1  replace a VIB of the same version that has other bytes; for the desk
# VIBFORGE_FLAGS       any other option of `vibforge build`
# VIBFORGE_LINT_FLAGS  options of `vibforge lint`
# VIBFORGE_ATTEST_FLAGS  options of `vibforge evidence attest`, such as the key
# V=1          show the commands and their output
#
# package   build what has changed
# bundle    the same, with an offline bundle of each, a component for Lifecycle Manager
# check     read the projects and list their trees, without writing anything
# lint      judge the projects as `vibforge lint` does; stops at errors that no recipe allows
# sbom      build, and describe each VIB in $(OUT)/sbom.cdx.json
# attest    build, and attest each build in $(OUT)/provenance.dsse.json
# repro     build each project again under other circumstances, and compare the bytes
# bump      raise the release of each recipe's version
# dist      build everything and write $(OUT)/SHA256SUMS
# clean     remove what was built, unless it was changed since
#
# Values from the command line and from the environment are texts: neither make nor a shell expands
# `$`, quotes, `~` or anything else in them. PROJECT and OUT may hold any character; but make drops
# blanks in front of a value on its command line: write OUT="./ name". In PROJECTS, PREVIOUS and the
# flags, blanks separate words, and quotes keep blanks together: PROJECTS="'my agent' firewall".
# Make itself expands what is in MAKEFLAGS, what is set by `:=` on its command line, and what a
# Makefile above passes on: such values must be your own.
# Values that a Makefile sets are expanded by make, as anything in a Makefile.

# Which variables are texts. Those of the environment can still be set by a Makefile further down.
vibforge_texts := PROJECT PROJECTS OUT ACCEPTANCE VERSION PREVIOUS OVERWRITE \
	VIBFORGE_FLAGS VIBFORGE_LINT_FLAGS VIBFORGE_ATTEST_FLAGS V
vibforge_one := $(filter command,$(firstword $(origin PROJECT)))
# A simple variable with the text itself as its value: make expands no `$` in it, neither here nor
# when it passes the variables of its command line to commands. `make -e` needs `override`.
vibforge_take = $(foreach name,$(vibforge_texts),\
	$(if $(filter $(1),$(firstword $(origin $(name)))),$(eval $(2) $(name) := $$(value $(name)))))
$(call vibforge_take,environment,)
$(call vibforge_take,environment command,override)

VIBFORGE ?= vibforge
PROJECT ?= .
OUT ?= dist

# Without a program, the commands below would call make itself, without end.
vibforge_program = $(if $(strip $(VIBFORGE)),$(VIBFORGE),$(error VIBFORGE is empty: name the command))
vibforge_hush = $(if $(filter 1,$(V)),,@)
vibforge_mute = $(if $(filter 1,$(V)),,>/dev/null)

# Numbers stand for the projects, so that no name is ever part of a rule or a command. There are as
# many as PROJECTS has words, quotes aside; the program ignores those that are too many.
vibforge_numbers := $(if $(vibforge_one)$(if $(strip $(PROJECTS)),,1),1)
ifeq ($(vibforge_numbers),)
$(foreach word,$(PROJECTS),$(eval vibforge_numbers += $(words x $(vibforge_numbers))))
endif
vibforge_packages := $(addprefix vibforge-package-,$(vibforge_numbers))
vibforge_bundles := $(addprefix vibforge-bundle-,$(vibforge_numbers))
vibforge_checks := $(addprefix vibforge-check-,$(vibforge_numbers))
vibforge_sboms := $(addprefix vibforge-sbom-,$(vibforge_numbers))
vibforge_attests := $(addprefix vibforge-attest-,$(vibforge_numbers))
vibforge_repros := $(addprefix vibforge-repro-,$(vibforge_numbers))
vibforge_bumps := $(addprefix vibforge-bump-,$(vibforge_numbers))
vibforge_steps := $(vibforge_packages) $(vibforge_bundles) $(vibforge_checks) $(vibforge_sboms) \
	$(vibforge_attests) $(vibforge_repros) $(vibforge_bumps) lint dist clean

.PHONY: package bundle check sbom attest repro bump $(vibforge_steps)
package: $(vibforge_packages)
bundle: $(vibforge_bundles)
check: $(vibforge_checks)
sbom: $(vibforge_sboms)
attest: $(vibforge_attests)
repro: $(vibforge_repros)
bump: $(vibforge_bumps)

# The program reads the variables from the environment of these targets alone.
$(vibforge_steps): export VIBFORGE_MAKE_PROJECT = $(PROJECT)
$(vibforge_steps): export VIBFORGE_MAKE_PROJECTS = $(PROJECTS)
$(vibforge_steps): export VIBFORGE_MAKE_ONE_PROJECT = $(vibforge_one)
$(vibforge_steps): export VIBFORGE_MAKE_OUT = $(OUT)
$(vibforge_steps): export VIBFORGE_MAKE_ACCEPTANCE = $(ACCEPTANCE)
$(vibforge_steps): export VIBFORGE_MAKE_VERSION = $(VERSION)
$(vibforge_steps): export VIBFORGE_MAKE_PREVIOUS = $(PREVIOUS)
$(vibforge_steps): export VIBFORGE_MAKE_OVERWRITE = $(OVERWRITE)
$(vibforge_steps): export VIBFORGE_MAKE_VIBFORGE_FLAGS = $(VIBFORGE_FLAGS)
$(vibforge_steps): export VIBFORGE_MAKE_VIBFORGE_LINT_FLAGS = $(VIBFORGE_LINT_FLAGS)
$(vibforge_steps): export VIBFORGE_MAKE_VIBFORGE_ATTEST_FLAGS = $(VIBFORGE_ATTEST_FLAGS)

$(vibforge_packages): vibforge-package-%:
	$(vibforge_hush)$(vibforge_program) make package $* $(vibforge_mute)

# After the package, since both write the record of the build.
$(vibforge_bundles): vibforge-bundle-%: vibforge-package-%
	$(vibforge_hush)$(vibforge_program) make bundle $* $(vibforge_mute)

$(vibforge_checks): vibforge-check-%:
	$(vibforge_hush)$(vibforge_program) make check $* $(vibforge_mute)

# After the bundle, where it is asked for as well: both read the record that it writes.
$(vibforge_sboms): vibforge-sbom-%: vibforge-package-% $(if $(filter bundle,$(MAKECMDGOALS)),vibforge-bundle-%)
	$(vibforge_hush)$(vibforge_program) make sbom $* $(vibforge_mute)

$(vibforge_attests): vibforge-attest-%: vibforge-package-% $(if $(filter bundle,$(MAKECMDGOALS)),vibforge-bundle-%)
	$(vibforge_hush)$(vibforge_program) make attest $* $(vibforge_mute)

$(vibforge_repros): vibforge-repro-%:
	$(vibforge_hush)$(vibforge_program) make repro $*

$(vibforge_bumps): vibforge-bump-%:
	$(vibforge_hush)$(vibforge_program) make bump $*

lint:
	$(vibforge_hush)$(vibforge_program) make lint

# With the bundles, where they are asked for as well: make -j bundle dist.
dist: $(vibforge_packages) $(if $(filter bundle,$(MAKECMDGOALS)),$(vibforge_bundles))
	$(vibforge_hush)$(vibforge_program) make dist $(vibforge_mute)

clean:
	$(vibforge_hush)$(vibforge_program) make clean $(vibforge_mute)
