"""What ConnectorX takes to copy the mapped columns to Parquet, in an environment of its own; see ``benchmarks.sources``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import connectorx
import pyarrow.parquet as pq

from benchmarks.timing import run_here


def main(target: Path, statement: str) -> None:
    # It knows no folder of a socket but where the host stands.
    given = urlsplit(os.environ["BENCHMARK_URL"].replace("+psycopg", "", 1))
    host = parse_qs(given.query).get("host", [""])[0]
    url = f"postgresql://postgres@{quote(host, safe='')}{given.path}" if host else given.geturl()

    def copy() -> None:
        batches = connectorx.read_sql(url, statement, return_type="arrow_stream")
        with pq.ParquetWriter(target, batches.schema) as writer:
            for batch in batches:
                writer.write_batch(batch)

    run_here(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
