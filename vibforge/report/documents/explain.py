"""`explain` and `host-facts`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from msgspec import UNSET, UnsetType

from vibforge.findings.check import Check, Severity
from vibforge.host.known_messages import Rebuild
from vibforge.report.documents.shape import Count, Document, Good, LineNumber, Shape, Sure, says

if TYPE_CHECKING:
    from vibforge.api.explain import Explanation
    from vibforge.host.known_messages import Recognised


class LintRule(Shape, frozen=True):
    """A rule of lint, or for trx.conf."""

    rule: Annotated[str, says("ID.")]
    name: Annotated[str, says("Name.")]
    severity: Annotated[Severity, says("How bad it is.")]
    certainty: Sure
    releases: Annotated[str, says("Releases of ESXi that it is about.")]
    manual: Annotated[str, says("Why, remedy and evidence.")]

    @classmethod
    def of(cls, rule: Check[Any]) -> Self:
        """Return a rule as programs read it."""
        return cls(
            rule=rule.id,
            name=rule.name,
            severity=rule.severity,
            certainty=rule.certainty,
            releases=rule.releases,
            manual=rule.manual,
        )


class Message(Shape, frozen=True):
    """A message of a host that was recognised."""

    id: Annotated[str, says("ID.")]
    title: Annotated[str, says("Title.")]
    line: Annotated[LineNumber, says("Where it begins in the text.")]
    excerpt: Annotated[str | None, says("What stands there.")]
    names: Annotated[Mapping[str, str], says("What it is about: `vib`, `path`, …")]
    cause: Annotated[str, says("Why.")]
    remedy: Annotated[str, says("What helps.")]
    rebuild: Annotated[Rebuild, says("Whether building the VIB anew helps.")]
    certainty: Sure
    rules: Annotated[tuple[str, ...], says("Rules of lint that find it beforehand.")]
    evidence: Annotated[tuple[str, ...], says("Where it was seen.")]

    @classmethod
    def of(cls, found: "Recognised") -> Self:
        """Return a message as programs read it."""
        known = found.message
        return cls(
            id=known.id,
            title=known.title,
            line=found.line,
            excerpt=found.excerpt or None,
            names=dict(found.names),
            cause=known.cause,
            remedy=known.remedy,
            rebuild=known.rebuild,
            certainty=known.certainty,
            rules=known.rules,
            evidence=known.evidence,
        )


class Explain(Document, tag="vibforge/explain/1", frozen=True):
    """What a rule of lint or the messages of a host mean."""

    good: Good
    lint_rule: Annotated[LintRule | None, says("The rule, where one was asked for.")]
    messages: Annotated[tuple[Message, ...], says("Messages that were recognised.")]

    @classmethod
    def of(cls, explanation: "Explanation") -> Self:
        """Explain a rule, or the messages that were found in a text."""
        return cls(
            good=explanation.good,
            lint_rule=LintRule.of(explanation.rule) if explanation.rule else None,
            messages=tuple(map(Message.of, explanation.messages)),
        )


class Hardware(Shape, frozen=True):
    """What a host is."""

    vendor: Annotated[str, says("SMBIOS vendor.")]
    model: Annotated[str, says("SMBIOS product.")]
    oem_strings: Annotated[tuple[str, ...] | UnsetType, says("OEM strings.")] = UNSET


class HostFacts(Document, tag="vibforge/host-facts/1", frozen=True):
    """What `vibforge plan --host` reads: what was collected, or facts under their names, or both.

    The script of `vibforge host-facts` collects it.
    """

    title: ClassVar[str] = "Facts of a host"

    collector: Annotated[int | UnsetType, says("Number of the script.")] = UNSET
    collected: Annotated[Mapping[str, Any] | UnsetType, says("Answers of esxcli.")] = UNSET
    name: Annotated[str | UnsetType, says("A name for people.")] = UNSET
    version: Annotated[str | UnsetType, says("Release of ESXi.")] = UNSET
    acceptance_level: Annotated[str | UnsetType | None, says("Level of the host.")] = UNSET
    hardware: Annotated[Hardware | UnsetType | None, says("Hardware.")] = UNSET
    bootbank_free: Annotated[
        Count | UnsetType | None, says("Free bytes of the alternative bootbank.")
    ] = UNSET
    secure_boot: Annotated[bool | UnsetType | None, says("UEFI Secure Boot.")] = UNSET
    tpm: Annotated[bool | UnsetType | None, says("TPM.")] = UNSET
    maintenance_mode: Annotated[bool | UnsetType | None, says("Maintenance mode.")] = UNSET
    reboot_pending: Annotated[bool | UnsetType | None, says("A change waits for a reboot.")] = UNSET
    stateless: Annotated[bool | UnsetType | None, says("Boots over the network.")] = UNSET
    managed_by_image: Annotated[bool | UnsetType | None, says("vLCM manages it with an image.")] = (
        UNSET
    )
    pending_vibs: Annotated[
        tuple[str, ...] | UnsetType | None,
        says("What the next boot changes: `+ ID` comes, `- ID` goes."),
    ] = UNSET
    vibs: Annotated[Any, says("Installed VIBs: descriptors, or name, version and vendor.")] = UNSET
