"""JSON files as sources: text as it stands in the file, names by union over lines and files, errors with file and line."""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tests.support.source_projects import build, project, read, source

COLUMNS = {"profile_id": "userId", "event_time": "timestamp", "amount": "properties.revenue"}
LINES = (
    '{"event": "Order Completed", "userId": "u1", "timestamp": "2026-01-01T00:00:00Z", "properties": {"revenue": 1.5}}',
    '{"event": "Order Completed", "userId": "u2", "timestamp": "2026-01-01T01:00:00Z", "properties": {"revenue": 20}}',
    '{"event": "Page Viewed", "userId": "u1", "timestamp": "2026-01-02T02:00:00Z", "properties": {"url": "/"}}',
    '{"event": "Order Completed", "userId": "u1", "timestamp": "2026-01-03T03:00:00Z", "properties": {"revenue": "4.25"}}',
)


def config_of(
    folder: Path,
    extra: str = "",
    path: str = "seg.jsonl",
    columns: dict[str, str] | None = None,
    tail: str = "",
) -> Path:
    return project(folder, source(extra=extra, place=f'path = "{path}"', columns=columns or COLUMNS) + tail)


def write(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def amounts(config: Path) -> list[Decimal | None]:
    return [None if pd.isna(v) else v for v in read(build(config))["amount"]]


def test_segment_exports_one_object_a_line(tmp_path) -> None:
    config = config_of(tmp_path, 'event_column = "event"')
    write(tmp_path / "seg.jsonl", *LINES)
    frame = read(build(config))
    assert list(frame["profile_id"]) == ["u1", "u1", "u1", "u2"]
    assert [None if v is None else str(v) for v in frame["amount"]] == ["1.5000", None, "4.2500", "20.0000"]
    assert list(frame["event"]) == ["Order Completed", "Page Viewed", "Order Completed", "Order Completed"]
    assert frame["event_time"].astype(str).tolist() == [
        "2026-01-01 00:00:00", "2026-01-02 02:00:00", "2026-01-03 03:00:00", "2026-01-01 01:00:00",
    ]  # fmt: skip


OTHER = '{"userId": "u9", "timestamp": "2026-01-04T00:00:00Z"}'


@pytest.fixture(scope="module")
def plain(tmp_path_factory) -> str:
    """Return the log of the lines in a plain file."""
    folder = tmp_path_factory.mktemp("plain")
    config = config_of(folder)
    write(folder / "seg.jsonl", *LINES)
    return build(config).id


class TestWays:
    """One array, packed, several files, a folder, a byte mark, UTF-16: the same lines, the same log."""

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("seg.ndjson", "\n".join(LINES).encode()),
            ("seg.json", "\n".join(LINES).encode()),
            ("seg.json", b"[" + ",\n".join(LINES).encode() + b"]\n"),
            ("seg.json", json.dumps([json.loads(line) for line in LINES], indent=2).encode()),
            ("seg.jsonl", b"\n \n" + "\r\n\r\n".join(LINES).encode() + b"\r\n"),
            ("seg.jsonl", b"\xef\xbb\xbf" + "\n".join(LINES).encode()),
            ("seg.jsonl", "\n".join(LINES).encode("utf-16")),
            ("seg.json", ("[" + ",".join(LINES) + "]").encode("utf-16-le")),
            ("seg.jsonl.gz", gzip.compress("\n".join(LINES).encode())),
            ("seg.gz", gzip.compress("\n".join(LINES).encode())),
            ("seg.jsonl.zst", pa.compress("\n".join(LINES).encode(), codec="zstd", asbytes=True)),
            ("seg.txt", "\n".join(LINES).encode()),
            ("seg", ("[\n" + ",\n".join(LINES) + "\n]").encode()),
        ],
        ids=["ndjson", "json", "array", "pretty array", "blank lines", "mark", "utf-16", "utf-16 array", "gzip", "only gz",
             "zstd", "txt", "no suffix"],
    )  # fmt: skip
    def test_is_read(self, tmp_path, plain, name, content) -> None:
        config = config_of(tmp_path, path=name)
        (tmp_path / name).write_bytes(content)
        assert build(config).id == plain

    @pytest.mark.parametrize("path", ["parts", "parts/*", "parts/*.jsonl"])
    def test_several_files(self, tmp_path, plain, path) -> None:
        config = config_of(tmp_path, path=path)
        write(tmp_path / "parts/a.jsonl", *LINES[2:])
        write(tmp_path / "parts/b.jsonl", *LINES[:2])
        (tmp_path / "parts/c.jsonl").touch()
        (tmp_path / "parts/_SUCCESS").touch()
        assert build(config).id == plain

    def test_a_named_encoding(self, tmp_path) -> None:
        config = config_of(tmp_path, 'encoding = "latin-1"')
        (tmp_path / "seg.jsonl").write_bytes(
            "\n".join([LINES[0].replace("u1", "Åse"), OTHER]).encode("latin-1")
        )
        assert list(read(build(config))["profile_id"]) == ["u9", "Åse"]

    def test_a_named_format(self, tmp_path) -> None:
        config = config_of(tmp_path, 'format = "json"', path="events.log.csv")
        write(tmp_path / "events.log.csv", *LINES)
        assert build(config).rows == 4

    def test_an_array_longer_than_what_is_read_at_once(self, tmp_path) -> None:
        note = 'x\\n\\"' * 90_000
        many = [
            LINES[n % 4].replace('"event"', f'"note": "{note if n % 97 == 0 else n}", "event"')
            for n in range(300)
        ]
        config = config_of(tmp_path, path="seg.json")
        (tmp_path / "seg.json").write_text("[" + " ,\n\n".join(many) + "]", encoding="utf-8")
        # Each four lines hold 1.5, 20 and 4.25.
        assert sum(v for v in amounts(config) if v is not None) == Decimal("25.75") * 75


