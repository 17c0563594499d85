"""The files of a VIB: its file list, paths, modes and what belongs to ESXi."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.esxi.paths import BOOT_COPIED, EDITED_PATHS, SHIPPED_PATHS, host_path
from vibforge.esxi.release import PRODUCT, Certainty
from vibforge.findings.check import Contradiction, Fault, Result, Severity, Topic, Unchecked, check
from vibforge.formats import xml_reading
from vibforge.formats.gnu_tar import EntryKind
from vibforge.vib.payload_scan import FIREWALL
from vibforge.vib.scan import VibScan

if TYPE_CHECKING:
    from vibforge.formats.budget import Budget


@check(
    "VF310",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the file list names every file of the payloads"),
)
def unlisted_file(subject: VibScan) -> Iterator[Fault]:
    """A payload holds a file that the file list does not name.

    Why: hosts judge paths and conflicts by the list alone and install the payload as it is, so such
    a file escapes both checks, and its edits are lost at an upgrade.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7; met in the field.
    """
    packed = [f.path for f in subject.files() if f.entry.kind is not EntryKind.DIRECTORY]
    for path in _without(packed, subject.descriptor.file_list):
        yield Fault(path, "is not in the file list")


@check(
    "VF311",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the payloads hold every file of the file list"),
)
def listed_file_missing(subject: VibScan) -> Iterator[Result]:
    """The file list names a file that no payload holds.

    Why: hosts do not notice; the file is simply not there, and its path stays claimed.

    Remedy: derive the list from the payload; vibforge does.

    Evidence: tried on 6.7.
    """
    if unread := [p.name for p in subject.payloads if p.fault or p.form is None]:
        yield Unchecked("", "the payloads hold every file of the file list", _not_read(unread))
        return
    listed = [path for path in subject.descriptor.file_list if not path.endswith("/")]
    for path in _without(listed, (found.path for found in subject.files())):
        yield Fault(path, "is in the file list and in no payload")


def _without(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the paths that name no file of the others on a host.

    Paths that are equal as they stand are compared first: few VIBs have others, and normalising
    every path takes time and memory.
    """
    wanted, as_written = sorted(paths), sorted(others)
    if wanted == as_written:
        return []
    known = set(as_written)
    rest = [path for path in wanted if path not in known]
    landed = {host_path(path) for path in as_written} if rest else set()
    return [path for path in rest if host_path(path) not in landed]


def _not_read(names: list[str]) -> str:
    return f"{', '.join(names)} could not be read as a tar"


@check("VF312", Severity.ERROR, Certainty.INFERRED)
def file_of_esxi(subject: VibScan) -> Iterator[Fault]:
    """The VIB carries a file that ESXi brings itself.

    Why: the install stops with "{FILE_CONFLICT.title}". Only some
    well-known files of ESXi are known here; its own lists are far longer.

    Remedy: give the file another path.

    Evidence: the check was tried on 6.7; the files are those that every host is known to have.
    """
    if not subject.descriptor.overlay:
        for path in subject.descriptor.file_list:
            if host_path(path).lstrip("/") in SHIPPED_PATHS:
                yield Fault(path, "is a file of ESXi")


@check(
    "VF313",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the file list has plain relative paths"),
)
def odd_path_in_list(subject: VibScan) -> Iterator[Fault]:
    """An entry of the file list is absolute, is no plain path, or is there twice.

    Why: a leading / or ./ fails the check of paths; .. passes it and conflicts elsewhere; entries
    that end in / are left out of the check of conflicts.

    Remedy: relative paths of files, each once.

    Evidence: tried on 6.7.
    """
    counts = Counter(subject.descriptor.file_list)
    for path, count in counts.items():
        if not path:
            yield Fault("<file-list>", "holds an empty path")
        elif path.startswith(("/", "./")) or host_path(path) != f"/{path}":
            yield Fault(path, "is not a plain relative path of a file")
        elif count > 1:
            yield Fault(path, f"is there {count} times", Severity.WARNING)


