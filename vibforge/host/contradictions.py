"""What of a host's facts cannot be true together."""

from collections.abc import Iterator

from vibforge.host.host import Host
from vibforge.host.image import base_of
from vibforge.host.package import Package
from vibforge.model.acceptance import AcceptanceLevel


def contradictions(host: Host) -> Iterator[str]:
    """Yield what contradicts itself among the facts; a plan is made all the same."""
    base = base_of(host.installed)
    if base is not None and (other := _release_of(base)) and other != host.release.line:
        yield (
            f"the facts name ESXi {host.release}, and the installed {base.id} is of "
            f"{'.'.join(map(str, other))}: they come from two releases or two hosts. The plan "
            "takes the rules of the first and the VIBs of the second; collect the facts again"
        )
    if host.secure_boot and host.acceptance_level is AcceptanceLevel.COMMUNITY:
        yield (
            "Secure Boot is on and the acceptance level is CommunitySupported, which a host "
            "refuses to set under Secure Boot: one of the two was true at another time"
        )
    if host.secure_boot and (unsigned := _of_community(host)):
        yield (
            f"Secure Boot is on and {unsigned[0].id} is CommunitySupported, with which a host does "
            "not boot under Secure Boot: one of the two was true at another time"
        )
    if host.reboot_pending is False and host.pending:
        yield (
            f"no change waits for a reboot, and the next boot changes VIBs: {host.pending[0]}; "
            "one of the two is wrong"
        )


def _of_community(host: Host) -> list[Package]:
    return [each for each in host.installed if each.level is AcceptanceLevel.COMMUNITY]


def _release_of(base: Package) -> tuple[int, int] | None:
    """Return the line that the version of esx-base begins with; None where it names none."""
    words = base.descriptor.version.split(".")[:2]
    if len(words) < len(("major", "minor")) or not all(map(_is_number, words)):
        return None
    return int(words[0]), int(words[1])


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 4  # noqa: PLR2004 - digits of a part
