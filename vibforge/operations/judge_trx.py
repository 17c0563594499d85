"""Judge the trx.conf that a payload carries, before it is packed."""

from collections.abc import Iterable, Sequence

from vibforge.errors import TrxError
from vibforge.esxi.paths import TRX_CONF, TRX_CONF_LIMIT
from vibforge.model.allowance import Allowance
from vibforge.operations.collect import PayloadTree
from vibforge.operations.read_input import read_file
from vibforge.trx.check import CheckResult, check
from vibforge.trx.rules import BY_NAME


def judge_trx(
    trees: Iterable[PayloadTree],
    *,
    of_recipe: Sequence[Allowance],
    allow: Sequence[Allowance],
) -> CheckResult | None:
    """Return the verdict on the trx.conf of a VIB; None where no payload has one.

    Args:
        trees: the payloads.
        of_recipe: what the recipe allows; rules of lint among it are passed over.
        allow: what the command line allows.

    Raises:
        TrxError: the file has errors that no allowance excuses, or is larger than any trx.conf.
    """
    excused = [*allow, *(each for each in of_recipe if each.rule in BY_NAME)]
    for tree in trees:
        if TRX_CONF in tree.files():
            path = tree.root / TRX_CONF
            result = check(read_file(path, TRX_CONF_LIMIT, TrxError), allow=excused)
            result.require(str(path))
            return result
    return None
