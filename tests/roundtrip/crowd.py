#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A timer and a flood of input, which come to the same exits (guests/crowd.S): what is recorded by exits
replays in every way, whatever came in whichever order. On each accelerator that is usable."""

import random
import subprocess
import sys
import time

import by_exits
import driver

ROUNDS = 2


def record(d, accel, trace, seed):
    """Input in pieces of any size at any moment, until there was enough of it."""
    chance = random.Random(seed)
    words = ["record", "-accel", accel, "-kernel", d.guest("crowd.elf"), *driver.DEBUG_EXIT, "-o", trace]
    with d.start(*words, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE) as process:
        for _ in range(600):
            process.stdin.write(b"x" * chance.choice([1, 1, 2, 30]))
            process.stdin.flush()
            time.sleep(chance.random() * 0.0006)
        process.stdin.write(b"q")
        out, err = process.communicate()
    return driver.Done([d.vcr] + words, "", process.returncode, out.decode(errors="replace"),
                       err.decode(errors="replace"))


def main():
    arguments = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0]).parse_args()
    d = driver.Driver(arguments, "crowd")
    usable = by_exits.accels(d)
    if not usable:
        d.skip("no accelerator that counts exits is usable here")
    for accel in usable:
        for seed in range(ROUNDS):
            trace = d.path(f"{accel}-{seed}.vcr")
            d.expect(f"{accel}: record, seed {seed}", record(d, accel, trace, seed), 33)
            for mode in ["-accel", "tcg"], ["-accel", accel], ["--devices"], ["--cpu"]:
                d.expect(f"{accel}: replay {' '.join(mode)}, seed {seed}",
                         d.run("replay", *mode, trace, timeout=120), driver.OK, 0)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
