"""Text about a version that was set."""

from collections.abc import Iterator

from vibforge.errors import escaped
from vibforge.project.bump import Bumped
from vibforge.report.paint import Paint


def bump_text(result: Bumped, paint: Paint) -> str:
    """Show the old version and the new one."""
    return "\n".join(_lines(result, paint))


def _lines(result: Bumped, paint: Paint) -> Iterator[str]:
    file = escaped(str(result.file))
    if result.new == result.old:
        yield f"{file}: the version is {result.new} already"
        return
    rules = f" ({', '.join(result.rules)})" if result.rules else ""
    yield f"{file}: {result.old} → {paint(result.new, 'strong')}{rules}"
    if not result.is_higher:
        yield paint("  ! ", "warn") + (
            f"{result.new} is not higher than {result.old} for a host: a host that has "
            f"{result.old} is not updated to it."
        )
