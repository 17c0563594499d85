"""The recipe of a VIB: every field of a descriptor, and the payloads' trees.

The keys of a `vibforge.toml` are the names of the fields with dashes for underscores. `key` adds
the documentation and rule of each field, from which the reader and the JSON Schema are derived.
"""

import re
from enum import StrEnum
from typing import Annotated

from msgspec import Struct, field

from vibforge.bundle.recipe import BundleRecipe, check_bundle
from vibforge.errors import ModelError
from vibforge.esxi.acceptance import AcceptanceLevel
from vibforge.findings.check import Allowance
from vibforge.formats.gnu_tar import MODE_BITS, PATH_LIMIT
from vibforge.formats.toml_keys import key
from vibforge.vib import identity
from vibforge.vib.descriptor import SystemRequires, Url
from vibforge.vib.identity import ReleaseDate, written_version
from vibforge.vib.relationships import Relationships


class VibType(StrEnum):
    """Where a host stores a VIB: in the bootbank, in the locker, or nowhere (`meta`)."""

    BOOTBANK = "bootbank"
    LOCKER = "locker"
    META = "meta"


class PayloadType(StrEnum):
    """Format of a payload: GNU tar or vmtar, both in gzip."""

    TGZ = "tgz"
    VGZ = "vgz"


class Layout(StrEnum):
    """Paths of files in the VIB: as on the host, or below opt/ until an init script copies them."""

    PLAIN = "plain"
    BOOT_COPY = "boot-copy"


_OWNER_LIMIT = 0o7777777
"""Largest number in the 7 octal digits of a tar header."""
_OCTAL_MODE = re.compile(r"(0o)?[0-7]{3,5}")


class Mode(Struct, frozen=True):
    """Permission bits with set-id and sticky bits: 0 to 0o7777."""

    bits: int

    @classmethod
    def parse(cls, text: str) -> "Mode":
        """Read octal digits: `644`, `0644`, `1644`.

        Raises:
            ModelError: the text is not an octal mode.
        """
        if not _OCTAL_MODE.fullmatch(text) or int(text, 8) > MODE_BITS:
            raise ModelError(f"{text!r} is not a file mode", remedy='write octal digits: "0644"')
        return cls(int(text, 8))

    def __str__(self) -> str:
        return f"{self.bits:04o}"


def _check_boot_order(value: int | None) -> None:
    if value is not None and not 0 <= value <= 0x7FFFFFFF:  # noqa: PLR2004 - a C int
        raise ModelError(f"boot-order {value} is not between 0 and 2147483647")


def _check_owner(value: int | None) -> None:
    if value is not None and not 0 <= value <= _OWNER_LIMIT:
        raise ModelError(f"{value} is not an id between 0 and {_OWNER_LIMIT}")


def _check_tags(values: tuple[str, ...]) -> None:
    for value in values:
        identity.check_filled_line(value)


FROM_GIT = "git"
FROM_GIT_WITH_DIGEST = "git+digest"
"""Versions that a build takes from the history of the project, see `versioning`."""


def is_from_git(version: str) -> bool:
    """Whether a recipe's version is to come from the history of the project."""
    return version in {FROM_GIT, FROM_GIT_WITH_DIGEST}


def _check_version(value: str) -> None:
    if not is_from_git(value):
        written_version(value)


def _check_bundle(value: BundleRecipe | None) -> None:
    if value is not None:
        check_bundle(value)


PATTERN_LIMIT = 1_000
"""Most patterns in a recipe; each is tried on every path of its tree."""
PATTERN_LENGTH_LIMIT = 512
"""Most characters of a pattern; the time to translate it can grow with the square of its length."""


def _check_patterns(values: tuple[str, ...]) -> None:
    for value in values:
        if len(value) > PATTERN_LENGTH_LIMIT:
            raise ModelError(
                f"a pattern has {len(value)} characters, more than {PATTERN_LENGTH_LIMIT}"
            )
        if not value or value.startswith("/"):
            raise ModelError(
                f"{value!r} is not a pattern of paths in the tree",
                remedy="write it without a leading slash: etc/vmware/*",
            )


