"""Files in object stores, over the real protocol of S3 on this machine: the log is that of the same files here."""

from __future__ import annotations

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tagcast.features.core.errors import ConfigError, DataError
from tagcast.features.core.settings import load_settings
from tagcast.features.ingest.event_log import build_event_log
from tagcast.features.ingest.readers.remote import fetched
from tests.support.databases.object_store import bucket_of, s3_server
from tests.support.source_projects import build, lines, project, read, source


@pytest.fixture(scope="module")
def server():
    with s3_server() as address:
        yield address


@pytest.fixture
def s3(server, monkeypatch):
    with bucket_of(server, monkeypatch) as client:
        yield client


class Refuses(BaseHTTPRequestHandler):
    """Knows nobody."""

    def _refuse(self) -> None:
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no such key</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_PUT = do_POST = _refuse  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing():
    made = ThreadingHTTPServer(("127.0.0.1", 0), Refuses)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{made.server_address[1]}"
    made.shutdown()
    thread.join()
    made.server_close()


def put(s3, key: str, frame: pd.DataFrame | bytes) -> None:
    if isinstance(frame, bytes):
        body = frame
    elif key.endswith(".csv"):
        body = frame.to_csv(index=False).encode()
    else:
        sink = pa.BufferOutputStream()
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sink)
        body = sink.getvalue().to_pybytes()
    s3.put_object(Bucket="shop", Key=key, Body=body)


def config_of(folder: Path, path: str, extra: str = "", columns: dict[str, str] | None = None) -> Path:
    return project(folder, source(place=f'path = "{path}"', extra=extra, columns=columns))


def kept(folder: Path) -> list[str]:
    root = folder / ".tagcast" / "fetched" / "files"
    return sorted(f.name for f in root.rglob("*") if f.is_file())


@pytest.mark.parametrize(
    ("path", "rows"),
    [
        ("s3://shop/o", 8), ("s3://shop/o/", 8), ("s3://shop/o/*.parquet", 4), ("s3://shop/o/**/*.parquet", 8),
        ("s3://shop/o/[ab].parquet", 4), ("s3a://shop/o/?.parquet", 4), ("s3://shop/o/sub", 4), ("s3://shop/o/s*", 4),
        ("s3://shop/o/a.parquet", 4), ("s3://shop/**", 8), ("s3://shop", 8),
    ],
)  # fmt: skip
def test_folders_and_patterns(tmp_path, s3, path, rows) -> None:
    put(s3, "o/a.parquet", lines())
    put(s3, "o/sub/c.parquet", lines(id=["c", "c", "d", "d"]))
    put(s3, "o/_SUCCESS", b"")
    put(s3, "o/_temporary/0/x.parquet", b"half")
    put(s3, "o/sub/.c.crc", b"crc")
    assert build(config_of(tmp_path, path)).rows == rows


def test_the_log_is_that_of_files_here(tmp_path, s3) -> None:
    frame = lines(id=["007", "a", "a", "ö"])
    for name in ("a.csv", "b.csv"):
        put(s3, f"o/{name}", frame)
        (tmp_path / "o").mkdir(exist_ok=True)
        frame.to_csv(tmp_path / "o" / name, index=False)
    elsewhere = build(config_of(tmp_path / "s3", "s3://shop/o/*.csv"))
    here = build(config_of(tmp_path / "here", f"{tmp_path}/o/*.csv"))
    assert elsewhere.id == here.id


def test_each_content_is_fetched_once_and_swept_when_nothing_names_it(tmp_path, s3, monkeypatch) -> None:
    asked: list[str] = []
    plain = fetched._copy
    monkeypatch.setattr(
        fetched, "_copy", lambda store, file, aside: asked.append(file.name) or plain(store, file, aside)
    )
    put(s3, "o/a.csv", lines())
    put(s3, "o/b.csv", lines(id="b2"))
    config = config_of(tmp_path, "s3://shop/o")
    assert build(config).rows == 8
    assert build(config).rows == 8
    assert sorted(asked) == ["s3://shop/o/a.csv", "s3://shop/o/b.csv"]
    put(s3, "o/c.csv", lines(id="c2"))
    assert build(config).rows == 12
    assert asked[2:] == ["s3://shop/o/c.csv"]
    put(s3, "o/b.csv", lines(id="b3").head(1))
    assert "b3" in set(read(build(config))["profile_id"])
    assert asked[3:] == ["s3://shop/o/b.csv"]
    s3.delete_object(Bucket="shop", Key="o/a.csv")
    assert build(config).rows == 5
    assert kept(tmp_path) == ["b.csv", "c.csv"]
    lines().to_csv(tmp_path / "here.csv", index=False)
    build(config_of(tmp_path, "here.csv"))
    assert len(kept(tmp_path)) == 2  # of the place that is named as the other was
    project(tmp_path, source(name="web", place='path = "here.csv"'))
    build(tmp_path / "tagcast.toml")
    assert kept(tmp_path) == []
    assert (tmp_path / ".tagcast").stat().st_mode & 0o077 == 0


