"""Packages of the shapes that authors and vendors have made since ESXi 5, all generated here.

Each shape is named for what is special about it and says what a host or a check minds. Nothing is
random and nothing is read: the same bytes in each run.
"""

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from tests.bundles import zipped
from tests.signing.made import key, made
from tests.trees import TRX_CONF, elf_program, make_tree
from tests.vibs import archive, zstd_compressed
from vibforge.bundle.create import create_bundle
from vibforge.bundle.recipe import BundleRecipe, ComponentRecipe
from vibforge.formats import gnu_tar, vmtar
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
from vibforge.project.build import build
from vibforge.signing.key_files import KeySigner
from vibforge.signing.signer import make_block
from vibforge.vib.descriptor import (
    Checksum,
    Descriptor,
    HardwarePlatform,
    MaintenanceMode,
    Payload,
    SoftwarePlatform,
    SystemRequires,
    serialise,
)
from vibforge.vib.relationships import Constraint, Provide, Relationships

DATE = "2024-05-01T12:00:00.000000+00:00"
SIGNED = datetime(2024, 5, 1, 12, tzinfo=UTC)
_PROGRAM = elf_program()
MODULE = _PROGRAM[:16] + (1).to_bytes(2, "little") + _PROGRAM[18:]
"""A kernel module for x86: an ELF file that is to be linked."""
ARM_MODULE = MODULE[:18] + (183).to_bytes(2, "little") + MODULE[20:]
SIGNER = made("LAB driver signing", own=key(70), serial=70)
FIREWALL = b"""<ConfigRoot><service id="0101"><id>acme</id><rule id="0000">
<direction>inbound</direction><protocol>tcp</protocol><porttype>dst</porttype><port>4711</port>
</rule><enabled>true</enabled><required>false</required></service></ConfigRoot>
"""


class File(Struct, frozen=True):
    """A file of a payload; the folders above it come by themselves."""

    content: bytes
    mode: int = 0o644
    uid: int = 0


class Part(Struct, frozen=True, kw_only=True):
    """A payload with its bytes; digests are those of its time."""

    name: str = "payload1"
    type: str = "vgz"
    files: Mapping[str, File]
    layout: ModuleType = vmtar
    digests: str = "today"
    boot_order: int | None = None

    @property
    def content(self) -> bytes:
        """The unpacked bytes."""
        folders = {str(above) for path in self.files for above in Path(path).parents} - {"."}
        entries = [ArchiveEntry(path, EntryKind.DIRECTORY, 0o755) for path in sorted(folders)]
        entries += [
            ArchiveEntry(path, EntryKind.FILE, file.mode, len(file.content), "", file.uid, file.uid)
            for path, file in self.files.items()
        ]
        return b"".join(
            piece if isinstance(piece, bytes) else self.files[piece.path].content
            for piece in self.layout.image(entries)
        )

    @property
    def stored(self) -> bytes:
        """The bytes in the archive."""
        if self.type == "boot":
            return gzip.compress(next(iter(self.files.values())).content, mtime=0)
        if self.type == "vzstd":
            return gzip.compress(zstd_compressed(self.content), mtime=0)
        return gzip.compress(self.content, mtime=0)

    @property
    def declared(self) -> Payload:
        """What the descriptor says of it."""
        return Payload(
            name=self.name,
            type=self.type,
            size=len(self.stored),
            uncompressed_size=len(self.content) if self.type == "vzstd" else None,
            boot_order=self.boot_order,
            checksums=tuple(self._checksums()),
        )

    def _checksums(self) -> Iterator[Checksum]:
        plain = gzip.decompress(self.stored)
        content = plain if self.type == "boot" else self.content
        unpacked = Checksum(
            checksum_type="sha-256",
            digest=hashlib.sha256(content).hexdigest(),
            verify_process="gunzip",
        )
        stored = Checksum(checksum_type="sha-256", digest=hashlib.sha256(self.stored).hexdigest())
        old = Checksum(
            checksum_type="sha-1",
            digest=hashlib.sha1(content, usedforsecurity=False).hexdigest(),
            verify_process="gunzip",
        )
        sha1 = hashlib.sha1(self.stored, usedforsecurity=False).hexdigest()
        weak = Checksum(checksum_type="sha-1", digest=sha1)
        once = Checksum(checksum_type="sha-256-gunzip1", digest=hashlib.sha256(plain).hexdigest())
        yield from {
            "today": [unpacked, stored, old],
            "of ESXi 5": [stored, old],
            "in the order that old hosts misread": [stored, unpacked, old],
            "of ESXi 9": [unpacked, stored, old, once],
            "weak": [unpacked, weak],
        }[self.digests]