class PathRule(Struct, frozen=True, kw_only=True):
    """Modes and owners for the paths of a payload that match a pattern; later rules win."""

    paths: Annotated[
        tuple[str, ...],
        key(
            "Shell patterns of paths in the tree; `*` also matches slashes.", check=_check_patterns
        ),
    ]
    mode: Annotated[
        Mode | None,
        key(
            "Octal mode; a leading 1 sets the sticky bit: ESXi then keeps a file below /etc that "
            "was edited on the host."
        ),
    ] = None
    owner: Annotated[int | None, key("Numeric user id.", check=_check_owner)] = None
    group: Annotated[int | None, key("Numeric group id.", check=_check_owner)] = None


def _check_tree(value: str) -> None:
    if value:
        identity.check_filled_line(value)


class ContentType(StrEnum):
    """What `[[payloads.files]]` adds: files, an empty folder, a whole folder, or a link."""

    FILE = "file"
    DIR = "dir"
    TREE = "tree"
    SYMLINK = "symlink"

    @property
    def has_source(self) -> bool:
        """Whether `src` names files of the project."""
        return self in {ContentType.FILE, ContentType.TREE}


PROJECT_ROOT = HOST_ROOT = "."
"""What `src` and `dst` say for the whole project, and for / on the host."""


def path_fault(path: str) -> tuple[str, str] | None:
    """Return what keeps a path from being in a payload, and a remedy; None if nothing does."""
    if not (path.isascii() and path.isprintable()):
        what = (
            "the name has characters other than printable ASCII, which a descriptor and a "
            "boot image cannot carry safely"
        )
        return what, "rename it"
    if "\\" in path:
        return (
            "the name has a backslash, which some systems read as a separator of folders",
            "rename it, or name it in the payload's `exclude`",
        )
    if len(path) >= PATH_LIMIT:
        return (
            f"the path has {len(path)} characters; {PATH_LIMIT - 1} is the most",
            "rename files or folders to shorter names",
        )
    return None


def _check_destination(text: str) -> None:
    if text.startswith("/"):
        raise ModelError(
            f"{text!r} starts with a slash",
            remedy="write the path on the host without it: " + (text.strip("/") or HOST_ROOT),
        )
    if text not in {HOST_ROOT, f"{HOST_ROOT}/"} and not _is_plain_path(text.removesuffix("/")):
        raise ModelError(
            f"{text!r} is not a path on the host",
            remedy="write it without empty parts, `.` and `..`: opt/acme/bin/",
        )
    if fault := path_fault(text):
        raise ModelError(fault[0], remedy="write another path")


def _is_plain_path(text: str) -> bool:
    return all(part not in {"", ".", ".."} for part in text.split("/"))


class FileMapping(Struct, frozen=True, kw_only=True):
    """Files of the project and their place on the host.

    Examples:
        >>> from vibforge import ContentType, FileMapping, PayloadRecipe, Recipe, build
        >>> conf = FileMapping(src="my-trx/etc/vmware/*.conf", dst="etc/vmware", config=True)
        >>> logs = FileMapping(type=ContentType.DIR, dst="opt/acme/logs")
        >>> payload = PayloadRecipe(name="acme", files=(conf, logs))
        >>> recipe = Recipe(name="agent", version="2.0-1", payloads=(payload,))
        >>> build(recipe, "agent").plan.files
        ('etc/vmware/trx.conf',)
    """

    src: Annotated[
        str,
        key(
            "File, folder or pattern, relative to the recipe and inside its folder. `*` and `?` "
            "match within a name, `**` across folders. For a symlink: its target on the host."
        ),
    ] = ""
    dst: Annotated[
        str,
        key(
            "Path on the host, without a leading slash; `.` is /. A file goes to this path, or "
            "into it if it ends with a slash; what a folder or pattern matches goes below it.",
            check=_check_destination,
        ),
    ]
    type: Annotated[
        ContentType,
        key(
            "`file` for what `src` matches, with all in matched folders; `tree` for a whole "
            "folder; `dir` for an empty folder, `symlink` for a link, both without a source file."
        ),
    ] = ContentType.FILE
    mode: Annotated[
        Mode | None,
        key("Octal mode of the files, or of the folder of a `dir`; goes before all rules."),
    ] = None
    owner: Annotated[int | None, key("Numeric user id.", check=_check_owner)] = None
    group: Annotated[int | None, key("Numeric group id.", check=_check_owner)] = None
    config: Annotated[
        bool,
        key(
            "Whether ESXi keeps edits of the files over a reboot: sets the sticky bit, which works "
            "below /etc. An update of the VIB then keeps an edited file, too (6.7; not known for "
            "later releases)."
        ),
    ] = False


