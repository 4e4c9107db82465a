"""Traces through OpenTelemetry, where ``OTEL_EXPORTER_OTLP_ENDPOINT`` names who collects them; nothing is loaded where it does not.

OpenTelemetry's own variables say the rest: ``OTEL_SERVICE_NAME``, ``OTEL_EXPORTER_OTLP_HEADERS``, ``OTEL_TRACES_SAMPLER``, … The provider is
ours alone: what other libraries would tell of addresses and queries goes nowhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from tagcast.features.core.errors import ConfigError
from tagcast.features.core.messages import msg
from tagcast.features.core.telemetry.ids import request_id, run_id

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
P = ParamSpec("P")
Answer = TypeVar("Answer")
_provider: Any = None
_tracer: Any = None


class Span:
    """What is done, while it is done; of nobody's interest where nothing is traced."""

    def __init__(self, of: Any = None) -> None:
        self._of = of

    def set(self, attributes: Mapping[str, str | float | bool]) -> None:
        """Say more of it."""
        if self._of is not None:
            self._of.set_attributes(attributes)

    def name(self, name: str) -> None:
        """Call it otherwise."""
        if self._of is not None:
            self._of.update_name(name)

    def failed(self, kind: str) -> None:
        """Say that it failed, and with what kind of error."""
        if self._of is not None:
            from opentelemetry.trace import StatusCode

            self._of.set_attribute("error.type", kind)
            self._of.set_status(StatusCode.ERROR)


def start_tracing() -> None:
    """Send spans from now on, where the environment names who collects them; once a process.

    Raises
    ------
    ConfigError
        When OpenTelemetry is not installed.
    """
    global _provider, _tracer  # noqa: PLW0603 - of the process, as its log is
    if _tracer is not None or not any(os.environ.get(name) for name in ENDPOINTS):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ConfigError(
            msg("OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed"),
            hint=msg("install {extra}, or take the variable away", extra="tagcast[traces]"),
        ) from error
    service = os.environ.get("OTEL_SERVICE_NAME") or "tagcast"
    _provider = TracerProvider(resource=Resource.create({"service.name": service}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("tagcast")


def stop_tracing() -> None:
    """Send what is left, and trace no more."""
    global _provider, _tracer  # noqa: PLW0603
    if _provider is not None:
        _provider.shutdown()
    _provider = _tracer = None


@contextmanager
def span(
    name: str,
    *,
    headers: Mapping[str, str] | None = None,
    server: bool = False,
    passing: tuple[type[BaseException], ...] = (),
    attributes: Mapping[str, str | float | bool] | None = None,
) -> Iterator[Span]:
    """Trace the block as a part of what is traced around it; an error that passes is said by its kind alone.

    Parameters
    ----------
    name : str
    headers : mapping of str to str, optional
        Of a request that is believed: ``traceparent`` among them makes it a part of its caller's trace.
    server : bool
        Whether it answers somebody else's request.
    passing : tuple of type of BaseException
        What may pass and is no failure.
    attributes : mapping of str to str, float or bool, optional
        By OpenTelemetry's names, such as ``http.route``; never ids of profiles.
    """
    if _tracer is None:
        yield Span()
        return
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    around = TraceContextTextMapPropagator().extract(headers) if headers is not None else None
    with _tracer.start_as_current_span(
        name,
        context=around,
        kind=SpanKind.SERVER if server else SpanKind.INTERNAL,
        attributes={**(attributes or {}), **_ids()},
        record_exception=False,
        set_status_on_exception=False,
    ) as begun:
        found = Span(begun)
        try:
            yield found
        except BaseException as error:
            if not isinstance(error, passing):
                found.failed(type(error).__name__)
            raise


def traced(
    name: str, attributes: Mapping[str, str] | None = None
) -> Callable[[Callable[P, Answer]], Callable[P, Answer]]:
    """Trace every call of a function."""

    def decorate(function: Callable[P, Answer]) -> Callable[P, Answer]:
        @wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> Answer:
            if _tracer is None:
                return function(*args, **named)
            with span(name, attributes=attributes):
                return function(*args, **named)

        return call

    return decorate


def traced_stream(
    name: str, attributes: Mapping[str, str] | None = None
) -> Callable[[Callable[P, Iterator[Answer]]], Callable[P, Iterator[Answer]]]:
    """Trace a generator from its first item to its end; what its reader does in between is no part of it."""

    def decorate(function: Callable[P, Iterator[Answer]]) -> Callable[P, Iterator[Answer]]:
        @wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> Iterator[Answer]:
            if _tracer is None:
                yield from function(*args, **named)
                return
            begun = _tracer.start_span(name, attributes={**(attributes or {}), **_ids()})
            try:
                yield from function(*args, **named)
            finally:
                begun.end()

        return call

    return decorate


def _ids() -> dict[str, str]:
    ids = {"tagcast.request_id": request_id(), "tagcast.run_id": run_id()}
    return {name: value for name, value in ids.items() if value}
