"""Object stores by their addresses: opened with credentials of the environment alone, listed by folder or glob."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any

from tagcast.features.core.errors import DataError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import raw_text
from tagcast.features.ingest.readers.arrow.iceberg import METADATA
from tagcast.features.ingest.readers.arrow.lake_errors import DENIED, without_secrets

OBJECT_STORES = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "abfs": "abfs", "abfss": "abfs"}
_LOGS = {"_delta_log": "delta", "metadata": "iceberg", ".hoodie": "hudi"}
_MAGIC = re.compile(r"[*?\[]")
_DENIED = re.compile(
    rf"access.?denied|forbidden|{DENIED}|credential|invalidaccesskey|signature|anonymous|account name",
    re.IGNORECASE,
)
_RIGHTS: dict[str, Message] = {
    "s3": msg(
        "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION in the environment, or AWS_PROFILE, or the role of this "
        "machine, and that it may list and read the bucket"
    ),
    "gs": msg("check GOOGLE_APPLICATION_CREDENTIALS in the environment, or the account of this machine, and its rights"),
    "abfs": msg(
        "check AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY, in the environment, "
        "or the identity of this machine, and its rights"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class RemoteFile:
    """A file that lies elsewhere.

    Parameters
    ----------
    name : str
        Its address, without what may be secret.
    place : str
        Where its store finds it.
    mark : str
        What changes when the file does.
    size : int or None
        In bytes; None where the server does not say.
    """

    name: str
    place: str
    mark: str
    size: int | None


def endpoint() -> str | None:
    """Return the address that stands in for Amazon's, where the environment names one."""
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


class ObjectStore:
    """The store of an address.

    Parameters
    ----------
    address : str
        As in ``s3://bucket/folder/*.parquet``.
    where : str
        Names the place in errors.
    """

    def __init__(self, address: str, where: str) -> None:
        # Nothing is decoded: a ? or % is a sign of a pattern or a name.
        scheme, _, rest = address.rstrip("/").partition("://")
        host, slash, path = rest.partition("/")
        self._scheme, self._where, self.address = OBJECT_STORES[scheme.lower()], where, address.rstrip("/")
        self._prefix = f"{scheme}://{host}"
        self._root = host.partition("@")[0] if self._scheme == "abfs" else host
        self._path = f"{self._root}{slash}{path}"
        try:
            self._files = _opened(self._scheme, self._root, host)
        except Exception as error:  # as many kinds as there are stores
            raise self._error(error) from error

    @property
    def plain_steps(self) -> int:
        """How many steps of the address are written out before the first sign of a pattern."""
        steps = self.address.split("/")
        return next((n for n, step in enumerate(steps) if _MAGIC.search(step)), len(steps))

    def listed(self) -> list[RemoteFile]:
        """Return the files of the address: itself, those in its folder, or those that it matches as a pattern.

        Raises
        ------
        DataError
            When the store, the bucket or the rights to it are not there.
        """
        from pyarrow import fs

        try:
            there = self._files.get_file_info(self._path)
            if there.type == fs.FileType.File:
                return [self._file(there)]
            magic = there.type == fs.FileType.NotFound and _MAGIC.search(self._path)
            folder = self._path[: magic.start()].rpartition("/")[0] if magic else self._path
            if there.type == fs.FileType.NotFound and not magic:
                self._bucket()
                return []
            selector = fs.FileSelector(folder, recursive=True, allow_not_found="/" in folder)
            found = [one for one in self._files.get_file_info(selector) if one.type == fs.FileType.File]
        except Exception as error:  # as many kinds as there are stores
            raise self._error(error) from error
        matches = _pattern(self._path[len(folder) + 1 :]) if magic else None
        return [
            self._file(one)
            for one in sorted(found, key=lambda f: f.path)
            if matches is None or matches.fullmatch(one.path[len(folder) + 1 :])
        ]

    def lakes_above(self) -> list[tuple[str, str, list[str]]]:
        """Return the tables of lakes that the address is, or lies in: folder, kind, and the files that describe it.

        Only folders that are written out are looked at, those before the first sign of a pattern.
        """
        from pyarrow import fs

        steps = self._path.split("/")
        plain = next((n for n, step in enumerate(steps) if _MAGIC.search(step)), len(steps))
        found = []
        try:
            for depth in range(1, plain + 1):
                folder = "/".join(steps[:depth])
                for info in self._files.get_file_info([f"{folder}/{log}" for log in _LOGS]):
                    if info.type == fs.FileType.Directory:
                        inside = self._files.get_file_info(fs.FileSelector(info.path))
                        kind = _LOGS[info.base_name]
                        files = [
                            self._name(one.path)
                            for one in inside
                            if kind != "iceberg" or one.path.endswith(METADATA)
                        ]
                        found += [(self._name(folder), kind, files)] if files else []
        except Exception as error:  # as many kinds as there are stores
            raise self._error(error) from error
        return found

    def open(self, file: RemoteFile) -> IO[bytes]:
        """Return a file's content as a stream."""
        stream: IO[bytes] = self._files.open_input_stream(file.place)
        return stream

    def mark_now(self, file: RemoteFile) -> str | None:
        """Return what :attr:`RemoteFile.mark` would be now; None where the file is gone."""
        from pyarrow import fs

        info = self._files.get_file_info(file.place)
        return None if info.type == fs.FileType.NotFound else self._file(info).mark

    def _bucket(self) -> None:
        from pyarrow import fs

        if self._files.get_file_info(self._root).type == fs.FileType.NotFound:
            raise DataError(
                msg("{where}: there is no bucket {bucket}, or it is not to be seen", where=self._where, bucket=self._root),
                hint=_RIGHTS[self._scheme],
            )  # fmt: skip

    def _file(self, info: Any) -> RemoteFile:
        when = info.mtime_ns if info.mtime_ns is not None else 0
        return RemoteFile(self._name(info.path), info.path, f"{info.size}|{when}", info.size)

    def _name(self, path: str) -> str:
        return f"{self._prefix}{path.removeprefix(self._root)}"

    def _error(self, error: Exception) -> DataError:
        if isinstance(error, DataError):
            return error
        raw = without_secrets(str(error))
        denied = _DENIED.search(raw) is not None
        hint = (
            _RIGHTS[self._scheme]
            if denied
            else msg("check the address, the network, and the endpoint in the environment")
        )
        return DataError(
            msg("{where}: {path} cannot be listed: {reason}", where=self._where, path=self.address, reason=raw_text(raw)),
            hint=hint,
        )  # fmt: skip


