"""Which paths a host lets a VIB of each acceptance level carry (vib-format 7.1, tried on 6.7).

A host holds each entry of the file list against these expressions, whole, unescaped dots and all,
and never names the one that failed.
"""

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from vibforge.model.acceptance import AcceptanceLevel

COMMUNITY_PATTERNS = (
    r"etc/vmware/shutdown/shutdown.d/.+",
    r"etc/vmware/pciid/.+",
    r"etc/vmware/vm-support/.+",
    r"etc/vmware/firewall/.+",
    r"etc/vmware/service/.+",
    r"etc/vmware/(driver|fallback|default|ihv|oem).map.d/.+",
    r"etc/cim/.+",
    r"etc/config/.+",
    r"etc/init.d/.+",
    r"etc/shutdown.d/.+",
    r"opt/.+",
    r"usr/lib/cim/.+",
    r"usr/lib/pycim/.+",
    r"usr/lib/hostprofiles/(plugins|locale)/.+",
    r"usr/lib/vmware/.+",
    r"usr/lib/vmware-debug/.+",
    r"usr/libexec/jumpstart/plugins/.+",
    r"usr/lib64/vmware/.+",
    r"usr/share/hwdata/(driver|fallback|default|ihv|oem).pciids.d/.+",
    r"var/lib/sfcb/registration/.+",
)
PARTNER_PATTERNS = (
    *COMMUNITY_PATTERNS,
    r"etc/vmware/vmware.lic",
    r"etc/vmware/support",
    r"etc/vmware/oem.xml",
    r"etc/vmware/backup.conf",
    r"usr/lib/vmware/hostd/docroot/client/customLinks.xml",
    r"etc/rc.local.d/.+",
)
_PATTERNS = {
    AcceptanceLevel.COMMUNITY: COMMUNITY_PATTERNS,
    AcceptanceLevel.PARTNER: PARTNER_PATTERNS,
}


def paths_outside(level: AcceptanceLevel, paths: Iterable[str]) -> tuple[str, ...]:
    """Return the paths that are on no list of the level; the two highest levels have no list."""
    return _outside(level, tuple(paths)) if level in _PATTERNS else ()


@lru_cache(maxsize=16)
def _outside(level: AcceptanceLevel, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Hold a list against a level once: a prediction asks again for each possible host."""
    expression = _expression(level)
    return tuple(path for path in paths if not expression.fullmatch(path))


@cache
def _expression(level: AcceptanceLevel) -> re.Pattern[str]:
    """Compile a level's list, which takes a millisecond, where it is asked for."""
    return re.compile("|".join(_PATTERNS[level]))
