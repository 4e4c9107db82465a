"""What the gate looks at beyond a training's own figures: signs of a leak, the champion, the last run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagcast.features.catalog.feature_set import FeatureSet
from tagcast.features.compute.point_in_time_check import Recount, late_rows
from tagcast.features.core.errors import TagcastError
from tagcast.features.core.messages import msg
from tagcast.pipelines.evidence.tag_kinds import evidence_kind
from tagcast.pipelines.project.project import Project, TagPlan

if TYPE_CHECKING:
    import pandas as pd

    from tagcast.models.artifacts.trained_model import TrainedModel
    from tagcast.models.definitions.model_tag import TagDefinition
    from tagcast.models.evaluation.evidence import Evidence
    from tagcast.models.training.dataset import TrainingFrame
    from tagcast.models.training.result import AnyResult
    from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared, RunEvidence
    from tagcast.registry.gates.checks import GateReport
    from tagcast.registry.gates.leak_checks import LeakEvidence
    from tagcast.registry.versions.tracking import Tracking
    from tagcast.serving.store.base import StoreReader


class GateInputs:
    """Gathers evidence for the tags of one training run; what they share is counted once.

    Parameters
    ----------
    project : Project
    now : date
        Nothing at or after it is read.
    feature_set : FeatureSet
        Of the run's models.
    folder : Path
        For recounted features; the caller's to remove.
    """

    def __init__(self, project: Project, now: date, feature_set: FeatureSet, folder: Path) -> None:
        self._project = project
        self._now = now
        self._feature_set = feature_set
        self._recount = _recount(project, project.duckdb, folder)
        self._late: dict[tuple[date, ...], tuple[int, int]] = {}

    def report(
        self,
        plan: TagPlan,
        frame: TrainingFrame,
        result: AnyResult,
        evidence: Evidence,
        tracking: Tracking,
    ) -> GateReport:
        """Return what the gate finds for one trained tag.

        Parameters
        ----------
        plan : TagPlan
        frame : TrainingFrame
            What was trained on.
        result : TrainingResult or AmountResult
        evidence : Evidence
            Of ``result``.
        tracking : Tracking
            Open MLflow, for the champion.
        """
        from tagcast.registry.gates.gate import SharedEvidence, evaluate_gate
        from tagcast.registry.gates.gate_kinds import GATE_KINDS

        around = SharedEvidence(
            self.leaks(plan, frame, result.model.features),
            self.champion(plan, frame, result, tracking),
            self.last_run(plan.definition, result.model),
        )
        return evaluate_gate(GATE_KINDS[plan.definition.kind], evidence, around)

    def leaks(self, plan: TagPlan, frame: TrainingFrame, features: Sequence[str]) -> LeakEvidence:
        """Return what was found of a leak in ``features``.

        Parameters
        ----------
        plan : TagPlan
        frame : TrainingFrame
            What the model was trained on.
        features : sequence of str
            Those that the model reads.
        """
        import numpy as np

        from tagcast.models.stats.leakage import last_day_losses, powers
        from tagcast.registry.gates.leak_checks import MAX_LATE_SHARE, LeakEvidence

        features = list(features)
        y = evidence_kind(plan.definition).two_sides(frame)
        test = plan.split.test
        rows = frame.as_of == np.datetime64(test)
        read = frame.X.loc[rows, features].to_numpy(np.float64)
        chosen, who = plan.definition.chosen, _entities(plan.definition, frame.profile_id[rows])
        drawn = frame.weight is not None
        again, without = (
            self._recount.rows(chosen, self._feature_set, test, who, without_days=days, drawn=drawn)[
                features
            ].to_numpy()
            for days in (0, 1)
        )
        events, stamped = self._stamped_late(plan.split.snapshots)
        return LeakEvidence(
            powers=powers(y, frame.X[features].to_numpy(np.float64), features),
            last_day=last_day_losses(y[rows], read, without, features),
            late_events=events,
            late_rows=stamped,
            ahead=[f for f in features if f in self._feature_set.days_since and (frame.X[f] < 1).any()],
            recounted_otherwise=[
                f
                for j, f in enumerate(features)
                if not np.array_equal(read[:, j], again[:, j], equal_nan=True)
            ],
            written_late=[
                view
                for view in self._feature_set.views_of(chosen)
                if self._project.events.late_share(view) > MAX_LATE_SHARE
            ],
        )

    def champion(
        self,
        plan: TagPlan,
        frame: TrainingFrame,
        result: AnyResult,
        tracking: Tracking,
    ) -> ChampionEvidence | NotCompared:
        """Return the champion's scores on the test snapshot beside those of the new recipe.

        The champion scores with the active model, on features of its own feature set.
        """
        import numpy as np

        from tagcast.pipelines.project.champions import read_model
        from tagcast.registry.gates.change_checks import ChampionEvidence, NotCompared
        from tagcast.registry.versions.names import CHAMPION
        from tagcast.registry.versions.versions import load_bundle, versions

        definition, test = plan.definition, plan.split.test
        if not any(CHAMPION in v.aliases for v in versions(tracking, definition.name)):
            return NotCompared(msg("no champion yet"), expected=True)
        try:
            version, folder = load_bundle(tracking, definition.name)
            champion = read_model(self._project, folder)
        except TagcastError as error:
            return NotCompared(
                msg("the champion cannot be read: {reason}", reason=error.message), expected=False
            )
        if _meaning(champion.definition) != _meaning(definition):
            return NotCompared(
                msg(
                    "the champion, version {version}, answers another question: "
                    "population or outcome have changed since",
                    version=version.version,
                ),
                expected=False,
            )
        rows = frame.as_of == np.datetime64(test)
        order = np.argsort(frame.profile_id[rows].astype(str), kind="stable")
        who = _entities(definition, frame.profile_id[rows][order])
        X = self._recount.rows(
            champion.definition.chosen,
            FeatureSet.parse(champion.feature_set),
            test,
            who,
            drawn=frame.weight is not None,
        )
        score = champion.predict(X, test).score
        return ChampionEvidence(
            version=version.version,
            **evidence_kind(definition).champion_losses(result, score),
            learned_until=max(champion.snapshots) + timedelta(days=champion.horizon_days),
            test=test,
        )

    def last_run(self, definition: TagDefinition, model: TrainedModel) -> RunEvidence | NotCompared:
        """Return the scores that are published beside those ``model`` gives the same profiles then.

        The same profiles at the same moment: what differs comes from the model, not from the season.
        """
        from tagcast.registry.gates.change_checks import NotCompared

        store = self._project.store
        try:
            if store.current() is None:
                return NotCompared(msg("no run yet"), expected=True)
            with store.reader() as reader:
                return self._beside_run(reader, definition, model)
        except TagcastError as error:
            return NotCompared(
                msg("the last run cannot be read: {reason}", reason=error.message), expected=False
            )

    def _beside_run(
        self, reader: StoreReader, definition: TagDefinition, model: TrainedModel
    ) -> RunEvidence | NotCompared:
        import numpy as np

        from tagcast.pipelines.project.champions import load_versions
        from tagcast.registry.gates.change_checks import NotCompared, RunEvidence
        from tagcast.serving.store.long_form import predictions

        run, name = reader.manifest.run, definition.name
        mine = next((t for t in run.tags if t.tag == name), None)
        if mine is None:
            return NotCompared(
                msg("the run {run} holds no {tag} yet", run=run.run_id, tag=name), expected=True
            )
        if mine.kind == "rule":
            return NotCompared(
                msg("in the run {run} a rule decides {tag}", run=run.run_id, tag=name), expected=True
            )
        if run.as_of > self._now:
            return NotCompared(
                msg(
                    "the run {run} is of after {today}, the day training took for today",
                    run=run.run_id,
                    today=self._now,
                ),
                expected=True,
            )
        ((said_by, _),) = load_versions(self._project, {name: int(mine.model_version)})
        if _meaning(said_by.definition) != _meaning(definition):
            return NotCompared(
                msg(
                    "the run {run} answers another question: population or outcome have changed since",
                    run=run.run_id,
                ),
                expected=False,
            )
        said = predictions(reader, name).select(["profile_id", "score"]).to_pandas()
        who = _entities(definition, said["profile_id"].to_numpy(object))
        X = self._recount.rows(definition.chosen, self._feature_set, run.as_of, who)
        old, new = said["score"].to_numpy(np.float64), model.predict(X, run.as_of).score
        psi = evidence_kind(definition).psi(old, new)
        return RunEvidence(run.run_id, run.as_of, psi, len(said))

    def _stamped_late(self, dates: tuple[date, ...]) -> tuple[int, int]:
        """Return late events and late snapshot rows at ``dates``."""
        if dates not in self._late:
            snapshots = self._project.snapshots(self._feature_set)
            self._late[dates] = self._recount.late_events(dates), late_rows(snapshots, dates)
        return self._late[dates]


def _recount(project: Project, engine: Any, folder: Path) -> Recount:
    """Return the recount of a project; ``engine`` counts for other entities too, of whose features its views are made."""
    folder.mkdir(parents=True, exist_ok=True)
    events = engine.read_parquet(project.events.glob)

    def other(entity: str) -> Recount:
        return _recount(project.of(entity), engine, folder / entity)

    return Recount(
        engine, events, project.settings.timezone, folder, project.view_tables.view_file_at, cache(other)
    )


def _entities(definition: TagDefinition, profile_id: object) -> pd.DataFrame:
    import pandas as pd

    frame = pd.DataFrame({"profile_id": profile_id})
    pair = definition.pair
    return frame if pair is None else frame.assign(**{pair.entity: pair.value})


def _meaning(definition: TagDefinition) -> tuple[object, object]:
    """Return what makes two models answers to the same question."""
    return definition.population, definition.outcome
