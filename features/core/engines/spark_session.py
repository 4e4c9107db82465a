"""A session of Spark as the configuration names it, or as it is active."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tagcast.features.core.errors import ConfigError, MachineError
from tagcast.features.core.messages import msg
from tagcast.features.core.raw_errors import raw_text, reason_of
from tagcast.features.core.schema.engine import Spark
from tagcast.features.core.urls import without_passwords

_LEAST_JAVA = 17
_PORT, _SECONDS = 15002, 10
"""Where a server of Spark Connect listens by default, and how long it may take to answer."""
_VERSION = re.compile(r'version "(\d+)[^"]*"')


def open_session(spark: Spark, name: str) -> tuple[Any, bool]:
    """Return a session and whether it was made here, and is to be stopped.

    Parameters
    ----------
    spark : Spark
    name : str
        Of the application.

    Raises
    ------
    MachineError
        Where pyspark or Java is missing.
    ConfigError
        Where no session is active, or it cannot be reached.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MachineError(
            msg('engine = "spark" needs pyspark, which is not installed'),
            hint=msg("run {command}", command="pip install 'tagcast[spark]'"),
        ) from error
    active = SparkSession.getActiveSession()
    address = spark.address
    if address is None:
        if active is None:
            raise ConfigError(
                msg("no Spark session is active, and [spark] names none"),
                hint=msg('say session = "local[4]", a master or sc://host:15002 in [spark]'),
            )
        return active, False
    if spark.remote:
        _check_reached(address)
    else:
        _check_java()
    # Tasks run the interpreter that the driver names, which Spark reads from the environment alone.
    os.environ["PYSPARK_PYTHON"] = spark.python or os.environ.get("PYSPARK_PYTHON") or sys.executable
    builder = SparkSession.builder.appName(name)
    try:
        if spark.remote:
            return builder.remote(address).getOrCreate(), active is None
        builder = builder.master(address).config("spark.ui.showConsoleProgress", "false")
        if spark.archives:
            builder = builder.config("spark.archives", ",".join(spark.archives))
        session = builder.getOrCreate()
    except Exception as error:  # what Java raises has no class of its own
        shown = without_passwords(str(error), address)
        refused = ConfigError(
            msg(
                "the Spark session {session} cannot be opened: {reason}",
                session=address.partition("/;")[0],  # what follows may hold a token
                reason=raw_text(shown),
            ),
            hint=msg(
                "check that it can be reached from here, and what {file} says", file="spark-defaults.conf"
            ),
        )
        if shown != str(error):  # no traceback shows a token either
            raise refused from None
        raise refused from error
    return session, active is None


def _check_reached(session: str) -> None:
    """Refuse a server that nobody answers at: the client would try for ten minutes."""
    place = urlsplit(session)
    try:
        with socket.create_connection((place.hostname or "", place.port or _PORT), _SECONDS):
            pass
    except OSError as error:
        raise ConfigError(
            msg(
                "the Spark session {session} cannot be reached: {reason}",
                session=place.netloc,
                reason=reason_of(error),
            ),
            hint=msg("check the address, and that a Spark Connect server runs there"),
        ) from error


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else "java"
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    except OSError:
        said = ""
    found = _VERSION.search(said)
    if found is not None and int(found[1]) >= _LEAST_JAVA:
        return
    there = msg("there is none here") if found is None else msg("found {version}", version=found[0])
    raise MachineError(
        msg("Spark needs Java {least} or newer: {there}", least=_LEAST_JAVA, there=there),
        hint=msg(
            "install it ({command}) or name it in JAVA_HOME; a session sc://… needs none here",
            command="apt-get install openjdk-17-jre-headless",
        ),
    )
