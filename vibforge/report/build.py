"""Texts about a build: before it (`--dry-run`) and after it."""

from collections.abc import Iterator

from vibforge.api.build import BuildResult
from vibforge.checks.files import keeps_edits
from vibforge.errors import escaped, shell_line
from vibforge.esxi.paths import TRX_CONF
from vibforge.esxi.release import Certainty, least_sure
from vibforge.findings.check import Severity
from vibforge.host.host import DEFAULT_LEVEL
from vibforge.host.install_needs import InstallNeeds, Outlook, outcomes_of, outlook_words
from vibforge.packages.lint import LintResult
from vibforge.project.build import Built
from vibforge.project.plan_build import BuildPlan, DateSource
from vibforge.project.recipe_writing import serialise
from vibforge.project.version_lock import ConflictKind, VersionConflict
from vibforge.project.versioning import LINE_ENDS_REMEDY, listed
from vibforge.report import bundle, sign, units
from vibforge.report.lint import brief_lines, counted
from vibforge.report.paint import Paint
from vibforge.report.plain import entry_line
from vibforge.signing import judging
from vibforge.signing.policy import why_auditors_care
from vibforge.trx.check import CheckResult
from vibforge.vib.identity import Version

_SHOWN_FILES = 20
_SHOWN_FINDINGS = 2
_STOCK = f" ({DEFAULT_LEVEL.esxcli_name}, Secure Boot off)"
_NO_SECURE_BOOT = "a host with Secure Boot refuses this VIB with any flags"


def written_paths(result: BuildResult) -> str:
    """Return the paths of the VIB and the bundle that a build wrote, one per line."""
    bundle_path = [result.bundle.path] if result.bundle else []
    return "\n".join(map(str, [result.vib_path, *bundle_path]))


def build_text(result: BuildResult, paint: Paint, *, verbose: bool = False) -> str:
    """Show what a build made or would make, and the bundle that was made with it.

    Args:
        result: the build.
        paint: the colours.
        verbose: whether every file, requirement and finding is listed; if not, the text fits a
            screen. A dry run always lists everything.
    """
    plan, findings = result.plan, result.findings
    built_text = _built_text if verbose else _built_summary
    if findings is None:
        made = f"{plan.vib_id} has not changed: {result.folder} is up to date"
    elif result.built is None:
        made = _plan_text(plan, findings, paint)
    else:
        made = built_text(result.built, findings, paint)
    if result.expiring:
        made = "\n".join([made, *sign.expiry_lines(result.expiring, paint)])
    notes = list(_note_lines(result, paint))
    made = "\n".join([made, "", *notes]) if notes else made
    return f"{made}\n\n{bundle.written_text(result.bundle, paint)}" if result.bundle else made


def _note_lines(result: BuildResult, paint: Paint) -> Iterator[str]:
    """Yield what is known of older builds: warnings, what was overwritten, what was compared."""
    for problem in result.warnings:
        yield paint("! ", "warn") + f"{escaped(problem.what)}."
        yield f"  → {problem.remedy}"
    for conflict in result.overwritten:
        yield paint("! ", "warn") + _overwritten(conflict, result.plan)
    for path in result.removed:
        gone = "Replaced" if result.bundle and result.bundle.path == path else "Removed"
        yield f"{gone} {escaped(str(path))}, which held the VIB that was overwritten."
    if result.previous:
        versions = sorted({release.version for release in result.previous}, key=Version)
        count = _count(len(versions), "published version")
        yield f"Compared with {count}; the highest is {escaped(versions[-1])}."
    elif result.previous is not None:
        yield f"Nothing published is a version of {result.plan.recipe.name}: this is the first."


def _overwritten(conflict: VersionConflict, plan: BuildPlan) -> str:
    version, where = escaped(conflict.version), escaped(conflict.where)
    match conflict.kind:
        case ConflictKind.HIGHER_VERSION:
            return f"{where}: a host with {version} does not install {plan.recipe.version}."
        case ConflictKind.EQUAL_VERSION:
            return f"{where}: a host takes {version} for the same version and keeps its files."
        case ConflictKind.OTHER_BYTES:
            digest = f"SHA-256 {conflict.sha256[:16]}…"
            return f"{where}: {version} had other bytes ({digest}); a host with it keeps its files."


