"""CSV files as people have them: text as it stands, columns by the header, or an error that names file and line."""

from __future__ import annotations

import gzip
from decimal import Decimal

import pyarrow as pa
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tests.support.source_projects import build, project, read, source

SHOP = source(place='path = "shop.csv"')
HEADER = "id,at,price\n"
ROWS = "a,2024-01-01 10:00:00,10\na,2024-01-03 23:30:00,5.5\nb,2024-01-02 09:00:00,2.25\nb,2024-02-02 09:00:00,4\n"
WORDS = {"profile_id": "id", "event_time": "at", "amount": "price", "category": "kind", "order_id": "no"}


def ids(log) -> list[str]:
    return sorted(set(read(log)["profile_id"]))


class TestTextAsItStands:
    """Ids, categories and event names are what stands between the commas, whatever it looks like."""

    @pytest.mark.parametrize(
        "names",
        [
            ["10.1", "10.10", "10.2", "10.20"],
            ["1001E2", "1001E3", "100100"],
            ["T", "F", "true"],
            ["2024-01-01", "2024-1-1"],
            ["007", "7", "07"],
            ["9007199254740992", "9007199254740993"],
            ["0x10", "16"],
            ["1_000", "1000"],
            ["NaN", "nan"],
            ["12:30", "12:30:00"],
        ],
    )
    def test_ids_categories_and_numbers_of_orders(self, tmp_path, names) -> None:
        rows = "".join(f"{n},2024-01-0{d} 10:00:00,1,{n},{n}\n" for n in names for d in (1, 2))
        config = project(
            tmp_path,
            source(place='path = "shop.csv"', columns=WORDS),
            shop_csv="id,at,price,kind,no\n" + rows,
        )
        frame = read(build(config))
        for column in ("profile_id", "category", "order_id"):
            assert sorted(set(frame[column])) == sorted(names), column

    def test_blanks_around_any_key_mean_nothing(self, tmp_path) -> None:
        orders = "id,at,price,ev,sku\n" + "".join(
            f"{i},2024-01-0{d} 10:00:00,1,{e},{s}\n"
            for d, (i, e, s) in enumerate(
                [("a", "buy", "1"), ("a ", "buy ", "1  "), (" a", "\tbuy", " 1"), ("b\u00a0", "buy", "1")], 1
            )
        )
        text = source(
            place='path = "shop.csv"',
            extra='event_column = "ev"',
            columns={"profile_id": "id", "event_time": "at", "item_id": "sku", "category": "kind"},
        )
        text += '[[sources.joins]]\npath = "items.csv"\non = "sku"\ncolumns = ["kind"]\n'
        text += (
            '[identity]\npath = "who.csv"\n[profiles]\npath = "people.csv"\nkey = "id"\ncolumns = ["city"]\n'
        )
        log = build(
            project(
                tmp_path,
                text,
                shop_csv=orders,
                items_csv="sku,kind\n1   ,tea  \n",
                who_csv="source,source_id,profile_id\nshop ,a   ,A  \nshop, b,B\n",
                people_csv="id,city\n A  ,Oslo \nB,Bergen\n",
            )
        )
        frame = read(log)
        assert list(frame["profile_id"]) == ["A", "A", "A", "B"]
        assert log.event_names == ("buy",)
        assert set(frame["category"]) == {"tea"}
        assert set(frame["item_id"]) == {"1"}
        assert log.sources[0].unmatched == log.sources[0].unplaced_ids == 0
        assert log.profiles_path is not None
        import pandas as pd

        people = pd.read_parquet(log.profiles_path)
        assert dict(zip(people["profile_id"], people["city"], strict=True)) == {"A": "Oslo", "B": "Bergen"}

    def test_keys_alike_but_for_blanks_are_one_key(self, tmp_path) -> None:
        text = source(
            place='path = "shop.csv"', columns={"profile_id": "id", "event_time": "at", "category": "kind"}
        )
        text += '[[sources.joins]]\npath = "items.csv"\non = "id"\ncolumns = ["kind"]\n'
        with pytest.raises(DataError, match="not unique"):
            build(project(tmp_path, text, shop_csv=HEADER + ROWS, items_csv="id,kind\na,tea\na ,coffee\n"))