class Shape(Struct, frozen=True, kw_only=True):
    """A VIB: what its descriptor says, what it carries, who signed it."""

    says: Descriptor
    parts: tuple[Part, ...] = ()
    edit: tuple[bytes, bytes] = (b"", b"")
    """A text of the descriptor, and what stands there instead."""
    signed: bool = False

    def to_bytes(self) -> bytes:
        """Return the VIB."""
        files = tuple(path for part in self.parts if part.type != "boot" for path in part.files)
        said = replace(
            self.says,
            payloads=tuple(part.declared for part in self.parts),
            file_list=self.says.file_list or files,
        )
        text = serialise(said)
        assert self.edit[0] in text
        text = text.replace(*self.edit, 1)
        signer = KeySigner(SIGNER.key, (SIGNER.certificate,))
        signature = make_block(text, signer, SIGNED) if self.signed else b""
        members = [("descriptor.xml", text), ("sig.pkcs7", signature)]
        return archive([*members, *((part.name, part.stored) for part in self.parts)])


def says(name: str, version: str, level: str, line: str = "", **more: object) -> Descriptor:
    """Return a descriptor of today; `line` is the release line that it names, if any."""
    platforms = (SoftwarePlatform(version=line),) if line else ()
    made_of = Descriptor(
        name=name,
        version=version,
        vendor="LAB",
        summary=f"{name} of the tests",
        description=f"{name} of the tests.",
        release_date=DATE,
        system_requires=SystemRequires(
            maintenance_mode=MaintenanceMode(), software_platforms=platforms
        ),
        acceptance_level=level,
        live_install_allowed=True,
        live_remove_allowed=True,
        cimom_restart=False,
        stateless_ready=True,
        overlay=False,
    )
    return replace(made_of, **more)


def needs(*constraints: str) -> Relationships:
    """Return what a driver depends on."""
    return Relationships(depends=tuple(map(Constraint.parse, constraints)))


AFTER_REBOOT: dict[str, Any] = {"live_install_allowed": False, "live_remove_allowed": False}
_AGENT = {"opt/agent/agent.conf": File(b"interval = 10\n")}
_MODULE = "usr/lib/vmware/vmkmod/"