def _plan_text(plan: BuildPlan, judged: LintResult, paint: Paint) -> str:
    lines = [
        paint(f"{plan.vib_id}", "strong") + f" from a {plan.project.kind}",
        "",
        *_payload_lines(
            plan, None, paint, len(plan.files) + sum(len(t.entries) for t in plan.trees)
        ),
        "",
        *_trx_lines(plan, paint),
        paint("Recipe, as resolved", "strong"),
        *(f"  {line}" for line in serialise(plan.recipe).splitlines()),
        "",
        *_origin_lines(plan, paint),
        *_config_lines(plan),
        *_key_lines(plan),
        "",
        paint("Would be written", "strong"),
        *(f"  {name}" for name in _outputs(plan)),
        "",
        *_needs_lines(plan, paint),
        *_stock_lines(plan, paint),
        *_judged_lines(judged, str(plan.project.root), paint),
        *_refused_lines(plan, paint),
    ]
    return "\n".join(lines)


def _built_text(built: Built, judged: LintResult, paint: Paint) -> str:
    """Show what a build wrote, the findings about it, and how to install it."""
    plan = built.plan
    lines = [
        paint(plan.vib_id, "strong"),
        _fact("VIB", f"{built.vib_path} ({units.size(built.size)})"),
        _fact("SHA-256", built.sha256),
        _fact("level", f"{plan.recipe.acceptance_level.esxcli_name}, {_signed_by(built)}"),
        *_origin_lines(plan, paint),
        *_config_lines(plan),
        "",
        *_payload_lines(plan, built, paint, _SHOWN_FILES),
        "",
        *_trx_lines(plan, paint),
        *_needs_lines(plan, paint),
        *_signature_lines(built, paint),
        *_stock_lines(plan, paint),
        *_judged_lines(judged, str(built.vib_path), paint),
        "",
        paint("Install", "strong"),
        *_install_lines(built),
        *_refused_lines(plan, paint),
    ]
    return "\n".join(lines)


def _built_summary(built: Built, judged: LintResult, paint: Paint) -> str:
    """Show on one screen what a build wrote, whether it installs, and what to do next."""
    plan = built.plan
    files = sum(entry.kind.is_file for tree in plan.trees for entry in tree.entries)
    unpacked = units.size(sum(tree.image_size for tree in plan.trees))
    lines = [
        paint(str(built.vib_path), "strong") + f"  {units.size(built.size)}",
        _fact("SHA-256", built.sha256),
        _fact("level", f"{plan.recipe.acceptance_level.esxcli_name}, {_signed_by(built)}"),
        *_origin_lines(plan, paint),
        _fact("holds", f"{_count(files, 'file')}, {unpacked} unpacked"),
        *_config_lines(plan),
        *_signature_lines(built, paint),
        *_stock_summary(plan, paint),
        *_findings_summary(built, judged, paint),
        paint("Install", "strong"),
        *_install_lines(built),
        "--verbose lists the files, every requirement and every finding.",
        *_refused_lines(plan, paint),
    ]
    return "\n".join(lines)


