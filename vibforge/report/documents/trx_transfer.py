"""What `trx import --json` and `trx export --json` print."""

from typing import TYPE_CHECKING, Annotated, Self

from msgspec import field

from vibforge.report.documents.shape import Document, Shape, says
from vibforge.report.documents.shapes import Good
from vibforge.trx.exchange.foreign import Foreign

if TYPE_CHECKING:
    from vibforge.trx.exchange import transfer
    from vibforge.trx.exchange.linuxptp import Exported


class Loss(Shape, frozen=True):
    """What stayed behind in an import or export."""

    where: Annotated[str, says("Line or option.")]
    text: Annotated[str, says("What stands there.")]
    reason: Annotated[str, says("Why it stayed behind.")]
    harmless: Annotated[bool, says("Whether nothing changes by it.")]

    @classmethod
    def of(cls, loss: "transfer.Loss") -> Self:
        """Return a loss as programs read it."""
        return cls(where=loss.where, text=loss.says, reason=loss.why, harmless=loss.harmless)


Losses = Annotated[tuple[Loss, ...], says("What stayed behind.")]


class TrxImport(Document, tag="vibforge/trx-import/1", frozen=True):
    """A trx.conf that was made of other files."""

    good: Good
    trx_conf: Annotated[str, says("The file.")]
    losses: Losses

    @classmethod
    def of(cls, imported: "transfer.Imported") -> Self:
        """Return the trx.conf with what stayed behind."""
        return cls(
            good=imported.complete,
            trx_conf=imported.conf.serialise().decode("utf-8"),
            losses=tuple(map(Loss.of, imported.losses)),
        )


class TrxExport(Document, tag="vibforge/trx-export/1", frozen=True):
    """Other files that were made of a trx.conf."""

    form: Annotated[Foreign, says("In which form.")] = field(name="as")
    good: Good
    text: Annotated[str, says("The file.")]
    losses: Losses

    @classmethod
    def of(cls, exported: "Exported", text: str, form: Foreign) -> Self:
        """Return the exported text with what stayed behind."""
        return cls(
            form=form,
            good=exported.complete,
            text=text,
            losses=tuple(map(Loss.of, exported.losses)),
        )
