"""Make a trx.conf of another tool's file, and such a file of a trx.conf."""

from msgspec.structs import replace

from vibforge.errors import TrxError
from vibforge.trx.conf import TrxConf
from vibforge.trx.exchange import ptpconfig
from vibforge.trx.exchange.foreign import Foreign
from vibforge.trx.exchange.linuxptp import Exported, export_linuxptp, import_linuxptp
from vibforge.trx.exchange.transfer import Imported, Loss


def import_text(  # noqa: PLR0913 - each one is a thing that a caller decides
    data: bytes,
    source: Foreign,
    *,
    ptp4l_options: str = "",
    phc2sys_options: str = "",
    interface: str = "",
    profile: str = "",
) -> Imported:
    """Import `data`, which is what `source` says; that of phc2sys is a line of its options.

    Raises:
        TrxError: it is not UTF-8, or the importer cannot read it.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TrxError(
            f"byte {error.start} of the file is not UTF-8",
            remedy="Give a text: ptp4l.conf, a PtpConfig or a line of options.",
        ) from error
    match source:
        case Foreign.PTPCONFIG:
            return ptpconfig.import_ptpconfig(text, profile=profile)
        case Foreign.PHC2SYS:
            return import_linuxptp("", phc2sys_options=text)
        case Foreign.PTP4L_CONF:
            return import_linuxptp(
                text,
                ptp4l_options=ptp4l_options,
                phc2sys_options=phc2sys_options,
                interface=interface,
            )


def export_text(data: bytes, target: Foreign, *, name: str, interface: str) -> tuple[str, Exported]:
    """Return the text for `target` and what it leaves out.

    A ptp4l.conf has no place for phc2sys, nor the other way round: what belongs to the other
    program counts as lost, with the way to get it.

    Raises:
        TrxError: the trx.conf is too large.
    """
    conf = TrxConf.parse(data)
    match target:
        case Foreign.PTPCONFIG:
            return ptpconfig.export_ptpconfig(conf, name=name, interface=interface)
        case Foreign.PTP4L_CONF:
            exported = export_linuxptp(conf)
            return exported.ptp4l_conf, _without(conf, exported, "phc2sys", Foreign.PHC2SYS)
        case Foreign.PHC2SYS:
            exported = export_linuxptp(conf)
            text = f"{exported.phc2sys_options}\n"
            return text, _without(conf, exported, "ptp4l", Foreign.PTP4L_CONF)


def _without(conf: TrxConf, exported: Exported, namespace: str, other: Foreign) -> Exported:
    """Count the settings of a namespace as lost, since they are in the other file."""
    elsewhere = tuple(
        Loss(where=f"line {line.number}", says=line.canonical, why=f"it is in --as {other}")
        for line in conf.settings
        if line.namespace == namespace and line.value
    )
    return replace(exported, losses=(*exported.losses, *elsewhere))
