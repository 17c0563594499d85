"""Rules that may be broken, and why: of lint and of trx.conf, in a recipe or by an option."""

from dataclasses import dataclass

from vibforge.model import names
from vibforge.model.recipe_key import key


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """A rule that may be broken here, and why: without a reason nobody can judge it later."""

    rule: str = key(
        "Id or name of a rule: VF218, path-outside-list.", check=names.check_filled_line
    )
    because: str = key("The reason, for those who come after.", check=names.check_filled_line)