class TestColumns:
    """The header decides; a line that does not fit it is an error with its number, never dropped."""

    def test_one_more_column_from_some_line_on(self, tmp_path) -> None:
        many = HEADER + ROWS * 20 + "id,at,price,shop\n" + "a,2024-03-01 10:00:00,1,x\n" * 300
        with pytest.raises(
            DataError, match=r"shop\.csv, line 82: more columns than the 3 of the header"
        ) as caught:
            build(project(tmp_path, SHOP, shop_csv=many))
        assert "files of their own" in str(caught.value.hint)

    def test_the_hint_of_it_works(self, tmp_path) -> None:
        config = project(
            tmp_path,
            source(place='path = "shop-*.csv"'),
            **{"shop-1_csv": HEADER + ROWS, "shop-2_csv": "id,at,price,shop\na,2024-03-01 10:00:00,1,x\n"},
        )
        assert build(config).rows == 5

    @pytest.mark.parametrize(
        ("line", "found"),
        [
            ("c,2024-01-01\n", "2 columns, the header has 3"),
            ("c,2024-01-01 10:00:00,1,x,y\n", "more columns than the 3 of the header"),
            ("c;2024-01-01;1\n", "1 columns, the header has 3"),
        ],
    )
    def test_a_line_that_does_not_fit(self, tmp_path, line, found) -> None:
        with pytest.raises(DataError, match=f"line 6: {found}"):
            build(project(tmp_path, SHOP, shop_csv=HEADER + ROWS + line + ROWS))

    def test_a_quote_that_is_not_closed(self, tmp_path) -> None:
        with pytest.raises(DataError, match="a quote is not closed"):
            build(project(tmp_path, SHOP, shop_csv=HEADER + ROWS + '"c,2024-01-01 10:00:00,1\n'))

    def test_files_differ_in_the_order_of_columns(self, tmp_path) -> None:
        files = {"shop-1_csv": HEADER + ROWS, "shop-2_csv": "price;note;at;id\n3,5;x;2024-05-01 10:00:00;c\n"}
        table = source(place='path = "shop-*.csv"', columns={"profile_id": "id", "event_time": "at"})
        table += "[sources.derive]\namount = \"TRY_CAST(REPLACE(price, ',', '.') AS DOUBLE)\"\n"
        frame = read(build(project(tmp_path, table, **files)))
        assert list(frame["profile_id"]) == ["a", "a", "b", "b", "c"]
        assert [float(v) for v in frame["amount"]] == [10, 5.5, 2.25, 4, 3.5]

    @pytest.mark.parametrize("first", [1, 2])
    def test_a_missing_column_is_named_with_its_file(self, tmp_path, first) -> None:
        files = {
            f"shop-{first}_csv": HEADER + ROWS,
            f"shop-{3 - first}_csv": "id,at\nc,2024-01-01 10:00:00\n",
        }
        with pytest.raises(
            DataError, match=rf"no column 'price' in shop-{3 - first}\.csv, but in other files"
        ):
            build(project(tmp_path, source(place='path = "shop-*.csv"'), **files))

    @pytest.mark.parametrize(
        ("text", "place"),
        [
            (f"sep=,\n{HEADER}{ROWS}", ""),
            (f"Orders of the year\n\n{HEADER}{ROWS}", ""),
            (f"\ufeff{HEADER}{ROWS}", ""),
            (HEADER.replace(",", " , ") + ROWS, ""),
            ((HEADER + ROWS).replace(",", "\t"), ""),
            ((HEADER + ROWS).replace(",", "|"), ""),
            ((HEADER + ROWS).replace("\n", "\r\n"), ""),
            ('"id","at","price"\n' + ROWS.replace("a,", '"a",'), ""),
            ("id,at,price,note\n" + ROWS.replace("\n", ',"two\nlines, ""quoted"""\n'), ""),
        ],
        ids=["sep", "title", "mark", "blanks", "tabs", "bars", "windows", "quotes", "lines in quotes"],
    )
    def test_dialects(self, tmp_path, text, place) -> None:
        plain = build(project(tmp_path / "p", SHOP, shop_csv=HEADER + ROWS))
        assert build(project(tmp_path / "d", SHOP, shop_csv=text)).id == plain.id

    def test_a_name_in_other_case_is_suggested(self, tmp_path) -> None:
        with pytest.raises(DataError, match="no column 'id'") as caught:
            build(project(tmp_path, SHOP, shop_csv=HEADER.replace("id", "ID") + ROWS))
        assert "did you mean 'ID'" in str(caught.value.hint)

    def test_a_file_without_a_header(self, tmp_path) -> None:
        table = source(
            place='path = "shop.csv"',
            columns={"profile_id": "column0", "event_time": "column1", "amount": "column2"},
        )
        assert build(project(tmp_path, table, shop_csv=ROWS)).rows == 4

    def test_names_of_columns_that_mean_something_in_sql(self, tmp_path) -> None:
        text = 'select,"it\'s ""at""",{price}\n' + ROWS
        table = source(
            place='path = "shop.csv"',
            columns={"profile_id": "select", "event_time": 'it\'s \\"at\\"', "amount": "{price}"},
        )
        assert build(project(tmp_path, table, shop_csv=text)).rows == 4


