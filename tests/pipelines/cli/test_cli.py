"""The command line, from events to audiences, on a small shop; and what it says when something is wrong."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import click
import pandas as pd
import pytest
from click.testing import CliRunner, Result

from tagcast.pipelines.cli.main import COMMANDS, cli
from tests.support.command_line import Project as CommandLine
from tests.support.shop import FIRST_DAY, write_shop

NOW = FIRST_DAY + timedelta(days=200)

pytestmark = [pytest.mark.xdist_group("cli"), pytest.mark.slow]


class Project(CommandLine):
    """A project folder and the command line on it."""

    def store_state(self) -> dict[str, str]:
        """Every published file of the store by digest."""
        files = [*(self.home / "store").glob("CURRENT*"), *(self.home / "store").rglob("*.duckdb")]
        return {str(f): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.fixture(scope="module")
def shop(tmp_path_factory) -> Project:
    folder = tmp_path_factory.mktemp("shop")
    project = Project(write_shop(folder), folder / ".tagcast")
    project.run("train", "--all", "--as-of", str(NOW), "--trials", "2", "--threads", "1")
    for tag in ("churn_risk", "high_value"):
        project.run(
            "model", "promote", tag, "1", "--force", "--reason", "this shop is too small for the gate"
        )
    project.run("score", "--all", "--as-of", str(NOW))
    return project


@pytest.fixture
def broken(tmp_path) -> Project:
    """A project nobody has trained in, to break."""
    return Project(write_shop(tmp_path, customers=60), tmp_path / ".tagcast")


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_every_command_has_help_with_an_example() -> None:
    def walk(command, words):
        result = CliRunner().invoke(cli, [*words, "--help"])
        assert result.exit_code == 0
        assert "Example:" in result.output, words
        for option in ("--config", "--home", "--json"):
            assert option in result.output, words
        if isinstance(command, click.Group):
            for name in command.list_commands(click.Context(command)):
                walk(command.get_command(click.Context(command), name), [*words, name])

    walk(cli, [])


def test_the_list_of_commands_says_what_each_command_says() -> None:
    """The list is written beside the table of modules, so that it loads none of them."""
    for name, listed in COMMANDS.items():
        command = cli.get_command(click.Context(cli), name)
        assert command.help.split("\n\n")[0].replace("\n", " ") == listed.help


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "CONFIG", "tag", "list"),
        ("tag", "--json", "list", "CONFIG"),
        ("tag", "list", "CONFIG", "--json"),
    ],
)
def test_the_project_is_named_before_a_command_or_after_it(broken, words) -> None:
    where = ["--config", str(broken.config), "--home", str(broken.home)]
    at = words.index("CONFIG")
    result = CliRunner().invoke(cli, [*words[:at], *where, *words[at + 1 :]])
    assert result.exit_code == 0, result.stderr
    assert [row["name"] for row in json.loads(result.stdout)] == ["churn_risk", "high_value"]


def test_a_wrong_tag_before_json_is_answered_as_json(broken) -> None:
    result = CliRunner().invoke(cli, ["--json", "--config", str(broken.config), "tag", "show", "nothing"])
    assert json.loads(result.stderr)["exit_code"] == result.exit_code == 13
    assert set(json.loads(result.stderr)) == {"error", "hint", "code", "params", "exit_code"}


def test_it_runs_as_a_module_too() -> None:
    root = Path(__file__).resolve().parents[3]
    shown = subprocess.run(
        [sys.executable, "-m", "tagcast.pipelines.cli.main", "--help"],
        capture_output=True,
        text=True,
        cwd=root,
        check=True,
    )
    assert "tagcast train --all" in shown.stdout
    assert "promise" in shown.stdout


def test_the_trade_off_of_a_version_is_kept_and_shown(shop) -> None:
    found = shop.json("model", "thresholds", "high_value")
    assert found["rule"] == {"rule": "top_share", "share": 0.2}
    (chosen,) = [row for row in found["thresholds"] if row["chosen"]]
    assert chosen["share"] == pytest.approx(0.2, abs=0.02)
    assert found["stability"][0]["margin"] == 0
    for file in found["plots"].values():
        assert Path(file).read_bytes().startswith(b"\x89PNG")
    shown = shop.run("model", "thresholds", "high_value", "--version", "1").output
    assert found["says"] in " ".join(shown.split())
    missing = shop.run("model", "thresholds", "high_value", "--version", "9", ok=False)
    assert missing.exit_code == 6
    assert "choose one of 1" in missing.stderr
    assert shop.run("model", "thresholds", "interest", ok=False).exit_code == 6
    assert shop.run("model", "thresholds", "hihg_value", ok=False).exit_code == 5


def test_check_reports_and_changes_nothing(shop) -> None:
    source = shop.config.parent / "lines.parquet"
    before = source.read_bytes()
    report = shop.json("check", "--as-of", str(NOW))
    assert report["ready"]
    assert [t["tag"] for t in report["tags"]] == [
        "churn_risk",
        "high_value",
        *sorted(t["tag"] for t in report["tags"] if "." in t["tag"]),
    ] or len(report["tags"]) == 4
    assert all(t["level"] in {"ok", "warning"} for t in report["tags"])
    assert "ready to train" in shop.run("check", "--as-of", str(NOW)).stdout
    assert source.read_bytes() == before


def test_models_lists_versions_with_decisions(shop) -> None:
    rows = shop.json("model", "list")
    assert {r["tag"].split(".")[0] for r in rows} == {"churn_risk", "high_value", "interest"}
    for row in rows:
        assert row["aliases"] in (["champion"], ["challenger"])
        assert {
            "auc",
            "auc_low",
            "auc_high",
            "log_loss",
            "brier",
            "calibration_error",
            "average_precision",
            "lift_at_10",
            "rfm_auc",
        } <= set(row["metrics"])
        assert row["reason"]


def test_models_of_one_tag_lists_each_check_with_its_figure(shop) -> None:
    (row,) = shop.json("model", "list", "high_value")
    assert [c["name"] for c in row["checks"]] == [
        "enough_data", "single_feature", "last_day", "after_as_of", "beats_base_rate", "beats_rfm",
        "beats_champion", "calibrated", "predicts_yes", "score_distribution",
    ]  # fmt: skip
    by_name = {c["name"]: c for c in row["checks"]}
    assert by_name["after_as_of"]["outcome"] == "pass"
    assert by_name["single_feature"]["figure"] < 0.95
    shown = shop.run("model", "list", "high_value").stdout
    assert "Checks of high_value version 1" in shown
    assert all(c["name"] in shown for c in row["checks"])
    assert "Checks of" not in shop.run("model", "list").stdout


def test_promotion_against_the_gate_needs_force(shop) -> None:
    refused = next(r for r in shop.json("model", "list") if any(c["outcome"] == "fail" for c in r["checks"]))
    failed = next(c for c in refused["checks"] if c["outcome"] == "fail")
    expect(
        shop.run("model", "promote", refused["tag"], "1", "--reason", "why not", ok=False),
        6, f"{failed['name']} failed", "--force",
    )  # fmt: skip
    done = shop.json("model", "promote", refused["tag"], "1", "--force", "--reason", "a test of force")
    assert failed["name"] in done["forced"]
    assert shop.run("model", "promote", refused["tag"], "1", "--force", ok=False).exit_code == 2, (
        "no reason was given"
    )


def test_promotion_by_hand_is_recorded(shop, monkeypatch) -> None:
    monkeypatch.setattr("tagcast.pipelines.project.local_user.system_user", lambda: "A. Person")
    shop.run(
        "model",
        "promote",
        "churn_risk",
        "1",
        "--force",
        "--reason",
        "looked at the plots",
    )
    (row,) = shop.json("model", "list", "churn_risk")
    assert row["aliases"] == ["champion"]
    failed = [c["name"] for c in row["checks"] if c["outcome"] == "fail"]
    assert row["decision"] == "promoted by A. Person" + (f" against {', '.join(failed)}" if failed else "")
    assert row["reason"] == "looked at the plots"


def test_predictions_keep_the_contract(shop, tmp_path) -> None:
    out = tmp_path / "predictions.parquet"
    run = shop.json("score", "--all", "--as-of", str(NOW), "--out", str(out))
    frame = pd.read_parquet(out)
    assert len(frame) == sum(t["population"] for t in run["tags"])
    assert not frame.duplicated(["profile_id", "tag"]).any()
    for column in ("score", "lower", "upper", "confidence"):
        assert frame[column].between(0, 1).all(), column
    assert (frame["lower"] <= frame["score"]).all()
    assert (frame["score"] <= frame["upper"]).all()
    assert frame["percentile"].between(0, 100).all()
    assert set(frame["value"]) <= {"yes", "no", "unknown"}
    assert frame["reasons"].map(len).between(1, 3).all()
    yes = frame[frame["value"] == "yes"]
    assert (yes["reasons_method"] == "shap").all()
    assert (yes["confidence"] == yes["lower"]).all()
    no = frame[frame["value"] == "no"]
    assert no["confidence"].to_numpy() == pytest.approx(1 - no["upper"].to_numpy())


def test_a_run_twice_equals_once(shop, tmp_path) -> None:
    frames = []
    for name in ("one", "two"):
        out = tmp_path / f"{name}.parquet"
        shop.run("score", "--all", "--as-of", str(NOW), "--out", str(out))
        frames.append(
            pd.read_parquet(out)
            .drop(columns=["scored_at", "expires_at"])
            .sort_values(["tag", "profile_id"], ignore_index=True)
        )
    pd.testing.assert_frame_equal(
        frames[0].drop(columns="reasons"), frames[1].drop(columns="reasons"), check_exact=True
    )
    assert [list(map(str, r)) for r in frames[0]["reasons"]] == [
        list(map(str, r)) for r in frames[1]["reasons"]
    ]


def test_audiences(shop, tmp_path) -> None:
    text = "churn_risk = 'yes' AND churn_risk.confidence >= 0.5 AND city IN ('Oslo', 'Bergen')"
    found = shop.json("audience", "count", text)
    assert 0 <= found["members"] <= found["base"]
    rest = shop.json("audience", "count", f"NOT ({text})")
    assert found["members"] + rest["members"] == found["base"]
    out = tmp_path / "audience.csv"
    assert shop.json("audience", "export", text, "--out", str(out))["rows"] == found["members"]
    assert len(pd.read_csv(out)) == found["members"]
    shown = shop.json("audience", "show", "churn_risk.score >= 0", "--limit", "3")
    assert len(shown) == 3


def test_every_version_has_its_card(shop, tmp_path) -> None:
    found = shop.json("model", "card", "churn_risk")
    assert (found["tag"], found["version"], found["aliases"]) == ("churn_risk", 1, ["champion"])
    assert found["grade"]["letter"] in "ABCD"
    assert found["grade"]["reasons"]
    assert sum(d["share"] for d in found["drivers"]) <= 1 + 1e-9
    page = shop.json("tag", "show", "churn_risk")
    assert page["calibration"] == found["calibration"]
    bins = pd.DataFrame(found["calibration"])
    assert bins["mean_score"].is_monotonic_increasing
    assert ((bins["low"] <= bins["observed"]) & (bins["observed"] <= bins["high"])).all()
    tested = page["versions"][0]["metrics"]
    error = (bins["n"] * (bins["mean_score"] - bins["observed"]).abs()).sum() / bins["n"].sum()
    assert error == pytest.approx(tested["calibration_error"], abs=1e-9)
    assert found["written"] == []
    text = shop.run("model", "card", "churn_risk", "--version", "champion").stdout
    assert text.startswith("# Churn risk")
    assert text.strip() == found["markdown"].strip()
    assert shop.run("model", "card", "churn_risk", "--html").stdout.startswith("<!doctype html>")
    out = tmp_path / "cards" / "of today"
    assert "written to" in shop.run("model", "card", "churn_risk", "--version", "1", "--out", str(out)).stdout
    assert {f.name for f in out.iterdir()} == {"churn_risk-v1.html", "churn_risk-v1.md"}
    assert (out / "churn_risk-v1.md").read_text(encoding="utf-8") == found["markdown"]
    member = next(r["tag"] for r in shop.json("model", "list", "interest"))
    assert member.split(".")[1] in shop.run("model", "card", member).stdout


def test_a_card_that_is_not_there(shop, tmp_path) -> None:
    expect(shop.run("model", "card", "churn_rsk", ok=False), 5, "churn_rsk", "did you mean 'churn_risk'")
    expect(
        shop.run("model", "card", "churn_risk", "--version", "7", ok=False),
        6,
        "no version 7",
        "choose one of 1",
    )
    expect(shop.run("model", "card", "interest", ok=False), 6, "family", r"interest\.")
    (tmp_path / "file").write_text("in the way")
    expect(
        shop.run("model", "card", "churn_risk", "--out", str(tmp_path / "file" / "under"), ok=False),
        1,
        "--out",
        "hint",
    )


def test_reasons_are_told_with_title_direction_and_size(shop) -> None:
    run = shop.json("score", "--all", "--as-of", str(NOW))
    for tag in run["tags"]:
        assert 0 <= tag["reasons_overlap"] <= 1
        assert 0 <= tag["reasons_top_in_three"] <= 1
        assert tag["drift"]["rows"] == tag["drift"]["explained"] == tag["population"]
        assert 0 <= tag["drift"]["weighted"] < 1
    said = shop.run("score", "--all", "--as-of", str(NOW)).stdout
    assert "reasons agree" in said
    assert "weighted drift" in said
    assert "What runs expected of themselves" in shop.run("tag", "show", "churn_risk").stdout
    who = shop.json("audience", "show", "churn_risk.score >= 0", "--limit", "1")[0]["profile_id"]
    reasons = [r for p in shop.json("profile", "show", who)["predictions"] for r in p["reasons"]]
    assert reasons
    for reason in reasons:
        assert set(reason["title"]) == {"en", "zh"}
        assert reason["title"]["en"] != reason["feature"]
        assert re.search("[\u4e00-\u9fff]", reason["title"]["zh"])
        assert reason["size"] == abs(reason["contribution"])
        assert reason["direction"] == ("towards yes" if reason["contribution"] > 0 else "towards no")
    shown = shop.run("profile", "show", who).stdout
    assert "towards" in shown


def test_a_profile_and_the_tag_tree(shop) -> None:
    who = shop.json("audience", "show", "churn_risk.score >= 0", "--limit", "1")[0]["profile_id"]
    view = shop.json("profile", "show", who)
    assert view["profile_id"] == who
    assert {p["tag"] for p in view["predictions"]} >= {"churn_risk", "high_value"}
    assert view["features"]
    assert who in shop.run("profile", "show", who).stdout
    tree = shop.json("tag", "list")
    assert {"churn_risk", "high_value"} <= {r["name"] for r in tree}
    assert "Lifecycle" in shop.run("tag", "list").stdout


def test_the_promise_is_judged_by_what_followed(shop) -> None:
    rows = [r for r in shop.json("promise") if r["tag"] == "churn_risk" and r["at_least"] == 0]
    (row,) = rows
    assert row["observed"]
    assert row["due"] == str(NOW + timedelta(days=30))
    assert 0.5 < row["right"] <= 1
    assert "Promised vs. actual" in shop.run("promise").stdout


def test_features_build_and_materialize(broken) -> None:
    made = broken.json("features", "build", "--as-of", str(NOW))
    assert made["rows"] > 0
    assert sorted(broken.json("features", "materialize", "--as-of", str(NOW))["views"]) == [
        "profile_activity",
        "profile_category",
    ]


def test_training_reads_nothing_at_or_after_now(tmp_path) -> None:
    """A project cut at NOW trains the same models, bit for bit, as one that knows the rest of the year."""
    digests = []
    for name, cut in (("whole", False), ("cut", True)):
        folder = tmp_path / name
        project = Project(write_shop(folder, customers=200), folder / ".tagcast")
        if cut:
            lines = pd.read_parquet(folder / "lines.parquet")
            lines[lines["at"] < pd.Timestamp(NOW)].to_parquet(folder / "lines.parquet", index=False)
        threads = "2" if cut else "1"
        project.run("train", "interest", "--as-of", str(NOW), "--trials", "2", "--threads", threads)
        files = sorted((project.home / "mlartifacts").rglob("bundle/*"))
        digests.append(
            sorted((f.name, hashlib.sha256(f.read_bytes()).hexdigest()) for f in files if f.is_file())
        )
    assert digests[0] == digests[1]
    assert len(digests[0]) >= 6


def expect(result: Result, code: int, *said: str) -> None:
    assert result.exit_code == code, result.output + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1, result.stderr
    for text in said:
        assert re.search(text, result.stderr), f"{text!r} is not in:\n{result.stderr}"


class TestBadInput:
    """Each answered by one clear message, a non-zero exit and an unchanged store."""

    def test_no_configuration(self, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        expect(CliRunner().invoke(cli, ["check"]), 3, "tagcast.toml", "hint")

    def test_missing_file(self, broken) -> None:
        edit(broken.config, "lines.parquet", "lnes.parquet")
        expect(broken.run("train", "--all", ok=False), 4, r"lnes\.parquet", "hint")

    def test_wrong_column(self, broken) -> None:
        edit(broken.config, '"price"', '"prize"')
        expect(broken.run("train", "--all", ok=False), 4, "prize", "price")

    def test_unparsable_dates(self, broken) -> None:
        source = broken.config.parent / "lines.parquet"
        lines = pd.read_parquet(source)
        lines.assign(at="the day before").to_parquet(source, index=False)
        expect(broken.run("train", "--all", ok=False), 4, "event_time|at\\b", "hint")

    def test_empty_source(self, broken) -> None:
        source = broken.config.parent / "lines.parquet"
        pd.read_parquet(source).head(0).to_parquet(source, index=False)
        expect(broken.run("train", "--all", ok=False), 4, "no rows|empty", "hint")

    def test_one_profile_only(self, broken) -> None:
        source = broken.config.parent / "lines.parquet"
        pd.read_parquet(source).assign(customer="c0001").to_parquet(source, index=False)
        expect(broken.run("train", "--all", ok=False), 4, "one profile", "hint")

    def test_all_labels_equal(self, broken) -> None:
        edit(
            broken.config.parent / "tags" / "churn_risk.yaml",
            "kind: no_event,",
            "kind: no_event, event: party,",
        )
        expect(broken.run("train", "churn_risk", "--as-of", str(NOW), ok=False), 6, "churn_risk", "hint")

    def test_unobserved_window(self, broken) -> None:
        late = [str(NOW - timedelta(days=d)) for d in (70, 10)]
        edit(
            broken.config.parent / "tags" / "churn_risk.yaml",
            "{min_history_days: 60}",
            f"{{dates: [{', '.join(late)}]}}",
        )
        expect(
            broken.run("train", "churn_risk", "--as-of", str(NOW), ok=False), 4, "not observed before", "hint"
        )

    def test_now_after_the_data(self, broken) -> None:
        expect(broken.run("train", "--all", "--as-of", "2030-01-01", ok=False), 4, "after the data", "hint")

    def test_unknown_tag(self, shop) -> None:
        before = shop.store_state()
        expect(shop.run("train", "chrun_risk", ok=False), 5, "chrun_risk", "did you mean 'churn_risk'")
        expect(shop.run("score", "chrun_risk", ok=False), 5, "chrun_risk", "did you mean 'churn_risk'")
        assert shop.store_state() == before

    def test_score_before_train(self, broken) -> None:
        expect(broken.run("score", "--all", ok=False), 6, "no tag has a champion", "tagcast train")
        expect(broken.run("audience", "count", "a = 1", ok=False), 7, "tagcast score")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("chrun_risk = 'yes'", "churn_risk"),
            ("churn_risk = 'maybe'", "yes"),
            ("churn_risk.confidense > 0.5", "confidence"),
            ("churn_risk = 'yes'; DROP TABLE profiles", "character|position"),
            ("churn_risk = 'yes' UNION SELECT * FROM profiles", "UNION"),
            ("read_csv('/etc/passwd') = 'x'", "read_csv"),
            ("city = 'Oslo", "quote|closed|end"),
            ("", "empty"),
        ],
    )
    def test_wrong_filters(self, shop, text, said) -> None:
        before = shop.store_state()
        expect(shop.run("audience", "count", text, ok=False), 9, said)
        assert shop.store_state() == before

    def test_injection_in_a_literal_is_only_text(self, shop) -> None:
        assert shop.json("audience", "count", "city = 'x''; DROP TABLE profiles; --'")["members"] == 0
        assert shop.json("audience", "count", "churn_risk.score >= 0")["members"] > 0

    def test_a_corrupted_model_file(self, shop) -> None:
        before = shop.store_state()
        (file,) = [
            f
            for f in (shop.home / "mlartifacts").rglob("model.json")
            if "churn_risk" in f.read_text(encoding="utf-8")
        ][:1]
        whole = file.read_bytes()
        try:
            file.write_bytes(whole[:-20] + b" " + whole[-19:])
            expect(shop.run("score", "--all", "--as-of", str(NOW), ok=False), 6, r"model\.json", "hint")
        finally:
            file.write_bytes(whole)
        assert shop.store_state() == before

    def test_a_half_written_store(self, shop, tmp_path) -> None:
        home = tmp_path / "home"
        shutil.copytree(shop.home, home)
        damaged = Project(shop.config, home)
        (file,) = sorted((home / "store").rglob("*.duckdb"))[-1:]
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        for other in (home / "store").rglob("*.duckdb"):
            if other != file:
                other.write_bytes(other.read_bytes()[:5000])
        expect(damaged.run("audience", "count", "churn_risk = 'yes'", ok=False), 7, "duckdb", "hint")
        damaged.run("score", "--all", "--as-of", str(NOW))
        assert damaged.json("audience", "count", "churn_risk.score >= 0")["members"] > 0

    def test_a_locked_store(self, shop) -> None:
        import fcntl

        before = shop.store_state()
        with (shop.home / "store" / ".lock").open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            expect(shop.run("score", "--all", "--as-of", str(NOW), ok=False), 8, "another|writing", "hint")
        assert shop.store_state() == before
        shop.json("audience", "count", "churn_risk.score >= 0")

    def test_errors_as_json(self, shop) -> None:
        result = shop.run("audience", "count", "chrun_risk = 'yes'", "--json", ok=False)
        answer = json.loads(result.stderr.strip().splitlines()[-1])
        assert answer["exit_code"] == result.exit_code == 9
        assert answer["position"] == 0
        assert "churn_risk" in answer["hint"]


def test_dates_are_dates() -> None:
    result = CliRunner().invoke(cli, ["train", "--all", "--as-of", "yesterday"])
    assert result.exit_code == 2
    assert "2017-12-02" in result.stderr
    assert isinstance(NOW, date)
