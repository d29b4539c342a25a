#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Replays of traces with an event that no session had: whatever it is, each kind of replay finds it,
or passes over what cannot have mattered, and ends. On each accelerator that is usable."""

import os
import re
import sys

import by_exits
import driver

# What the machine has to bring forth by itself, so that a replay by it cannot do with one more.
BROUGHT = ["irq", "nmi", "reset", "host-wait", "host-char", "digest", "end", "dma-read", "dma-write",
           "host-clock", "a20", "view"]
BY_EXITS = ["host-due", "host-time", "priority", "priority-set", "place", "dma-between"]


def events(d, trace):
    """Numbers of two events, early and late, before exits."""
    numbers = [int(line.split()[0]) for line in d.run("dump", "--kind", "pio-write", trace).out.splitlines()]
    return numbers[2], numbers[len(numbers) // 2]


def one(d, insert, name, trace, number, kind):
    copy = d.path(f"{name}-{kind}.vcr")
    done = d.run_program(insert, trace, copy, str(number), kind)
    d.expect(f"{name}: insert {kind} at {number}", done, 0)
    done = d.run("replay", copy)
    d.expect(f"{name}: {kind} at {number}: replay", done, driver.DIVERGED, 0)
    d.check(f"{name}: {kind} at {number}: says where", re.search(
        f"diverged at event {number}, ", done.out), done)
    for mode in "--devices", "--cpu":
        done = d.run("replay", mode, copy)
        d.check(f"{name}: {kind} at {number}: replay {mode}", done.status in (0, driver.DIVERGED), done)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--insert", required=True, help="the program insert_event")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "inserted")
    for name in ["tcg"] + by_exits.accels(d):
        trace = d.path(name + ".vcr")
        d.expect(f"{name}: record", d.run("record", "-accel", name, "-kernel", d.guest("hello.elf"),
                                          *driver.DEBUG_EXIT, "-o", trace), 33)
        for number in events(d, trace):
            for kind in BROUGHT + (BY_EXITS if name != "tcg" else []):
                one(d, os.path.abspath(arguments.insert), name, trace, number, kind)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
