"""Make a trx.conf of another tool's file."""

from vibforge.errors import TrxError
from vibforge.trx.exchange.linuxptp import import_linuxptp
from vibforge.trx.exchange.transfer import Imported


def import_text(  # noqa: PLR0913 - each one is a thing that a caller decides
    data: bytes,
    source: str,
    *,
    ptp4l_options: str = "",
    phc2sys_options: str = "",
    interface: str = "",
    profile: str = "",
) -> Imported:
    """Import `data`, which is a `ptp4l.conf`, a `ptpconfig` or a line of `phc2sys` options.

    Raises:
        TrxError: it is not UTF-8, or the importer cannot read it.
    """
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise TrxError(f"byte {error.start} is not UTF-8") from error
    if source == "ptpconfig":
        from vibforge.trx.exchange.ptpconfig import import_ptpconfig  # noqa: PLC0415 - loads YAML

        return import_ptpconfig(text, profile=profile)
    if source == "phc2sys":
        return import_linuxptp("", phc2sys_options=text)
    return import_linuxptp(
        text,
        ptp4l_options=ptp4l_options,
        phc2sys_options=phc2sys_options,
        interface=interface,
    )
