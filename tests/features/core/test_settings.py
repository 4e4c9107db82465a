"""The configuration: what is accepted, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.schema.engine import Spark
from tagcast.features.core.schema.operation import Feast, Mlflow
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.sql_allow_list import checked
from tests.support.source_projects import EXAMPLES, lines, project, source


def load(config: Path):
    return load_settings(config, None, config.parent)


def refused(config: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load(config)
    assert str(config) in str(caught.value.message)
    return str(caught.value)


def test_the_file_is_found_here_or_above(tmp_path) -> None:
    config = project(tmp_path, source())
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    settings = load_settings(None, None, inside)
    assert settings.path == config
    assert settings.home == tmp_path / ".tagcast"
    assert settings.tags_folder == tmp_path / "models" / "tags"


def test_no_file_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"no tagcast\.toml"):
        load_settings(None, None, tmp_path)
    with pytest.raises(ConfigError, match="nowhere"):
        load_settings(tmp_path / "nowhere.toml", None, tmp_path)


def test_home_by_option_then_variable(tmp_path, monkeypatch) -> None:
    config = project(tmp_path, source())
    monkeypatch.setenv("TAGCAST_HOME", str(tmp_path / "kept"))
    assert load(config).home == tmp_path / "kept"
    assert load_settings(config, tmp_path / "asked", tmp_path).home == tmp_path / "asked"


def test_the_environment_overrides(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("TAGCAST_SEED", "7")
    monkeypatch.setenv("TAGCAST_MEMORY_LIMIT", "512MB")
    settings = load(project(tmp_path, source()))
    assert (settings.seed, settings.memory_limit) == (7, "512MB")


def test_the_environment_names_the_state(tmp_path, monkeypatch) -> None:
    written = '[state]\nurl = "postgresql://db.example.org/old"\n' + source()
    monkeypatch.setenv("TAGCAST_STATE", "postgresql://tagcast@db.example.org/tagcast")
    assert load(project(tmp_path, written)).state.url == "postgresql://tagcast@db.example.org/tagcast"


def test_a_variable_may_hold_the_whole_place_of_the_store(tmp_path, monkeypatch) -> None:
    settings = load(project(tmp_path, "store = '${STORE}'\n" + source()))
    url = "postgresql://crm:secret@db.example.org/crm"
    monkeypatch.setenv("STORE", url)
    assert settings.store_place == url
    monkeypatch.setenv("STORE", "kept")
    assert settings.store_place == str(settings.folder / "kept")
    monkeypatch.setenv("STORE", "mysql://crm:secret@db.example.org/crm")
    with pytest.raises(ConfigError, match="found mysql://") as refused:
        _ = settings.store_place
    assert "secret" not in str(refused.value)
    monkeypatch.delenv("STORE")
    with pytest.raises(ConfigError, match="STORE, which is not set"):
        _ = settings.store_place


def test_settings_cannot_be_changed(tmp_path) -> None:
    settings = load(project(tmp_path, source()))
    with pytest.raises(ValueError, match="frozen"):
        settings.seed = 3


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('name = "small"', 'nmae = "small"', ["nmae", "did you mean 'name'"]),
        ('timezone = "UTC"', 'timezone = "Europe/Olso"', ["timezone", "Europe/Olso"]),
        ("[[sources]]", 'seed = "many"\n[[sources]]', ["seed", "many"]),
        ("[[sources]]", 'memory_limit = "much"\n[[sources]]', ["memory_limit", "much"]),
        (
            "[[sources]]",
            "train.most_rows_per_snapshot = 10\n[[sources]]",
            ["train.most_rows_per_snapshot", "1000"],
        ),
        ('path = "shop.parquet"', 'pth = "shop.parquet"', ["pth", "did you mean 'path'"]),
        ("[[sources]]", 'access.roles.a.rights = ["sea"]\n[[sources]]', ["no right 'sea'", "see, filter"]),
        ("[[sources]]", 'access.roles.owner.rights = ["see"]\n[[sources]]', ["roles.owner", "another"]),
        ("[[sources]]", 'access.rows.North = "age > 3"\n[[sources]]', ["rows.North", "lower-case"]),
        (
            "[[sources]]",
            'access.roles.a = {rights = ["see"], rows = "nord"}\naccess.rows.north = "age > 3"\n[[sources]]',
            ["roles.a.rows", "did you mean 'north'"],
        ),
        (
            "[[sources]]",
            'access.roles.a = {rights = ["operate"], rows = "north"}\naccess.rows.north = "age > 3"\n[[sources]]',
            ["roles.a", "operate concerns every profile"],
        ),
        ('path = "shop.parquet"', 'url = "sqlite:///x.db"', ["table or query"]),
        ('path = "shop.parquet"', 'path = "a"\nurl = "sqlite:///x.db"\ntable = "t"', ["one of path", "url"]),
        ('amount = "price"', 'amuont = "price"', ["amuont", "did you mean 'amount'"]),
        ('profile_id = "id"\n', "", ["profile_id"]),
        ('amount = "price"', 'amount = "price"\n[sources.derive]\namount = "price * 2"', ["amount", "both"]),
        ('name = "shop"', 'name = "my shop"', ["name", "my shop"]),
        ('name = "small"', 'name = "small', ["line 1"]),
        ("[[sources]]", 'consent.email = "email_ok"\n[[sources]]', ["consent.email", "email_ok"]),
        (
            "[[sources]]",
            '[profiles]\npath = "p.csv"\nkey = "id"\ncolumns = ["income"]\nsensitive = ["incme"]\n[[sources]]',
            ["sensitive: 'incme'", "did you mean 'income'"],
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, said) -> None:
    config = project(tmp_path, source())
    text = config.read_text(encoding="utf-8")
    assert old in text
    config.write_text(text.replace(old, new, 1), encoding="utf-8")
    message = refused(config)
    for part in said:
        assert part in message
    assert "at least 1 item" not in message


def test_two_sources_need_two_names(tmp_path) -> None:
    assert "shop" in refused(project(tmp_path, source(), source()))


def test_a_password_in_the_file_is_refused_and_not_repeated(tmp_path) -> None:
    place = 'url = "postgresql://me:hunter2@db/shop"\ntable = "orders"'
    message = refused(project(tmp_path, source(place=place)))
    assert "environment" in message
    assert "hunter2" not in message
    named = place.replace("hunter2", "${SHOP_PASSWORD}")
    assert load(project(tmp_path, source(place=named))).sources[0].table == "orders"


@pytest.mark.parametrize(
    "name",
    [
        "tagcast.toml",
        *(f"examples/{n}/tagcast.toml" for n in ("cart", "cdnow", "online_retail", "discovery")),
    ],
)
def test_the_ready_configurations_load(name) -> None:
    settings = load(EXAMPLES / name)
    assert list(settings.tags_folder.glob("*.yaml"))


class TestExpressions:
    """Only scalar expressions over the source's columns reach the database."""

    @pytest.mark.parametrize(
        "text",
        [
            "price < 0",
            "CASE WHEN price > 1000 THEN 1 ELSE price END",
            "id LIKE 'C%' OR price IS NULL",
            "price BETWEEN 1 AND 2 AND id IN ('a', 'b')",
            "regexp_matches(id, '^[0-9]{5}')",
            "TRY_CAST(replace(id, ',', '.') AS DOUBLE)",
            "coalesce(nullif(lower(trim(id)), ''), 'none')",
            "id = 'it''s; DROP TABLE x --'",
        ],
    )
    def test_allowed(self, text) -> None:
        assert checked(text, lines().columns, "here").sql("duckdb")

    @pytest.mark.parametrize(
        "text",
        [
            "read_text('/etc/passwd') = ''",
            "(SELECT 1) = 1",
            "id IN (SELECT id FROM other)",
            "price > 0; DROP TABLE x",
            "count(*) > 1",
            "getenv('HOME') = ''",
            "other.price > 0",
            "price >",
            "CAST(id AS JSON) = ''",
            "COLUMNS(*) > 0",
            "$1 = 1",
            "price.*",
            "price.f(id)",
            "price[id] > 0",
            "value_in_json(id, '[]') = ''",
            "struct_extract(id, 'a') = ''",
            "json_extract(id, '$.a') = ''",
            "list_filter(id, lambda x: x > 0) = 1",
            "price" + ".a" * 5_000,
            "price" + "['a']" * 5_000,
            "(" * 5_000 + "price" + ")" * 5_000,
        ],
    )
    def test_refused(self, text) -> None:
        with pytest.raises(ConfigError, match="here"):
            checked(text, lines().columns, "here")

    def test_an_unknown_column_has_a_suggestion(self) -> None:
        with pytest.raises(ConfigError, match="did you mean 'price'"):
            checked("prize > 0", lines().columns, "here")

    def test_a_path_is_one_column(self) -> None:
        columns = ["at", "a.b", "a['b.c'].d", "order.date"]
        for text, sql in {
            "a.b > 0": '"a.b" > 0',
            "A['b'] > 0": '"a.b" > 0',
            """"a['b']" > 0""": '"a.b" > 0',
            "a['b.c'].d = order.date": """ "a['b.c'].d" = "order.date" """.strip(),
            "CAST(a.b AS DOUBLE) + year(order.date)": 'CAST("a.b" AS DOUBLE) + YEAR("order.date")',
        }.items():
            assert checked(text, columns, "here").sql("duckdb") == sql

    def test_columns_are_spelt_as_in_the_source(self) -> None:
        assert checked('"Unit Price" > 0', ["Unit Price"], "here").sql("duckdb") == '"Unit Price" > 0'
        assert checked("PRICE > 0", ["Price"], "here").sql("duckdb") == '"Price" > 0'


