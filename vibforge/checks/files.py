"""VF3xx: the files of a VIB: file list, paths, modes, and files that belong to ESXi."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from vibforge.errors import FormatError
from vibforge.esxi.paths import BOOT_COPIED, EDITED_PATHS, SHIPPED_PATHS, host_path
from vibforge.esxi.release import PRODUCT, Certainty
from vibforge.findings.check import Contradiction, Fault, Result, Severity, Topic, Unchecked, check
from vibforge.formats import xml_reading
from vibforge.formats.gnu_tar import ArchiveEntry, EntryKind
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
    """A payload contains a file that the file list does not name.

    Why: hosts check paths and conflicts by the file list alone, but install the whole payload. An
    unlisted file escapes both checks, and edits to it are lost at an upgrade.

    Remedy: generate the file list from the payload, as `vibforge build` does.

    Evidence: tried on 6.7; seen in the field.
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
    """The file list names a file that no payload contains.

    Why: hosts do not notice. The file is missing after the install, and no other VIB can bring a
    file of that path.

    Remedy: generate the file list from the payload, as `vibforge build` does.

    Evidence: tried on 6.7.
    """
    if unread := [p.name for p in subject.payloads if p.fault or p.form is None]:
        yield Unchecked("", "the payloads hold every file of the file list", _unreadable(unread))
        return
    listed = [path for path in subject.descriptor.file_list if not path.endswith("/")]
    for path in _without(listed, (file.path for file in subject.files())):
        yield Fault(path, "is in the file list, but in no payload")


def _without(paths: Iterable[str], others: Iterable[str]) -> list[str]:
    """Return the paths that are not among the others, compared as paths on a host.

    Paths are first compared as written, because normalising every path costs time and memory and
    few VIBs need it.
    """
    sorted_paths, sorted_others = sorted(paths), sorted(others)
    if sorted_paths == sorted_others:
        return []
    as_written = set(sorted_others)
    unmatched = [path for path in sorted_paths if path not in as_written]
    on_host = {host_path(path) for path in sorted_others} if unmatched else set()
    return [path for path in unmatched if host_path(path) not in on_host]


def _unreadable(names: list[str]) -> str:
    return f"{', '.join(names)} could not be read as a tar"


@check("VF312", Severity.ERROR, Certainty.INFERRED)
def file_of_esxi(subject: VibScan) -> Iterator[Fault]:
    """The VIB contains a file that belongs to ESXi itself.

    Why: the install stops with "{FILE_CONFLICT.title}". vibforge
    checks only some well-known files of ESXi; a host's own list is far longer.

    Remedy: give the file another path.

    Evidence: the host's check was tried on 6.7; the files are known to be on every host.
    """
    if not subject.descriptor.overlay:
        for path in subject.descriptor.file_list:
            if host_path(path).lstrip("/") in SHIPPED_PATHS:
                yield Fault(path, "belongs to ESXi itself")


@check(
    "VF313",
    Severity.ERROR,
    Certainty.MEASURED,
    contradiction=Contradiction(Topic.FILES, "the file list has plain relative paths"),
)
def odd_path_in_list(subject: VibScan) -> Iterator[Fault]:
    """An entry of the file list is empty, absolute, not normalised, a folder or a duplicate.

    Why: a leading / or ./ fails the path check. A path with .. passes it, but conflicts with files
    elsewhere. The conflict check skips entries that end in /.

    Remedy: list the relative path of each file once.

    Evidence: tried on 6.7.
    """
    counts = Counter(subject.descriptor.file_list)
    for path, count in counts.items():
        if not path:
            yield Fault("<file-list>", "contains an empty path")
        elif path.startswith(("/", "./")) or host_path(path) != f"/{path}":
            yield Fault(path, "is not a plain relative path of a file")
        elif count > 1:
            yield Fault(path, f"is listed {count} times", Severity.WARNING)