VIBS = {
    "agent-community": Shape(
        says=says("agent", "1.0.0-1", "community", "8.0"), parts=(Part(files=_AGENT),)
    ),
    "agent-partner-unsigned": Shape(
        says=says("agent", "1.0.0-1", "partner", "8.0"), parts=(Part(files=_AGENT),)
    ),
    "script-of-5": Shape(
        says=says("cron-backup", "2.4", "community"),
        parts=(
            Part(
                type="tgz",
                layout=gnu_tar,
                digests="of ESXi 5",
                files={
                    "etc/rc.local.d/999.backup.sh": File(b"#!/bin/sh\nexit 0\n", 0o1777),
                    "etc/init.d/backup": File(b"#!/bin/sh\nexit 0\n", 0o755, uid=1000),
                    "opt/backup/run.sh": File(b"echo no shebang\n", 0o755),
                    "etc/vmware/firewall/backup.xml": File(FIREWALL.replace(b"\n", b"\r\n")),
                },
            ),
        ),
        # Neither a platform nor flags of stateless hosts.
        edit=(b"<stateless-ready>true</stateless-ready><overlay>false</overlay>", b""),
    ),
    "firewall-rule": Shape(
        says=says("acme-rule", "1.0.2-1", "community", "7.*"),
        parts=(Part(name="acmerule", files={"etc/vmware/firewall/acme.xml": File(FIREWALL)}),),
    ),
    "driver-of-6": Shape(
        says=says(
            "net-legacy",
            "5.3.2-99",
            "community",
            relationships=needs("vmkapi_2_2_0_0", "com.vmware.driverAPI-9.2.2.0"),
            **AFTER_REBOOT,
        ),
        parts=(
            Part(
                name="net-lega",
                digests="of ESXi 5",
                files={
                    _MODULE + "legacy": File(MODULE, 0o444),
                    "etc/vmware/driver.map.d/legacy.map": File(b"regtype=linux,id=8086\n"),
                },
            ),
        ),
    ),
    "driver-of-7": Shape(
        says=says(
            "native-nic",
            "1.10-1OEM.703.0.50",
            "accepted",
            "7.0",
            relationships=needs("vmkapi_2_9_0_0", "vmkapi_incompat_2_9_0_0"),
            software_tags=("driver", "module"),
            **AFTER_REBOOT,
        ),
        parts=(Part(name="nativeni", files={_MODULE + "native_nic": File(MODULE, 0o444)}),),
        signed=True,
    ),
    "driver-of-9-zstd": Shape(
        says=says(
            "zstd-nic",
            "1.15-1OEM.900.0.84",
            "partner",
            "9.0",
            relationships=needs("vmkapi_3_0_0_0", "zstd-compression = 1.0"),
            **AFTER_REBOOT,
        ),
        parts=(
            Part(
                name="zstdnic",
                type="vzstd",
                digests="of ESXi 9",
                files={_MODULE + "zstd_nic": File(MODULE, 0o444)},
            ),
        ),
        signed=True,
    ),
    "module-for-arm": Shape(
        says=says("sdhci-driver", "0.1.0-1", "community", "8.*", **AFTER_REBOOT),
        parts=(Part(name="sdhci-driver", files={_MODULE + "sdhci": File(ARM_MODULE, 0o444)}),),
    ),
    "cim-provider": Shape(
        says=says(
            "cim-acme",
            "3.1.0-5",
            "accepted",
            "6.*",
            cimom_restart=True,
            relationships=Relationships(
                conflicts=(Constraint.parse("cim-old << 3.0"),),
                replaces=(Constraint.parse("cim-old"),),
                provides=(Provide(name="cim-acme-api", version="3.1"),),
            ),
        ),
        parts=(
            Part(
                name="cimacme",
                digests="in the order that old hosts misread",
                files={
                    "usr/lib/cim/acme.so": File(MODULE, 0o555),
                    "etc/cim/openwsman/acme.conf": File(b"acme\n"),
                },
            ),
        ),
    ),
    "tools-in-the-locker": Shape(
        says=says("tools-acme", "12.0.0-1", "community", type="locker"),
        parts=(Part(type="tgz", layout=gnu_tar, files={"packages/vmtools/a.iso": File(b"iso")}),),
    ),
    "meta": Shape(says=says("acme-all", "1.0.0-1", "community", "8.0", type="meta")),
    "boot-and-two-payloads": Shape(
        says=says("boot-acme", "1.0.0-1", "partner", "8.0", **AFTER_REBOOT),
        parts=(
            Part(name="bootpart", type="boot", files={"b": File(b"boot")}, boot_order=5),
            Part(name="first", files=_AGENT),
            Part(name="second", type="tgz", layout=gnu_tar, files={"opt/b/b": File(b"b\n")}),
        ),
        signed=True,
    ),
    "for-one-server": Shape(
        says=says(
            "oem-only",
            "1.0.0-1",
            "community",
            system_requires=SystemRequires(
                maintenance_mode=MaintenanceMode(on_install=True),
                hardware_platforms=(HardwarePlatform(vendor="ACME", model="Rack 1"),),
                software_platforms=(SoftwarePlatform(version="8.0"),),
            ),
        ),
        parts=(Part(files=_AGENT),),
    ),
    "odd-date-size-and-list": Shape(
        says=says(
            "sloppy",
            "1.0.0-1",
            "community",
            "8.0",
            release_date="May 2024",
            file_list=("opt/agent/other.conf",),
        ),
        parts=(Part(files=_AGENT),),
        edit=(b' type="vgz" size="', b' type="vgz" size="1'),
    ),
    "not-for-stateless": Shape(
        says=says("stateful", "1.0.0-1", "community", "8.0", stateless_ready=False, overlay=True),
        parts=(Part(files=_AGENT),),
    ),
}
"""Names of files, and what is in them."""


def vib_file(folder: Path, name: str) -> Path:
    """Write one of VIBS to a file."""
    path = folder / f"{name}.vib"
    path.write_bytes(VIBS[name].to_bytes())
    return path


