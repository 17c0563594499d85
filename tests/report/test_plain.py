"""What strangers wrote gives a terminal nothing to obey."""

from pathlib import Path

import pytest

from tests import vibs
from vibforge.errors import Problem
from vibforge.host.known_messages import recognise
from vibforge.packages.lint import CheckSelection, lint
from vibforge.packages.plan import plan
from vibforge.report.annotations import github
from vibforge.report.explain import explain_text
from vibforge.report.lint import lint_text
from vibforge.report.paint import Paint
from vibforge.report.plan import plan_text
from vibforge.report.trx_tables import losses_text
from vibforge.trx.exchange.conversion import import_text
from vibforge.trx.exchange.foreign import Foreign
from vibforge.vib.archive import Vib
from vibforge.vib.scan import VibScan

STEERING = "a\x1b[31m"
SHOWN = "a\\x1b[31m"


@pytest.fixture(scope="module")
def steering_vib() -> bytes:
    """A VIB whose name, and a member, would colour what comes after them."""
    good = vibs.vib(text=vibs.swap(">acme<", ">a&#155;31m<"))
    assert b"sig.pkcs7       " in good
    return good.replace(b"sig.pkcs7       ", b"a\x1b[31m          ", 1)


def test_lint(steering_vib: bytes) -> None:
    result = lint([VibScan(Vib.from_bytes(steering_vib), "x.vib")], CheckSelection())
    for text in (lint_text(result, Paint()), github(result)):
        assert SHOWN in text
        assert not {"\x1b", "\x9b"} & set(text)


def test_plan(tmp_path: Path, steering_vib: bytes) -> None:
    path = tmp_path / "x.vib"
    path.write_bytes(steering_vib)
    text = plan_text(plan([path]), Paint())
    assert not {"\x1b", "\x9b"} & set(text)


def test_a_problem() -> None:
    problem = Problem(what=STEERING, where="\udcff", remedy="b\nc\r")
    assert str(problem) == f"\\udcff: {SHOWN}\n  → b\nc\\r"


def test_a_log() -> None:
    log = f"{STEERING} Could not find a trusted signer."
    assert SHOWN.replace("a\\", "\\") in explain_text(recognise(log), Paint())


def test_what_an_import_lost() -> None:
    lost = import_text(f"--{STEERING} 1".encode(), Foreign.PHC2SYS).losses
    assert SHOWN in losses_text(lost, Paint())