_STICKY, _SET_ID, _WORLD_WRITABLE = 0o1000, 0o6000, 0o002
_MTS_OWNERS = frozenset({0, 201})
"""Root, and the user 201 of one official VIB."""
_MACHINES = {62: "x86-64", 183: "aarch64", 3: "i386"}
_X86_64, _AARCH64, _I386 = 62, 183, 3
_EXECUTE = 0o111
_STARTED_BY_HOSTS = ("etc/init.d/", "etc/rc.local.d/", "etc/shutdown.d/")
"""Folders whose executable files a host starts at boot or shutdown."""
_PROGRAM_FOLDERS = frozenset({"bin", "sbin"})
_LAST_PORT = 65535
_TAG_STRICT_STICKY = "RestrictStickyFiles"
_ABSENT_SHELLS = ("bash", "zsh", "dash", "ksh", "tcsh", "csh")


@check("VF331", Severity.WARNING, Certainty.DOCUMENTED)
def sticky_outside_etc(subject: VibScan) -> Iterator[Fault]:
    """A file outside /etc has the sticky bit.

    Why: ESXi keeps edits of sticky files only below /etc. Elsewhere the bit has no effect, and
    edits are lost at a reboot.

    Remedy: move files that administrators edit below /etc, or clear the sticky bit.

    Evidence: KB 342062; observed on a 6.7 host.
    """
    for file in subject.files():
        is_sticky_file = file.entry.mode & _STICKY and file.entry.kind is not EntryKind.DIRECTORY
        if is_sticky_file and not file.path.startswith("etc/"):
            what = f"has mode {file.entry.mode:04o}, but edits outside /etc are lost at a reboot"
            yield Fault(file.path, what)


def keeps_edits(entry: ArchiveEntry) -> bool:
    """Return whether a host keeps edits of a file: format.md#sticky-files."""
    is_file = entry.kind is not EntryKind.DIRECTORY and not entry.kind.is_link
    return is_file and bool(entry.mode & _STICKY) and entry.path.startswith("etc/")


@check("VF348", Severity.NOTE, Certainty.DOCUMENTED)
def sticky_file_keeps_edits(subject: VibScan) -> Iterator[Fault]:
    """A file below /etc has the sticky bit, so that hosts keep edits of it.

    Why: once somebody edits such a file on a host, the host saves the edit and restores it after
    a reboot (measured on 6.7). An update to another version of the VIB then keeps the edit, and the
    new file of the package does not take effect on that host (documented for 6.7). If the VIB is
    removed, the edit is not restored when it is installed again (documented for 6.7). Whether 7.0
    and later do the same is not known: 7.0 U2 added a configuration store.

    Remedy: nothing, if administrators edit the file. If every update has to replace the file, clear
    the sticky bit: leave `config = true` out, or write a mode without the leading 1. `vibforge
    host-check` shows which hosts have an edit.

    Evidence: a 6.7 host; a host image of 6.7.0; KB 342062.
    """
    for file in subject.files():
        if keeps_edits(file.entry):
            mode = f"{file.entry.mode:04o}"
            what = f"has mode {mode}: ESXi 6.7 keeps an edit of it over an update; later: not known"
            yield Fault(file.path, what)


@check("VF332", Severity.NOTE, Certainty.UNKNOWN)
def sticky_under_strict_tag(subject: VibScan) -> Iterator[Fault]:
    """The VIB has the software tag RestrictStickyFiles and sticky files.

    Why: vendor VIBs of 7.0.3 and later that have this tag never contain a sticky file. The effect
    of the tag is not documented.

    Remedy: remove the tag, or clear the sticky bit of the files.

    Evidence: vendor VIBs.
    """
    if _TAG_STRICT_STICKY in subject.descriptor.software_tags:
        for file in subject.files():
            if file.entry.mode & _STICKY:
                what = f"has the sticky bit, and the VIB has the tag {_TAG_STRICT_STICKY}"
                yield Fault(file.path, what)