SPARK = "[spark]\nsession = "
REDIS = '[feast]\nonline_store = {type = "redis", connection_string = '
SQL = '[feast]\nregistry = {registry_type = "sql", path = '


@pytest.mark.parametrize(
    "table",
    [
        '[feast]\nregistry = "postgresql+psycopg://ann:hunter2@db/feast"',
        SQL + '"postgresql+psycopg://ann:hunter2@db/feast"}',
        SQL + '"${URL}", sqlalchemy_config_kwargs = {connect_args = {password = "hunter2"}}}',
        REDIS + '"cache:6379,ssl=true,password=hunter2"}',
        REDIS + '"cache:6379", "auth_token" = "hunter2"}',
        '[mlflow]\ntracking_uri = "https://ann:hunter2@mlflow.example.org"',
        '[mlflow]\ntracking_uri = "postgresql://db/mlflow?password=hunter2"',
        SPARK + '"sc://lake.example.org/;token=hunter2"',
        SPARK + '"sc://lake.example.org:443/;use_ssl=true;x-api-key=hunter2;user_id=ann@example.org"',
    ],
)
def test_a_password_for_feast_mlflow_or_spark_is_refused_and_not_repeated(tmp_path, table) -> None:
    message = refused(project(tmp_path, source() + "\n" + table))
    assert "environment" in message
    assert "hunter2" not in message
    named = table.replace("hunter2", "${SECRET}")
    assert load(project(tmp_path, source() + "\n" + named)).name


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("[feast]\nregistry = 3", "feast.registry: expected what feature_store.yaml has under registry"),
        ('[feast]\nonline_store = "redis"', "expected what feature_store.yaml has under online_store"),
        ('[feast]\nproject = "my shop"', "feast.project: has to match the pattern"),
        ('[feast]\nregistri = "s3://b/r.db"', "did you mean 'registry'?"),
        ('[mlflow]\ntracking_uri = "ftp://ann:hunter2@h"', "expected https://… of an MLflow server"),
        (SPARK + '"https://lake/;user=hunter2"', "spark.session: expected local[n], spark://…"),
        ('[mlflow]\nprefix = "a/b"', "mlflow.prefix: has to match the pattern"),
        ('[mlflow]\nexperiments = "x"', "did you mean 'experiment'?"),
    ],
)
def test_what_feast_mlflow_and_spark_cannot_be_given(tmp_path, table, problem) -> None:
    message = refused(project(tmp_path, source() + "\n" + table))
    assert problem in message
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("experiment", "name"),
    [(None, "shop"), ("churn", "churn"), ("crm/", "crm/shop"), ("crm.", "crm.shop"), ("crm-", "crm-")],
)
def test_an_experiment_is_a_name_or_stands_before_the_projects(experiment, name) -> None:
    assert Mlflow(experiment=experiment).experiment_of("shop") == name


