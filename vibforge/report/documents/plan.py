"""What `plan --json` prints."""

from typing import TYPE_CHECKING, Annotated, Self

from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.host import remedy as remedies
from vibforge.host.prediction import InstallOutcome
from vibforge.host.routes import Route
from vibforge.report.documents.shape import (
    AllGood,
    Cause,
    Document,
    EsxiRelease,
    NotRead,
    Shape,
    Sure,
    Unreadable,
    noted,
    says,
)
from vibforge.vib.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vibforge.host.prediction import Branch
    from vibforge.host.prediction import Prediction as Predicted
    from vibforge.packages import plan as operation


class Prediction(Shape, frozen=True):
    """What a host does, if the conditions hold."""

    conditions: Annotated[tuple[str, ...], noted("What is not known and assumed here.")]
    outcome: Annotated[InstallOutcome, noted("What happens.")]
    dry_run: Annotated[bool, noted("Whether it only says so.")]
    certainty: Sure
    says: Annotated[str | None, noted("What the host prints.")]
    causes: Annotated[tuple[Cause, ...], noted("Why.")]
    hidden_causes: Annotated[
        tuple[Cause, ...], noted("What shows itself once the causes are gone.")
    ]
    added: Annotated[tuple[str, ...], noted("VIB IDs that come in.")]
    removed: Annotated[tuple[str, ...], noted("VIB IDs that go.")]
    skipped: Annotated[tuple[Cause, ...], noted("VIBs that are passed over while others come in.")]

    @classmethod
    def of(cls, branch: "Branch[Predicted]") -> Self:
        """Return a prediction with its conditions."""
        result = branch.result
        return cls(
            conditions=tuple(branch.assumptions.conditions),
            outcome=result.outcome,
            dry_run=result.dry_run,
            certainty=result.certainty,
            says=result.says or None,
            causes=tuple(map(Cause.of, result.causes)),
            hidden_causes=tuple(map(Cause.of, result.hidden)),
            added=tuple(result.added),
            removed=tuple(result.removed),
            skipped=tuple(map(Cause.of, result.skipped)),
        )


class RemedyStep(Shape, frozen=True):
    """A step of a remedy."""

    what: Annotated[str, says("What to do.")]
    cost: Annotated[str, says("What it costs.")]
    flag: Annotated[str | None, says("The flag of esxcli, where it is one.")]


class Remedy(Shape, frozen=True):
    """What makes it install."""

    steps: Annotated[tuple[RemedyStep, ...], says("Together.")]
    outcomes: Annotated[tuple[InstallOutcome, ...], says("What happens then.")]
    certainty: Sure
    always: Annotated[bool, says("Whether it helps whatever is not known.")]

    @classmethod
    def of(cls, found: remedies.Remedy) -> Self:
        """Return a remedy as programs read it."""
        return cls(
            steps=tuple(
                RemedyStep(what=step.words, cost=step.cost, flag=step.flag or None)
                for step in found.steps
            ),
            outcomes=tuple(found.outcomes),
            certainty=found.certainty,
            always=found.always,
        )


class PlannedVib(Shape, frozen=True):
    """A VIB that is offered to a host."""

    vib_id: Annotated[str, says("VIB ID.")]
    acceptance_level: Annotated[AcceptanceLevel, says("An acceptance level.")]
    signature: Annotated[Signature, says("Its signature.")]


class PlannedRoute(Shape, frozen=True):
    """What happens by one route."""

    route: Annotated[Route, says("By which route.")]
    installs: Annotated[bool, says("Whether it goes in, or is removed, whatever is not known.")]
    predictions: Annotated[tuple[Prediction, ...], says("One for each set of conditions.")]


