"""An object store on this machine, over the real protocol of S3."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def s3_server() -> Iterator[str]:
    """Yield the address of a store without anything in it; where moto is not installed, the tests are skipped."""
    pytest.importorskip("boto3")
    server_module = pytest.importorskip("moto.server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    made = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    made.start()
    yield f"http://127.0.0.1:{port}"
    made.stop()
    made._server.server_close()


@contextmanager
def bucket_of(server: str, monkeypatch: pytest.MonkeyPatch, bucket: str = "shop") -> Iterator[Any]:
    """Yield a client of a bucket that is removed in the end, the environment saying how it is reached."""
    import boto3

    for name, value in {
        "AWS_ENDPOINT_URL": server, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing-secret",
        "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=server)
    client.create_bucket(Bucket=bucket)
    yield client
    for one in client.list_objects_v2(Bucket=bucket).get("Contents", ()):
        client.delete_object(Bucket=bucket, Key=one["Key"])
    client.delete_bucket(Bucket=bucket)
    client.close()