_STICKY, _SET_ID, _WORLD_WRITABLE = 0o1000, 0o6000, 0o002
_MTS_OWNERS = frozenset({0, 201})
"""Root, and the user 201 that one official VIB has."""
_MACHINES = {62: "x86-64", 183: "aarch64", 3: "i386"}
_X86_64, _AARCH64, _I386 = 62, 183, 3
_EXECUTE = 0o111
_STARTED_BY_HOSTS = ("etc/init.d/", "etc/rc.local.d/", "etc/shutdown.d/")
"""Folders whose executable files hosts start by themselves."""
_PROGRAM_FOLDERS = frozenset({"bin", "sbin"})
_LAST_PORT = 65535
_TAG_STRICT_STICKY = "RestrictStickyFiles"
_ABSENT_SHELLS = ("bash", "zsh", "dash", "ksh", "tcsh", "csh")


@check("VF331", Severity.WARNING, Certainty.DOCUMENTED)
def sticky_outside_etc(subject: VibScan) -> Iterator[Fault]:
    """A file outside /etc has the sticky bit.

    Why: ESXi keeps edits of sticky files below /etc only; anywhere else the bit promises what does
    not happen, and edits are gone after a reboot.

    Remedy: put files that admins edit below /etc, or drop the bit.

    Evidence: KB 342062; read off a 6.7 host.
    """
    for found in subject.files():
        is_sticky_file = found.entry.mode & _STICKY and found.entry.kind is not EntryKind.DIRECTORY
        if is_sticky_file and not found.path.startswith("etc/"):
            yield Fault(found.path, f"has mode {found.entry.mode:04o}; edits do not last here")


@check("VF332", Severity.NOTE, Certainty.UNKNOWN)
def sticky_under_strict_tag(subject: VibScan) -> Iterator[Fault]:
    """Sticky files stand beside the tag RestrictStickyFiles.

    Why: vendor VIBs from 7.0.3 on carry the tag and never a sticky file; what it does is not on
    record.

    Remedy: leave out one of the two.

    Evidence: vendor VIBs.
    """
    if _TAG_STRICT_STICKY in subject.descriptor.software_tags:
        for found in subject.files():
            if found.entry.mode & _STICKY:
                yield Fault(found.path, f"is sticky under the tag {_TAG_STRICT_STICKY}")


@check("VF333", Severity.WARNING, Certainty.DOCUMENTED)
def builders_owner(subject: VibScan) -> Iterator[Fault]:
    """Files belong to the user who built the VIB.

    Why: the number means somebody else on the host, or nobody, and the name tells who built it.
    Hosts do not check owners; vendor VIBs are root's.

    Remedy: pack as root: tar --owner=0 --group=0.

    Evidence: vendor VIBs; community VIBs that leak uid and name.
    """
    owners = Counter(
        (found.entry.uid, found.entry.gid, found.found.owner)
        for found in subject.files()
        if found.entry.uid not in _MTS_OWNERS or found.entry.gid not in _MTS_OWNERS
    )
    of_numbers: Counter[tuple[int, int]] = Counter()
    for (uid, gid, _), count in owners.items():
        of_numbers[uid, gid] += count
    for uid, gid, name in sorted(owners):
        named = f" ({name})" if name else ""
        count = of_numbers[uid, gid]
        entries = "1 entry belongs" if count == 1 else f"{count} entries belong"
        yield Fault("", f"{entries} to {uid}:{gid}{named}")


