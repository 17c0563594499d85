"""What `esxcli software vib install` and `update` do, step by step (vib-format 8, tried on 6.7).

Each step either refuses, with what the host prints, or lets the next one go on. Facts that are not
known are asked as questions, so that `predict` returns every outcome that is possible.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from vibforge.host import messages
from vibforge.host.extensibility import violations
from vibforge.host.flags import NO_FLAGS, Flags
from vibforge.host.host import Host
from vibforge.host.image import Verb, change, unequal_attribute
from vibforge.host.messages import HostMessage
from vibforge.host.package import (
    DATABASE_NAME_LIMIT,
    Package,
    Signature,
    breaks_old_readers,
    lacks_any_gunzip,
    old_reader_digest,
)
from vibforge.host.prediction import Cause, Outcome, Prediction, Refusal
from vibforge.host.question import Answers, Question, World, worlds
from vibforge.host.release import ESXI_67
from vibforge.host.validation import Group, Trouble, extensibility_causes, troubles
from vibforge.model.certainty import Certainty, least_sure

SECURE_BOOT = Question(
    key="secure-boot", if_yes="UEFI Secure Boot is on", if_no="UEFI Secure Boot is off"
)
MAINTENANCE = Question(
    key="maintenance-mode",
    if_yes="the host is in maintenance mode",
    if_no="the host is not in maintenance mode",
)
PENDING = Question(
    key="reboot-pending",
    if_yes="an earlier change waits for a reboot",
    if_no="no earlier change waits for a reboot",
)
STATELESS = Question(
    key="stateless", if_yes="the host boots over the network", if_no="the host boots from a disk"
)
FORCE_LOWERS_LEVEL = Question(
    key="force-acceptance",
    if_yes="--force passes over the acceptance level here, as on 6.7",
    if_no="--force keeps the acceptance level here, as was reported of 8.0.1",
)
TRUSTED = Question(
    key="trusted",
    if_yes="the host trusts the signer",
    if_no="the host does not trust the signer",
)
RESERVED_BOOTBANK = 10 * 2**20
"""Bytes of a bootbank that a host keeps free (vib-format 5)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command: which VIBs, onto which host, with which verb and flags."""

    host: Host
    packages: tuple[Package, ...]
    verb: Verb = Verb.INSTALL
    flags: Flags = NO_FLAGS
    refusals: tuple[Refusal, ...] = ()
    """What the host's reader refuses before anything else is looked at."""
    damage: tuple[Refusal, ...] = ()
    """What it refuses when it reads the payloads."""


class _Refused(Exception):  # noqa: N818 - ends the evaluation, caught in `_evaluate`
    def __init__(
        self, message: HostMessage, causes: Sequence[Cause], hidden: Sequence[Cause] = ()
    ) -> None:
        super().__init__(message.error)
        self.message, self.causes, self.hidden = message, tuple(causes), tuple(hidden)


def predict(command: Command) -> tuple[World[Prediction], ...]:
    """Return every outcome that is possible, each with the assumptions that lead to it."""
    return worlds(lambda answers: _evaluate(command, answers))


def _evaluate(command: Command, answers: Answers) -> Prediction:
    try:
        return _Run(command, answers).prediction()
    except _Refused as refused:
        return Prediction(
            outcome=Outcome.REFUSED,
            says=refused.message.render(command.host.release),
            certainty=least_sure(cause.certainty for cause in refused.causes),
            causes=refused.causes,
            hidden=refused.hidden,
            message=refused.message,
        )