class TestText:
    """Nothing is guessed about ids and words."""

    @pytest.mark.parametrize(
        ("written", "id_"),
        [
            ('"007"', "007"), ('"10.10"', "10.10"), ('"1e5"', "1e5"), ('"2026-01-05"', "2026-01-05"), ('" a "', "a"),
            ("12", "12"), ("10.10", "10.10"), ("1e5", "1e5"), ("9007199254740993", "9007199254740993"),
            ("123456789012345678901234567890", "123456789012345678901234567890"), ("-0", "-0"),
            ("true", "true"), ('"\\u00e5se"', "åse"), ('"T"', "T"), ('"null"', "null"), ('"a\\ud83d"', "a\ufffd"),
        ],
    )  # fmt: skip
    def test_an_id_is_what_stands_there(self, tmp_path, written, id_) -> None:
        config = config_of(tmp_path)
        write(tmp_path / "seg.jsonl", LINES[0], LINES[1].replace('"u2"', written))
        assert set(read(build(config))["profile_id"]) == {"u1", id_}

    @pytest.mark.parametrize("nothing", ["null", '""', '"  "', "{}", "[]", "NaN"])
    def test_nothing_is_no_id(self, tmp_path, nothing) -> None:
        config = config_of(tmp_path)
        write(tmp_path / "seg.jsonl", LINES[0], LINES[1].replace('"u2"', nothing), OTHER)
        assert build(config).sources[0].missing_ids == 1

    def test_an_id_is_one_whether_it_is_written_as_number_or_text(self, tmp_path) -> None:
        config = config_of(tmp_path)
        write(tmp_path / "seg.jsonl", LINES[0].replace('"u1"', "12"), LINES[1].replace('"u2"', '"12"'), OTHER)
        assert list(read(build(config))["profile_id"]) == ["12", "12", "u9"]

    def test_an_amount_keeps_its_last_figure(self, tmp_path) -> None:
        config = config_of(tmp_path)
        # A double would make .568 of it.
        write(tmp_path / "seg.jsonl", LINES[0].replace("1.5", "12345678901234.5678"), OTHER)
        assert amounts(config) == [Decimal("12345678901234.5678"), None]

    def test_a_name_that_appears_late(self, tmp_path) -> None:
        config = config_of(tmp_path, columns={**COLUMNS, "category": "kind"})
        late = LINES[3].replace('"event"', '"kind": "01", "event"')
        write(tmp_path / "seg.jsonl", *LINES[:3] * 40_000, late)
        frame = read(build(config))
        assert len(frame) == 120_001
        assert frame["category"].dropna().tolist() == ["01"]

    def test_what_cannot_be_converted_is_unknown(self, tmp_path) -> None:
        config = config_of(tmp_path)
        write(
            tmp_path / "seg.jsonl", *LINES, LINES[0].replace("1.5", '"free"'), LINES[0].replace("1.5", "true")
        )
        assert amounts(config).count(None) == 3

    def test_two_files_of_which_one_has_no_properties(self, tmp_path) -> None:
        config = config_of(tmp_path, path="*.jsonl")
        write(tmp_path / "a.jsonl", '{"userId": "u9", "timestamp": "2026-01-01T00:00:00Z"}')
        write(tmp_path / "b.jsonl", LINES[0].replace("1.5", "2"))
        assert sorted(map(str, amounts(config))) == ["2.0000", "None"]

    def test_equal_lines_count_once_where_asked(self, tmp_path) -> None:
        config = config_of(tmp_path, "deduplicate = true")
        other_order = '{"timestamp": "2026-01-01T00:00:00Z", "userId": "u1", "properties": {"revenue": 1.5}, "event": "Order Completed"}'
        differs = LINES[0].replace('"event"', '"messageId": 2, "event"')
        write(tmp_path / "seg.jsonl", LINES[0], LINES[0], other_order, differs, OTHER)
        assert build(config).rows == 3


