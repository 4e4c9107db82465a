"""Commands that evaluate models: evaluate, models, tradeoff, card, promote."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from tagcast.pipelines.cli.main import Day, clock, project_options


@click.command()
@click.argument("tag")
@click.option(
    "--windows", type=click.IntRange(1, 100), default=3, show_default=True, help="Past snapshots to test on."
)
@click.option(
    "--now", type=Day(), help="Evaluate as if today were this day; default: the day after the last event."
)
@click.option(
    "--trials",
    type=click.IntRange(1, 10_000),
    help="LightGBM settings to try a window; default: 12, of an amount 4.",
)
@click.option("--timeout", type=click.FloatRange(min=1), help="Stop trying after so many seconds a window.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Windows trained side by side; the figures are the same for any number.",
)
@project_options
def evaluate(
    config: Path | None, home: Path | None, as_json: bool, tag: str, windows: int, now: date | None,
    trials: int | None, timeout: float | None, threads: int,
) -> None:  # fmt: skip
    """Evaluate TAG on several past snapshots, each with a model trained on what lay before it.

    Prints every metric with its interval, by window and by segment, the calibration, and the promise to
    random audiences; writes report.md, report.json and plots. No version is made.

    \b
    Example:
      tagcast evaluate churn_risk
      tagcast evaluate churn_risk --windows 5 --now 2017-12-02 --trials 40
    """
    from tagcast.pipelines.evaluation.evaluate import evaluate_tag
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.evaluation import as_dict, render_evaluation, write_report
    from tagcast.pipelines.reports.terminal import emit, progress

    with progress() as show:
        project = open_project(config, home, show)
        found = evaluate_tag(
            project, tag, windows=windows, now=now, trials=trials, timeout_s=timeout, threads=threads
        )
        folder = write_report(found, project.settings.home)
    emit(
        {**as_dict(found), "folder": str(folder)},
        as_json=as_json,
        render=lambda: render_evaluation(found, folder),
    )


@click.command()
@click.argument("tag", required=False)
@project_options
def models(config: Path | None, home: Path | None, as_json: bool, tag: str | None) -> None:
    """List model versions with aliases, metrics and decisions; for one TAG also each check of the gate.

    \b
    Example:
      tagcast models
      tagcast models churn_risk
    """
    from tagcast.pipelines.deployment.model_versions import list_models, render_models
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit

    found = list_models(open_project(config, home), tag)
    emit(
        [v.to_dict() for v in found],
        as_json=as_json,
        render=lambda: render_models(found, checks=tag is not None),
    )


@click.command()
@click.argument("tag")
@click.option("--version", "which", help="Number or alias; default: the champion, else the newest.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files into this folder."
)
@click.option("--html", is_flag=True, help="The HTML page; without it the text is Markdown.")
@project_options
def card(
    config: Path | None, home: Path | None, as_json: bool, tag: str, which: str | None, out: Path | None,
    html: bool,
) -> None:  # fmt: skip
    """Show the card of TAG: definition, data, quality with a grade, drivers, limits, checks.

    Prints Markdown. With --out, writes HTML and Markdown files; HTML alone with --html.

    \b
    Example:
      tagcast card churn_risk
      tagcast card churn_risk --version 2 --out cards
    """
    from tagcast.pipelines.cards.card_files import find_card, render_card, write_card
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit

    found = find_card(open_project(config, home), tag, which)
    written = write_card(found, out, html_only=html) if out else []
    emit(
        {**found.to_dict(), "written": [str(file) for file in written]},
        as_json=as_json,
        render=lambda: render_card(found, written, html=html),
    )


@click.command()
@click.argument("tag")
@click.argument("version", type=int)
@click.option("--reason", required=True, help="Why; it is kept with the decision.")
@click.option("--by", help="Who decides; default: the user who runs the command.")
@click.option("--force", is_flag=True, help="Although checks of the gate failed; recorded with them.")
@project_options
def promote(
    config: Path | None, home: Path | None, as_json: bool, tag: str, version: int, reason: str,
    by: str | None, force: bool,
) -> None:  # fmt: skip
    """Make VERSION the champion of TAG by hand; who, when and why are recorded.

    A version that the gate refused needs --force. Where the configuration asks for a second person, the version
    is proposed, and waits until somebody else runs tagcast approve.

    \b
    Example:
      tagcast promote churn_risk 2 --reason "version 3 was trained on a broken feed"
      tagcast promote churn_risk 4 --force --reason "the new shop is small, we accept the interval"
    """
    from tagcast.pipelines.deployment.model_versions import promote_version
    from tagcast.pipelines.project.local_user import system_user
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit, say

    done = promote_version(
        open_project(config, home),
        tag,
        version,
        by=by or system_user(),
        reason=reason,
        moment=clock(),
        force=force,
    )
    against = f", against {', '.join(done['forced'])}" if done["forced"] else ""
    came = "waits for a second person to approve it" if done["action"] == "proposed" else "is champion"
    emit(
        done,
        as_json=as_json,
        render=lambda: say(f"{tag}: version {version} {came} (was {done['previous'] or 'none'}){against}"),
    )


@click.command()
@click.argument("tag")
@click.option("--version", type=int, help="Default: the champion; without one, the newest version.")
@project_options
def tradeoff(config: Path | None, home: Path | None, as_json: bool, tag: str, version: int | None) -> None:
    """Show what TAG's decision rule gives and costs (of an amount: each boundary between tiers), and hysteresis.

    All figures are of past snapshots, scored by models that had not seen their outcomes.

    \b
    Example:
      tagcast tradeoff churn_risk
      tagcast tradeoff churn_risk --version 2 --json
    """
    from tagcast.pipelines.evidence.thresholds import read_thresholds, render_thresholds
    from tagcast.pipelines.project.project import open_project
    from tagcast.pipelines.reports.terminal import emit

    found = read_thresholds(open_project(config, home), tag, version)
    emit(found, as_json=as_json, render=lambda: render_thresholds(found))


COMMANDS = (evaluate, models, tradeoff, card, promote)
