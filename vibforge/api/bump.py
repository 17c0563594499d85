"""Set the next version in a recipe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from vibforge.api.arguments import path_of, typed_errors
from vibforge.errors import ModelError
from vibforge.project import bump as project_bump

if TYPE_CHECKING:
    from pathlib import Path

    from vibforge.project.bump import Bumped


@typed_errors
def bump(
    project: str | Path,
    part: Literal["major", "minor", "patch", "release"] = "release",
    *,
    version: str | None = None,
) -> Bumped:
    r"""Set the next version in a recipe. Nothing else in the file changes, not even a comment.

    Args:
        project: a folder with a vibforge.toml, or the recipe itself.
        part: the part that grows; what follows it starts again.
        version: the version to set instead, `1.2.0-1`, `1.2.0` or `v1.2.0`.

    Raises:
        ModelError: there is no recipe, it is not TOML, its version comes from git or the
            environment, or the new one is no version.
        OutputError: the file cannot be written; it is as it was.

    Examples:
        >>> from pathlib import Path
        >>> from vibforge import Bumped, bump
        >>> _ = Path("vibforge.toml").write_text('name = "agent"\nversion = "1.2.0-1"  # ours\n')
        >>> result: Bumped = bump("vibforge.toml")
        >>> result.old, result.new, result.is_higher
        ('1.2.0-1', '1.2.0-2', True)
        >>> bump(".", "minor").new
        '1.3.0-1'
        >>> print(Path("vibforge.toml").read_text(), end="")
        name = "agent"
        version = "1.3.0-1"  # ours
    """
    if part not in set(project_bump.VersionPart):
        raise ModelError(f"{part!r} is no part", remedy="use major, minor, patch or release")
    return project_bump.bump(path_of(project), project_bump.VersionPart(part), version)
