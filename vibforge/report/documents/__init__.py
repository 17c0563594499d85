"""What `--json` prints, as types: a module a subject, from which its JSON Schemas are derived.

A module is loaded when it is first named (`documents.explain`): a command that prints text needs
none of them, nor msgspec.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vibforge.report.documents import (
        build as build,
    )
    from vibforge.report.documents import (
        bundle as bundle,
    )
    from vibforge.report.documents import (
        bundle_shapes as bundle_shapes,
    )
    from vibforge.report.documents import (
        explain as explain,
    )
    from vibforge.report.documents import (
        extract as extract,
    )
    from vibforge.report.documents import (
        inspect as inspect,
    )
    from vibforge.report.documents import (
        lint as lint,
    )
    from vibforge.report.documents import (
        pki as pki,
    )
    from vibforge.report.documents import (
        plan as plan,
    )
    from vibforge.report.documents import (
        shape as shape,
    )
    from vibforge.report.documents import (
        shapes as shapes,
    )
    from vibforge.report.documents import (
        sign as sign,
    )
    from vibforge.report.documents import (
        trust as trust,
    )
    from vibforge.report.documents import (
        trx_check as trx_check,
    )
    from vibforge.report.documents import (
        trx_host as trx_host,
    )
    from vibforge.report.documents import (
        trx_log as trx_log,
    )
    from vibforge.report.documents import (
        trx_rehearse as trx_rehearse,
    )
    from vibforge.report.documents import (
        trx_sniff as trx_sniff,
    )
    from vibforge.report.documents import (
        trx_tables as trx_tables,
    )
    from vibforge.report.documents import (
        trx_transfer as trx_transfer,
    )
    from vibforge.report.documents import (
        verify as verify,
    )


def __getattr__(name: str) -> ModuleType:
    """Load a module of this folder."""
    if name.startswith("_"):
        raise AttributeError(name)
    return import_module(f"{__name__}.{name}")