@check("VF334", Severity.WARNING, Certainty.DOCUMENTED)
def world_writable(subject: VibScan) -> Iterator[Fault]:
    """Everybody may write a file or folder.

    Why: any process of the host may then change what root runs or reads.

    Remedy: 0644 for files, 0755 for programs and folders.

    Evidence: modes of vendor VIBs.
    """
    for found in subject.files():
        is_link = found.entry.kind in {EntryKind.SYMLINK, EntryKind.HARD_LINK}
        sticky_folder = found.entry.kind is EntryKind.DIRECTORY and found.entry.mode & _STICKY
        if found.entry.mode & _WORLD_WRITABLE and not is_link and not sticky_folder:
            yield Fault(found.path, f"has mode {found.entry.mode:04o}")


@check("VF335", Severity.WARNING, Certainty.DOCUMENTED)
def set_id(subject: VibScan) -> Iterator[Fault]:
    """A file runs with the rights of its owner or group.

    Why: it is a way to become root that nobody expects from a VIB.

    Remedy: drop the set-id bits; what a VIB starts runs as root anyway.

    Evidence: no vendor VIB met has one.
    """
    for found in subject.files():
        if found.entry.mode & _SET_ID and found.entry.kind is not EntryKind.DIRECTORY:
            yield Fault(found.path, f"has mode {found.entry.mode:04o}")


@check("VF336", Severity.ERROR, Certainty.DOCUMENTED)
def script_with_crlf(subject: VibScan) -> Iterator[Fault]:
    """A script has Windows line ends.

    Why: the kernel looks for an interpreter whose name ends in a carriage return and finds none.

    Remedy: line ends of Unix, and an eol=lf in .gitattributes.

    Evidence: Linux and BusyBox behaviour.
    """
    for found in subject.files():
        if found.has_crlf:
            yield Fault(found.path, "has CRLF line ends")


@check("VF337", Severity.ERROR, Certainty.DOCUMENTED)
def shell_not_on_hosts(subject: VibScan) -> Iterator[Fault]:
    """A script asks for a shell that hosts do not have.

    Why: ESXi has BusyBox: its shell is /bin/sh, and there is no bash.

    Remedy: write #!/bin/sh, and try the script with `busybox sh`.

    Evidence: ESXi's shell is BusyBox.
    """
    for found in subject.files():
        words = found.shebang.split()
        program = words[0].rpartition("/")[2] if words else ""
        if program == "env" and len(words) > 1:
            program = words[1]
        if program in _ABSENT_SHELLS:
            yield Fault(found.path, f"starts with #!{found.shebang}")


@check("VF338", Severity.ERROR, Certainty.DOCUMENTED)
def wrong_machine(subject: VibScan) -> Iterator[Fault]:
    """A program is for another processor than the rest, or than any that runs ESXi.

    Why: ESXi runs on x86-64, and ESXi-Arm on aarch64; a program for another machine does not start.

    Remedy: build it for the host's processor.

    Evidence: ELF; ESXi's hardware.
    """
    programs = [(f.path, f.program.machine) for f in subject.files() if f.program]
    arm = {machine for _, machine in programs} >= {_X86_64, _AARCH64}
    for path, machine in programs:
        name = _MACHINES.get(machine, f"machine {machine}")
        if machine not in {_X86_64, _AARCH64, _I386}:
            yield Fault(path, f"is a program for {name}")
        elif arm and machine == _AARCH64:
            yield Fault(path, "is a program for aarch64, among others for x86-64")


@check("VF346", Severity.WARNING, Certainty.INFERRED)
def unlike_platform(subject: VibScan) -> Iterator[Fault]:
    """A program or kernel module is for another processor than the hosts that the VIB names.

    Why: productLineID `embeddedEsx` names hosts with x86 processors. ESXi loads no module and
    starts no program of another processor.

    Remedy: build it for the host's processor, or correct <softwarePlatform>.

    Evidence: vendor descriptors; the names of other product lines are not on record.
    """
    platforms = subject.descriptor.system_requires.software_platforms
    products = {platform.product_line_id for platform in platforms}
    for found in subject.files():
        machine = found.program.machine if found.program else None
        kind = "kernel module" if found.program and found.program.is_relocatable else "program"
        if machine == _AARCH64 and products == {PRODUCT}:
            yield Fault(found.path, f"is a {kind} for aarch64; {PRODUCT} names x86 hosts")
        elif machine == _X86_64 and products and PRODUCT not in products:
            named = ", ".join(sorted(products))
            what = f"is a {kind} for x86-64; only {PRODUCT} names x86 hosts, not {named:.80}"
            yield Fault(found.path, what)


