"""TLS in the process, for those without a reverse proxy: a certificate and its key, read again once they are renewed."""

from __future__ import annotations

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import Message, msg
from tagcast.features.core.raw_errors import reason_of

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("tagcast")

_FOR_OTHERS = 0o007
_Stamp = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class TlsFiles:
    """What a server proves itself with.

    Parameters
    ----------
    certificate : Path
        PEM; the server's own first, then those between it and the authority.
    key : Path
        PEM, without a password; whoever reads it is this server.
    """

    certificate: Path
    key: Path

    @property
    def stamp(self) -> _Stamp:
        """What is other once one of the files was replaced."""
        return tuple((s.st_mtime_ns, s.st_ino, s.st_size) for s in (self.certificate.stat(), self.key.stat()))


def server_tls(files: TlsFiles) -> ssl.SSLContext:
    """Return the context of a server, TLS 1.2 and newer.

    Each connection that begins looks whether the files were replaced: it is the first with the new certificate. While the
    two do not belong together, as between one rename and the other, the old ones stay.

    Raises
    ------
    ConfigError
        For files that cannot be read or do not belong together, a key with a password, and a key that everybody on the machine may read.
    """
    renewed = _Renewed(files)
    renewed.context.sni_callback = renewed.choose
    return renewed.context


class _Renewed:
    """The newest certificate that could be read."""

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        try:
            before = files.stamp  # of now: what is replaced while it is read is read again
        except OSError:  # which file it is says who reads it
            before = ()
        self.context = _context(files)
        self._stamp = before
        self._lock = Lock()

    def choose(
        self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        """Let a connection that begins use it."""
        with self._lock:
            self._look()
            connection.context = self.context

    def _look(self) -> None:
        try:
            stamp = self._files.stamp
        except OSError:  # between the removal of one and the arrival of the other
            return
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.context = _context(self._files)
        except (ConfigError, OSError) as error:
            problem = error.message if isinstance(error, ConfigError) else reason_of(error)
            log.warning(
                msg("the renewed certificate is not used, the last one stays: {problem}", problem=problem)
            )
        else:
            log.info(msg("the certificate {file} was read again", file=self._files.certificate))


def _context(files: TlsFiles) -> ssl.SSLContext:
    for option, file in (("--tls-cert", files.certificate), ("--tls-key", files.key)):
        try:
            file.read_bytes()
        except OSError as error:
            raise ConfigError(
                msg(
                    "{option}: {file} cannot be read: {reason}",
                    option=option,
                    file=file,
                    reason=reason_of(error),
                ),
                hint=msg("check the path, and that the account tagcast runs under may read it"),
            ) from error
    mode = files.key.stat().st_mode & 0o777
    if mode & _FOR_OTHERS:
        raise ConfigError(
            msg(
                "--tls-key: every account of this machine has access to {file} (mode {mode})",
                file=files.key,
                mode=f"{mode:o}",
            ),
            hint=f"chmod o-rwx {files.key}",
        )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    asked: list[bool] = []
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password(asked))
    except (OSError, ValueError) as error:  # errors of OpenSSL are OSErrors
        raise ConfigError(
            _problem(files, error, with_password=bool(asked)),
            hint=msg("both are PEM files of one certificate: its chain, and its key without a password"),
        ) from None
    return context


def _no_password(asked: list[bool]) -> Callable[[], str]:
    """Return what OpenSSL asks for a password: without it the server would wait at the terminal."""

    def password() -> str:
        asked.append(True)
        return "\0"

    return password


def _problem(files: TlsFiles, error: Exception, *, with_password: bool) -> Message:
    if with_password:
        return msg("--tls-key: {file} is encrypted with a password", file=files.key)
    if getattr(error, "reason", "") == "KEY_VALUES_MISMATCH":
        return msg(
            "--tls-key: {key} is not the key of the certificate {certificate}",
            key=files.key,
            certificate=files.certificate,
        )
    if b"-----BEGIN CERTIFICATE" not in files.certificate.read_bytes():
        return msg("--tls-cert: {file} holds no certificate in PEM", file=files.certificate)
    return msg(
        "{certificate} and {key} cannot be read as a certificate and its key",
        certificate=files.certificate,
        key=files.key,
    )
