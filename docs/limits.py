"""The page of limits: values from the code, reasons from the text beside each constant."""

import ast
from importlib import import_module
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]

SECTIONS = {
    "Container": ("formats.ar_reading", "model.vib"),
    "Descriptor": ("formats.safe_xml",),
    "Payload, packed": ("formats.inflating",),
    "Payload, unpacked": ("formats.entry_budget", "formats.tar_extensions"),
    "Extraction": ("operations.unpack_folder",),
    "Signatures": ("formats.pkcs7",),
    "Certificates to trust": ("trust.store", "trust.chain", "trust.link"),
    "Keys": ("signing.derivation", "signing.certificates"),
    "Bundles": ("formats.zip_reading", "model.bundle", "operations.subjects"),
    "Recipes": ("formats.toml_reading", "model.recipe"),
    "Predictions": ("host.facts", "host.installed", "host.install.relationships"),
}
"""The modules whose limits a section shows."""

_ENDINGS = ("_LIMIT", "_FREE")
_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))
_HEAD = """\
# Limits

<!-- made by `make docs` from the limits beside the code -->

What vibforge reads may come from anybody. So it believes no size, count or depth that a file tells,
and stops at these limits, each well beyond what real files need. A file beyond one ends with exit
code 2, or as a failed fact in `verify`: never in a hang, a crash or a full memory.

Memory does not grow with the size of a payload: 1 GiB was verified in 35 MiB, and a payload in zstd
takes up to 130 MiB more for its window. What grows are the list of entries (at most 200 MiB)
and the descriptor (at most 300 MiB), which is why they are bounded. Several files at once add up.

XML is read without entities, without a network and without a document type: a `<!DOCTYPE` is
refused. Integers that lie about sizes are held against the bytes that are there.
"""


def limits_of(module: str) -> dict[str, str]:
    """Return the public limits of a module, each with the text below it."""
    path = CHECKOUT / "vibforge" / f"{module.replace('.', '/')}.py"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    found = {}
    for node, after in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.endswith(_ENDINGS) and not name.startswith("_"):
                found[name] = _text(after)
    return found


def limits_page() -> str:
    """Return the page."""
    parts = [_HEAD]
    for title, modules in SECTIONS.items():
        rows = [
            f"| {_value(getattr(import_module(f'vibforge.{module}'), name), reason)} | {reason} |"
            for module in modules
            for name, reason in limits_of(module).items()
        ]
        parts.append("\n".join([f"## {title}\n", "| limit | of what, and why |", "| --- | --- |"]))
        parts[-1] += "\n" + "\n".join(rows) + "\n"
    return "\n".join(parts)


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
