"""`tagcast model`: versions, their cards and thresholds, evaluation on past snapshots, approval, promotion and pruning."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path

import click

from tagcast.features.core.messages import LANGUAGES, Language, language_of, listed, msg, nmsg
from tagcast.pipelines.cards.card_files import find_card, write_card
from tagcast.pipelines.cli.groups import Invocation, ProjectGroup, pass_invocation
from tagcast.pipelines.cli.options import Day, needs, reason_option, trials_option
from tagcast.pipelines.deployment.model_versions import list_models, promote_version
from tagcast.pipelines.evidence.thresholds import read_thresholds
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.reports.catalog import render_pending
from tagcast.pipelines.reports.terminal import progress, say
from tagcast.pipelines.reports.thresholds import render_thresholds
from tagcast.pipelines.reports.versions import render_card, render_models, render_promoted
from tagcast.serving.catalog.tag_actions import approve_champion, pending_champions, refuse_champion


@click.group(cls=ProjectGroup)
def model() -> None:
    """List model versions, read their cards, evaluate, approve and promote them; delete what nothing needs.

    \b
    Example:
      tagcast model list churn_risk
      tagcast model card churn_risk --out cards
    """


@model.command("list")
@click.argument("tag", required=False)
@needs("see")
def list_versions(invocation: Invocation, tag: str | None) -> None:
    """List model versions with aliases, metrics and decisions; for one TAG also each check of the gate.

    \b
    Example:
      tagcast model list
      tagcast model list churn_risk
    """
    if tag is not None:
        invocation.require_visible(tag)
    found = [v for v in list_models(invocation.project(), tag) if v.tag not in invocation.hidden_tags]
    invocation.answer([v.to_dict() for v in found], lambda: render_models(found, checks=tag is not None))


@model.command()
@click.argument("tag")
@click.option("--version", "which", help="Number or alias; default: the champion, else the newest.")
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), help="Write the files into this folder."
)
@click.option("--html", is_flag=True, help="The HTML page; without it the text is Markdown.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Of the card; default: that of the terminal.")
@needs("see")
def card(
    invocation: Invocation,
    tag: str,
    which: str | None,
    out: Path | None,
    html: bool,
    language: Language | None,
) -> None:
    """Show the card of TAG: what it is good for in short, quality with a grade, drivers, limits, definition, data, checks.

    Prints Markdown. With --out, writes HTML and Markdown files; HTML alone with --html.

    \b
    Example:
      tagcast model card churn_risk
      tagcast model card churn_risk --version 2 --out cards
      tagcast model card churn_risk --language zh --html --out cards
    """
    invocation.require_visible(tag)
    found = find_card(invocation.project(), tag, which, language or language_of())
    written = write_card(found, out, html_only=html) if out else []
    invocation.answer(
        {**found.to_dict(), "written": [str(file) for file in written]},
        lambda: render_card(found, written, html=html),
    )


@model.command()
@click.argument("tag")
@click.option(
    "--windows", type=click.IntRange(1, 100), default=3, show_default=True, help="Past snapshots to test on."
)
@click.option(
    "--as-of", type=Day(), help="Evaluate as if today were this day; default: the day after the last event."
)
@trials_option
@click.option("--timeout", type=click.FloatRange(min=1), help="Stop trying after so many seconds a window.")
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Windows trained side by side; the figures are the same for any number.",
)
@needs("operate")
def evaluate(
    invocation: Invocation, tag: str, windows: int, as_of: date | None, trials: int | None,
    timeout: float | None, threads: int,
) -> None:  # fmt: skip
    """Evaluate TAG on several past snapshots, each with a model trained on the data before it.

    Prints every metric with its interval, by window and by segment, the calibration, and the promise to
    random audiences; writes report.md, report.json and plots. No version is made. Of an uplift tag each snapshot is a day of
    campaigns: expected and measured effects, and floors.

    \b
    Example:
      tagcast model evaluate churn_risk
      tagcast model evaluate churn_risk --windows 5 --as-of 2017-12-02 --trials 40
    """
    # Here, not at the top: the list of versions does without what trains.
    from tagcast.pipelines.evaluation.evaluate import evaluate_tag
    from tagcast.pipelines.reports.evaluation import as_dict, render_evaluation, write_report

    with progress() as show:
        found = evaluate_tag(
            invocation.project(show),
            tag,
            windows=windows,
            as_of=as_of,
            trials=trials,
            timeout_s=timeout,
            threads=threads,
        )
        folder = write_report(found, invocation.settings.home)
    invocation.answer({**as_dict(found), "folder": str(folder)}, lambda: render_evaluation(found, folder))


@model.command()
@click.argument("tag")
@click.option("--version", type=int, help="Default: the champion; without one, the newest version.")
@needs("see")
def thresholds(invocation: Invocation, tag: str, version: int | None) -> None:
    """Show what each threshold of TAG's scores gives and costs (of an amount: each boundary between tiers), and hysteresis.

    All figures are of past snapshots, scored by models that had not seen their outcomes.

    \b
    Example:
      tagcast model thresholds churn_risk
      tagcast model thresholds churn_risk --version 2 --json
    """
    invocation.require_visible(tag)
    found = read_thresholds(invocation.project(), tag, version)
    invocation.answer(found, lambda: render_thresholds(found))


@model.command()
@click.argument("tag", required=False)
@click.argument("version", type=int, required=False)
@click.option("--reason", default="", help="Why; it is kept with the decision.")
@click.option("--refuse", is_flag=True, help="Refuse it instead.")
@pass_invocation
def approve(invocation: Invocation, tag: str | None, version: int | None, reason: str, refuse: bool) -> None:
    """Approve VERSION of TAG, which was proposed as champion, as the second person; without TAG, list what waits.

    \b
    Example:
      tagcast model approve
      tagcast model approve churn_risk 4 --reason "read the card, the gate's figures hold"
      tagcast model approve churn_risk 4 --refuse --reason "trained on a broken feed"
    """
    context = invocation.context()
    if tag is None:
        waiting = pending_champions(context, invocation.person)
        invocation.answer([p.to_dict() for p in waiting], lambda: render_pending(waiting))
        return
    if version is None:
        raise click.UsageError("name the version too, as in: tagcast model approve churn_risk 4")
    act = refuse_champion if refuse else approve_champion
    decision = act(context, invocation.person, tag, version, reason)
    outcome = msg(
        "{tag}: version {version} is champion: the next run scores with it", tag=tag, version=version
    )
    if refuse:
        outcome = msg("{tag}: version {version} is refused", tag=tag, version=version)
    invocation.answer(asdict(decision), lambda: say(outcome))


@model.command()
@click.argument("tag")
@click.argument("version", type=int)
@reason_option
@click.option("--force", is_flag=True, help="Although checks of the gate failed; recorded with them.")
@pass_invocation
def promote(invocation: Invocation, tag: str, version: int, reason: str, force: bool) -> None:
    """Make VERSION the champion of TAG by hand; who, when and why are recorded.

    A version that the gate refused needs --force. Where the configuration asks for a second person, the version
    is proposed, and waits until somebody else runs tagcast model approve.

    \b
    Example:
      tagcast model promote churn_risk 2 --reason "version 3 was trained on a broken feed"
      tagcast model promote churn_risk 4 --force --reason "the new shop is small, we accept the interval"
    """
    done = promote_version(
        invocation.project(),
        tag,
        version,
        by=invocation.allowed("review"),
        reason=reason,
        now=clock(),
        force=force,
    )
    invocation.answer(done, lambda: render_promoted(done))


@model.command()
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    help="Newest versions of each tag to keep; default: keep.versions of the configuration.",
)
@click.option("--dry-run", is_flag=True, help="Say which would be deleted, and delete none.")
@needs("operate")
def prune(invocation: Invocation, keep: int | None, dry_run: bool) -> None:
    """Delete the model versions that nothing needs, with their MLflow runs and files.

    Those with an alias stay (champion, challenger, your own), those that wait for a person or may still challenge, those of
    kept runs, of predictions and campaigns to be judged, of judged promises, and the newest of each tag.

    \b
    Example:
      tagcast model prune --dry-run
      tagcast model prune --keep 3
    """
    from tagcast.pipelines.retention.needed_versions import prune_versions

    kept = keep or invocation.settings.keep.versions
    gone = [one.name for one in prune_versions(invocation.project(), keep=kept, now=clock(), dry_run=dry_run)]
    deleted = msg("no version to delete")
    if gone:
        deleted = nmsg(
            "{n} version: {versions}", "{n} versions: {versions}", len(gone), versions=listed(gone)
        )
        deleted = (
            msg("would be deleted: {what}", what=deleted) if dry_run else msg("deleted: {what}", what=deleted)
        )
    invocation.answer({"deleted": gone, "dry_run": dry_run}, lambda: say(deleted))
