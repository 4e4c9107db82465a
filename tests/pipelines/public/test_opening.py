"""A project is opened from anywhere, shows itself and its progress, and leaves the folder that it is opened in alone."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

import tagcast
from tagcast.features.core.errors import ConfigError, DefinitionError, NotAllowedError
from tagcast.pipelines.project.clock import clock
from tagcast.pipelines.project.project import open_project
from tagcast.registry.access.api_keys import add_key
from tests.pipelines.public.conftest import AS_OF, NOW
from tests.support.shop import CHURN, write_shop

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(tmp_path) -> Path:
    return write_shop(tmp_path, customers=60)


def test_a_project_is_found_and_shows_itself(config, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path / "tags")
    project = tagcast.open()
    assert (project.name, project.entity, project.entities) == ("small shop", "profile", ("profile",))
    assert project.home == tmp_path / ".tagcast"
    assert repr(project) == f"<Project 'small shop' at {project.home}>"
    assert "<b>small shop</b>" in project._repr_html_()
    assert not project.home.exists()


def test_a_name_with_signs_of_html_is_shown_as_it_is(config) -> None:
    text = config.read_text(encoding="utf-8").replace('"small shop"', '"<i>shop</i>"')
    config.write_text(text, encoding="utf-8")
    assert "<b>&lt;i&gt;shop&lt;/i&gt;</b>" in tagcast.open(config)._repr_html_()


def test_no_configuration_is_an_error_of_tagcast(tmp_path) -> None:
    with pytest.raises(ConfigError) as error:
        tagcast.open(tmp_path / "tagcast.toml")
    assert error.value.hint


def test_what_is_offered_is_listed() -> None:
    assert {"open", "Project", "Training", "Audience"} <= set(dir(tagcast))
    assert all(getattr(tagcast, name).__doc__ for name in tagcast.__all__)
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        _ = tagcast.train


OWN = """
import warnings; warnings.simplefilter("ignore")
import models, features, tagcast
from models import mine
assert mine() == 7 and features.NAME == "theirs", "before"

if __name__ == "__main__":
    project = tagcast.open("tagcast.toml", "home")
    frame = project.features("2024-07-19")
    training = project.train("churn_risk", "2024-07-19", trials=1)
    trainings = project.train_all(["churn_risk", "high_value"], "2024-07-19", trials=1)  # in processes of their own
    project.promote("churn_risk", 1, reason="a test", force=True)
    project.score(["churn_risk"], "2024-07-19")
    import importlib
    assert importlib.import_module("models").mine() == 7 and sys_is_theirs(models.__file__), models.__file__
    assert features.NAME == "theirs"
    print(len(project.predictions("churn_risk")))