class TestErrors:
    """An error names file and line, and nothing is left out without a word."""

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            ('{"userId": ', "it cannot be read from character"),
            ("userId,timestamp", "it cannot be read from character 1 on"),
            ('{"userId": "a"} {"userId": "b"}', "something follows it, from character 16 on"),
            ('{"userId": "a"},', "something follows it"),
            ('["a", "b"]', "it is a list"),
            ("12", "it is a single value"),
            ("null", "it is a single value"),
            ('{"a": ' * 100_000, "it is nested too deeply"),
        ],
        ids=["cut", "csv", "two", "comma", "list", "number", "null", "deep"],
    )
    @pytest.mark.parametrize("packed", [False, True])
    def test_a_line_that_is_no_object(self, tmp_path, bad, said, packed) -> None:
        name = "seg.jsonl.gz" if packed else "seg.jsonl"
        config = config_of(tmp_path, path=name)
        text = "\n".join([*LINES, "", bad, *LINES]).encode()
        (tmp_path / name).write_bytes(gzip.compress(text) if packed else text)
        with pytest.raises(
            DataError, match=rf"sources\.shop: {name}, line 6: no JSON object: {said}"
        ) as caught:
            build(config)
        assert "one object a line" in str(caught.value.hint)

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[\n" + ",\n".join(LINES) + "\n", 6),
            ("[\n" + ",\n".join(LINES) + '\n]\n{"a": 1}', 7),
            ("[\n" + ",\n".join([*LINES[:2], '{"a": 1 2}', *LINES]) + "]", 4),
            ("[\n" + ",\n".join([*LINES[:2], "12", *LINES]) + "]", 4),
            ("[\n" + "\n".join(LINES) + "]", 3),
            ("[\n" + LINES[0] + ",\n]", 3),
            ('[\n{"a": "' + "x" * 3_000_000, 2),
        ],
        ids=["open", "after", "broken", "number", "no commas", "comma", "open text"],
    )
    def test_an_array_that_is_broken(self, tmp_path, text, line) -> None:
        config = config_of(tmp_path, path="seg.json")
        (tmp_path / "seg.json").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=rf"seg\.json, line {line}: no JSON object"):
            build(config)

    @pytest.mark.parametrize("begin", ["", "[\n"])
    def test_lines_count_from_the_first_one(self, tmp_path, begin) -> None:
        config = config_of(tmp_path, path="seg.json")
        (tmp_path / "seg.json").write_text("\n" * 2_500_000 + begin + "{", encoding="utf-8")
        with pytest.raises(DataError, match=f"seg.json, line {2_500_001 + bool(begin)}: no JSON object"):
            build(config)

    def test_one_file_of_several_is_named(self, tmp_path) -> None:
        config = config_of(tmp_path, path="*.jsonl")
        write(tmp_path / "a.jsonl", *LINES)
        write(tmp_path / "b.jsonl", LINES[0], LINES[1][:-1])
        with pytest.raises(DataError, match=r"b\.jsonl, line 2"):
            build(config)

    @pytest.mark.parametrize("text", ["", "\n \n", "[]", " [ ]\n"])
    def test_an_empty_file(self, tmp_path, text) -> None:
        config = config_of(tmp_path)
        (tmp_path / "seg.jsonl").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=r"seg\.jsonl is empty: no rows"):
            build(config)

    def test_another_encoding(self, tmp_path) -> None:
        config = config_of(tmp_path)
        (tmp_path / "seg.jsonl").write_bytes(
            "\n".join([*LINES, LINES[0].replace("u1", "Åse")]).encode("latin-1")
        )
        with pytest.raises(DataError, match=r"seg\.jsonl, line 5: not UTF-8") as caught:
            build(config)
        assert "latin-1" in str(caught.value.hint)

    def test_a_damaged_gzip(self, tmp_path) -> None:
        config = config_of(tmp_path, path="seg.jsonl.gz")
        whole = gzip.compress("\n".join(LINES * 5000).encode())
        (tmp_path / "seg.jsonl.gz").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match=r"seg\.jsonl\.gz cannot be read as gzip"):
            build(config)

    def test_other_kinds_beside_it(self, tmp_path) -> None:
        config = config_of(tmp_path, path="*.*l*")
        write(tmp_path / "a.jsonl", *LINES)
        write(tmp_path / "b.lines.csv", "userId,timestamp", "u1,2026-01-01")
        with pytest.raises(DataError, match="of different kinds"):
            build(config)

    def test_a_column_that_is_not_there(self, tmp_path) -> None:
        config = config_of(tmp_path, columns={**COLUMNS, "profile_id": "userID"})
        write(tmp_path / "seg.jsonl", *LINES)
        with pytest.raises(
            DataError, match=r"sources\.shop\.columns\.profile_id: there is no column 'userID'"
        ) as caught:
            build(config)
        assert "did you mean 'userId'" in str(caught.value.hint)

    def test_a_file_that_spells_its_ids_otherwise(self, tmp_path) -> None:
        config = config_of(tmp_path, path="*.jsonl")
        write(tmp_path / "a.jsonl", *LINES)
        write(tmp_path / "b.jsonl", LINES[0].replace("userId", "userid"))
        with pytest.raises(DataError, match=r"no 'userId' in b\.jsonl, but 'userid'"):
            build(config)


