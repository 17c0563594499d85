"""What vibforge says of every real file; read the golden texts when they change."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.releases import ESXI_67, ESXI_70, ESXI_80, ESXI_90
from vibforge.bundle.opening import OpenBundle
from vibforge.bundle.scan import BundleScan, bundle_scan
from vibforge.errors import FormatError
from vibforge.esxi.release import Release
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.plan import plan
from vibforge.packages.subjects import opened
from vibforge.report.lint import lint_text
from vibforge.report.paint import Paint
from vibforge.report.plan import plan_text
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


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_real_file_planned(corpus: Path, golden: Golden, target: object) -> None:
    release = next(each for each in TARGETS if each == target)
    planned = plan(files_of(corpus), targets=(release,))
    golden(f"corpus-plan-{release}.txt", plan_text(planned, Paint()) + "\n")


def test_every_real_file_upgraded(corpus: Path, golden: Golden) -> None:
    planned = plan(files_of(corpus), targets=(ESXI_67,), upgrade_to=ESXI_90)
    lines = []
    for file in planned.files:
        for host in file.hosts:
            found = [r for r in host.routes if r.route.startswith("ISO")]
            for branch in found[0].branches:
                conditions = "; ".join(branch.assumptions.conditions)
                lines += [f"{file.candidate.name}: {branch.result.outcome} {conditions}".rstrip()]
                lines += [f"    {cause}" for cause in branch.result.causes[:3]]
    golden("corpus-upgrade-6.7-9.0.txt", "\n".join(lines) + "\n")
