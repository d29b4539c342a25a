#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every trace that corpora/golden keeps, of every format version, verifies and replays."""

import glob
import os
import sys

import driver

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(driver.HERE)), "corpora", "golden")


def main():
    d = driver.Driver(driver.arguments_parser(__doc__).parse_args(), "golden")
    for trace in sorted(glob.glob(os.path.join(GOLDEN, "v*", "*.vcr"))):
        name = os.path.relpath(trace, GOLDEN)
        d.expect(f"{name}: verify", d.run("verify", trace), driver.OK, 0)
        for mode in ([], ["--devices"], ["--cpu"]):
            d.expect(f"{name}: replay {' '.join(mode)}".rstrip(), d.run("replay", *mode, trace),
                     driver.OK, 0)
        done = d.run("dump", "--json", trace)
        d.check(f"{name}: dump", done.status == 0 and done.out.startswith("{"), done)
    if not d.passed and not d.failed:
        d.skip("corpora/golden has no traces yet")
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