"""


@pytest.mark.slow
def test_own_folders_called_features_and_models_are_in_nobodys_way(tmp_path) -> None:
    config = write_shop(tmp_path, customers=300)
    (tmp_path / "tags" / "interest.yaml").unlink()
    assert config.is_file()
    (tmp_path / "models.py").write_text("def mine():\n    return 7\n", encoding="utf-8")
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "__init__.py").write_text("NAME = 'theirs'\n", encoding="utf-8")
    for name in ("registry", "serving", "pipelines"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not to be imported')\n", encoding="utf-8")
    script = OWN.replace("sys_is_theirs(models.__file__)", f"models.__file__.startswith({str(tmp_path)!r})")
    (tmp_path / "notebook.py").write_text(script, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    environment.pop("TAGCAST_HOME", None)
    for command in (
        ["-c", "import models, features, tagcast; print(models.mine(), tagcast.open('tagcast.toml').name)"],
        ["notebook.py"],
    ):
        done = subprocess.run(
            [sys.executable, *command],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) > 100


SECTIONS = CHURN.replace("name: churn_risk", "name: section_quiet\nentity: section")


@pytest.fixture
def with_sections(tmp_path) -> tagcast.Project:
    config = write_shop(tmp_path, customers=60)
    text = config.read_text(encoding="utf-8")
    text = text.replace("[sources.columns]", 'keys = { section = "kind" }\n\n[sources.columns]')
    config.write_text(text + "\n[entities.section]\n", encoding="utf-8")
    (tmp_path / "tags" / "quiet.yaml").write_text(SECTIONS, encoding="utf-8")
    return tagcast.open(config, tmp_path / "home")


def test_an_entity_has_features_of_its_own(with_sections, tmp_path) -> None:
    assert with_sections.entities == ("profile", "section")
    sections = with_sections.of("section")
    assert (sections.entity, sections.of("section")) == ("section", sections)
    lines = pd.read_parquet(tmp_path / "lines.parquet")
    lines = lines[lines["at"] < pd.Timestamp(AS_OF)]
    frame = sections.features(AS_OF).set_index("profile_id")
    days = lines.assign(day=lines["at"].dt.date).groupby("kind")["day"].nunique()
    assert frame["purchase_days_all"].to_dict() == days.to_dict()
    assert len(with_sections.features(AS_OF)) == lines["customer"].nunique()
    with pytest.raises(ConfigError, match="no entity 'sections'"):
        with_sections.of("sections")


def test_a_tag_of_another_entity_says_where_it_is(with_sections) -> None:
    for refused in (with_sections.training_frame, with_sections.train, with_sections.evaluate):
        with pytest.raises(DefinitionError, match="section_quiet is a tag of the entity section") as error:
            refused("section_quiet", AS_OF)
        assert "project.of('section')" in str(error.value.hint)


def test_progress_is_given_to_whoever_asks_for_it(config, tmp_path) -> None:
    seen = []
    project = tagcast.open(config, tmp_path / "home", progress=lambda *step: seen.append(step))
    project.features(AS_OF)
    stages = {str(stage) for stage, _, _ in seen}
    assert "snapshots" in stages
    assert seen[-1][1] == seen[-1][2]


def test_nothing_is_shown_where_nobody_watches(config, tmp_path, capfd) -> None:
    tagcast.open(config, tmp_path / "home").features(AS_OF)
    assert capfd.readouterr() == ("", "")


def test_a_notebook_sees_bars_of_html(config, tmp_path, monkeypatch) -> None:
    shown = []

    def display(what, display_id=False):
        shown.append(what._repr_html_())
        return SimpleNamespace(update=lambda again: shown.append(again._repr_html_()))

    fake = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", SimpleNamespace(display=display))
    project = tagcast.open(config, tmp_path / "home")
    project.features(AS_OF)
    assert "<progress" in shown[-1]
    assert "snapshots" in shown[-1]
    before = len(shown)
    project.features(AS_OF)  # all is there: nothing takes long
    assert len(shown) == before


def test_a_notebook_is_not_flooded(monkeypatch) -> None:
    from tagcast.pipelines.public.progress_bars import NotebookBars

    shown = []
    handle = SimpleNamespace(update=shown.append)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace())
    monkeypatch.setitem(
        sys.modules, "IPython.display", SimpleNamespace(display=lambda *_, **__: shown.append(0) or handle)
    )
    bars = NotebookBars()
    for step in range(10_001):
        bars("<stage>", step, 10_000)
    bars("nothing to do", 0, 0)
    assert len(shown) == 102
    assert "&lt;stage&gt;" in bars._repr_html_()
    assert repr(bars) == "<stage> 10,000/10,000, nothing to do 1/1"


def test_a_terminal_sees_bars(config, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    tagcast.open(config, tmp_path / "home").features(AS_OF)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "snapshots" in shown.err


def test_a_key_that_has_expired_does_not_come_alive_by_an_earlier_moment(
    config, tmp_path, monkeypatch
) -> None:
    behind = open_project(config, tmp_path / "home")
    today = clock()
    made = {"by": "tests", "now": today - timedelta(days=2)}
    good = add_key(behind.state, "nightly", "data_scientist", expires_at=today + timedelta(days=1), **made)
    over = add_key(behind.state, "gone", "data_scientist", expires_at=today - timedelta(days=1), **made)
    project = tagcast.open(config, tmp_path / "home")
    monkeypatch.setenv("TAGCAST_KEY", good)
    assert len(project.features(AS_OF, now=NOW)) > 0
    with pytest.raises(NotAllowedError, match="does not work"):
        project.features(AS_OF, now=today + timedelta(days=2))
    monkeypatch.setenv("TAGCAST_KEY", over)
    for now in (None, NOW, today - timedelta(days=2)):
        with pytest.raises(NotAllowedError, match="does not work"):
            project.features(AS_OF, now=now)
        with pytest.raises(NotAllowedError, match="does not work"):
            project.audience("age > 30", now=now)
