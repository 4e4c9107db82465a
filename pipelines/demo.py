"""`make demo`: a year of shopping becomes tags that a marketer can filter, and what became of them.

Every step is a command that can be run by itself; the demo prints which.
"""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from pathlib import Path

from tagcast.features.core.errors import TagcastError
from tagcast.pipelines.project.project import Project, open_project
from tagcast.pipelines.reports.terminal import progress, say, start_logging

AS_OF = date(2017, 12, 2)
TRIALS = 5
AUDIENCES = (
    "high_value = 'yes' AND interest.cheese.percentile >= 80",
    "interest.coffee = 'yes' AND interest.coffee.confidence >= 0.6 AND NOT (churn_risk = 'yes')",
    "lifecycle_stage = 'returning' AND bought.coffee = 'no' AND interest.coffee.percentile >= 80",
)


def run(project: Project, now: datetime) -> None:
    """Run the demo on ``project`` as if today were 2 December 2017."""
    from tagcast.pipelines.audiences import count_audience
    from tagcast.pipelines.evaluation.observed_accuracy import promise_beside_reality
    from tagcast.pipelines.project.local_user import local_user
    from tagcast.pipelines.reports.audiences import render_count
    from tagcast.pipelines.reports.readiness import render_check
    from tagcast.pipelines.reports.scoring import render_promise, render_scoring
    from tagcast.pipelines.reports.training import render_training
    from tagcast.pipelines.scoring.run import score_run
    from tagcast.pipelines.training.readiness import check_project
    from tagcast.pipelines.training.train import train_tags
    from tagcast.serving.context import open_context

    _step("Is the data ready?", f"tagcast check --as-of {AS_OF}")
    render_check(check_project(project, AS_OF))
    _step("Train every tag on what was known then", f"tagcast train --all --as-of {AS_OF} --trials {TRIALS}")
    render_training(train_tags(project, None, as_of=AS_OF, now=now, trials=TRIALS))
    _step("Score every household and publish", f"tagcast score --all --as-of {AS_OF}")
    render_scoring(score_run(project, None, as_of=AS_OF, now=now))
    context, person = open_context(project.settings, lambda: now), local_user()
    for text in AUDIENCES:
        _step("An audience", f'tagcast audience count "{text}"')
        render_count(count_audience(context, person, text))
    _step("What did they really do?", "tagcast promise")
    render_promise(promise_beside_reality(project))
    say("\nThe data are one year of a retailer's households with moved dates, published as simulated.")
    say("Next: put your own table in tagcast.toml (README, 'Your own data'), then tagcast check.")


def _step(title: str, command: str) -> None:
    say(f"\n── {title}\n   $ {command}")


def main() -> None:
    """Run the demo on the configuration at the root of the checkout."""
    start_logging(verbose=False)
    root = Path(__file__).resolve().parent.parent
    try:
        with progress() as show:
            run(open_project(root / "tagcast.toml", None, show), datetime.now(UTC))
    except TagcastError as error:
        say(f"error: {error}")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
