"""How good a tag is before anybody knows: what runs expected of themselves beside what came, and how far features have moved."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.tags.quality.run_chart import RunPoint, over_runs
from tagcast.serving.console.ui.formatting import number, percent
from tagcast.serving.console.ui.html import h

if TYPE_CHECKING:
    from collections.abc import Callable

    from tagcast.models.inference.estimated_quality import EstimatedQuality
    from tagcast.models.inference.feature_drift import FeatureDrift
    from tagcast.models.stats.metrics import Estimate
    from tagcast.serving.catalog.tag_details import TagDetails
    from tagcast.serving.console.ui.page_context import PageContext

_FIGURES: dict[str, Message] = {
    "auc": msg("AUC"),
    "precision": msg("right of those called yes"),
    "recall": msg("called yes of all with the outcome"),
    "rate": msg("share with the outcome"),
}

_SEASON = msg(
    "what last year's outcomes of the same season add to the log-odds of the scores, and how exactly that is known"
)


def quality_card(page: PageContext, details: TagDetails) -> Markup | None:
    """Return the card; None where runs recorded nothing of it."""
    say, run = page.say, details.last_run
    parts = []
    if run is not None and run.expected is not None:
        parts.append(h("p", say(_expected(run.expected))))
    if run is not None and run.season is not None:
        parts.append(h("p", h("b", say(run.season.text)), h("div", say(_SEASON), class_="faint")))
    parts.extend(_estimates(page, details))
    parts.extend(_drift(page, details))
    if not parts:
        return None
    return h(
        "section",
        h("h2", say(msg("Before the outcome is known"))),
        h("div", parts, class_="promises"),
        class_="card in-depth",
    )


def _expected(quality: EstimatedQuality) -> Message:
    """Say what a run expects of itself, before anybody knows what came."""
    if quality.precision is None or quality.recall is None:
        return msg(
            "The last run expects of itself, before anybody knows: AUC {auc}.", auc=_range(quality.auc)
        )
    return msg(
        "The last run expects of itself, before anybody knows: AUC {auc}; of those called yes {precision} are right, of all who "
        "should be {recall} are called yes.",
        auc=_range(quality.auc),
        precision=_shares(quality.precision),
        recall=_shares(quality.recall),
    )


def _range(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f}–{one.high:.2f})"


def _shares(one: Estimate) -> str:
    return f"{percent(one.value, 0)} ({percent(one.low, 0)}–{percent(one.high, 0)})"


def _estimates(page: PageContext, details: TagDetails) -> list[Markup]:
    """Return a chart of each figure that at least two runs expected of themselves."""
    say, charts = page.say, []
    for name, title in _FIGURES.items():
        points = [
            RunPoint(run.as_of, run.version, one.value, one.low, one.high, run.measured.get(name))
            for run in details.quality
            if run.expected is not None
            for one in [getattr(run.expected, name)]
            if one is not None
        ]
        if len(points) > 1:
            figure = "{:.2f}".format if name == "auc" else partial(percent, digits=0)
            charts.append(
                h(
                    "figure",
                    h("figcaption", say(title)),
                    over_runs(points, figure, _version(page), say(title)),
                )
            )
    if not charts:
        return []
    legend = msg(
        "Line: what each run expected of itself, with its 95% interval. Larger dots: what was measured once the window had closed."
    )
    return [
        h("h3", say(msg("Expected vs. measured"))),
        h("p", say(legend), class_="faint"),
        h("div", charts, class_="cols2"),
    ]


def _drift(page: PageContext, details: TagDetails) -> list[Markup]:
    """Return how far features have moved since training, over the runs and in words."""
    say = page.say
    runs = [(run, run.drift) for run in details.quality if run.drift is not None]
    if not runs:
        return []
    last = runs[-1][1]
    titles = {feature.name: say.of(feature.title) for feature in details.features}
    moved = [h("li", say(one.text(titles.get(one.feature, one.feature)))) for one in last.features]
    words = h("div", h("p", say(_weighted(last))), h("ul", moved, class_="bullets muted") if moved else None)
    points = [RunPoint(run.as_of, run.version, *[drift.weighted] * 3) for run, drift in runs]
    body = words
    if len(points) > 1:
        title = say(msg("weighted drift"))
        chart = over_runs(points, "{:.2f}".format, _version(page), title, from_zero=True)
        body = h("div", h("figure", h("figcaption", title), chart), words, class_="cols2")
    note = msg(
        "PSI of each feature against training, weighted by what it contributes to the scores; {rows} customers drawn at random.",
        rows=number(last.rows),
    )
    return [h("h3", say(msg("Moved since training"))), body, h("p", say(note), class_="faint")]


def _weighted(drift: FeatureDrift) -> Message:
    return msg("Weighted drift {drift}: {words}.", drift=f"{drift.weighted:.2f}", words=drift.words)


def _version(page: PageContext) -> Callable[[str], str]:
    return lambda version: page.say(msg("Version {version}", version=version))
