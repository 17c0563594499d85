# Targets for release pipelines. From another repository:
#
#     PROJECTS := packages/agent packages/firewall
#     include path/to/vibforge.mk
#
# VIBFORGE     the command                            vibforge
# PROJECT      what to package                        .
# PROJECTS     several; each gets $(OUT)/NAME         $(PROJECT)
#              (make package PROJECT=packages/agent builds that one of them)
# OUT          where to                               dist
# ACCEPTANCE   community, partner, accepted, certified   as the recipe says
# VERSION      VERSION-RELEASE                        as the recipe says
# VIBFORGE_FLAGS  any other option of `vibforge build`
# VIBFORGE_LINT_FLAGS  options of `vibforge lint`
# V=1          show the commands and their output
#
# package   build what has changed
# bundle    the same, with an offline bundle of each, a component for Lifecycle Manager
# check     read the projects and list their trees, without writing anything
# lint      judge the projects as `vibforge lint` does; stops at errors that no recipe allows
# dist      build everything and write $(OUT)/SHA256SUMS
# clean     remove what was built

VIBFORGE ?= vibforge
PROJECT ?= .
PROJECTS ?= $(PROJECT)
OUT ?= dist

vibforge_several := $(word 2,$(PROJECTS))
ifeq ($(origin PROJECT),command line)
PROJECTS := $(PROJECT)
endif

vibforge_hush := $(if $(filter 1,$(V)),,@)
vibforge_mute := $(if $(filter 1,$(V)),,>/dev/null)
vibforge_sha256 := $(if $(shell command -v sha256sum),sha256sum,shasum -a 256)
vibforge_options = $(if $(ACCEPTANCE),--acceptance-level $(ACCEPTANCE)) \
	$(if $(VERSION),--version $(VERSION)) $(VIBFORGE_FLAGS)

# One project goes to $(OUT) itself, several each to a folder of their own.
vibforge_name = $(notdir $(abspath $(1)))
vibforge_out = $(OUT)$(if $(vibforge_several),/$(call vibforge_name,$(1)))
vibforge_stamp = $(call vibforge_out,$(1))/.vibforge.stamp
vibforge_stamps = $(foreach project,$(PROJECTS),$(call vibforge_stamp,$(project)))
vibforge_bundle_stamp = $(call vibforge_out,$(1))/.vibforge.bundle.stamp
vibforge_bundle_stamps = $(foreach project,$(PROJECTS),$(call vibforge_bundle_stamp,$(project)))
# Folders too, so that a file that was removed counts as a change.
vibforge_inputs = $(shell find $(1) -path '$(OUT)' -prune -o -path './$(OUT)' -prune \
	-o -name .git -prune -o -name .venv -prune -o -print | sed 's/[ :\#]/\\&/g')

.PHONY: package bundle check lint dist clean vibforge-force
package: $(vibforge_stamps)

bundle: $(vibforge_bundle_stamps)

check: $(foreach project,$(PROJECTS),vibforge-check-$(call vibforge_name,$(project)))

lint:
	$(vibforge_hush)$(VIBFORGE) lint $(PROJECTS) $(VIBFORGE_LINT_FLAGS)

# With the bundles, where they are asked for as well: make -j bundle dist.
dist: $(vibforge_stamps) $(if $(filter bundle,$(MAKECMDGOALS)),$(vibforge_bundle_stamps))
	$(vibforge_hush)cd $(OUT) && find . -name '*.vib' -o -name '*.zip' | sort | xargs $(vibforge_sha256) >SHA256SUMS.partial
	$(vibforge_hush)mv $(OUT)/SHA256SUMS.partial $(OUT)/SHA256SUMS

# Only what these targets made.
clean:
	$(vibforge_hush)for folder in $(sort $(OUT) $(foreach project,$(PROJECTS),$(call vibforge_out,$(project)))); do \
		if [ -e $$folder/.vibforge.options ]; then rm -rf $$folder; made=yes; fi; done; \
		if [ "$$made" ] && [ -d $(OUT) ]; then rm -f $(OUT)/SHA256SUMS; rmdir $(OUT) 2>/dev/null || :; fi

# Rewritten only when the options are others than last time.
$(foreach project,$(PROJECTS),$(call vibforge_out,$(project))/.vibforge.options): vibforge-force
	$(vibforge_hush)mkdir -p $(@D)
	$(vibforge_hush)echo '$(strip $(vibforge_options))' | cmp -s - $@ || \
		echo '$(strip $(vibforge_options))' >$@

define vibforge_project
$(call vibforge_stamp,$(1)): $(call vibforge_out,$(1))/.vibforge.options $(call vibforge_inputs,$(1))
	$$(vibforge_hush)$$(VIBFORGE) build $(1) -o $$(@D) $$(vibforge_options) $$(vibforge_mute)
	$$(vibforge_hush)touch $$@

# After the package, since both write the VIB.
$(call vibforge_bundle_stamp,$(1)): $(call vibforge_stamp,$(1))
	$$(vibforge_hush)$$(VIBFORGE) build $(1) -o $$(@D) $$(vibforge_options) --bundle $$(vibforge_mute)
	$$(vibforge_hush)touch $$@

.PHONY: vibforge-check-$(call vibforge_name,$(1))
vibforge-check-$(call vibforge_name,$(1)):
	$$(vibforge_hush)$$(VIBFORGE) build $(1) --dry-run $$(vibforge_options) $$(vibforge_mute)
endef
$(foreach project,$(PROJECTS),$(eval $(call vibforge_project,$(project))))