class TestPaths:
    """Values inside of objects, by path."""

    @pytest.mark.parametrize(
        "path",
        ["properties.revenue", "properties['revenue']", 'properties["revenue"]'],
    )
    def test_in_columns(self, tmp_path, path) -> None:
        config = config_of(tmp_path)
        config.write_text(config.read_text().replace('"properties.revenue"', f"'''{path}'''"))
        write(tmp_path / "seg.jsonl", *LINES[:2])
        assert amounts(config) == [Decimal("1.5"), Decimal(20)]

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("properties.revenue", [1.5, 20]),
            ("properties['revenue'] * 2", [3, 40]),
            ("CASE WHEN properties.revenue > 5 THEN 5 ELSE properties.revenue END", [1.5, 5]),
            ("PROPERTIES.Revenue + 1", [2.5, 21]),
            ("COALESCE(properties.total, properties.revenue)", None),
        ],
    )
    def test_in_derive(self, tmp_path, expression, expected) -> None:
        columns = {k: v for k, v in COLUMNS.items() if k != "amount"}
        config = config_of(tmp_path, columns=columns, tail=f'[sources.derive]\namount = "{expression}"\n')
        write(tmp_path / "seg.jsonl", *LINES[:2])
        if expected is None:
            with pytest.raises(ConfigError, match=r"there is no value 'properties\.total'"):
                build(config)
        else:
            assert [float(v) for v in amounts(config)] == expected

    def test_in_where_and_returns(self, tmp_path) -> None:
        config = config_of(
            tmp_path, 'where = "properties.revenue IS NOT NULL"\nreturns = "properties[\'revenue\'] > 10"'
        )
        write(tmp_path / "seg.jsonl", *LINES)
        assert sorted(amounts(config)) == [Decimal(-20), Decimal("1.5"), Decimal("4.25")]

    def test_deeper_and_with_signs(self, tmp_path) -> None:
        columns = {**COLUMNS, "category": "traits.plan.name", "channel": "traits['utm.source']['first one']"}
        config = config_of(tmp_path, columns=columns)
        traits = '"traits": {"plan": {"name": "pro"}, "utm.source": {"first one": "mail"}}, "event"'
        write(
            tmp_path / "seg.jsonl",
            LINES[0].replace('"event"', traits),
            LINES[1].replace('"event"', '"traits": null, "event"'),
        )
        frame = read(build(config))
        assert frame[["category", "channel"]].to_numpy().tolist() == [["pro", "mail"], [None, None]]

    def test_a_column_that_is_called_like_a_path_wins(self, tmp_path) -> None:
        config = config_of(tmp_path)
        write(
            tmp_path / "seg.jsonl", LINES[0], LINES[1].replace('"event"', '"properties.revenue": 7, "event"')
        )
        assert amounts(config) == [None, Decimal(7)]

    def test_an_object_kept_as_text(self, tmp_path) -> None:
        config = config_of(tmp_path)
        inner = json.dumps('{"revenue": 2.50}')
        write(tmp_path / "seg.jsonl", LINES[0].replace('{"revenue": 1.5}', inner), OTHER)
        assert amounts(config) == [Decimal("2.5"), None]

    @pytest.mark.parametrize(
        ("path", "said", "hint"),
        [
            (
                "properties.revenu",
                "there is no value 'properties.revenu'",
                "did you mean 'properties.revenue'?",
            ),
            ("properties.xyz", "there is no value 'properties.xyz'", "in properties: revenue, url"),
            (
                "propertys.revenue",
                "there is no column 'propertys.revenue'",
                "did you mean 'properties.revenue'?",
            ),
            ("userId.first", "userId is no object", "name userId itself"),
            ("properties", "properties is an object: revenue", "as in properties.revenue"),
            ("properties.revenue.value", "properties.revenue is no object", "name properties.revenue itself"),
        ],
    )
    def test_a_path_that_leads_nowhere(self, tmp_path, path, said, hint) -> None:
        config = config_of(tmp_path, columns={**COLUMNS, "amount": path})
        write(tmp_path / "seg.jsonl", *LINES)
        with pytest.raises(DataError, match=said) as caught:
            build(config)
        assert hint in str(caught.value.hint)

    @pytest.mark.parametrize("path", ["items", "items.price", "items[1].price"])
    def test_lists_are_not_read(self, tmp_path, path) -> None:
        config = config_of(tmp_path, columns={k: v for k, v in COLUMNS.items() if k != "amount"},
                           tail=f'[sources.derive]\namount = "{path}"\n')  # fmt: skip
        write(
            tmp_path / "seg.jsonl", LINES[0], LINES[1].replace('"event"', '"items": [{"price": 3}], "event"')
        )
        with pytest.raises(DataError, match=r"seg\.jsonl, line 2: items.* is a list, or in one") as caught:
            build(config)
        assert 'unnest = "items"' in str(caught.value.hint)

    def test_a_value_that_becomes_an_object(self, tmp_path) -> None:
        old, new = (
            LINES[0].replace('"event"', f'"plan": {p}, "event"') for p in ('"pro"', '{"name": "max"}')
        )
        config = config_of(tmp_path, columns={**COLUMNS, "category": "plan"})
        write(tmp_path / "seg.jsonl", old, new.replace("u1", "u2"))
        with pytest.raises(DataError, match=r"line 2: plan is an object: name") as caught:
            build(config)
        assert "COALESCE(plan.name, plan)" in str(caught.value.hint)
        # What the hint says works.
        config = config_of(tmp_path, tail='[sources.derive]\ncategory = "COALESCE(plan.name, plan)"\n')
        assert sorted(read(build(config))["category"]) == ["max", "pro"]

    def test_parameters_of_an_event(self, tmp_path) -> None:
        columns = {**COLUMNS, "category": "event_params.page", "item_id": "event_params['n']"}
        config = config_of(tmp_path, columns=columns)
        params = [
            {"key": "page", "value": {"string_value": "home", "int_value": None}},
            {"key": "n", "value": {"int_value": "007", "set_timestamp_micros": "5"}},
        ]
        write(tmp_path / "seg.jsonl", LINES[0].replace('"event"', f'"event_params": {json.dumps(params)}, "event"'),
              LINES[1].replace('"event"', '"event_params": [], "event"'))  # fmt: skip
        assert read(build(config))[["category", "item_id"]].to_numpy().tolist() == [
            ["home", "007"],
            [None, None],
        ]