def test_folders_of_days_that_where_leaves_out_are_not_fetched(tmp_path, s3) -> None:
    for day in ("2024-01-01", "2024-01-02", "2024-02-01"):
        put(s3, f"o/dt={day}/p.parquet", lines())
    put(s3, "o/dt=2023-12-31/p.parquet", b"no Parquet at all")
    assert build(config_of(tmp_path, "s3://shop/o", extra="where = \"dt >= '2024-01-02'\"")).rows == 8
    assert len(kept(tmp_path)) == 2


@pytest.mark.parametrize("times", [1, 3])
def test_a_connection_that_breaks_loses_and_doubles_nothing(tmp_path, s3, monkeypatch, times) -> None:
    monkeypatch.setattr(fetched, "_FIRST_WAIT_S", 0.001)
    plain, broken = fetched._copy, []

    def breaks(store, file, aside):
        if len(broken) < times:
            broken.append(file.name)
            aside.write_bytes(b"id,at,price\nx,2024-01-01,1\n")
            raise OSError("connection reset by peer")
        return plain(store, file, aside)

    monkeypatch.setattr(fetched, "_copy", breaks)
    put(s3, "o/a.csv", lines())
    assert build(config_of(tmp_path, "s3://shop/o/a.csv")).rows == 4
    assert kept(tmp_path) == ["a.csv"]


def test_a_store_that_gives_up(tmp_path, s3, monkeypatch) -> None:
    monkeypatch.setattr(fetched, "_FIRST_WAIT_S", 0.001)

    def breaks(*_):
        raise OSError("connection reset by peer")

    monkeypatch.setattr(fetched, "_copy", breaks)
    put(s3, "o/a.csv", lines())
    with pytest.raises(
        DataError, match=r"sources\.shop: s3://shop/o/a\.csv cannot be fetched: connection reset"
    ):
        build(config_of(tmp_path, "s3://shop/o/a.csv"))
    assert kept(tmp_path) == []


def test_a_file_that_changes_while_it_is_read(tmp_path, s3, monkeypatch) -> None:
    plain = fetched._copy

    def changes(store, file, aside):
        put(s3, "o/a.csv", lines().head(3))
        return plain(store, file, aside)

    monkeypatch.setattr(fetched, "_copy", changes)
    monkeypatch.setattr(fetched, "_FIRST_WAIT_S", 0.001)
    put(s3, "o/a.csv", lines())
    with pytest.raises(DataError, match=r"a\.csv (was changed while it was read|cannot be fetched)"):
        build(config_of(tmp_path, "s3://shop/o/a.csv"))


def test_progress_says_how_many_files_were_fetched(tmp_path, s3) -> None:
    for n in range(3):
        put(s3, f"o/{n}.csv", lines(id=f"c{n}"))
    seen: list[tuple[str, int, int]] = []
    settings = load_settings(config_of(tmp_path, "s3://shop/o"), None, tmp_path)
    build_event_log(settings, progress=lambda stage, done, total: seen.append((str(stage), done, total)))
    assert [(done, total) for stage, done, total in seen if "fetched" in stage] == [(1, 3), (2, 3), (3, 3)]


class TestErrors:
    def test_no_file(self, tmp_path, s3) -> None:
        with pytest.raises(DataError, match=r"sources\.shop: there is no file s3://shop/nothing"):
            build(config_of(tmp_path, "s3://shop/nothing/*.csv"))

    @pytest.mark.parametrize("path", ["s3://nobodys/o/a.csv", "s3://nobodys/o/*.csv", "s3://nobodys/*.csv"])
    def test_no_bucket(self, tmp_path, s3, path) -> None:
        with pytest.raises(DataError, match=r"sources\.shop: .*nobodys") as caught:
            build(config_of(tmp_path, path))
        assert "secret" not in f"{caught.value} {caught.value.hint}".replace("AWS_SECRET_ACCESS_KEY", "")

    def test_no_server(self, tmp_path, s3, monkeypatch) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        with pytest.raises(DataError, match=r"sources\.shop: s3://shop/o/a\.csv cannot be listed") as caught:
            build(config_of(tmp_path, "s3://shop/o/a.csv"))
        assert "endpoint" in str(caught.value.hint)

    @pytest.mark.parametrize("path", ["s3://shop/o/a.csv", "s3://shop/o/*.csv", "s3://shop/o"])
    def test_wrong_credentials(self, tmp_path, s3, refusing, monkeypatch, path) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
        with pytest.raises(DataError, match=rf"sources\.shop: {re.escape(path)} cannot be listed") as caught:
            build(config_of(tmp_path, path))
        assert "AWS_ACCESS_KEY_ID" in str(caught.value.hint)
        assert "testing" not in f"{caught.value}{caught.value.hint}"

    def test_wrong_credentials_of_a_lake(self, tmp_path, s3, refusing, monkeypatch) -> None:
        pytest.importorskip("deltalake")
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing)
        place = 'path = "s3://shop/lake/orders"\nformat = "delta"'
        with pytest.raises(DataError, match="cannot be read as a table of Delta") as caught:
            build(project(tmp_path, source(place=place)))
        assert "credentials" in str(caught.value.hint)
        assert "testing" not in f"{caught.value}{caught.value.hint}"

    def test_a_scheme_that_is_not_known(self, tmp_path) -> None:
        with pytest.raises(DataError, match="ftp:// in path is not known") as caught:
            build(config_of(tmp_path, "ftp://host/a.csv"))
        assert "s3://" in str(caught.value.hint)

    def test_a_password_in_path(self, tmp_path) -> None:
        with pytest.raises(ConfigError, match="a password is written in path") as caught:
            load_settings(config_of(tmp_path, "https://me:hunter2@host/a.csv"), None, tmp_path)
        assert "hunter2" not in str(caught.value)


