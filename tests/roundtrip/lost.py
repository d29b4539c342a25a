#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays of recordings by exits in which the guest goes another way, into a loop without exits: each
ends, says that it will not come to the recorded event, and where it is. On each accelerator that makes
such recordings and is usable, replayed there and on tcg."""

import os
import re
import sys

import by_exits
import driver

CIRCLES = "goes round in circles"
TOO_LONG = "million instructions without the recorded event"
# What came instead of "a" (lost.S), and what is said of it on tcg.
WAYS = {"h": CIRCLES, "t": CIRCLES, "s": CIRCLES, "c": TOO_LONG}


def lost(d, name, mode, copy, says):
    done = d.run("replay", *mode, copy, timeout=300)
    d.expect(f"{name}: ends", done, driver.DIVERGED, 0)
    d.check(f"{name}: says why", re.search(
        f"diverged at event [0-9]+, exit [0-9]+, rip 0x[0-9a-f]+: the guest .*{says}", done.out), done)
    d.check(f"{name}: says what to do", "it left the recorded way after exit " in done.out, done)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--other", required=True, help="the program other_input")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "lost")
    usable = by_exits.accels(d)
    if not usable:
        d.skip("no accelerator that counts exits is usable here")
    for accel in usable:
        trace = d.path(accel + ".vcr")
        d.expect(f"{accel}: record", d.run("record", "-accel", accel, "-kernel", d.guest("lost.elf"),
                                           *driver.DEBUG_EXIT, "-o", trace, stdin="a"), 33)
        for way, says in WAYS.items():
            copy = d.path(f"{accel}-{way}.vcr")
            done = d.run_program(os.path.abspath(arguments.other), trace, copy, "a", way)
            d.expect(f"{accel}: {way}", done, 0)
            lost(d, f"{accel}: {way}: tcg", [], copy, says)
            lost(d, f"{accel}: {way}: --cpu", ["--cpu"], copy, says)
            # The long ways take such a KVM minutes; what is not counted there is time.
            if way in "ht":
                lost(d, f"{accel}: {way}: {accel}", ["-accel", accel], copy, CIRCLES)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