class TestEncodings:
    """UTF-8 is read, UTF-16 where it shows; anything else is an error that names it, and can be said."""

    TEXT = "id,at,price,kind\n" + "".join(
        f"{i},2024-01-0{d} 10:00:00,1,Café\n" for d, i in enumerate("aabb", 1)
    )
    TABLE = source(place='path = "shop.csv"', columns={**{k: WORDS[k] for k in list(WORDS)[:4]}})

    def given(self, folder, encoding, table=TABLE):
        config = project(folder, table)
        (folder / "shop.csv").write_bytes(self.TEXT.encode(encoding))
        return config

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
    def test_unicode_is_read(self, tmp_path, encoding) -> None:
        assert set(read(build(self.given(tmp_path, encoding)))["category"]) == {"Café"}

    @pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac-roman"])
    def test_other_encodings_are_named_and_can_be_said(self, tmp_path, encoding) -> None:
        config = self.given(tmp_path, encoding)
        with pytest.raises(DataError, match=r"shop\.csv, line 2: not UTF-8") as caught:
            build(config)
        assert 'encoding = "latin-1"' in str(caught.value.hint)
        given = self.given(
            tmp_path / "given",
            encoding,
            self.TABLE.replace('"shop.csv"', f'"shop.csv"\nencoding = "{encoding}"'),
        )
        assert set(read(build(given))["category"]) == {"Café"}

    @pytest.mark.parametrize(
        ("word", "encoding"),
        [
            ("咖啡", "gb18030"),
            ("咖啡", "gbk"),
            ("咖啡", "big5"),
            ("コーヒー", "shift_jis"),
            ("Кофе", "cp1251"),
            ("Kávé", "cp1250"),
        ],
    )
    def test_words_of_other_scripts(self, tmp_path, word, encoding) -> None:
        text = self.TEXT.replace("Café", word).encode(encoding)
        config = project(tmp_path, self.TABLE)
        (tmp_path / "shop.csv").write_bytes(text)
        with pytest.raises(DataError, match=r"shop\.csv, line 2: not UTF-8") as caught:
            build(config)
        assert 'encoding = "gb18030" for Chinese' in str(caught.value.hint)
        table = self.TABLE.replace('"shop.csv"', f'"shop.csv"\nencoding = "{encoding}"')
        (tmp_path / "given").mkdir()
        (tmp_path / "given" / "shop.csv").write_bytes(text)
        assert set(read(build(project(tmp_path / "given", table)))["category"]) == {word}

    def test_an_odd_byte_far_down_is_named_with_its_line(self, tmp_path) -> None:
        config = project(tmp_path, self.TABLE)
        rows = "".join(f"c{n % 9},2024-01-01 10:00:00,1,tea\n" for n in range(60_000))
        (tmp_path / "shop.csv").write_bytes(
            b"id,at,price,kind\n" + rows.encode() + b"a,2024-01-01 10:00:00,1,Caf\xe9\n"
        )
        with pytest.raises(DataError, match=r"shop\.csv, line 60002: not UTF-8"):
            build(config)

    @pytest.mark.parametrize("name", ["klingon", "base64"])
    def test_an_unknown_encoding(self, tmp_path, name) -> None:
        with pytest.raises(ConfigError, match="expected an encoding"):
            build(
                self.given(
                    tmp_path, "utf-8", self.TABLE.replace('"shop.csv"', f'"shop.csv"\nencoding = "{name}"')
                )
            )


