"""How soon the web page can be seen, and what it weighs: `python -m bench.page [--rounds 9]`.

A Chromium that has nothing of it yet opens the page of a running service: time to the first paint
with content, as the browser measures it, and the bytes of all that it fetched.
"""

from __future__ import annotations

import argparse
import statistics

from playwright.sync_api import Browser, sync_playwright

from bench.service import running

CHROMIUM = "/usr/bin/chromium"
ROUNDS = 9
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
BYTES = """performance.getEntries().filter((entry) => "transferSize" in entry)
  .reduce((sum, entry) => sum + entry.transferSize, 0)"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    with running() as service, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        looks = [_look(browser, f"http://127.0.0.1:{service.port}/") for _ in range(rounds)]
        browser.close()
    paints = sorted(paint for paint, _ in looks)
    print(f"first paint, median of {rounds}   {statistics.median(paints):6.0f} ms")
    print(f"first paint, most            {paints[-1]:6.0f} ms")
    print(f"fetched                      {max(size for _, size in looks) / 1000:6.0f} KB")


def _look(browser: Browser, url: str) -> tuple[float, int]:
    """Return the milliseconds until something was seen, and the bytes that were fetched."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(url, wait_until="networkidle")
    page.wait_for_function(FIRST_PAINT)
    found = page.evaluate(FIRST_PAINT), page.evaluate(BYTES)
    context.close()
    return found


if __name__ == "__main__":
    main()
