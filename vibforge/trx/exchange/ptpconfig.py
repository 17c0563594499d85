"""OpenShift's PtpConfig (`ptp.openshift.io/v1`), the form in which telco sites keep linuxptp.

From its public examples and custom resource definition: `spec.profile[]` has `name`, `interface`,
`ptp4lOpts`, `phc2sysOpts` and `ptp4lConf`; the rest is OpenShift's own. PyYAML reads it.
"""

from collections.abc import Mapping, Sequence

import yaml
from msgspec import Struct

from vibforge.errors import TrxError
from vibforge.trx.conf import TrxConf
from vibforge.trx.exchange.linuxptp import (
    Exported,
    collect_linuxptp,
    export_linuxptp,
    take_arguments,
)
from vibforge.trx.exchange.transfer import Collector, Imported

TEXT_LIMIT = 1 << 18
"""Characters of a PtpConfig; one with several profiles has 10,000, and reading YAML is slow."""

VALUE_LIMIT = 40_000
"""Texts, lists and tables of a PtpConfig; one with several profiles has some hundred."""

DEPTH_LIMIT = 40
"""Lists and tables within each other; a PtpConfig has seven."""

_TAKEN = frozenset({"name", "interface", "ptp4lOpts", "phc2sysOpts", "ptp4lConf"})
_OF_OPENSHIFT = {
    "recommend": "which hosts get it: a VIB goes where it is installed",
    "ptpSchedulingPolicy": "TRX settles how its processes are scheduled",
    "ptpSchedulingPriority": "TRX settles how its processes are scheduled",
    "ptpClockThreshold": "events of OpenShift, which ESXi does not have",
    "ptpSettings": "the log and the roles of OpenShift's daemon",
    "plugins": "the card's pins and oscillator, which TRX does not reach",
}
"""What does not change how a client of TRX works."""

_OTHER_CLOCKS = {
    "ts2phcOpts": "ts2phc takes time from a receiver; a TRX host is a client",
    "ts2phcConf": "ts2phc takes time from a receiver; a TRX host is a client",
    "synce4lOpts": "TRX has no Synchronous Ethernet",
    "synce4lConf": "TRX has no Synchronous Ethernet",
}
_WORKERS = {"nodeLabel": "node-role.kubernetes.io/worker"}


def import_ptpconfig(text: str, *, profile: str = "") -> Imported:
    """Make a trx.conf of one profile of a PtpConfig.

    Args:
        text: the YAML, of one or more documents; the first PtpConfig is taken.
        profile: its name, where there are several.

    Raises:
        TrxError: no PtpConfig, no such profile, or YAML that cannot or must not be read.
    """
    collector = Collector()
    spec = _mapping(_ptpconfig(text).get("spec"))
    chosen = _profile(spec, profile)
    name = str(chosen.get("name", ""))
    for key, value in spec.items():
        if key != "profile":
            _lose(collector, "spec", key, value)
    for key, value in chosen.items():
        if key not in _TAKEN:
            _lose(collector, f"profile {name}", key, value)
    interface = chosen.get("interface")
    if interface:
        why = "TRX has the one NIC that is passed through to it"
        collector.lose(f"profile {name}", f"interface {interface}", why, harmless=True)
    collect_linuxptp(collector, _text(chosen, "ptp4lConf"), str(interface or ""))
    take_arguments(collector, "ptp4l", _text(chosen, "ptp4lOpts"))
    take_arguments(collector, "phc2sys", _text(chosen, "phc2sysOpts"))
    return collector.imported()


def _lose(collector: Collector, where: str, key: str, value: object) -> None:
    """Leave a key behind; an unknown one may have said anything, an empty one nothing."""
    harmless = key in _OF_OPENSHIFT or not value
    why = {**_OF_OPENSHIFT, **_OTHER_CLOCKS}.get(key, "no key of a PtpConfig that vibforge knows")
    collector.lose(where, key, why, harmless=harmless)


