"""What vibforge says of every real file; read the golden texts when they change.

test_generated_verdicts.py shows how it says so, in every clone.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.errors import FormatError
from vibforge.esxi.release import Release
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.plan import HostPlan, plan
from vibforge.packages.subjects import opened
from vibforge.report.lint import lint_text
from vibforge.report.paint import Paint
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan

Golden = Callable[[str, str], None]
TARGETS = (ESXI_67, ESXI_70, ESXI_80, ESXI_90, Release(9, 1))


def files_of(corpus: Path) -> list[Path]:
    return sorted((corpus / "vibs").iterdir()) + sorted((corpus / "bundles").iterdir())


def linted(path: Path) -> str:
    with opened(path) as subjects:
        seen: list[VibScan | BundleScan] = []
        for subject in subjects:
            if isinstance(subject, Vib):
                seen.append(VibScan(subject, path.name))
            elif isinstance(subject, OpenBundle):
                inside = subject.bundle.name != str(path)
                seen.append(bundle_scan(subject.bundle, subject.sources, inside=inside))
            else:
                raise FormatError("a corpus file of another kind")
        text = lint_text(lint(seen, CheckSelection()), Paint())
    return f"### {path.name}\n{text.replace(str(path), path.name)}\n"


def test_every_real_file_linted(corpus: Path, golden: Golden) -> None:
    golden("corpus-lint.txt", "\n".join(linted(path) for path in files_of(corpus)))


def outcomes(hosts: Sequence[HostPlan]) -> Iterator[str]:
    """Yield a line for each route: what it comes to, and on which releases."""
    found: dict[str, dict[str, list[str]]] = {}
    for host in hosts:
        for route in host.routes:
            words = " or ".join(dict.fromkeys(branch.result.outcome for branch in route.branches))
            of_route = found.setdefault(route.route, {})
            of_route.setdefault(words, []).append(str(host.host.release))
    for name, of_route in found.items():
        told = "; ".join(f"{words} on {', '.join(on)}" for words, on in of_route.items())
        yield f"  {name}: {told}"


def test_every_real_file_planned(corpus: Path, golden: Golden) -> None:
    """The texts of plans are those of generated packages; here, what they come to."""
    lines = []
    for file in plan(files_of(corpus), targets=TARGETS).files:
        signers = {known for package in file.candidate.packages for known in package.known_signers}
        lines += ["; ".join([file.candidate.name, *sorted(signers)]), *outcomes(file.hosts)]
    golden("corpus-plan.txt", "\n".join(lines) + "\n")


def test_every_real_file_upgraded(corpus: Path, golden: Golden) -> None:
    planned = plan(files_of(corpus), targets=(ESXI_67,), upgrade_to=ESXI_90)
    lines = []
    for file in planned.files:
        for host in file.hosts:
            found = [r for r in host.routes if r.route.startswith("ISO")]
            branches = dict.fromkeys(branch.result.outcome for branch in found[0].branches)
            lines.append(f"{file.candidate.name}: {' or '.join(branches)}")
    golden("corpus-upgrade-6.7-9.0.txt", "\n".join(lines) + "\n")