@check("VF333", Severity.WARNING, Certainty.DOCUMENTED)
def builders_owner(subject: VibScan) -> Iterator[Fault]:
    """Files are owned by the user who built the VIB instead of root.

    Why: on a host the user ID belongs to somebody else or to nobody, and the name reveals who built
    the VIB. Hosts do not check owners; in vendor VIBs root owns all files.

    Remedy: set the owner to root: tar --owner=0 --group=0.

    Evidence: vendor VIBs; community VIBs that reveal user ID and name.
    """
    owners = Counter(
        (file.entry.uid, file.entry.gid, file.found.owner)
        for file in subject.files()
        if file.entry.uid not in _MTS_OWNERS or file.entry.gid not in _MTS_OWNERS
    )
    entries: Counter[tuple[int, int]] = Counter()
    for (uid, gid, _), count in owners.items():
        entries[uid, gid] += count
    for uid, gid, name in sorted(owners):
        named = f" ({name})" if name else ""
        count = entries[uid, gid]
        what = "1 entry is" if count == 1 else f"{count} entries are"
        yield Fault("", f"{what} owned by {uid}:{gid}{named}, not by root")


@check("VF334", Severity.WARNING, Certainty.DOCUMENTED)
def world_writable(subject: VibScan) -> Iterator[Fault]:
    """A file or folder is world-writable.

    Why: any process on the host can change what root runs or reads.

    Remedy: use mode 0644 for files, 0755 for programs and folders.

    Evidence: modes of vendor VIBs.
    """
    for file in subject.files():
        is_link = file.entry.kind.is_link
        sticky_folder = file.entry.kind is EntryKind.DIRECTORY and file.entry.mode & _STICKY
        if file.entry.mode & _WORLD_WRITABLE and not is_link and not sticky_folder:
            yield Fault(file.path, f"has mode {file.entry.mode:04o}")


@check("VF335", Severity.WARNING, Certainty.DOCUMENTED)
def set_id(subject: VibScan) -> Iterator[Fault]:
    """A file has the setuid or setgid bit.

    Why: it gives every user of the host a way to become root, which nobody expects from a VIB.

    Remedy: clear the bits; what a VIB starts runs as root anyway.

    Evidence: none of the vendor VIBs seen has such a file.
    """
    for file in subject.files():
        if file.entry.mode & _SET_ID and file.entry.kind is not EntryKind.DIRECTORY:
            yield Fault(file.path, f"has mode {file.entry.mode:04o}")


@check("VF336", Severity.ERROR, Certainty.DOCUMENTED)
def script_with_crlf(subject: VibScan) -> Iterator[Fault]:
    """A script has Windows line ends.

    Why: the kernel looks for an interpreter whose name ends in a carriage return, and finds none.

    Remedy: convert the file to Unix line ends, and set eol=lf in .gitattributes.

    Evidence: Linux and BusyBox behaviour.
    """
    for file in subject.files():
        if file.has_crlf:
            before = file.content.partition(b"\r\n")[0]
            yield Fault(file.path, "has CRLF line ends", line=before.count(b"\n") + 1)


@check("VF337", Severity.ERROR, Certainty.DOCUMENTED)
def shell_not_on_hosts(subject: VibScan) -> Iterator[Fault]:
    """A script requires a shell that hosts do not have.

    Why: ESXi uses BusyBox. Its shell is /bin/sh; there is no bash.

    Remedy: start the script with #!/bin/sh, and test it with `busybox sh`.

    Evidence: ESXi's shell is BusyBox.
    """
    for file in subject.files():
        words = file.shebang.split()
        program = words[0].rpartition("/")[2] if words else ""
        if program == "env" and len(words) > 1:
            program = words[1]
        if program in _ABSENT_SHELLS:
            what = f"starts with #!{file.shebang}, but hosts have only /bin/sh"
            yield Fault(file.path, what, line=1)


