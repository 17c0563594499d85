"""The refusal of a change whose image would be bad, as each release reports it."""

from dataclasses import replace

from vibforge.host.install.run import Refused, Run
from vibforge.host.install.validation import troubles
from vibforge.host.question import Question

ALL_AT_ONCE = Question(
    key="all-problems",
    if_yes="this release prints all problems at once, as 6.5 does",
    if_no="this release prints one group of problems at a time, as 6.7 does",
)


def refuse_bad_image(run: Run) -> None:
    """Validate the image that a change would make.

    Raises:
        Refused: something is wrong with it.
    """
    found = troubles(
        run.host,
        run.change,
        run.answers,
        stands=run.stands,
        skipped=run.skipped_groups(),
    )
    if not found:
        return
    all_at_once = run.known(run.row.reports_all_problems, ALL_AT_ONCE)
    first = len(found) if all_at_once else 1
    told = [trouble for group in found[:first] for trouble in group]
    hidden = [trouble for group in found[first:] for trouble in group]
    text = "\n".join(dict.fromkeys(trouble.message.text for trouble in told))
    message = replace(told[0].message, text=text)
    raise Refused(
        replace(message, error="DependencyError") if all_at_once else message,
        [cause for trouble in told for cause in trouble.causes],
        [cause for trouble in hidden for cause in trouble.causes],
    )