class PayloadRecipe(Struct, frozen=True, kw_only=True):
    """One payload: its files and how they are packed. It has a tree, or `files`, or both."""

    name: Annotated[
        str,
        key(
            "Name of 1 to 15 characters; the bootbank file name is built from the first 8.",
            check=identity.check_payload_name,
        ),
    ]
    tree: Annotated[
        str,
        key(
            "Folder, relative to the recipe, whose content appears at / on the host.",
            check=_check_tree,
        ),
    ] = ""
    files: Annotated[
        tuple[FileMapping, ...],
        key("Files from elsewhere in the project, each with its place on the host."),
    ] = ()
    type: Annotated[PayloadType, key("`tgz` (GNU tar) or `vgz` (vmtar).")] = PayloadType.TGZ
    boot_order: Annotated[
        int | None,
        key(
            "Order among boot payloads; 100 puts a vgz before all modules.", check=_check_boot_order
        ),
    ] = None
    vfat_name: Annotated[
        str,
        key(
            "Preferred file name in the bootbank, in 8.3 form.",
            check=identity.check_vfat_name,
        ),
    ] = ""
    rules: Annotated[
        tuple[PathRule, ...],
        key(
            "Modes and owners of paths. Without a rule, folders and executable files get 0755, "
            "other files 0644, all root; a sticky bit on a file is kept."
        ),
    ] = ()
    exclude: Annotated[
        tuple[str, ...], key("Shell patterns of paths to leave out.", check=_check_patterns)
    ] = ()
    outside_links: Annotated[
        tuple[str, ...],
        key(
            "Shell patterns of symbolic links that may lead to a file of the host that is not in "
            "this tree.",
            check=_check_patterns,
        ),
    ] = ()


_key = key
"""For a class with a field `key`, which Python 3.14 takes when it evaluates annotations late."""


class SigningRecipe(Struct, frozen=True, kw_only=True):
    """The key that signs what is built; files are relative to the recipe."""

    certificates: Annotated[
        tuple[str, ...], _key("Files with its certificate and the chain above it, in any order.")
    ] = ()
    passphrase_file: Annotated[str, _key("File whose first line is the passphrase or PIN.")] = ""
    passphrase_env: Annotated[str, _key("Environment variable with the passphrase or PIN.")] = ""
    signing_time: Annotated[
        ReleaseDate | None,
        _key(
            "Time in the signature; if it is missing, the later of the release date and the "
            "certificate's notBefore."
        ),
    ] = None
    key: Annotated[
        str,
        _key(
            "PEM or PKCS#12 file, `env:NAME` for PEM in the environment, or a `pkcs11:` URI. "
            "Name the PKCS#11 library at the build, with `--pkcs11-module` or PKCS11_MODULE_PATH; "
            "a `module-path` in the URI must be the same.",
            check=identity.check_key_name,
        ),
    ]


_SHA256 = re.compile("[0-9a-f]{64}")


def _check_sha256(value: str) -> None:
    if not _SHA256.fullmatch(value):
        raise ModelError(f"{value!r} is not a SHA-256 in hexadecimal")


class Origin(Struct, frozen=True, kw_only=True):
    """The VIB that a project was extracted from."""

    vib_id: Annotated[str, key("Its ID.", check=identity.check_filled_line)]
    sha256: Annotated[str, key("The SHA-256 of its file.", check=_check_sha256)]


