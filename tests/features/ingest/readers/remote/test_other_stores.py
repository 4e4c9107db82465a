"""Google's and Azure's stores, each over its own protocol from a server on this machine: the log is that of the same files here."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tagcast.features.core.errors import DataError
from tests.support.source_projects import build, lines, project, read, source

GOOGLE, AZURE = os.environ.get("TAGCAST_GOOGLE_STORE"), os.environ.get("TAGCAST_AZURE_STORE")
# The account that Azure's own emulator has, with the key that its documents give.
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@contextmanager
def serving(command: list[str], port: int) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(600):
                with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
                    break
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(
            "google", marks=pytest.mark.skipif(not GOOGLE, reason="TAGCAST_GOOGLE_STORE names no emulator")
        ),
        pytest.param(
            "azure", marks=pytest.mark.skipif(not AZURE, reason="TAGCAST_AZURE_STORE names no emulator")
        ),
    ],
)
def server(request, tmp_path_factory) -> Iterator[tuple[str, dict[str, str]]]:
    port = free_port()
    if request.param == "google":
        command = [
            str(GOOGLE),
            "start",
            "--host=127.0.0.1",
            f"--port={port}",
            "--in-memory",
            "--default-bucket=box",
        ]
        environment = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}
    else:
        folder = tmp_path_factory.mktemp("azure")
        command = [
            str(AZURE), "--silent", "--skipApiVersionCheck", "--blobPort", str(port), "--location", str(folder),
        ]  # fmt: skip
        text = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT};"
        environment = {"AZURE_STORAGE_CONNECTION_STRING": text}
    with serving(command, port):
        yield request.param, environment


@pytest.fixture
def store(server, monkeypatch) -> tuple[str, Any]:
    """Return how addresses begin, and the store's file system."""
    from tagcast.features.ingest.readers.remote.stores import ObjectStore

    kind, environment = server
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    address = "gs://box" if kind == "google" else "abfs://box"
    files = ObjectStore(f"{address}/o", "here")._files
    if kind == "azure":
        files.create_dir("box")
    return address, files


def put(files: Any, path: str, frame: pd.DataFrame) -> None:
    with files.open_output_stream(f"box/{path}") as stream:
        stream.write(frame.to_csv(index=False).encode())


def test_the_log_is_that_of_the_same_files_here(store, tmp_path) -> None:
    address, files = store
    january, february = lines()[:3], lines()[3:]
    put(files, "o/month=1/a b.csv", january)
    put(files, "o/month=2/x%2F.csv", february)
    put(files, "other/a.csv", lines(price=[9.0] * 4))
    here = build(project(tmp_path / "here", source(place='path = "all.csv"'), all_csv=lines()))
    for number, path in enumerate(("o", "o/*/*.csv", "o/**")):
        there = build(
            project(tmp_path / str(number), source(place=f'path = "{address}/{path}"\nformat = "csv"'))
        )
        pd.testing.assert_frame_equal(read(there), read(here))
        assert there.id == here.id


def test_a_file_that_was_written_anew_is_read_anew(store, tmp_path) -> None:
    address, files = store
    put(files, "again/a.csv", lines())
    config = project(tmp_path, source(place=f'path = "{address}/again/*.csv"'))
    before = build(config)
    assert build(config).id == before.id
    put(files, "again/a.csv", lines(price=[1.0, 2.0, 3.0, 4.0]))
    assert read(build(config))["amount"].sum() == 10
    put(files, "again/b.csv", lines(id=["c"] * 4))
    assert build(config).rows == 8


@pytest.mark.parametrize(
    ("path", "reason"), [("nothing/*.csv", "no file|nothing"), ("nothing/a.csv", "no file|nothing")]
)
def test_what_is_not_there(store, tmp_path, path, reason) -> None:
    address, _files = store
    with pytest.raises(DataError, match=rf"sources\.shop.*({reason})"):
        build(project(tmp_path, source(place=f'path = "{address}/{path}"')))


def test_a_bucket_that_is_not_there(store, tmp_path) -> None:
    address, _files = store
    with pytest.raises(DataError, match=r"sources\.shop.*there is no bucket other"):
        build(project(tmp_path, source(place=f'path = "{address.replace("box", "other")}/a.csv"')))


def test_a_wrong_key_is_named_and_not_shown(store, tmp_path, monkeypatch) -> None:
    address, _files = store
    if not address.startswith("abfs"):
        pytest.skip("Google's emulator asks nobody for a key")
    text = os.environ["AZURE_STORAGE_CONNECTION_STRING"]
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text.replace(KEY, "c2VjcmV0LWtleQ=="))
    with pytest.raises(DataError, match="cannot be listed") as caught:
        build(project(tmp_path, source(place=f'path = "{address}/o/*.csv"')))
    assert "AZURE_STORAGE_CONNECTION_STRING" in str(caught.value.hint)
    assert "c2VjcmV0" not in str(caught.value)
    assert not (Path(tmp_path) / ".tagcast" / "events" / "current.json").exists()