def _origin_lines(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    """Yield where version and date come from, and what differs from the commit that dates it."""
    if origin := plan.version.origin:
        yield _fact("version", f"{plan.version.version}, from {escaped(origin)}")
    since = plan.dated.changes
    count = f"; {_count(len(since.all), 'file')} changed since" if since else ""
    yield _fact("date", f"{plan.dated.date}, from {plan.dated.source}{count}")
    if since.files:
        yield paint("  ! ", "warn") + f"Not as in that commit: {escaped(listed(since.files))}."
    if since.line_ends:
        yield paint("  ! ", "warn") + (
            f"CRLF line ends here, LF in the commit: {escaped(listed(since.line_ends))}. "
            f"To build the same bytes everywhere, {LINE_ENDS_REMEDY}."
        )


def _stock_summary(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    """Yield what stock hosts do, one line for all releases with the same outcome."""
    yield paint("On stock hosts", "strong") + _STOCK
    releases: dict[str, list[str]] = {}
    for outlook in plan.outlook:
        releases.setdefault(_outlook_words(outlook, plan.needs), []).append(str(outlook.release))
    yield from (f"  {', '.join(names)}: {words}" for words, names in releases.items())
    if not plan.needs.secure_boot:
        yield f"  {_NO_SECURE_BOOT[0].upper()}{_NO_SECURE_BOOT[1:]}."


def _findings_summary(built: Built, judged: LintResult, paint: Paint) -> Iterator[str]:
    """Yield the number of findings, and the first errors and warnings."""
    trx = built.plan.trx
    serious = [
        *((f"lint {shell_line(str(built.vib_path))}", line) for line in brief_lines(judged, paint)),
        *(("trx check", line) for line in (_trx_finding_lines(trx, paint) if trx else ())),
    ]
    if not serious:
        return
    counts = f"; trx.conf: {_trx_counted(trx)}" if trx else ""
    yield paint("Findings", "strong") + f"  {counted(judged)}{counts}"
    yield from (line for _, line in serious[:_SHOWN_FINDINGS])
    if len(serious) > _SHOWN_FINDINGS:
        commands = dict.fromkeys(command for command, _ in serious[_SHOWN_FINDINGS:])
        yield f"  … {len(serious) - _SHOWN_FINDINGS} more: vibforge {', '.join(commands)}"


def _judged_lines(judged: LintResult, file: str, paint: Paint) -> Iterator[str]:
    """Yield errors and warnings of the checks, one line for each check."""
    if found := list(brief_lines(judged, paint)):
        yield from ("", paint("Findings of lint", "strong") + f"  {counted(judged)}", *found)
        yield f"  All findings: {shell_line('vibforge', 'lint', file)}"


def _config_lines(plan: BuildPlan) -> Iterator[str]:
    """Yield how many files keep the edits of administrators, and where to read what that means."""
    kept = sum(keeps_edits(entry) for tree in plan.trees for entry in tree.entries)
    if kept:
        files = f"{_count(kept, 'file')} below /etc {'keep' if kept > 1 else 'keeps'} edits"
        yield _fact("config", f"{files}, on 6.7 over an update too (explain VF348)")


def _refused_lines(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    if plan.no_host_takes_it:
        yield ""
        oldest, newest = plan.outlook[0].release, plan.outlook[-1].release
        what = f"No stock host of ESXi {oldest} to {newest} installs this VIB"
        yield paint(what, "bad") + ": see the message of each release above."


def _install_lines(built: Built) -> Iterator[str]:
    guided = built.plan.instructions
    folder = escaped(str(built.folder))
    if guided:
        yield f"  Copy {folder} to a datastore of the host and run there: sh install.sh"
    yield f"  {'By hand: ' if guided else ''}{install_command(built.plan)}"
    if guided:
        yield f"  INSTALL.md in {folder} has each step, and how to remove the VIB."


def install_command(plan: BuildPlan) -> str:
    """Return the line that installs the VIB on a host."""
    file = f"/full/path/{plan.vib_name}"
    return shell_line("esxcli", "software", "vib", "install", "-v", file, *plan.needs.flags)


def _outputs(plan: BuildPlan) -> list[str]:
    return [*plan.output_names, *filter(None, [plan.bundle_name])]


def _key_lines(plan: BuildPlan) -> Iterator[str]:
    """Yield what a dry run does not do with the key that the recipe names."""
    if plan.left_out_key:
        yield _fact("key", f"{plan.left_out_key} is left out: --unsigned")
    elif plan.recipe.signing:
        yield _fact("key", f"{plan.recipe.signing.key} was not opened; the VIB counts as signed")


def _signed_by(built: Built) -> str:
    if built.signature is None:
        left_out = built.plan.left_out_key
        return f"unsigned: --unsigned left out the key {left_out}" if left_out else "unsigned"
    certificate = built.signature.judgement.blocks[0].check.certificate
    return f"signed by {certificate.subject}, {certificate.key}" if certificate else "signed"


def _signature_lines(built: Built, paint: Paint) -> Iterator[str]:
    """Yield the time in the signature, and whether it is sufficient for the level of the VIB."""
    if built.signature is None:
        return

    yield f"  - The signature states {sign.time_text(built.signature.stated)}."
    claimed = judging.claim(built.signature.judgement)
    if claimed.held is False:
        yield from (paint("  ! ", "warn") + f"{reason}." for reason in claimed.reasons)
    elif claimed.held is None:
        yield "  - The root of its signer in the host's trust store, or the signature is not valid."


def _payload_lines(plan: BuildPlan, built: Built | None, paint: Paint, most: int) -> Iterator[str]:
    for index, tree in enumerate(plan.trees):
        sizes = f"{units.size(tree.image_size)} unpacked"
        if built:
            sizes = f"{units.size(built.members[index].size)}, {sizes}"
        yield paint(f"Payload {tree.recipe.name}", "strong") + f"  {tree.recipe.type}, {sizes}"
        for entry in tree.entries[:most]:
            yield entry_line(entry)
        if len(tree.entries) > most:
            yield f"  … and {len(tree.entries) - most} more entries; --dry-run shows all"


def _trx_lines(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    """Yield errors and warnings about the trx.conf in the VIB."""
    result = plan.trx
    if result is None:
        return
    yield paint("trx.conf", "strong") + f"  {_trx_counted(result)}"
    yield from _trx_finding_lines(result, paint)
    for allowance in result.allowances:
        yield paint("  ! ", "warn") + f"{allowance.rule} is allowed: {allowance.because}"
    yield ""


def _trx_counted(result: CheckResult) -> str:
    notes = result.counts[Severity.NOTE]
    more = f", {_count(notes, 'note')}: vibforge trx check" if notes else ""
    return f"{_count(result.counts[Severity.WARNING], 'warning')}{more}"


def _trx_finding_lines(result: CheckResult, paint: Paint) -> Iterator[str]:
    for finding in result.findings:
        if finding.severity is Severity.WARNING:
            place = f"/{TRX_CONF}:{finding.line}" if finding.line else f"/{TRX_CONF}"
            yield paint("  ! ", "warn") + f"{place}: {finding.what} [{finding.rule}]"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _needs_lines(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    needs = plan.needs
    yield paint("Requirements on the host", "strong")
    yield f"  - An acceptance level of {needs.host_level.esxcli_name} or lower."
    for reason in needs.reasons:
        yield paint("  ! ", "warn") + reason
    if needs.host_level.needs_signature and not needs.signed:
        view = why_auditors_care(needs.host_level)
        yield paint("  ! ", "warn") + f"{view[0].upper()}{view[1:]}."
    if not needs.secure_boot:
        yield f"  - Secure Boot off: {_NO_SECURE_BOOT}."
    if not plan.recipe.live_install_allowed:
        yield "  - A reboot, before it takes effect."
    if plan.dated.source is DateSource.FIXED:
        yield paint("  ! ", "warn") + (
            f"The release date is {plan.dated.date}, since neither recipe, SOURCE_DATE_EPOCH nor "
            "git names one."
        )


def _stock_lines(plan: BuildPlan, paint: Paint) -> Iterator[str]:
    yield ""
    yield paint("What stock hosts will say", "strong") + _STOCK
    yield from (_outlook_line(outlook, plan.needs, paint) for outlook in plan.outlook)


def _outlook_line(of: Outlook, needs: InstallNeeds, paint: Paint) -> str:
    role = "good" if all(outcome.installs for outcome in outcomes_of(of.then)) else "warn"
    return f"  {paint(f'{of.release!s:<5}', role)} {_outlook_words(of, needs)}"


def _outlook_words(outlook: Outlook, needs: InstallNeeds) -> str:
    return f"{outlook_words(outlook, needs)} [{least_certainty(outlook)}]"


def least_certainty(of: Outlook) -> Certainty:
    """Return the certainty of the outcome after the steps that the VIB needs."""
    return least_sure(branch.result.certainty for branch in of.then)


def _fact(name: str, value: str) -> str:
    return f"  {name:<8} {value}"