class TestOtherTables:
    """Attributes, dimensions and identities may be JSON too."""

    def test_profiles_and_dimensions(self, tmp_path) -> None:
        tail = (
            '[[sources.joins]]\npath = "items.jsonl"\non = {"properties.sku" = "sku"}\ncolumns = ["details.kind"]\n'
            '[profiles]\npath = "people.json"\nkey = "id"\ncolumns = ["traits.age", "since", "ok"]\n'
        )
        config = config_of(
            tmp_path, columns={k: v for k, v in COLUMNS.items() if k != "amount"},
            tail='[sources.derive]\ncategory = "details.kind"\n' + tail,
        )  # fmt: skip
        write(
            tmp_path / "seg.jsonl",
            LINES[0].replace("1.5", '1.5, "sku": "01"'),
            LINES[1].replace(": 20", ': 20, "sku": 2'),
        )
        write(
            tmp_path / "items.jsonl",
            '{"sku": "01", "details": {"kind": "tea"}}',
            '{"sku": "2", "details": {"kind": "oil"}}',
        )
        write(
            tmp_path / "people.json",
            '[{"id": "u1", "traits": {"age": 31}, "since": "2025-05-01", "ok": true}]',
        )
        log = build(config)
        assert list(read(log)["category"]) == ["tea", "oil"]
        (person,) = pd.read_parquet(log.folder / "profiles.parquet").to_dict("records")
        assert person == {"profile_id": "u1", "traits.age": 31.0, "since": date(2025, 5, 1), "ok": True}
