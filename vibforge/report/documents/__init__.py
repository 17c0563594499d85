"""What `--json` prints, as types: a module a subject, from which its JSON Schemas are derived.

A module is loaded when it is first named (`documents.explain`): a command that prints text needs
none of them, nor msgspec.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibforge.report.documents import build as build
    from vibforge.report.documents import bump as bump
    from vibforge.report.documents import bundle as bundle
    from vibforge.report.documents import change_record as change_record
    from vibforge.report.documents import diff as diff
    from vibforge.report.documents import evidence as evidence
    from vibforge.report.documents import explain as explain
    from vibforge.report.documents import host_check as host_check
    from vibforge.report.documents import inspect as inspect
    from vibforge.report.documents import lint as lint
    from vibforge.report.documents import plan as plan
    from vibforge.report.documents import repro as repro
    from vibforge.report.documents import shape as shape
    from vibforge.report.documents import sign as sign
    from vibforge.report.documents import trx as trx
    from vibforge.report.documents import trx_log as trx_log
    from vibforge.report.documents import trx_network as trx_network
    from vibforge.report.documents import verify as verify

else:

    def __getattr__(name: str) -> ModuleType:
        """Load a module of this folder; type checkers know only those that are there."""
        if name.startswith("_"):
            raise AttributeError(name)
        return import_module(f"{__name__}.{name}")
