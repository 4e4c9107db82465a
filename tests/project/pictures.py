"""Pictures of the console in the documents, taken anew from a copy of the demo's home.

`python -m tests.project.pictures` after `make demo`; it needs Chromium.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from tagcast.features.core.settings import load_settings
from tagcast.registry.access.accounts import add_user
from tagcast.registry.state.database import open_state
from tests.support.browser import SECRET, Visitor, chromium, served

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
SIZE = {"width": 1280, "height": 860}
FILTER = (
    "high_value = 'yes' AND (interest.cheese.percentile >= 80 OR interest.coffee.percentile >= 80) "
    "AND NOT (churn_risk.percentile >= 90)"
)


@contextmanager
def demo_served() -> Iterator[str]:
    """Yield the address of the demo's console, with an account for a marketer that the demo's own home never sees."""
    with TemporaryDirectory() as scratch:
        home = Path(scratch) / "home"
        shutil.copytree(ROOT / ".tagcast", home)
        state = open_state(load_settings(ROOT / "tagcast.toml", home, ROOT))
        add_user(state, "marketer", "marketer", SECRET, sensitive=False, by="pictures", now=datetime.now(UTC))
        state.close()
        with served(ROOT / "tagcast.toml", home) as site:
            yield site


def main() -> None:
    """Take every picture."""
    with demo_served() as site, chromium() as browser:
        for language, name, place, ready, scrolled in (
            ("en", "home", "", ".goal", None),
            ("en", "catalogue", "tags", ".meter", None),
            ("en", "tag", "tags/churn_risk", ".meter", "Promised vs. actual"),
            (
                "en",
                "audience",
                f"audience?filter={quote(FILTER)}",
                ".answer:not(.waiting) .answer-count b",
                None,
            ),
            ("zh", "portrait-zh", f"portrait?filter={quote(FILTER)}", ".index", None),
        ):
            visitor = Visitor(browser, site, "marketer", language)
            page = visitor.page
            page.set_viewport_size(SIZE)
            page.goto(f"{site.rstrip('/')}/{place}")
            page.locator(ready).first.wait_for()
            page.wait_for_timeout(1500)
            if scrolled:
                page.get_by_text(scrolled, exact=True).first.evaluate("e => e.scrollIntoView()")
            page.screenshot(path=str(IMAGES / f"{name}.png"))
            visitor.leave()


if __name__ == "__main__":
    main()
