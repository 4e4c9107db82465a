"""What a run moved, and why: each cause alone, counted a second time from what was published."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from tagcast.pipelines.reports.scoring import render_movement
from tagcast.pipelines.scoring.movement import TagMovement
from tagcast.pipelines.scoring.score import score_tags
from tests.support.champion import DAY, NOW, TAG, by_hand, published, put_in_charge, shop_with_champion

pytestmark = [pytest.mark.xdist_group("movement"), pytest.mark.slow]


def run(project, day, hour: int) -> tuple[TagMovement | None, pd.Series]:
    scored = score_tags(project, [TAG], as_of=day, now=NOW + timedelta(hours=hour), force_reason="a test")
    return next(iter(scored.moved), None), published(project)["value"]


def moved(before: pd.Series, after: pd.Series) -> pd.DataFrame:
    both = pd.DataFrame({"was": before, "now": after}).astype(object)
    return both.where(both.notna(), None)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Four runs: a first one, a later day, another model, another threshold."""
    folder = tmp_path_factory.mktemp("moved")
    project = shop_with_champion(folder)
    later = DAY + timedelta(days=14)
    found = {"first": run(project, DAY, 0), "data": run(project, later, 1)}
    put_in_charge(project, folder / "bundle2", by_hand(risk=2.5), 2)
    found["model"] = run(project, later, 2)
    put_in_charge(project, folder / "bundle3", by_hand(risk=2.5, threshold=0.62), 3)
    found["threshold"] = run(project, later, 3)
    found["thresholds"] = [entry.manifest.tags[TAG].threshold for entry in project.store.log()]
    return found


def test_a_first_run_has_moved_nothing(runs) -> None:
    assert runs["first"][0] is None


@pytest.mark.parametrize(("before", "cause"), [("first", "data"), ("data", "model"), ("model", "threshold")])
def test_who_entered_and_left_and_which_cause(runs, before, cause) -> None:
    row, after = runs[cause]
    both = moved(runs[before][1], after)
    changed = both[[a != b for a, b in zip(both["was"], both["now"], strict=True)]]
    assert row.entered == changed["now"].dropna().value_counts().to_dict()
    assert row.left == changed["was"].dropna().value_counts().to_dict()
    assert row.changed == pytest.approx(len(changed) / len(both))
    assert row.changed > 0
    causes = {"data": row.by_data, "model": row.by_model, "threshold": row.by_threshold}
    assert causes.pop(cause) == pytest.approx(row.changed)
    assert causes == pytest.approx(dict.fromkeys(causes, 0.0))
    assert row.sampled == (0 if cause == "data" else len(both))


def test_a_run_keeps_the_cut_of_each_tag(runs) -> None:
    """The TagSummary of a run says from which score the tag said yes: the next run is held against it."""
    assert runs["thresholds"] == [0.5, 0.5, 0.5, 0.62]


def test_the_report_names_the_causes(runs, capsys) -> None:
    render_movement([runs["threshold"][0]], "the run before")
    shown = capsys.readouterr().out
    for word in ("Moved since the run before", "by a new", "threshold", "no +", "yes −"):
        assert word in shown