class Recipe(Struct, frozen=True, kw_only=True):
    """All that determines a VIB, except the files themselves.

    Examples:
        >>> from vibforge import Mode, PathRule, PayloadRecipe, PayloadType, Recipe, build
        >>> rule = PathRule(paths=("etc/vmware/*",), mode=Mode.parse("0600"))
        >>> tree = PayloadRecipe(name="conf", tree="my-trx", type=PayloadType.TGZ, rules=(rule,))
        >>> recipe = Recipe(name="agent", version="2.0-1", payloads=(tree,))
        >>> build(recipe, "agent").plan.vib_id
        'custom_bootbank_agent_2.0-1'
    """

    name: Annotated[str, key("Name of the VIB, at most 35 characters.", check=identity.check_name)]
    version: Annotated[
        str,
        key(
            "VERSION-RELEASE, such as 1.2.0-1, at most 35 characters. `v1.2.0` and `1.2.0` become "
            "1.2.0-1. `git` takes the version from the last tag and the commits since; "
            "`git+digest` adds a digest of the content between tags.",
            check=_check_version,
        ),
    ]
    version_as_is: Annotated[
        bool,
        key(
            "Whether the version stays as it is in any form that hosts read, such as 2.4.4 or "
            "8.045a-napi: for a package that exists and is built again."
        ),
    ] = False
    vendor: Annotated[str, key("Name of the vendor; a short word.", check=identity.check_name)] = (
        "custom"
    )
    type: Annotated[VibType, key("`bootbank` for everything that is loaded at boot.")] = (
        VibType.BOOTBANK
    )
    summary: Annotated[
        str, key("One line of about 80 characters.", check=identity.check_one_line)
    ] = ""
    description: Annotated[str, key("Description of any length.", check=identity.check_text)] = ""
    release_date: Annotated[
        ReleaseDate | None,
        key(
            "The one date in the VIB. If it is missing: SOURCE_DATE_EPOCH, else the last commit "
            "that touched the project, else 2000-01-01."
        ),
    ] = None
    urls: Annotated[tuple[Url, ...], key("Links: short name = address.")] = ()
    relationships: Annotated[
        Relationships, key('Relations to other VIBs: "esx-version >= 7.0.2", "vmkapi_2_6_0_0".')
    ] = field(default_factory=Relationships)
    software_tags: Annotated[
        tuple[str, ...], key("Free words, such as `driver`.", check=_check_tags)
    ] = ()
    system_requires: Annotated[SystemRequires, key("Requirements on the host.")] = field(
        default_factory=SystemRequires
    )
    acceptance_level: Annotated[
        AcceptanceLevel,
        key("Level that the VIB claims: community, partner, accepted or certified."),
    ] = AcceptanceLevel.COMMUNITY
    live_install_allowed: Annotated[bool, key("Whether it installs without a reboot.")] = True
    live_remove_allowed: Annotated[bool, key("Whether it can be removed without a reboot.")] = True
    cimom_restart: Annotated[bool, key("Whether the CIM broker restarts.")] = False
    stateless_ready: Annotated[bool, key("Whether Auto Deploy may use it.")] = True
    overlay: Annotated[bool, key("Whether its files may cover those of other VIBs.")] = False
    layout: Annotated[
        Layout,
        key(
            "`boot-copy` puts files with paths that the acceptance level does not allow below "
            "opt/NAME, and adds an init script that copies them to their paths at boot; a "
            "community VIB then installs without -f."
        ),
    ] = Layout.PLAIN
    allow: Annotated[
        tuple[Allowance, ...], key("Rules of `vibforge lint` that this VIB breaks on purpose.")
    ] = ()
    payloads: Annotated[tuple[PayloadRecipe, ...], key("The trees of files.")] = ()
    bundle: Annotated[
        BundleRecipe | None,
        key("Offline bundle that the build also makes, with the VIB.", check=_check_bundle),
    ] = None
    signing: Annotated[
        SigningRecipe | None,
        key("The key that signs it; without this table the VIB is not signed."),
    ] = None
    origin: Annotated[
        Origin | None,
        key(
            "The VIB that `extract --stage` made this project from; a build with its ID and other "
            "bytes warns."
        ),
    ] = None
