"""A browser of this machine, and `tagcast serve` for it to look at."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tagcast.features.core.messages import Message, msg
from tagcast.serving.console.i18n.translator import SHORT, Translator

SECRET = "a long enough secret"
"""Of every visitor."""
SECONDS = 30_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield a headless Chromium; skip where the machine has none."""
    found = os.environ.get("TAGCAST_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no Chromium: install it (apt-get install chromium) or name it by TAGCAST_CHROMIUM")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@contextmanager
def served(config: Path, home: Path, *more: str) -> Iterator[str]:
    """Run `tagcast serve` on a free port, with ``more`` options, and yield its address."""
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "tagcast.pipelines.cli.main",
        "serve",
        "--port",
        "0",
        "--json",
        *more,
    ]
    errors = (home / "serve.log").open("w+", encoding="utf-8")
    process = subprocess.Popen(
        [*command, "--config", str(config), "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        printed = process.stdout.readline()
        while printed and not printed.rstrip().endswith("}"):
            printed += process.stdout.readline()
        assert printed, (home / "serve.log").read_text(encoding="utf-8")
        yield json.loads(printed)["url"]
    finally:
        process.terminate()
        process.wait(timeout=20)
        if process.stdout is not None:
            process.stdout.close()
        errors.seek(0)
        mistakes = re.findall(r"^\w+(?:Error|Exception) \(.*", errors.read(), re.MULTILINE)
        errors.close()
    assert not mistakes, f"the server made mistakes that nobody saw in the browser: {mistakes}"


class Visitor:
    """Somebody at the console: what they see, and whether their browser asked anybody else."""

    of_this_test: ClassVar[list[Visitor]] = []

    def __init__(self, browser, site, name, language) -> None:
        self.of_this_test.append(self)
        self.exchanged: deque[str] = deque(maxlen=80)
        self.context = browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(SECONDS)
        self.said: list[str] = []
        self.elsewhere: list[str] = []
        self.page.on(
            "request",
            lambda r: (
                None
                if r.url.startswith((site, "data:", "blob:", site.replace("http", "ws")))
                else self.elsewhere.append(r.url)
            ),
        )
        self.page.on("pageerror", lambda e: self.said.append(str(e)))
        self.page.on("console", lambda message: self._note(f"console: {message.text}"))
        self.page.on("websocket", self._listen)
        self.say = Translator(language)
        self.page.goto(site)
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", SECRET)
        self.page.click("button[type=submit]")
        self.page.locator("aside").get_by_text(SHORT[language], exact=True).click()
        self.heading(msg("Home"))

    def _note(self, text: str) -> None:
        self.exchanged.append(f"{time.monotonic():.3f} {text[:300]}")

    def _listen(self, socket) -> None:
        self._note("socket opened")
        socket.on("framesent", lambda frame: self._note(f"> {frame}"))
        socket.on("framereceived", lambda frame: self._note(f"< {frame}"))
        socket.on("close", lambda _: self._note("socket closed"))

    def heading(self, text: Message):
        """Wait for the heading of a page."""
        found = self.page.get_by_role("heading", level=1, name=self.say(text))
        found.wait_for()

    def press(self, text: Message, role="button", within="main"):
        self.page.locator(within).get_by_role(role, name=self.say(text), exact=True).click()

    def count(self) -> int:
        """Return the count that is read out, once the newest answer is there."""
        self.page.locator(".answer:not(.waiting) .answer-count b").wait_for()
        return int(self.page.locator(".answer-count b").inner_text().replace(",", ""))

    def pick(self, field, text) -> None:
        """Choose from a field of the newest condition; what it speaks of is searched for, as there is much of it."""
        chosen = self.page.locator(f".cond {field}").last
        chosen.click()
        if field == ".c-field":
            chosen.locator("input").fill(text)
        self.page.locator(".q-menu .q-item").filter(
            has_text=re.compile(f"^{re.escape(text)}$", re.IGNORECASE)
        ).first.click()

    def choose(self, label, *texts) -> None:
        """Choose from the field that bears ``label``."""
        self.page.get_by_role("combobox", name=self.say(label)).first.click()
        for text in texts:
            self.page.locator(".q-menu .q-item").filter(has_text=text).first.click()

    def open(self, address) -> None:
        """Open a page and wait until it is drawn and quiet."""
        self.page.goto(address)
        self.page.get_by_role("heading", level=1).first.wait_for()
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is drawn any more, and no menu is left that would take the focus back as it closes."""
        self.page.wait_for_function("!document.querySelector('.skeleton, .waiting, .q-menu')")
        self.page.wait_for_function("document.getAnimations().every(a => a.playState !== 'running')")

    def ask(self, method, path, body=None) -> Any:
        """Ask the API in the person's own session and return what it answers."""
        script = """async ([method, path, body]) => {
            const answer = await fetch(path, {method, headers: {'Content-Type': 'application/json'}, body});
            return [answer.status, await answer.text()]}"""
        status, text = self.page.evaluate(script, [method, path, None if body is None else json.dumps(body)])
        assert status < 300, text
        return json.loads(text) if text else None

    def violations(self) -> dict[str, list[str]]:
        """Return what axe-core finds on the page: the rule, and the places that break it."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page).response["violations"]
        return {
            one["id"]: [
                f"{node['html'][:200]} {node['any'][0]['message'] if node['any'] else ''}"
                for node in one["nodes"]
            ]
            for one in found
        }

    def leave(self) -> None:
        assert not self.elsewhere, "a request left the machine"
        assert not self.said, "a script failed"
        self.context.close()
