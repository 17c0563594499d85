"""Make a trx.conf of another tool's file."""

from vibforge.errors import TrxError
from vibforge.trx.exchange.foreign import Foreign
from vibforge.trx.exchange.linuxptp import import_linuxptp
from vibforge.trx.exchange.transfer import Imported


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
            from vibforge.trx.exchange.ptpconfig import import_ptpconfig  # noqa: PLC0415 - YAML

            return import_ptpconfig(text, profile=profile)
        case Foreign.PHC2SYS:
            return import_linuxptp("", phc2sys_options=text)
        case Foreign.PTP4L_CONF:
            return import_linuxptp(
                text,
                ptp4l_options=ptp4l_options,
                phc2sys_options=phc2sys_options,
                interface=interface,
            )