class _Run:
    """One command under one set of answers."""

    def __init__(self, command: Command, answers: Answers) -> None:
        self._command, self._answers = command, answers
        self._host, self._flags = command.host, command.flags
        self._release = command.host.release
        self._change = change(self._host.installed, command.packages, command.verb)
        self._doubts = [Certainty.MEASURED if self._release.tried else Certainty.INFERRED]

    def prediction(self) -> Prediction:
        self._read()
        self._refuse_flags()
        self._refuse_unequal()
        if not self._change.added:
            return self._skipped()
        self._validate()
        self._check_host()
        if self._flags.dry_run:
            return self._result(Outcome.REBOOT if self._reboot_causes() else Outcome.LIVE)
        for package in self._change.added:
            self._check_database_name(package)
            self._check_trust(package)
            self._check_digests(package)
        for refusal in self._command.damage:
            raise _Refused(refusal.message, [refusal.cause])
        return self._remediate()

    def _read(self) -> None:
        for refusal in self._command.refusals:
            if refusal.holds(self._release):
                cause = replace(refusal.cause, certainty=self._doubts[0])
                raise _Refused(refusal.message, [cause])

    @property
    def _secure_boot(self) -> bool:
        return self._answers.known(self._host.secure_boot, SECURE_BOOT)

    def _refuse_flags(self) -> None:
        if self._flags.no_sig_check and self._release < ESXI_67 and self._secure_boot:
            cause = Cause(what="--no-sig-check is refused while Secure Boot is on")
            raise _Refused(messages.SIG_CHECK_UNDER_SECURE_BOOT(), [cause])

    def _refuse_unequal(self) -> None:
        for package in self._command.packages:
            if attribute := unequal_attribute(package, self._host.installed):
                cause = Cause(
                    what=f"a VIB of this ID is installed, with other {attribute}",
                    subject=package.id,
                    certainty=self._doubts[0],
                )
                raise _Refused(messages.UNEQUAL(package.id, attribute=attribute), [cause])

    def _skipped(self) -> Prediction:
        installing = self._command.verb is Verb.INSTALL
        what = "is installed already" if installing else "updates nothing that is installed"
        return Prediction(
            outcome=Outcome.SKIPPED,
            says=messages.NOT_CHANGED,
            certainty=self._doubts[0],
            causes=tuple(
                Cause(what=what, subject=package.id, certainty=self._doubts[0])
                for package in self._change.skipped
            ),
        )

    # --- step 4: the profile --------------------------------------------------------------------

    def _validate(self) -> None:
        found = troubles(
            self._host,
            self._change,
            self._answers,
            stands=self._stands,
            skipped=self._skipped_groups(),
        )
        if not found:
            return
        all_at_once = self._release.reports_all_problems
        told = [trouble for group in (found if all_at_once else found[:1]) for trouble in group]
        hidden = [trouble for group in found for trouble in group if trouble not in told]
        text = "\n".join(dict.fromkeys(trouble.message.text for trouble in told))
        message = replace(told[0].message, text=text)
        raise _Refused(
            replace(message, error="DependencyError") if all_at_once else message,
            [cause for trouble in told for cause in trouble.causes],
            [cause for trouble in hidden for cause in trouble.causes],
        )

    def _skipped_groups(self) -> set[Group]:
        skipped = {Group.EXTENSIBILITY, Group.DEPENDENCY} if self._flags.force else set()
        return skipped | ({Group.EXTENSIBILITY} if self._unsigned_allowed() else set())

    def _stands(self, trouble: Trouble) -> bool:
        """Whether the flags leave a trouble standing."""
        if trouble.group is Group.ACCEPTANCE:
            return not self._force_past_level()
        return not (trouble.forcible and self._flags.force)

    def _force_past_level(self) -> bool:
        """`--force` passes over the level only without Secure Boot; from 7.0 on that is open."""
        if not self._flags.force or self._secure_boot:
            return False
        if self._release.tried:
            return True
        self._doubts.append(Certainty.UNKNOWN)
        return self._answers.ask(FORCE_LOWERS_LEVEL)

    def _unsigned_allowed(self) -> bool:
        if not self._flags.no_sig_check or self._secure_boot:
            return False
        if not self._release.tried:
            self._doubts.append(Certainty.UNKNOWN)
        return True

    # --- step 5: the host and each VIB ----------------------------------------------------------

    def _check_host(self) -> None:
        self._check_space()
        for package in self._change.profile:
            wanted = package.descriptor.system_requires.hardware_platforms
            if wanted and not self._hardware_fits(package):
                names = " or ".join(f"{w.vendor} {w.model}".strip() for w in wanted)
                cause = Cause(what=f"is for {names} only", subject=package.id)
                raise _Refused(messages.HARDWARE(), [cause])

    def _hardware_fits(self, package: Package) -> bool:
        hardware = self._host.hardware
        wanted = package.descriptor.system_requires.hardware_platforms
        if hardware is not None:
            vendors = {hardware.vendor, *(hardware.oem_strings or ())}
            if any(w.vendor in vendors and w.model in {"", hardware.model} for w in wanted):
                return True
            if hardware.oem_strings is not None:
                return False
        names = " or ".join(f"{w.vendor} {w.model}".strip() for w in wanted)
        question = Question(
            key=f"hardware {names}",
            if_yes=f"the host is a {names}",
            if_no=f"the host is no {names}",
        )
        return self._answers.ask(question)

    def _check_space(self) -> None:
        free = self._host.bootbank_free
        needed = sum(package.bootbank_size for package in self._change.added) - sum(
            package.bootbank_size for package in self._change.removed
        )
        if free is not None and needed > free - RESERVED_BOOTBANK:
            cause = Cause(
                what=f"needs {needed} bytes more, the bootbank has {free} free and keeps "
                f"{RESERVED_BOOTBANK}",
                certainty=Certainty.INFERRED,
            )
            raise _Refused(
                messages.SPACE(megabytes=str(-(-(needed + RESERVED_BOOTBANK) // 2**20))), [cause]
            )

    def _check_database_name(self, package: Package) -> None:
        if len(package.name) > DATABASE_NAME_LIMIT:
            cause = Cause(
                what=f"the name has {len(package.name)} characters, more than the host can store",
                subject=package.name,
                certainty=self._doubts[0],
                rule="VF205",
            )
            raise _Refused(messages.NAME_TOO_LONG(package.id), [cause])

    def _check_trust(self, package: Package) -> None:
        if (self._flags.force or self._flags.no_sig_check) and not self._secure_boot:
            if self._flags.no_sig_check and not self._flags.force:
                self._unsigned_allowed()
            return
        if package.level.needs_signature:
            self._check_signature(package)
        found = violations(package.level, package.descriptor.file_list, overlay=package.overlay)
        if found:
            message = messages.EXTENSIBILITY_AT_STAGE(package.id, level=package.level.value)
            raise _Refused(message, extensibility_causes(self._host, package))

    def _check_signature(self, package: Package) -> None:
        state = package.signature
        if state is Signature.UNKNOWN:
            state = Signature.TRUSTED if self._answers.ask(TRUSTED) else Signature.UNTRUSTED
        if state is not Signature.TRUSTED:
            build, words, rule = _SIGNATURE_TROUBLE[state]
            what = words.format(level=package.level.esxcli_name)
            certainty = Certainty.MEASURED if self._release.tried else Certainty.DOCUMENTED
            cause = Cause(what=what, subject=package.id, certainty=certainty, rule=rule)
            raise _Refused(build(package.id), [cause])

    def _check_digests(self, package: Package) -> None:
        if self._release.oldest_digest_reader and (names := breaks_old_readers(package)):
            payload = next(p for p in package.descriptor.payloads if p.name == names[0])
            taken, meant = old_reader_digest(payload)
            message = messages.DIGEST_AT_EOF(
                package.id,
                calculated=meant.digest if meant else "…",
                expected=taken.digest if taken else "…",
            )
            cause = Cause(
                what=f"payload {names[0]}: the last sha-256 is that of the unpacked form, and "
                "6.5 takes the last one",
                subject=package.id,
                rule="VF306",
            )
            raise _Refused(message, [cause])

    # --- step 6: the change ---------------------------------------------------------------------

    def _remediate(self) -> Prediction:
        reboot = self._reboot_causes()
        if reboot:
            if self._answers.known(self._host.stateless, STATELESS):
                what = "the host boots over the network and cannot be changed for its next boot"
                raise _Refused(messages.STATELESS(), [Cause(what=what), *reboot])
            return self._result(Outcome.REBOOT, reboot)
        self._check_live_digests()
        if not self._needs_maintenance or self._flags.maintenance_mode:
            return self._result(Outcome.LIVE)
        if self._answers.known(self._host.maintenance_mode, MAINTENANCE):
            return self._result(Outcome.MAINTENANCE)
        message = messages.MAINTENANCE_MODE(
            removed=", ".join(package.id for package in self._change.removed),
            installed=", ".join(package.id for package in self._change.added),
        )
        what = "a live change of this VIB needs maintenance mode"
        cause = Cause(what=what, subject=self._change.added[0].id, certainty=self._doubts[0])
        raise _Refused(message, [cause])

    @property
    def _needs_maintenance(self) -> bool:
        return any(package.maintenance_mode.on_install for package in self._change.added) or any(
            package.maintenance_mode.on_remove for package in self._change.removed
        )

    def _reboot_causes(self) -> tuple[Cause, ...]:
        causes = tuple(self._own_reboot_causes())
        if not causes and self._answers.known(self._host.reboot_pending, PENDING):
            return (Cause(what="an earlier change waits for a reboot"),)
        return causes

    def _own_reboot_causes(self) -> Iterator[Cause]:
        if self._flags.no_live_install:
            yield Cause(what="--no-live-install was given")
        for package in self._change.added:
            if not package.descriptor.live_install_allowed:
                yield Cause(what="does not allow a live install", subject=package.id)
        for package in self._change.removed:
            if not package.descriptor.live_remove_allowed:
                yield Cause(what="does not allow a live removal", subject=package.id)
        if any(package.overlay for package in (*self._change.added, *self._change.removed)):
            what = "an overlay goes over files of other VIBs; some such mixes need a reboot"
            yield Cause(what=what, certainty=Certainty.INFERRED)

    def _check_live_digests(self) -> None:
        for package in self._change.added:
            if names := lacks_any_gunzip(package):
                cause = Cause(
                    what=f"payload {names[0]} has no digest of its unpacked form, without which it "
                    "cannot be mounted live",
                    subject=package.id,
                    certainty=Certainty.DOCUMENTED,
                    rule="VF305",
                )
                raise _Refused(messages.TARDISK_CHECKSUM(), [cause])

    def _result(self, outcome: Outcome, causes: tuple[Cause, ...] = ()) -> Prediction:
        live = outcome is not Outcome.REBOOT
        says = messages.INSTALLED_LIVE if live else messages.NEEDS_REBOOT
        return Prediction(
            outcome=outcome,
            says=messages.DRY_RUN if self._flags.dry_run else says,
            certainty=least_sure(self._doubts),
            causes=causes,
            removed=tuple(package.id for package in self._change.removed),
            dry_run=self._flags.dry_run,
        )


_SIGNATURE_TROUBLE: dict[Signature, tuple[Callable[..., HostMessage], str, str]] = {
    Signature.MISSING: (
        messages.UNSIGNED,
        "claims {level} and has no signature",
        "VF501",
    ),
    Signature.UNTRUSTED: (messages.UNTRUSTED, "is signed by nobody whom the host trusts", ""),
    Signature.BROKEN: (messages.BROKEN_SIGNATURE, "was changed after it was signed", "VF504"),
    Signature.MALFORMED: (
        messages.BROKEN_SIGNATURE,
        "has a signature that hosts cannot read",
        "VF502",
    ),
}