class TestLakes:
    def test_delta(self, tmp_path, s3, server) -> None:
        deltalake = pytest.importorskip("deltalake")
        options = {"aws_allow_http": "true", "aws_conditional_put": "etag"}
        table = pa.Table.from_pandas(lines(), preserve_index=False)
        for _ in range(2):
            deltalake.write_deltalake("s3://shop/lake/orders", table, mode="append", storage_options=options)
        config = config_of(tmp_path, "s3://shop/lake/orders")
        assert build(config).rows == 8
        deltalake.DeltaTable("s3://shop/lake/orders", storage_options=options).delete("price > 9")
        assert build(config).rows == 6
        for path in ("s3://shop/lake/orders/*.parquet", "s3://shop/lake/*", "s3://shop/lake"):
            with pytest.raises(DataError, match="s3://shop/lake/orders is a Delta table") as caught:
                build(config_of(tmp_path, path))
            assert 'path = "s3://shop/lake/orders"' in str(caught.value.hint)

    def test_iceberg(self, tmp_path, s3, server) -> None:
        catalogs = pytest.importorskip("pyiceberg.catalog.sql")
        catalog = catalogs.SqlCatalog("c", uri=f"sqlite:///{tmp_path}/c.db", warehouse="s3://shop/ice",
                                      **{"s3.endpoint": server})  # fmt: skip
        catalog.create_namespace("shop")
        table = pa.Table.from_pandas(lines(), preserve_index=False)
        table = table.set_column(1, "at", table["at"].cast(pa.timestamp("us")))
        made = catalog.create_table("shop.orders", schema=table.schema)
        made.append(table)
        made.append(table)
        assert build(config_of(tmp_path, made.location())).rows == 8
        assert build(config_of(tmp_path, made.metadata_location)).rows == 8
        with pytest.raises(DataError, match="orders is a Iceberg table"):
            build(config_of(tmp_path, f"{made.location()}/data/*.parquet"))
        catalog.close()

    @pytest.mark.parametrize("kind", ["delta", "iceberg"])
    @pytest.mark.parametrize("path", ["s3://shop/o", "https://host/o"])
    def test_a_folder_that_is_no_table(self, tmp_path, s3, kind, path) -> None:
        pytest.importorskip("deltalake")
        pytest.importorskip("pyiceberg")
        put(s3, "o/a.csv", lines())
        with pytest.raises(DataError, match=rf"sources\.shop: {path} .*table of {kind.title()}"):
            build(project(tmp_path, source(place=f'path = "{path}"\nformat = "{kind}"')))


class TestOtherStores:
    """No servers of theirs run here: that their file systems are made, with what the environment says."""

    def test_google(self) -> None:
        from pyarrow import fs

        from tagcast.features.ingest.readers.remote.stores import ObjectStore

        assert isinstance(ObjectStore("gs://bucket/o/*.csv", "here")._files, fs.GcsFileSystem)

    @pytest.mark.parametrize("path", ["abfs://box@firm.dfs.core.windows.net/o/*.csv", "abfs://box/o/*.csv"])
    def test_azure(self, path, monkeypatch) -> None:
        from pyarrow import fs

        from tagcast.features.ingest.readers.remote.stores import ObjectStore

        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "firm")
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "c2VjcmV0")
        store = ObjectStore(path, "here")
        assert isinstance(store._files, fs.AzureFileSystem)
        assert store._path == "box/o/*.csv"
        assert store._name("box/o/a.csv") == path.replace("*", "a")

    def test_azure_without_an_account(self, tmp_path, monkeypatch) -> None:
        monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
        with pytest.raises(DataError, match="cannot be listed") as caught:
            build(config_of(tmp_path, "abfs://box/o/*.csv"))
        assert "AZURE_STORAGE_ACCOUNT_NAME" in str(caught.value.hint)
