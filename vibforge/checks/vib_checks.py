"""Every check of a VIB, in the order of the ids."""

from vibforge.checks import (
    container,
    demands,
    dependencies,
    descriptor_text,
    file_list,
    files,
    identity,
    payload_content,
    payload_declaration,
    reader,
    signature,
    trx,
)
from vibforge.findings.check import Check
from vibforge.scan.vib import VibScan

_VIB_TOPICS = (
    container.CHECKS,
    reader.CHECKS,
    descriptor_text.CHECKS,
    identity.CHECKS,
    demands.CHECKS,
    dependencies.CHECKS,
    payload_declaration.CHECKS,
    payload_content.CHECKS,
    file_list.CHECKS,
    files.CHECKS,
    trx.CHECKS,
    signature.CHECKS,
)
VIB_CHECKS: tuple[Check[VibScan], ...] = tuple(
    sorted((rule for topic in _VIB_TOPICS for rule in topic), key=lambda rule: rule.id)
)
