"""A service context over a published store, and clients that ask its web application: by key, by session, or as nobody."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from tagcast.features.core.home.stamp import mark
from tagcast.features.core.settings import load_settings
from tagcast.registry.access.api_keys import add_key
from tagcast.registry.state.database import open_state
from tagcast.serving.context import ServiceContext
from tagcast.serving.publishing.publication import stage_run
from tagcast.serving.store.duckdb.store import DuckDbStore
from tagcast.serving.store.reader_pool import RunReaderPool
from tagcast.serving.web_app import create_app
from tests.support.published import NOW, TAGS, people, run_info, said, staged
from tests.support.shop import CONFIG

HOST = "http://testserver"


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = NOW + timedelta(hours=1)

    def __call__(self) -> datetime:
        return self.now


def make_desk(
    folder: Path, clock: Clock, *, config: str = "", tags: tuple[str, ...] = TAGS
) -> ServiceContext:
    """Return a service context over 100 profiles and ``tags``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "tags").mkdir(exist_ok=True)
    (folder / "tagcast.toml").write_text(CONFIG + config, encoding="utf-8")
    settings = load_settings(folder / "tagcast.toml", folder / "home", folder)
    store = DuckDbStore(folder / "home" / "store")
    with stage_run(store, "run-1") as staging:
        staging.add(staged(people(100), *[said(100, i, tag) for i, tag in enumerate(tags)]))
        staging.publish(run_info("run-1", 100, tags), keep=5)
    mark(settings.home, settings.name)  # as scoring does: nothing is lost where nothing was made yet
    return ServiceContext(settings, RunReaderPool(store), open_state(settings), clock)


def key_of(context: ServiceContext, role: str, **more: Any) -> dict[str, str]:
    """Return the headers of a program of that role."""
    text = add_key(context.state, f"a {role}", role, by="test", now=context.now, **more)
    return {"Authorization": f"Bearer {text}"}


@contextmanager
def served(context: ServiceContext, **options: Any) -> Iterator[TestClient]:
    """Yield a client of the service context's application, whose errors are answers as they are to anybody."""
    app = create_app(context, **options)
    with TestClient(app, base_url=HOST, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client