def built_files(folder: Path) -> dict[str, Path]:
    """Build a trx.conf as users do, plainly and with the layout boot-copy."""
    found = {}
    for name, layout in (("trx-conf", "plain"), ("trx-conf-boot-copy", "boot-copy")):
        root = make_tree(folder / name / "trx", {"etc/vmware/trx.conf": TRX_CONF})
        settings = {"layout": layout, "version": "1.0.0-1", "release-date": "2024-05-01T12:00:00Z"}
        found[name] = build(root, folder / name, settings=settings).vib_path
    return found


def bundle_files(folder: Path) -> dict[str, Path]:
    """Write bundles: of each way to make one, good and bad."""
    parts = folder / "parts"
    parts.mkdir()
    made_of = {
        "component-of-7": ("driver-of-7",),
        "component-of-9": ("driver-of-9-zstd",),
        "two-components": ("agent-community", "firewall-rule"),
    }
    found = {}
    for name, vibs in made_of.items():
        recipe = BundleRecipe(
            vendor="LAB", vendor_code="LAB", kb_url="https://lab.test/kb", contact="lab@lab.test"
        )
        paths = [vib_file(parts, vib) for vib in vibs]
        found[name] = create_bundle(paths, folder / f"{name}.zip", recipe).path
    one = ComponentRecipe(name="acme", version="1.0", vibs=("agent", "acme-rule"))
    recipe = BundleRecipe(vendor="LAB", vendor_code="LAB", components=(one,), platforms=("8.0",))
    pair = [parts / "agent-community.vib", parts / "firewall-rule.vib"]
    found["one-component-of-two"] = create_bundle(pair, folder / "pair.zip", recipe).path
    return found | {
        "depot-of-5": depot_of_5(folder / "depot-of-5.zip", "script-of-5"),
        "depot-without-bulletins": depot_of_5(
            folder / "bare.zip", "driver-of-6", has_bulletin=False
        ),
    }


def depot_of_5(path: Path, name: str, *, has_bulletin: bool = True) -> Path:
    """Write a depot as the tools of ESXi 5 did: bulletins without components, and vmware.xml."""
    data = VIBS[name].to_bytes()
    text = data[data.index(b"<vib ") : data.index(b"</vib>")]
    said = VIBS[name].says
    place = f"vib20/{said.name}/{said.vib_id}.vib"
    digest = hashlib.sha256(data).hexdigest()
    where = (
        f"<relative-path>{place}</relative-path><packed-size>{len(data)}</packed-size>"
        f"<checksum><checksum-type>sha-256</checksum-type><checksum>{digest}</checksum></checksum>"
        "</vib>"
    )
    bulletin = (
        f"<bulletin><id>{said.name}</id><vendor>LAB</vendor><summary>{said.summary}</summary>"
        "<severity>general</severity><category>general</category><urgency>important</urgency>"
        "<releaseType>extension</releaseType><description/><kbUrl>unknown</kbUrl><contact/>"
        f"<releaseDate>{DATE}</releaseDate><platforms>"
        '<softwarePlatform version="5.*" locale="" productLineID="embeddedEsx"/></platforms>'
        f"<vibList><vibID>{said.vib_id}</vibID></vibList></bulletin>"
    )
    vendor_index = (
        b"<metaList><metadata><productId>embeddedEsx</productId><version>5.*</version><locale/>"
        b"<url>metadata.zip</url></metadata></metaList>"
    )
    bulletins = [(f"bulletins/{said.name}.xml", bulletin.encode())] if has_bulletin else []
    metadata = zipped(
        [
            ("vendor-index.xml", vendor_index),
            ("vmware.xml", f"<metadataResponse>{bulletin}</metadataResponse>".encode()),
            (f"vibs/{said.name}-1.xml", text + where.encode()),
            *bulletins,
        ]
    )
    index = (
        b"<vendorList><vendor><name>LAB</name><code>Unknown</code><indexfile>vendor-index.xml"
        b"</indexfile><patchUrl/><relativePath/><content/></vendor></vendorList>"
    )
    path.write_bytes(
        zipped(
            [
                ("metadata.zip", metadata),
                ("vendor-index.xml", vendor_index),
                ("index.xml", index),
                (place, data),
            ]
        )
    )
    return path
