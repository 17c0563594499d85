"""Turn a trx.conf into another tool's file."""

from dataclasses import replace

from vibforge.trx.document import TrxConf
from vibforge.trx.exchange.linuxptp import Exported, export_linuxptp
from vibforge.trx.exchange.transfer import Loss


def export_text(data: bytes, target: str, *, name: str, interface: str) -> tuple[str, Exported]:
    """Return the text for `target` (ptp4l.conf, phc2sys or ptpconfig) and what it leaves out.

    A ptp4l.conf has no place for phc2sys, nor the other way round: what belongs to the other
    program counts as lost, with the way to get it.

    Raises:
        TrxError: the trx.conf is too large.
    """
    conf = TrxConf.parse(data)
    if target == "ptpconfig":
        from vibforge.trx.exchange.ptpconfig import export_ptpconfig  # noqa: PLC0415 - loads YAML

        return export_ptpconfig(conf, name=name, interface=interface)
    exported = export_linuxptp(conf)
    other = "ptp4l.conf" if target == "phc2sys" else "phc2sys"
    namespace = other.removesuffix(".conf")
    elsewhere = tuple(
        Loss(where=f"line {line.number}", says=line.canonical, why=f"it is in --as {other}")
        for line in conf.settings
        if line.namespace == namespace and line.value
    )
    text = f"{exported.phc2sys_options}\n" if target == "phc2sys" else exported.ptp4l_conf
    return text, replace(exported, losses=(*exported.losses, *elsewhere))
