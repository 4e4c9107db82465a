"""`tagcast init`: what is found of tables, asked, written; and that the result is a project that checks and trains."""

from __future__ import annotations

import json
import sqlite3
import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from click.testing import CliRunner, Result

from examples.app.make_events import app_events
from tagcast.features.core.errors import ConfigError, ConflictError, DataError
from tagcast.features.core.messages import Text, render
from tagcast.pipelines.cli.main import cli
from tagcast.pipelines.start import questions
from tagcast.pipelines.start.first_project import FirstProject, write_first_project
from tests.support.command_line import Project

ROOT = Path(__file__).parents[3]


class Answers:
    """Answers by what a choice holds, and remembers what was asked."""

    def __init__(self, *wanted: str) -> None:
        self.wanted, self.asked = list(wanted), []

    def choose(self, question: Text, choices: Sequence[Text]) -> int:
        self.asked.append(str(question))
        shown = [str(choice) for choice in choices]
        found = [n for want in self.wanted for n, choice in enumerate(shown) if want in choice]
        return found[0] if found else 0

    def text(self, question: Text, guess: str) -> str:
        self.asked.append(str(question))
        return next((want for want in self.wanted if "/" in want and "%" not in want), guess)


def orders(days: int = 200, people: int = 40, seed: int = 1) -> pd.DataFrame:
    """Return ``customer_id, ordered_at, order_no, sku, department, price``: every customer comes about each week."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(people):
        day = float(rng.uniform(0, 7))
        while day < days:
            at = datetime(2025, 1, 1) + timedelta(days=day)  # noqa: DTZ001 - a local time
            sku = int(rng.integers(1, 30))
            price = round(float(rng.lognormal(2, 0.4)), 2)
            rows.append((f"c{person:03d}", at, f"o{len(rows):05d}", f"s{sku}", f"d{sku % 4}", price))
            day += float(rng.exponential(6)) + 0.5
    frame = pd.DataFrame(
        rows, columns=["customer_id", "ordered_at", "order_no", "sku", "department", "price"]
    )
    return frame.assign(ordered_at=frame["ordered_at"].dt.floor("s"))


def customers(people: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "customer_id": [f"c{n:03d}" for n in range(people)],
            "email": [f"c{n}@example.org" for n in range(people)],
            "city": rng.choice(["Oslo", "Bergen"], people),
            "age": rng.integers(18, 80, people),
        }
    )


def started(folder: Path, *given: str, asker: Answers | None = None, **more) -> FirstProject:
    return write_first_project(given, start=folder, into=more.pop("into", folder), asker=asker, **more)


def config(folder: Path) -> dict:
    return tomllib.loads((folder / "tagcast.toml").read_text(encoding="utf-8"))


def source(folder: Path) -> dict:
    (found,) = config(folder)["sources"]
    return found


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["init", *map(str, words)])


def nothing_written(folder: Path) -> bool:
    return not any((folder / name).exists() for name in ("tagcast.toml", "views", "tags")) and not list(
        folder.glob(".tagcast*")
    )


def checks(folder: Path) -> dict:
    """Return what check says of a project; its sources have to be without an error, however few customers there are."""
    answer = json.loads(
        Project(folder / "tagcast.toml", folder / ".tagcast").invoke("check", "--json").stdout
    )
    assert [f for f in answer["sources"]["findings"] if f["level"] == "error"] == []
    assert [view["level"] for view in answer["views"]] == ["ok"] * len(answer["views"])
    return answer


class TestEvents:
    def test_parquet_shows_its_types(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        started(tmp_path, "orders.parquet")
        found = source(tmp_path)
        assert found["columns"] == {
            "profile_id": "customer_id",
            "event_time": "ordered_at",
            "amount": "price",
            "order_id": "order_no",
            "item_id": "sku",
            "category": "department",
        }
        assert (found["event"], found["path"]) == ("purchase", "orders.parquet")
        # Every six and a half days or so: two of them lie within two weeks.
        tag = yaml.safe_load((tmp_path / "tags" / "comes_back.yaml").read_text(encoding="utf-8"))
        assert tag["outcome"]["horizon_days"] == 14
        assert tag["features"] == ["profile_activity", "first"]
        assert checks(tmp_path)["sources"]

    def test_days_first_are_proven_by_the_values(self, tmp_path) -> None:
        orders().assign(ordered_at=lambda f: f["ordered_at"].dt.strftime("%d/%m/%Y %H:%M")).to_csv(
            tmp_path / "orders.csv", index=False
        )
        made = started(tmp_path, "orders.csv")
        assert "time_format" not in source(tmp_path)
        (why,) = [str(use.why) for use in made.tables[0].uses if use.role == "event_time"]
        assert why == "the values prove dmy"
        assert "sources" in checks(tmp_path)

    @pytest.fixture
    def ambiguous(self, tmp_path) -> Path:
        day = orders()["ordered_at"].dt.day.clip(upper=12)
        frame = orders().assign(
            ordered_at=[
                f"{d:02d}/{m:02d}/2025" for d, m in zip(day, orders()["ordered_at"].dt.month, strict=True)
            ]
        )
        frame.to_csv(tmp_path / "orders.csv", index=False)
        return tmp_path

    def test_days_that_prove_nothing_are_refused_without_anybody_to_ask(self, ambiguous) -> None:
        with pytest.raises(DataError, match="no line proves which") as caught:
            started(ambiguous, "orders.csv")
        assert "%d/%m/%Y" in str(caught.value.hint)
        assert "--yes" in str(caught.value.hint)
        assert nothing_written(ambiguous)

    def test_days_that_prove_nothing_are_asked_about(self, ambiguous) -> None:
        answers = Answers("%m/%d/%Y")
        started(ambiguous, "orders.csv", asker=answers)
        assert source(ambiguous)["time_format"] == "%m/%d/%Y"
        assert any("Which is it?" in question for question in answers.asked)

    @pytest.mark.parametrize("unit", [1, 1000])
    def test_numbers_since_1970(self, tmp_path, unit) -> None:
        frame = orders()
        seconds = frame["ordered_at"].map(lambda at: int(at.replace(tzinfo=UTC).timestamp()))
        frame.assign(ordered_at=seconds * unit).rename(columns={"ordered_at": "ts"}).to_csv(
            tmp_path / "orders.csv", index=False
        )
        started(tmp_path, "orders.csv")
        assert source(tmp_path)["columns"]["event_time"] == "ts"
        assert not {"time_format", "timezone"} & source(tmp_path).keys()
        assert "2025-01-0" in json.dumps(checks(tmp_path))

    def test_days_as_one_number(self, tmp_path) -> None:
        orders().assign(ordered_at=lambda f: f["ordered_at"].dt.strftime("%Y%m%d")).rename(
            columns={"ordered_at": "day"}
        ).to_csv(tmp_path / "orders.csv", index=False)
        started(tmp_path, "orders.csv")
        assert source(tmp_path)["time_format"] == "%Y%m%d"

    def test_json_lines_with_an_object_inside(self, tmp_path) -> None:
        lines = [
            {
                "userId": r.customer_id,
                "timestamp": r.ordered_at.isoformat() + "Z",
                "event": e,
                "context": {"ip": "x"},
            }
            for r, e in zip(orders().itertuples(), ["view", "view", "cart"] * 5_000, strict=False)
        ]
        (tmp_path / "app.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        made = started(tmp_path, "app.jsonl")
        found = source(tmp_path)
        assert found["event_column"] == "event"
        assert found["columns"] == {"profile_id": "userId", "event_time": "timestamp"}
        assert "timezone" not in found
        assert [use.role for use in made.tables[0].uses if use.column == "context"] == [""]
        tag = yaml.safe_load((tmp_path / "tags" / "comes_back.yaml").read_text(encoding="utf-8"))
        assert tag["outcome"]["where"] == "event = 'view'"
        assert tag["features"] == ["first"]

    def test_names_of_events_numbers_and_words(self, tmp_path) -> None:
        app_events(60).to_parquet(tmp_path / "events.parquet", index=False)
        started(tmp_path, "events.parquet")
        found = source(tmp_path)
        assert (found["event_column"], found["numbers"], found["words"]) == ("type", ["minutes"], ["device"])
        view = yaml.safe_load((tmp_path / "views" / "first.yaml").read_text(encoding="utf-8"))
        assert {"login_count", "days_since_purchase", "minutes_total", "silence_days"} <= set(
            view["features"]
        )
        assert view["features"]["login_count"]["where"] == "event = 'login'"

    def test_ids_that_missing_ones_made_fractions(self, tmp_path) -> None:
        ids = orders()["customer_id"].str[1:].astype(float)
        ids[::50] = None
        frame = (
            orders().assign(customer_id=ids).rename(columns={"customer_id": "Customer ID", "price": "Price"})
        )
        frame.to_parquet(tmp_path / "first.parquet")
        started(tmp_path, "first.parquet")
        assert source(tmp_path)["columns"]["profile_id"] == "Customer ID"
        assert source(tmp_path)["name"] == "first_2"
        assert checks(tmp_path)["sources"]["sources"][0]["profiles"] == 40

    def test_names_that_sql_and_toml_have_signs_for(self, tmp_path) -> None:
        frame = orders().assign(
            event=["it's", 'a "b"'] * (len(orders()) // 2) + ["it's"] * (len(orders()) % 2)
        )
        frame = frame.assign(**{'größe "x"': np.arange(len(frame)) % 7 * 1.5})
        frame.to_parquet(tmp_path / "orders.parquet")
        started(tmp_path, "orders.parquet")
        assert 'größe "x"' in source(tmp_path)["columns"].values()
        assert checks(tmp_path)

    def test_amounts_with_a_comma_are_derived(self, tmp_path) -> None:
        orders().assign(price=lambda f: f["price"].map(lambda p: f"{p:.2f}".replace(".", ","))).to_csv(
            tmp_path / "orders.csv", index=False, sep=";"
        )
        started(tmp_path, "orders.csv")
        assert source(tmp_path)["derive"] == {"amount": "TRY_CAST(REPLACE(price, ',', '.') AS DOUBLE)"}
        assert "amount" not in source(tmp_path)["columns"]

    def test_a_price_each_times_the_quantity_is_the_amount(self, tmp_path) -> None:
        frame = orders().rename(columns={"price": "UnitPrice"})
        frame.assign(Quantity=np.arange(len(frame)) % 3 + 1).to_csv(tmp_path / "orders.csv", index=False)
        started(tmp_path, "orders.csv")
        assert source(tmp_path)["derive"] == {"amount": "UnitPrice * Quantity"}
        assert (source(tmp_path)["columns"]["quantity"], source(tmp_path)["event"]) == (
            "Quantity",
            "purchase",
        )
        assert checks(tmp_path)

    def test_amounts_whose_sign_nothing_shows_are_asked_about(self, tmp_path) -> None:
        prices = ["1,250", "2,300", "9,125"]
        frame = orders()
        frame.assign(price=[prices[n % 3] for n in range(len(frame))]).to_csv(
            tmp_path / "orders.csv", index=False, sep=";"
        )
        with pytest.raises(DataError, match="which sign stands before the decimals") as caught:
            started(tmp_path, "orders.csv")
        assert "REPLACE(price, ',', '')" in str(caught.value.hint)
        assert nothing_written(tmp_path)
        started(tmp_path, "orders.csv", asker=Answers(","))
        assert source(tmp_path)["derive"] == {"amount": "TRY_CAST(REPLACE(price, ',', '.') AS DOUBLE)"}

    def test_a_table_is_judged_by_a_sample_and_its_ids_by_all_rows(self, tmp_path, monkeypatch) -> None:
        # Two rows of each customer lie far apart: a sample holds hardly any customer twice.
        frame = orders(days=60, people=1_000).groupby("customer_id").head(2)
        frame.to_parquet(tmp_path / "orders.parquet")
        started(tmp_path, "orders.parquet", into=tmp_path / "all", name="x")
        monkeypatch.setattr("tagcast.pipelines.start.table_facts.SAMPLE_ROWS", 50)
        made = started(tmp_path, "orders.parquet", into=tmp_path / "some", name="x")
        assert made.tables[0].rows == len(frame)
        assert source(tmp_path / "some")["columns"]["profile_id"] == "customer_id"
        assert "category" in source(tmp_path / "some")["columns"]

    def test_a_name_that_is_a_number_here_and_a_word_there(self, tmp_path) -> None:
        frame = orders()
        frame.assign(score=np.arange(len(frame)) % 9).to_parquet(tmp_path / "orders.parquet")
        visits = frame[["customer_id", "ordered_at"]].assign(score=["low", "high"] * (len(frame) // 2))
        visits.to_parquet(tmp_path / "visits.parquet")
        started(tmp_path, "orders.parquet", "visits.parquet")
        first, second = config(tmp_path)["sources"]
        assert (first["numbers"], second["words"]) == (["score"], ["score_2"])
        assert second["columns"]["score_2"] == "score"
        assert second["event"] == "event"
        assert checks(tmp_path)

    def test_a_guess_is_written_beside_what_was_chosen(self, tmp_path) -> None:
        orders().assign(account_id=lambda f: f["customer_id"]).to_parquet(tmp_path / "orders.parquet")
        started(tmp_path, "orders.parquet")
        text = (tmp_path / "tagcast.toml").read_text(encoding="utf-8")
        assert "# guessed: customer_id; others: account_id" in text
        answers = Answers("account_id")
        started(tmp_path, "orders.parquet", asker=answers, into=tmp_path / "asked")
        assert source(tmp_path / "asked")["columns"]["profile_id"] == "account_id"
        assert "guessed: customer_id" not in (tmp_path / "asked" / "tagcast.toml").read_text(encoding="utf-8")


class TestAttributes:
    def test_events_and_customers(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        customers().to_csv(tmp_path / "customers.csv", index=False)
        started(tmp_path, "customers.csv", "orders.parquet")
        found = config(tmp_path)
        assert [one["name"] for one in found["sources"]] == ["orders"]
        assert found["profiles"] == {
            "path": "customers.csv",
            "key": "customer_id",
            "columns": ["city", "age"],
        }
        assert checks(tmp_path)

    def test_constant_only_where_somebody_says_so(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        customers().to_csv(tmp_path / "customers.csv", index=False)
        started(tmp_path, "orders.parquet", "customers.csv", asker=Answers("yes"))
        assert "profiles" not in config(tmp_path)
        _, view = yaml.safe_load_all((tmp_path / "views" / "first.yaml").read_text(encoding="utf-8"))
        assert view["from"] == {"path": "customers.csv", "key": "customer_id", "constant": True}
        assert view["columns"] == {"city": "word", "age": "number"}
        tag = yaml.safe_load((tmp_path / "tags" / "comes_back.yaml").read_text(encoding="utf-8"))
        assert tag["features"][-1] == "customers"

    def test_a_column_that_says_since_when(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        plans = pd.concat([customers(), customers()]).assign(
            plan=["a", "b"] * 40, valid_from=["2025-01-01"] * 40 + ["2025-06-01"] * 40
        )
        plans.to_csv(tmp_path / "plans.csv", index=False)
        started(tmp_path, "orders.parquet", "plans.csv")
        _, view = yaml.safe_load_all((tmp_path / "views" / "first.yaml").read_text(encoding="utf-8"))
        assert view["from"] == {"path": "plans.csv", "key": "customer_id", "valid_from": "valid_from"}
        assert view["columns"]["plan"] == "word"
        assert checks(tmp_path)

    def test_attributes_alone_are_no_project(self, tmp_path) -> None:
        customers().to_csv(tmp_path / "customers.csv", index=False)
        with pytest.raises(DataError, match="a table of events is needed"):
            started(tmp_path, "customers.csv")
        assert nothing_written(tmp_path)


class TestDatabases:
    @pytest.fixture
    def shop(self, tmp_path) -> Path:
        with sqlite3.connect(tmp_path / "shop.db") as connection:
            frame = orders()
            frame.assign(ordered_at=frame["ordered_at"].astype(str)).to_sql("orders", connection, index=False)
        connection.close()
        return tmp_path

    @pytest.mark.parametrize("into", [".", "project"])
    def test_a_table(self, shop, into) -> None:
        folder = shop / into
        started(shop, "sqlite:///shop.db", tables=["orders"], into=folder)
        found = source(folder)
        assert found["url"] == ("sqlite:///shop.db" if into == "." else f"sqlite:///{shop}/shop.db")
        assert (found["name"], found["table"]) == ("orders", "orders")
        assert checks(folder)

    def test_a_query(self, shop) -> None:
        query = "SELECT customer_id, ordered_at FROM orders"
        started(shop, "sqlite:///shop.db", queries=[query])
        assert source(shop)["query"] == query

    def test_a_variable_stays_and_a_password_is_refused(self, shop, monkeypatch) -> None:
        monkeypatch.setenv("SHOP_URL", f"sqlite:///{shop}/shop.db")
        started(shop, "${SHOP_URL}", tables=["orders"])
        assert source(shop)["url"] == "${SHOP_URL}"
        with pytest.raises(ConfigError, match="a password is written in url") as caught:
            started(shop, "postgresql://reader:secret@db/shop", tables=["orders"], into=shop / "other")
        assert "secret" not in str(caught.value) + str(caught.value.hint)
        assert not (shop / "other").exists()

    def test_a_url_needs_a_table(self, shop) -> None:
        with pytest.raises(ConfigError, match="--table or --query"):
            started(shop, "sqlite:///shop.db")
        with pytest.raises(ConfigError, match="URL of one database"):
            started(shop, "shop.csv", tables=["orders"])


class TestRefusals:
    def test_what_exists_is_not_replaced(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        (tmp_path / "tagcast.toml").write_text("mine", encoding="utf-8")
        result = run(tmp_path / "orders.parquet", "--into", tmp_path, "--yes")
        assert result.exit_code == ConflictError.exit_code
        assert "tagcast.toml is there already" in result.stderr
        assert "--into" in result.stderr
        assert (tmp_path / "tagcast.toml").read_text(encoding="utf-8") == "mine"
        assert not (tmp_path / "views").exists()

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (None, "there is no file"),
            ("customer_id,at\n", "no rows"),
            ("a,b\n1,2\n3,4\n", "no column looks like the id of a customer; there are a, b"),
            (
                "customer_id,b\n1,x\n1,y\n2,z\n",
                "no column looks like the time of an event; there are customer_id, b",
            ),
        ],
    )
    def test_one_clear_error_and_nothing_written(self, tmp_path, content, expected) -> None:
        if content is not None:
            (tmp_path / "events.csv").write_text(content, encoding="utf-8")
        result = run(tmp_path / "events.csv", "--into", tmp_path / "new", "--yes")
        assert result.exit_code == DataError.exit_code, result.output
        assert expected in result.stderr
        assert "hint: " in result.stderr
        assert not (tmp_path / "new").exists()
        assert nothing_written(tmp_path)

    def test_a_wrong_time_zone(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        with pytest.raises(ConfigError, match="expected a time zone"):
            started(tmp_path, "orders.parquet", timezone="Oslo")

    def test_what_fails_half_way_is_taken_back(self, tmp_path, monkeypatch) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        rename = Path.rename

        def failing(self: Path, target: Path) -> Path:
            if target.name == "tagcast.toml":
                raise OSError(28, "No space left on device")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", failing)
        with pytest.raises(OSError, match="No space"):
            started(tmp_path, "orders.parquet")
        assert nothing_written(tmp_path)


class TestCommand:
    def test_it_asks_on_a_terminal(self, tmp_path, monkeypatch) -> None:
        orders().assign(account_id=lambda f: f["customer_id"]).to_parquet(tmp_path / "orders.parquet")
        monkeypatch.setattr("tagcast.pipelines.cli.training.on_terminal", lambda: True)
        words = ["init", str(tmp_path / "orders.parquet"), "--into", str(tmp_path / "new")]
        result = CliRunner().invoke(cli, words, input="Europe/Oslo\n2\n")
        assert result.exit_code == 0, result.output
        assert config(tmp_path / "new")["timezone"] == "Europe/Oslo"
        assert source(tmp_path / "new")["columns"]["profile_id"] == "account_id"
        assert "which column is the customer's id?" in result.stderr
        assert "tagcast train --all" in result.stdout

    def test_it_speaks_chinese(self, tmp_path, monkeypatch) -> None:
        monkeypatch.setenv("TAGCAST_LANG", "zh")
        orders().to_parquet(tmp_path / "orders.parquet")
        result = run(tmp_path / "orders.parquet", "--into", tmp_path / "new", "--yes")
        assert "接下来" in result.stdout

    def test_it_answers_as_json(self, tmp_path) -> None:
        orders().to_parquet(tmp_path / "orders.parquet")
        result = run(tmp_path / "orders.parquet", "--into", tmp_path / "new", "--json")
        answer = json.loads(result.stdout)
        assert answer["files"] == ["tagcast.toml", "views/first.yaml", "tags/comes_back.yaml"]
        assert answer["tables"][0]["kind"] == "events"
        assert answer["tables"][0]["uses"][0] == {
            "column": "customer_id",
            "role": "profile_id",
            "why": "40 different",
        }

    def test_the_same_data_give_the_same_files(self, tmp_path) -> None:
        app_events(40).to_parquet(tmp_path / "events.parquet", index=False)
        texts = []
        for name in ("one", "two"):
            started(tmp_path, "events.parquet", into=tmp_path / name, name="same")
            texts.append([f.read_bytes() for f in sorted((tmp_path / name).rglob("*.*")) if f.is_file()])
        assert texts[0] == texts[1]


class TestDemo:
    def test_it_is_the_repositorys_own(self, tmp_path) -> None:
        result = run("--demo", "--into", tmp_path / "demo")
        assert result.exit_code == 0, result.output
        written = {f.relative_to(tmp_path / "demo"): f.read_bytes() for f in (tmp_path / "demo").rglob("*.*")}
        names = [Path("tagcast.toml"), *sorted(f.relative_to(ROOT) for f in (ROOT / "models/tags").iterdir())]
        assert written == {name: (ROOT / name).read_bytes() for name in names}

    def test_it_takes_no_data(self, tmp_path) -> None:
        assert run("--demo", "orders.csv", "--into", tmp_path / "demo").exit_code == 2
        assert run("--demo", "--into", ROOT).exit_code == ConflictError.exit_code


def test_questions_are_asked_only_where_there_is_a_choice() -> None:
    answers = Answers()
    asked = questions.Questions(answers)
    assert asked.choose("which", ["a"], 1).comment == ""
    assert asked.choose("which", ["a", "b"], 1).comment == "guessed: a; others: b"
    assert answers.asked == []
    assert asked.choose("which", ["a", "b"], 2).comment == ""
    assert [render(one, "en") for one in answers.asked] == ["which"]


@pytest.mark.slow
def test_the_app_checks_and_trains_at_once(tmp_path) -> None:
    app_events(400).to_parquet(tmp_path / "events.parquet", index=False)
    started(tmp_path, "events.parquet")
    project = Project(tmp_path / "tagcast.toml", tmp_path / "home")
    assert not [f for f in project.json("check")["sources"]["findings"] if f["level"] == "error"]
    (answer,) = project.json("train", "--all", "--trials", "1", "--threads", "1")
    assert answer["tag"] == "comes_back"
