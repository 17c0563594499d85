"""Sign what a build made, as its recipe says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from vibforge.formats.budget import Budget
from vibforge.model.names import ENVIRONMENT_SCHEME, TOKEN_SCHEME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from vibforge.model.acceptance import AcceptanceLevel
    from vibforge.model.recipe import SigningRecipe
    from vibforge.model.release_date import ReleaseDate
    from vibforge.signing.passphrase import Passphrase
    from vibforge.signing.signer import Signer
    from vibforge.signing.stated_time import SigningTime
    from vibforge.trust.ruling import TrustJudgement

_SCHEMES = (ENVIRONMENT_SCHEME, TOKEN_SCHEME)
"""A key that starts so is no file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BuiltSignature:
    """What stands in `sig.pkcs7`, and what it is worth as far as is known without a store."""

    block: bytes
    judgement: TrustJudgement
    stated: SigningTime


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildSigner:
    """A key that was opened before the work begins, so that a wrong passphrase costs no build."""

    signer: Signer
    stated: SigningTime

    def sign(self, descriptor: bytes, level: AcceptanceLevel) -> BuiltSignature:
        """Sign a descriptor.

        Raises:
            SigningError: the key or its certificate cannot sign.
        """
        from vibforge.formats.pkcs7 import read_blocks  # noqa: PLC0415 - only signed builds
        from vibforge.signing.making import make_block  # noqa: PLC0415 - the same
        from vibforge.trust.judging import judge  # noqa: PLC0415 - the same

        block = make_block(descriptor, self.signer, self.stated.moment)
        budget = Budget("descriptor.xml", len(descriptor))
        judgement = judge(read_blocks(block), descriptor, level, None, budget=budget)
        return BuiltSignature(block=block, judgement=judgement, stated=self.stated)


def signer_of_recipe(
    recipe: SigningRecipe,
    root: Path,
    environment: Mapping[str, str],
    ask: Callable[[], bytes] | None,
) -> Signer:
    """Open the key of a recipe; `ask` is called where it names no source of its passphrase.

    Raises:
        SigningError: key, certificate or passphrase cannot be used.
    """
    from vibforge.signing.key_source import KeySource, open_signer  # noqa: PLC0415 - signed only

    source = KeySource(
        key=recipe.key if recipe.key.startswith(_SCHEMES) else str(root / recipe.key),
        certificates=tuple(root / name for name in recipe.certificates),
        of_recipe=True,
    )
    return open_signer(source, _passphrase(recipe, root, environment, ask), environment)


def build_signer(signer: Signer, recipe: SigningRecipe | None, date: ReleaseDate) -> BuildSigner:
    """Pair a signer with the time that its signature states.

    The recipe's time goes first; else it is what `signing.making.signing_time` makes of the release
    date.
    """
    from vibforge.signing.making import signing_time  # noqa: PLC0415 - only signed builds
    from vibforge.signing.stated_time import SigningTime, TimeSource  # noqa: PLC0415 - the same

    if recipe and recipe.signing_time:
        named = datetime.fromtimestamp(recipe.signing_time.epoch, UTC)
        return BuildSigner(signer=signer, stated=SigningTime(named, TimeSource.NAMED))
    released = datetime.fromtimestamp(date.epoch, UTC)
    return BuildSigner(signer=signer, stated=signing_time(released, signer.certificates[0]))


def _passphrase(
    recipe: SigningRecipe,
    root: Path,
    environment: Mapping[str, str],
    ask: Callable[[], bytes] | None,
) -> Passphrase:
    from vibforge.signing import passphrase  # noqa: PLC0415 - only signed builds

    if recipe.passphrase_file:
        return passphrase.from_file(root / recipe.passphrase_file)
    if recipe.passphrase_env:
        return passphrase.from_environment(recipe.passphrase_env, environment)
    return ask or passphrase.no_passphrase
