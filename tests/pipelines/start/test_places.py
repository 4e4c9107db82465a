"""What somebody names on the command line: which of it is files, wherever they lie, and which a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from tagcast.features.core.errors import ConfigError
from tagcast.pipelines.start.places import named_places

HERE = Path("/somewhere")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("s3://bucket/orders/*.parquet", "parquet"), ("s3://bucket/shop/orders.csv", "orders"), ("gs://bucket/orders/", "orders"),
        ("abfs://box@firm.dfs.core.windows.net/orders.csv.gz", "orders"), ("https://host/orders.csv", "orders"),
        ("file:///data/orders.csv", "orders"),
    ],
)  # fmt: skip
def test_addresses_of_files_stay_as_they_are(text, name) -> None:
    (found,) = named_places([text], (), (), start=HERE, into=HERE / "project")
    assert (found.opened.path, found.written.path, found.opened.url) == (text, text, None)
    assert name in found.name or found.name == "data"


@pytest.mark.parametrize("text", ["postgresql://host/shop", "sqlite:///shop.db", "mysql+pymysql://host/shop"])
def test_other_addresses_are_databases(text) -> None:
    (found,) = named_places([text], ["orders"], (), start=HERE, into=HERE)
    assert found.opened.url is not None
    with pytest.raises(ConfigError, match="needs --table or --query"):
        named_places([text], (), (), start=HERE, into=HERE)