@check("VF339", Severity.WARNING, Certainty.DOCUMENTED)
def script_not_executable(subject: VibScan) -> Iterator[Fault]:
    """An init script cannot be executed.

    Why: hosts run the files below etc/init.d and etc/rc.local.d that are executable.

    Remedy: mode 0755.

    Evidence: read off a 6.7 host.
    """
    for found in subject.files():
        runs = found.path.startswith(_STARTED_BY_HOSTS)
        if runs and found.is_file and not found.entry.mode & _EXECUTE:
            yield Fault(found.path, f"has mode {found.entry.mode:04o}")


@check("VF341", Severity.WARNING, Certainty.DOCUMENTED)
def program_not_executable(subject: VibScan) -> Iterator[Fault]:
    """A program cannot be executed.

    Why: its mode has no execute bit, so starting it ends in "Permission denied".

    Remedy: mode 0755, by a rule of the recipe or `chmod +x` before the build.

    Evidence: Unix; the modes of vendor VIBs.
    """
    for found in subject.files():
        folder = found.path.rpartition("/")[0].rpartition("/")[2]
        is_program = found.program and not found.program.is_relocatable
        runs = is_program and (found.program.is_fixed or folder in _PROGRAM_FOLDERS)  # type: ignore[union-attr] # is_program
        script = found.shebang and not found.path.startswith(_STARTED_BY_HOSTS)
        if (runs or script) and not found.entry.mode & _EXECUTE:
            kind = "program" if runs else "script"
            what = f"is a {kind} and has mode {found.entry.mode:04o}"
            yield Fault(found.path, what, None if runs else Severity.NOTE)


@check("VF342", Severity.WARNING, Certainty.DOCUMENTED)
def folder_without_access(subject: VibScan) -> Iterator[Fault]:
    """A folder lacks the execute bit.

    Why: only root reaches what is in it. A rule that sets 0644 for `**` does that to folders.

    Remedy: mode 0755 for folders: let the rule name files.

    Evidence: Unix; a few driver packages have folders of mode 0600, and hosts install them.
    """
    for found in subject.files():
        is_folder = found.entry.kind is EntryKind.DIRECTORY
        if is_folder and not found.entry.mode & _EXECUTE:
            yield Fault(found.path, f"is a folder and has mode {found.entry.mode:04o}")


@check(
    "VF343",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=lambda row: row.scripts_need_shebang,
)
def script_without_shebang(subject: VibScan) -> Iterator[Fault]:
    """A script does not begin with `#!`.

    Why: execInstalledOnly is on from 8.0 on, and a host then starts no script without an
    interpreter line, although older hosts run it with their shell.

    Remedy: begin the script with #!/bin/sh.

    Evidence: the vendor's documentation of execInstalledOnly.
    """
    for found in subject.files():
        started = found.path.startswith(_STARTED_BY_HOSTS) or found.path.endswith(".sh")
        is_executable = found.is_file and found.entry.size and found.entry.mode & _EXECUTE
        if started and is_executable and not found.shebang and not found.program:
            yield Fault(found.path, "is started as a script and has no #! line")