def _opened(scheme: str, container: str, host: str) -> Any:
    from pyarrow import fs

    if scheme == "s3":
        return _s3(container)
    if scheme == "gs":
        return _google()
    return fs.AzureFileSystem(**_azure(host.partition("@")[2], os.environ))


def _google() -> Any:
    from pyarrow import fs

    # A store that cannot be reached is said after a minute: by itself the library tries for a quarter of an hour.
    patience = timedelta(seconds=60)
    scheme, _, place = os.environ.get("STORAGE_EMULATOR_HOST", "").rpartition("://")
    if not place:
        return fs.GcsFileSystem(retry_time_limit=patience)
    return fs.GcsFileSystem(
        anonymous=True,
        endpoint_override=place.rstrip("/"),
        scheme=scheme or "http",
        retry_time_limit=patience,
    )


def _azure(host: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return how an account is reached: by the host of the address, else by the environment, as Azure's own tools read it."""
    text = environ.get("AZURE_STORAGE_CONNECTION_STRING", "")
    pairs = dict(part.split("=", 1) for part in text.split(";") if "=" in part)
    named, _, suffix = host.partition(".")
    account = named or pairs.get("AccountName") or environ.get("AZURE_STORAGE_ACCOUNT_NAME", "")
    same = account == pairs.get("AccountName")  # what is said of another account is not meant for this one
    found = {"account_name": account}
    key = pairs.get("AccountKey") if same else environ.get("AZURE_STORAGE_ACCOUNT_KEY")
    token = pairs.get("SharedAccessSignature") if same else environ.get("AZURE_STORAGE_SAS_TOKEN")
    if key:
        found["account_key"] = key
    elif token:
        found["sas_token"] = token
    domain = suffix.partition(".")[2] or (pairs.get("EndpointSuffix", "") if same else "")
    if domain:  # as of another cloud: core.chinacloudapi.cn
        found |= {f"{kind}_storage_authority": f".{kind}.{domain}" for kind in ("blob", "dfs")}
    endpoint_of_blobs = pairs.get("BlobEndpoint", "") if same else ""
    if endpoint_of_blobs and not suffix:
        scheme, _, place = endpoint_of_blobs.rstrip("/").rpartition("://")
        for kind in ("blob", "dfs"):
            found |= {
                f"{kind}_storage_authority": place.partition("/")[0],
                f"{kind}_storage_scheme": scheme or "https",
            }
    return found


def _s3(bucket: str) -> Any:
    from pyarrow import fs

    own = endpoint()
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if own is None:
        return fs.S3FileSystem(region=region or fs.resolve_s3_region(bucket))
    scheme, _, place = own.rpartition("://")
    return fs.S3FileSystem(endpoint_override=place, scheme=scheme or "https", region=region or "us-east-1")


def _pattern(glob: str) -> re.Pattern[str]:
    """Return what matches as a glob does, and whatever lies in a folder that it names."""
    text = ""
    for step in glob.split("/"):
        if step == "**":
            text += r"(?:[^/]+/)*"
        else:
            text += "".join(_signs(step)) + "/"
    return re.compile(text.removesuffix("/") + r"(?:/.*)?" if not glob.endswith("**") else text + ".*")


def _signs(step: str) -> Iterator[str]:
    at = 0
    while at < len(step):
        sign, closing = step[at], step.find("]", at + 2)
        if sign == "[" and closing > 0:
            inner = step[at + 1 : closing]
            negated = inner.startswith("!")
            yield f"[{'^' if negated else ''}{re.escape(inner.removeprefix('!')).replace(chr(92) + '-', '-')}]"
            at = closing
        else:
            yield {"*": "[^/]*", "?": "[^/]"}.get(sign) or re.escape(sign)
        at += 1