def _ptpconfig(text: str) -> Mapping[str, object]:
    for document in _documents(text):
        found = _mapping(document)
        if found.get("kind") == "PtpConfig":
            return found
    raise TrxError(
        "the YAML holds no PtpConfig", remedy="Its `kind` must be PtpConfig (ptp.openshift.io/v1)."
    )


def _documents(text: str) -> list[object]:
    if len(text) > TEXT_LIMIT:
        raise TrxError(f"the YAML has more than {TEXT_LIMIT} characters")
    try:
        _refuse_tricks(text)
        return list(yaml.load_all(text, Loader=_Loader))
    except (yaml.YAMLError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        where = f"line {place.line + 1}" if place else ""
        what = getattr(error, "problem", None) or str(error).split("\n")[0]
        raise TrxError(f"the YAML cannot be read: {what}", where=where) from error


class _NoText(Struct, frozen=True):
    """A number, date or truth value as it is written: PyYAML trips over odd ones (1:59:59.5)."""

    written: str

    def __str__(self) -> str:
        return self.written


class _Loader(yaml.SafeLoader):
    """Computes no value: a PtpConfig is of texts."""


def _written(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> _NoText:
    return _NoText(str(loader.construct_scalar(node)))


for _kind in ("int", "float", "bool", "timestamp", "binary"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _written)


def _refuse_tricks(text: str) -> None:
    """Aliases can make gigabytes of a line and nesting can exhaust the reader's stack."""
    depth = values = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        values += isinstance(event, yaml.NodeEvent)
        if values > VALUE_LIMIT:
            raise TrxError(f"the YAML has more than {VALUE_LIMIT} texts, lists and tables")
        if isinstance(event, yaml.AliasEvent):
            raise TrxError("the YAML uses aliases, which a PtpConfig does not need")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_LIMIT:
            raise TrxError(f"the YAML is nested deeper than {DEPTH_LIMIT} levels")


def _profile(spec: Mapping[str, object], wanted: str) -> Mapping[str, object]:
    listed = spec.get("profile")
    found = [_mapping(each) for each in listed] if isinstance(listed, Sequence) else []
    names = [str(each.get("name", "")) for each in found]
    if wanted:
        found = [each for each in found if each.get("name") == wanted]
    if len(found) != 1:
        what = f"no profile {wanted!r}" if wanted else f"{len(found)} profiles"
        raise TrxError(
            f"the PtpConfig has {what}",
            remedy=f"Choose one with --ptpconfig-profile: {', '.join(names) or 'there is none'}.",
        )
    return found[0]


def _mapping(value: object) -> Mapping[str, object]:
    return {str(key): each for key, each in value.items()} if isinstance(value, Mapping) else {}


def _text(profile: Mapping[str, object], key: str) -> str:
    value = profile.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TrxError(f"{key} of the PtpConfig is no text", remedy="Quote it, or write it as `|`.")
    return value


class _Block(str):
    """A text that YAML shows line by line."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    """Writes a `_Block` in literal style; everything else as PyYAML does."""


def _represent_block(dumper: yaml.SafeDumper, block: _Block) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(block), style="|")


_Dumper.add_representer(_Block, _represent_block)


def export_ptpconfig(conf: TrxConf, *, name: str, interface: str) -> tuple[str, Exported]:
    """Return a trx.conf as the YAML of a PtpConfig, and what of it has no place there.

    Args:
        conf: the file.
        name: of the PtpConfig and of its profile.
        interface: of the hosts; a trx.conf does not know it.
    """
    exported = export_linuxptp(conf)
    profile = {
        "name": name,
        "interface": interface,
        "ptp4lOpts": "",
        "phc2sysOpts": f"-a -r {exported.phc2sys_options}".strip(),
        "ptp4lConf": _Block(exported.ptp4l_conf),
    }
    document = {
        "apiVersion": "ptp.openshift.io/v1",
        "kind": "PtpConfig",
        "metadata": {"name": name, "namespace": "openshift-ptp"},
        "spec": {
            "profile": [profile],
            "recommend": [{"profile": name, "priority": 4, "match": [_WORKERS]}],
        },
    }
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text, exported
