"""The page of limits: values from the code, reasons from the text beside each constant."""

import ast
from importlib import import_module
from pathlib import Path

from vibforge.formats.budget import LIMITS, Limit, Work

CHECKOUT = Path(__file__).parents[1]

SECTIONS = {
    "Container": ("formats.ar", "vib.archive"),
    "Descriptor": ("formats.xml_reading",),
    "Payload": ("formats.inflating", "formats.tar_reading"),
    "Extraction": ("files.unpack_folder",),
    "Signatures": ("formats.budget", "formats.pkcs7"),
    "Certificates to trust": ("signing.store", "signing.path"),
    "Keys": ("signing.key_files", "signing.signer"),
    "Lists of written files": ("project.ledger", "project.published"),
    "Bundles": ("bundle.metadata", "bundle.opening", "bundle.compose"),
    "Recipes": ("formats.toml_reading", "project.recipe", "project.pack"),
    "Builds to replay": ("reproduction.recorded_build",),
    "Predictions": (
        "host.facts",
        "host.installed",
        "host.install.relationships",
        "host.remedy",
    ),
    "Evidence": (
        "evidence.contents",
        "evidence.sbom_checking",
        "evidence.dsse",
        "evidence.results",
        "evidence.change_record",
    ),
    "PtpConfigs": ("trx.exchange.ptpconfig",),
}
"""The modules whose limits a section shows."""

_ENDING = "_LIMIT"
_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))
_HEAD = """\
# Limits

<!-- made by `make docs` from the limits beside the code -->

What vibforge reads may come from anybody, so it believes no size, count or depth that a file
states. Two kinds of limits stop it: the budget of the whole file, and limits on single things in
it. Both are well beyond what real files need.

A file that spends its budget ends with exit code 2 and an error that names the limit, in every
command; nothing is written. With several files, the others are still reported. A thing that is
beyond its own limit counts as damaged: an error with exit code 2 where the file cannot be read
without it, a failed fact in `verify` where it can.

Below 1 MB no file takes a command more than 5 seconds of processor time or 300 MB of memory; what a
larger file may take grows with its size. The memory does not depend on the size of a payload:
1 GiB was verified in 35 MiB, and a payload in zstd takes up to 130 MiB more for its window.
Several files at once add up.

XML is read without entities, without a network and without a document type: a `<!DOCTYPE` is
refused before anything in it is read. Sizes that a file states are checked against the bytes that
are there.

## The budget of a file

A file that a user names has one budget. All that is read of it counts, however deep it is nested: a
VIB in a bundle, a zip in a zip, each layer of a payload. What is read twice counts twice. A command
that is given a folder or several files has a budget for each of them. A hard link counts as an
entry and takes no bytes.

Files that hold no others have no such budget: trust stores, keys, recipes, facts of hosts, logs,
captures and settings of PTP. They are read once, from begin to end, in time that grows with their
size, and the limits below bound each. Of a trust store the bytes of a file, its PEM blocks and the
certificates of all files are limited. The text between two `BEGIN` lines is looked at once, whether
or not it is a whole block; a block without an end ends the reading. Each time that a key of the
store is tried on a signature counts against the budget of the VIB or bundle that is judged.

`build` refuses a VIB that the other commands would refuse by this budget: it looks at the bytes,
the entries and the names of the payloads, and at the size of the VIB that it made of them.

| work | fixed | and for each byte of the file | what counts, and why |
| --- | --- | --- | --- |
"""


def limits_of(module: str) -> dict[str, str]:
    """Return the public limits of a module, each with the text below it."""
    path = CHECKOUT / "vibforge" / f"{module.replace('.', '/')}.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = {}
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.endswith(_ENDING) and not name.startswith("_"):
                found[name] = _text(after)
    return found


def limits_page() -> str:
    """Return the page."""
    parts = [_HEAD + "".join(map(_budget_row, LIMITS.items()))]
    for title, modules in SECTIONS.items():
        rows = [
            f"| {_value(getattr(import_module(f'vibforge.{module}'), name), reason)} | {reason} |"
            for module in modules
            for name, reason in limits_of(module).items()
        ]
        parts.append("\n".join([f"## {title}\n", "| limit | of what, and why |", "| --- | --- |"]))
        parts[-1] += "\n" + "\n".join(rows) + "\n"
    return "\n".join(parts)


def _budget_row(item: tuple[Work, Limit]) -> str:
    work, limit = item
    fixed = _value(limit.fixed, "Bytes" if "bytes" in work else "")
    factor = f"{limit.factor:g}" if limit.factor >= 1 else f"1/{1 / limit.factor:g}"
    return f"| {work} | {fixed} | {factor} | {limit.reason} |\n"


def _text(node: ast.stmt) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return " ".join(str(node.value.value).split())
    return ""


def _value(value: int, reason: str) -> str:
    if not reason.startswith("Bytes"):
        return f"{value:,}"
    for size, unit in _UNITS:
        if value >= size and value % size == 0:
            return f"{value // size} {unit}"
    return f"{value:,} bytes"