def test_the_place_of_mlflow_is_filled_in_when_it_is_opened(monkeypatch) -> None:
    monkeypatch.delenv("SERVER", raising=False)
    given = Mlflow(tracking_uri="${SERVER}")
    with pytest.raises(ConfigError, match=r"shop.toml: mlflow.tracking_uri names the variable SERVER"):
        given.place("shop.toml")
    monkeypatch.setenv("SERVER", "https://mlflow.example.org")
    assert given.place("shop.toml") == "https://mlflow.example.org"
    assert Mlflow().place("shop.toml") is None


def test_a_session_of_spark_is_filled_in_when_it_is_opened(monkeypatch) -> None:
    monkeypatch.delenv("TOKEN", raising=False)
    given = Spark(session="sc://lake.example.org:443/;use_ssl=true;token=${TOKEN};user_id=ann@example.org")
    with pytest.raises(ConfigError, match=r"spark.session names the variable TOKEN"):
        assert given.address
    monkeypatch.setenv("TOKEN", "a;b/c@d=")
    *others, token, user = str(given.address).split(";")
    assert others == ["sc://lake.example.org:443/", "use_ssl=true"]
    assert (unquote(token), user) == ("token=a;b/c@d=", "user_id=ann@example.org")
    for plain in ("local[*]", "yarn", "spark://one:7077,other:7077", "k8s://https://host:443"):
        assert Spark(session=plain).address == plain
    assert Spark().address is None


def test_every_entity_has_a_feast_project_of_its_own() -> None:
    given = Feast(project="company", registry="s3://bucket/registry.db")
    assert given.of_entity("profile") == given
    assert given.of_entity("fund").project == "company_fund"
    assert given.of_entity("fund").registry == given.registry