class PlannedHost(Shape, frozen=True):
    """What one host does."""

    name: Annotated[str, says("Which host.")]
    release: EsxiRelease
    acceptance_level: Annotated[AcceptanceLevel | None, says("Null where it is not known.")]
    secure_boot: Annotated[bool | None, says("Null where it is not known.")]
    notes: Annotated[tuple[str, ...], says("What is not known of it.")]
    routes: Annotated[tuple[PlannedRoute, ...], says("By each route.")]
    remedies: Annotated[tuple[Remedy, ...], says("The least that helps, first.")]
    boot_copy_remedies: Annotated[tuple[Remedy, ...], says("The same in the layout boot-copy.")]
    warnings: Annotated[tuple[str, ...], says("What else to know; old files that stay are first.")]

    @classmethod
    def of(cls, plan: "operation.HostPlan") -> Self:
        """Return what one host does."""
        host = plan.host
        return cls(
            name=plan.label,
            release=str(host.release),
            acceptance_level=host.acceptance_level,
            secure_boot=host.secure_boot,
            notes=tuple(map(str, host.notes)),
            routes=tuple(
                PlannedRoute(
                    route=each.route,
                    installs=each.installs,
                    predictions=tuple(map(Prediction.of, each.branches)),
                )
                for each in plan.routes
            ),
            remedies=tuple(map(Remedy.of, plan.remedies)),
            boot_copy_remedies=tuple(map(Remedy.of, plan.boot_copy)),
            warnings=(*plan.kept_files, *plan.hopeless, *plan.warnings),
        )


class PlannedFile(Shape, frozen=True):
    """What hosts do with one file."""

    path: Annotated[str, says("The file as it was given.")]
    is_bundle: Annotated[bool, says("Whether it is a bundle.")]
    is_component: Annotated[bool, says("Whether it holds a component.")]
    vibs: Annotated[tuple[PlannedVib, ...], says("VIBs in it.")]
    hosts: Annotated[
        tuple[PlannedHost, ...],
        says(
            "One for each host; none where all files go in by one command, or are taken as "
            "installed."
        ),
    ]

    @classmethod
    def of(cls, file: "operation.FilePlan") -> Self:
        """Return what hosts do with one file."""
        candidate = file.candidate
        return cls(
            path=candidate.name,
            is_bundle=candidate.is_bundle,
            is_component=candidate.is_component,
            vibs=tuple(
                PlannedVib(
                    vib_id=package.id,
                    acceptance_level=package.level,
                    signature=package.signature,
                )
                for package in candidate.packages
            ),
            hosts=tuple(map(PlannedHost.of, file.hosts)),
        )


class Together(Shape, frozen=True):
    """What comes of all files by one command."""

    hosts: Annotated[tuple[PlannedHost, ...], says("One for each host.")]


class Removal(Shape, frozen=True):
    """What comes of a removal."""

    vib_names: Annotated[tuple[str, ...], says("The VIBs to be removed, as they were named.")]
    hosts: Annotated[tuple[PlannedHost, ...], says("One for each host.")]


class Plan(Document, tag="vibforge/plan/1", frozen=True):
    """What hosts will do with VIBs."""

    good: AllGood
    route: Annotated[Route, says("Whose outcome counts.")]
    flags: Annotated[tuple[str, ...], says("What esxcli is given.")]
    files: Annotated[tuple[PlannedFile, ...], says("One for each file.")]
    together: Annotated[
        Together | None, says("All files by one command; null where each is planned by itself.")
    ]
    removal: Annotated[
        Removal | None, says("What --remove asked for; null where it was not given.")
    ]
    unreadable: NotRead

    @classmethod
    def of(cls, plan: "operation.Plan") -> Self:
        """Tell what hosts will do."""
        return cls(
            good=plan.good,
            route=plan.route,
            flags=tuple(plan.flags.words),
            files=tuple(map(PlannedFile.of, plan.files)),
            together=Together(hosts=_hosts(plan.together.hosts)) if plan.together else None,
            removal=Removal(vib_names=tuple(plan.removal.names), hosts=_hosts(plan.removal.hosts))
            if plan.removal
            else None,
            unreadable=Unreadable.all_of(plan.unreadable),
        )


def _hosts(plans: "Iterable[operation.HostPlan]") -> tuple[PlannedHost, ...]:
    return tuple(map(PlannedHost.of, plans))