@check("VF344", Severity.ERROR, Certainty.DOCUMENTED)
def bad_firewall_rules(subject: VibScan) -> Iterator[Fault]:
    """A firewall rule set cannot be read, or names ports that do not exist.

    Why: hostd reads every XML file below etc/vmware/firewall when the firewall is refreshed; one
    that is not well-formed ends the refresh, and then the rules of other services are missing too.

    Remedy: correct the file; ports are 0 to 65535, and a range begins with the lower one.

    Evidence: XML; the vendor's documentation of custom firewall rules.
    """
    for found in subject.files():
        if found.content and found.path.startswith(FIREWALL):
            for what in _firewall_faults(found.content, subject.vib.source.budget):
                yield Fault(found.path, what)


def _firewall_faults(content: bytes, budget: "Budget") -> Iterator[str]:
    try:
        root = xml_reading.parse(content, "firewall", budget)
    except FormatError as error:
        yield error.problems[0].what
        return
    for port in root.iter("port"):
        texts = [each.text or "" for each in port] or [port.text or ""]
        numbers = [int(text) if _is_port(text.strip()) else -1 for text in texts]
        if -1 in numbers:
            yield f"port {' to '.join(texts):.40} is not 0 to {_LAST_PORT}"
        elif numbers != sorted(numbers):
            yield f"the ports {numbers[0]} to {numbers[-1]} are in the wrong order"


def _is_port(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT))
    return is_number and int(text) <= _LAST_PORT


@check("VF345", Severity.ERROR, Certainty.INFERRED)
def replaces_file_of_esxi(subject: VibScan) -> Iterator[Fault]:
    """The init script of the layout boot-copy replaces a file of ESXi at every boot.

    Why: the file's own content is gone until the VIB is removed, edits that an administrator makes
    do not last, and an update of ESXi no longer reaches the file. A mistake in it can lock
    everybody out of the host.

    Remedy: leave the file to ESXi, and put what is needed into a file of your own.

    Evidence: the layout itself; the files are those that every host is known to have.
    """
    for path in subject.descriptor.file_list:
        own = path.partition(BOOT_COPIED)[2]
        if own and (own in SHIPPED_PATHS or own in EDITED_PATHS):
            yield Fault(path, f"is copied over /{own}, a file of ESXi, at every boot")


@check("VF347", Severity.WARNING, Certainty.MEASURED)
def mode_changed_by_build(subject: VibScan) -> Iterator[Fault]:
    """The build gave a file or folder another mode than it has in the tree.

    Why: a build gives 0755 to folders and programs and 0644 to other files, so that a VIB does not
    depend on somebody's umask. A file that only its owner could read, such as a key, is then
    readable for everybody on the host, and a program loses its set-id bits.

    Remedy: name the mode in a rule of the recipe, also where the one of the build is right:
    `paths = ["etc/acme/key"]` and `mode = "0600"` below `[[payloads.rules]]`.

    Evidence: the modes of the tree and those in the payload.
    """
    for path, mode in subject.changed_modes.items():
        yield Fault(path, f"has mode {mode.found:04o} in the tree and {mode.built:04o} in the VIB")


@check("VF340", Severity.ERROR, Certainty.DOCUMENTED)
def path_leads_out(subject: VibScan) -> Iterator[Fault]:
    """An entry of a payload leads upwards, is a device, or has a name that is no text.

    Why: no honest VIB has one; it is how an archive gets at files outside its place.

    Remedy: do not install this VIB before you know who made it.

    Evidence: none of 101 VIBs met has one.
    """
    for found in subject.files():
        for oddity in found.found.oddities:
            yield Fault(f"{found.path!r:.200}", oddity)


CHECKS = (
    unlisted_file,
    listed_file_missing,
    file_of_esxi,
    odd_path_in_list,
    sticky_outside_etc,
    sticky_under_strict_tag,
    builders_owner,
    world_writable,
    set_id,
    script_with_crlf,
    shell_not_on_hosts,
    wrong_machine,
    script_not_executable,
    path_leads_out,
    program_not_executable,
    folder_without_access,
    script_without_shebang,
    bad_firewall_rules,
    replaces_file_of_esxi,
    unlike_platform,
    mode_changed_by_build,
)