class TestKinds:
    """A file is read by what it is, or its kind is named."""

    @pytest.mark.parametrize(
        ("name", "pack"),
        [
            ("SHOP.CSV", bytes),
            ("shop.txt", bytes),
            ("shop", bytes),
            ("shop.csv.gz", gzip.compress),
            ("shop.CSV.GZ", gzip.compress),
            ("shop.csv.zst", lambda b: pa.compress(b, "zstd", asbytes=True)),
            ("shop.csv", gzip.compress),
        ],
    )
    def test_packed_and_named_otherwise(self, tmp_path, name, pack) -> None:
        plain = build(project(tmp_path / "p", SHOP, shop_csv=HEADER + ROWS))
        config = project(tmp_path / "k", source(place=f'path = "{name}"'))
        (tmp_path / "k" / name).write_bytes(pack((HEADER + ROWS).encode()))
        assert build(config).id == plain.id

    def test_tabs_packed(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "shop.tsv.gz"'))
        (tmp_path / "shop.tsv.gz").write_bytes(gzip.compress((HEADER + ROWS).replace(",", "\t").encode()))
        assert build(config).rows == 4

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("shop.xlsx", "Excel"),
            ("shop.csv.bz2", "bzip2"),
            ("shop.zip", "zip"),
            ("shop.avro", "Avro"),
            ("shop.duckdb", "a database file"),
        ],
    )
    def test_what_is_not_read_is_named(self, tmp_path, name, said) -> None:
        config = project(tmp_path, source(place=f'path = "{name}"'))
        (tmp_path / name).write_bytes(b"PK\x03\x04 and more")
        with pytest.raises(DataError, match=rf"{name} is {said}, which is not read") as caught:
            build(config)
        assert caught.value.hint

    def test_files_of_two_kinds(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "shop*"'), shop_csv=HEADER + ROWS)
        (tmp_path / "shop.parquet").write_bytes(b"PAR1 no more")
        with pytest.raises(DataError, match="different kinds"):
            build(config)

    def test_a_packed_file_that_is_cut(self, tmp_path) -> None:
        config = project(tmp_path, source(place='path = "shop.csv.gz"'))
        (tmp_path / "shop.csv.gz").write_bytes(gzip.compress((HEADER + ROWS * 500).encode())[:-40])
        with pytest.raises(DataError, match="shop"):
            build(config)


def test_amounts_that_are_no_numbers_are_unknown(tmp_path) -> None:
    prices = [
        "10",
        " 5.5 ",
        "1e2",
        "-3",
        "+4.25",
        ".5",
        "7.",
        "1,5",
        "12 kr",
        "1_000",
        "0x1F",
        "nan",
        "inf",
        "",
    ]
    rows = "".join(f'c{n},2024-01-01 10:00:00,"{p}"\n' for n, p in enumerate(prices))
    frame = read(build(project(tmp_path, SHOP, shop_csv=HEADER + rows))).set_index("profile_id")["amount"]
    known = [frame[f"c{n}"] for n in range(7)]
    assert known == [Decimal(t) for t in ("10", "5.5", "100", "-3", "4.25", "0.5", "7")]
    assert frame[[f"c{n}" for n in range(7, len(prices))]].isna().all()