@check("VF338", Severity.ERROR, Certainty.DOCUMENTED)
def wrong_machine(subject: VibScan) -> Iterator[Fault]:
    """A program is for another processor than the other programs, or than any that runs ESXi.

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
            yield Fault(path, "is a program for aarch64, but others in the VIB are for x86-64")


@check("VF346", Severity.WARNING, Certainty.INFERRED)
def unlike_platform(subject: VibScan) -> Iterator[Fault]:
    """A program or kernel module does not fit the processor of the VIB's software platforms.

    Why: productLineID `embeddedEsx` stands for hosts with x86 processors. ESXi does not load
    modules or start programs for another processor.

    Remedy: build it for the host's processor, or correct <softwarePlatform>.

    Evidence: vendor descriptors; the names of other product lines are not documented.
    """
    platforms = subject.descriptor.system_requires.software_platforms
    products = {platform.product_line_id for platform in platforms}
    for file in subject.files():
        machine = file.program.machine if file.program else None
        kind = "kernel module" if file.program and file.program.is_relocatable else "program"
        if machine == _AARCH64 and products == {PRODUCT}:
            yield Fault(file.path, f"is a {kind} for aarch64, but {PRODUCT} stands for x86 hosts")
        elif machine == _X86_64 and products and PRODUCT not in products:
            named = ", ".join(sorted(products))
            what = f"is a {kind} for x86-64, but {named:.80} does not stand for x86 hosts"
            yield Fault(file.path, what)


@check("VF339", Severity.WARNING, Certainty.DOCUMENTED)
def script_not_executable(subject: VibScan) -> Iterator[Fault]:
    """An init script is not executable.

    Why: hosts run only executable files below etc/init.d and etc/rc.local.d.

    Remedy: set mode 0755.

    Evidence: observed on a 6.7 host.
    """
    for file in subject.files():
        is_started = file.path.startswith(_STARTED_BY_HOSTS)
        if is_started and file.is_file and not file.entry.mode & _EXECUTE:
            yield Fault(file.path, f"has mode {file.entry.mode:04o}; hosts do not run it")


@check("VF341", Severity.WARNING, Certainty.DOCUMENTED)
def program_not_executable(subject: VibScan) -> Iterator[Fault]:
    """A program is not executable.

    Why: its mode has no execute bit, so starting it fails with "Permission denied".

    Remedy: set mode 0755, with a rule in the recipe or with `chmod +x` before the build.

    Evidence: Unix; the modes of vendor VIBs.
    """
    for file in subject.files():
        folder = file.path.rpartition("/")[0].rpartition("/")[2]
        is_program = file.program and not file.program.is_relocatable
        runs = is_program and (file.program.is_fixed or folder in _PROGRAM_FOLDERS)  # type: ignore[union-attr] # is_program
        script = file.shebang and not file.path.startswith(_STARTED_BY_HOSTS)
        if (runs or script) and not file.entry.mode & _EXECUTE:
            kind = "program" if runs else "script"
            what = f"is a {kind} and has mode {file.entry.mode:04o}"
            yield Fault(file.path, what, None if runs else Severity.NOTE)


@check("VF342", Severity.WARNING, Certainty.DOCUMENTED)
def folder_without_access(subject: VibScan) -> Iterator[Fault]:
    """A folder has no execute bit.

    Why: only root can access its contents. A rule that sets 0644 for `**` causes this.

    Remedy: set mode 0755 for folders; let the rule match only files.

    Evidence: Unix; a few driver packages have folders of mode 0600, and hosts install them.
    """
    for file in subject.files():
        is_folder = file.entry.kind is EntryKind.DIRECTORY
        if is_folder and not file.entry.mode & _EXECUTE:
            yield Fault(file.path, f"is a folder and has mode {file.entry.mode:04o}")


@check(
    "VF343",
    Severity.ERROR,
    Certainty.DOCUMENTED,
    minds=lambda row: row.scripts_need_shebang,
)
def script_without_shebang(subject: VibScan) -> Iterator[Fault]:
    """A script does not begin with `#!`.

    Why: from 8.0 on, execInstalledOnly is enabled, and the host does not start a script without an
    interpreter line. Older hosts run such a script with their shell.

    Remedy: start the script with #!/bin/sh.

    Evidence: the vendor's documentation of execInstalledOnly.
    """
    for file in subject.files():
        is_started = file.path.startswith(_STARTED_BY_HOSTS) or file.path.endswith(".sh")
        is_executable = file.is_file and file.entry.size and file.entry.mode & _EXECUTE
        if is_started and is_executable and not file.shebang and not file.program:
            yield Fault(file.path, "is started as a script, but has no #! line", line=1)


@check("VF344", Severity.ERROR, Certainty.DOCUMENTED)
def bad_firewall_rules(subject: VibScan) -> Iterator[Fault]:
    """A firewall rule set is not well-formed XML, or names invalid ports.

    Why: hostd reads every XML file below etc/vmware/firewall when it refreshes the firewall. A file
    that is not well-formed stops the refresh, so the rules of other services are missing too.

    Remedy: correct the file; ports are 0 to 65535, and a range begins with the lower port.

    Evidence: XML; the vendor's documentation of custom firewall rules.
    """
    for file in subject.files():
        if file.content and file.path.startswith(FIREWALL):
            for line, what in _firewall_faults(file.content, subject.vib.source.budget):
                yield Fault(file.path, what, line=line)


def _firewall_faults(content: bytes, budget: "Budget") -> Iterator[tuple[int, str]]:
    """Yield the line and the text of each fault; line 0 is the file as a whole."""
    try:
        root = xml_reading.parse(content, "firewall", budget)
    except FormatError as error:
        line = error.problems[0].where.partition(":")[2]
        yield int(line) if line.isdigit() else 0, error.problems[0].what
        return
    for port in root.iter("port"):
        texts = [end.text or "" for end in port] or [port.text or ""]
        numbers = [int(text) if _is_port(text.strip()) else -1 for text in texts]
        if -1 in numbers:
            what = f"port {' to '.join(texts):.40} is not 0 to {_LAST_PORT}"
            yield xml_reading.line_of(port), what
        elif numbers != sorted(numbers):
            what = f"the ports {numbers[0]} to {numbers[-1]} are in the wrong order"
            yield xml_reading.line_of(port), what


def _is_port(text: str) -> bool:
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(_LAST_PORT))
    return is_number and int(text) <= _LAST_PORT


@check("VF345", Severity.ERROR, Certainty.INFERRED)
def replaces_file_of_esxi(subject: VibScan) -> Iterator[Fault]:
    """The init script of the boot-copy layout overwrites a file of ESXi at every boot.

    Why: until the VIB is removed, the original content is gone, an administrator's edits are lost
    at every boot, and updates of ESXi no longer reach the file. An error in the file can lock
    everybody out of the host.

    Remedy: do not replace the file; put your settings into a file of your own.

    Evidence: the layout itself; the files are known to be on every host.
    """
    for path in subject.descriptor.file_list:
        own = path.partition(BOOT_COPIED)[2]
        if own and (own in SHIPPED_PATHS or own in EDITED_PATHS):
            yield Fault(path, f"overwrites /{own}, a file of ESXi, at every boot")


@check("VF347", Severity.WARNING, Certainty.MEASURED)
def mode_changed_by_build(subject: VibScan) -> Iterator[Fault]:
    """The build changed the mode of a file or folder.

    Why: a build sets 0755 on folders and programs and 0644 on other files, so that a VIB does not
    depend on the umask of its builder. A file that only its owner could read, such as a key, is
    then readable by everybody on the host, and a program loses its setuid and setgid bits.

    Remedy: set the mode in a rule of the recipe, even if the mode of the build is right:
    `paths = ["etc/acme/key"]` and `mode = "0600"` below `[[payloads.rules]]`.

    Evidence: the modes in the tree and in the payload.
    """
    for path, mode in subject.changed_modes.items():
        yield Fault(path, f"has mode {mode.found:04o} in the tree and {mode.built:04o} in the VIB")


@check("VF340", Severity.ERROR, Certainty.DOCUMENTED)
def path_leads_out(subject: VibScan) -> Iterator[Fault]:
    """A payload entry leads out of the payload, is a device, or has an undecodable name.

    Why: no legitimate VIB has such an entry; attackers use them to reach files outside the payload.

    Remedy: do not install this VIB before you know who built it.

    Evidence: none of 101 VIBs examined has one.
    """
    for file in subject.files():
        for oddity in file.found.oddities:
            yield Fault(f"{file.path!r:.200}", oddity)


CHECKS = (
    unlisted_file,
    listed_file_missing,
    file_of_esxi,
    odd_path_in_list,
    sticky_outside_etc,
    sticky_file_keeps_edits,
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
