#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs guests through all that vcr promises: what a guest prints and how it ends is right, the
recording replays identically in the three ways, verifies, and those that other engines make are
identical to the byte.

With --accept, what a guest prints becomes what is expected of it: look at the difference before
you commit it; the judge is the manual."""

import difflib
import filecmp
import sys

import driver

# Also with every block translated before it runs for the first time.
ENGINES = ["engine=interp", "engine=jit", "engine=jit,threshold=0"]


def output_check(d, guest, done):
    """Compares what came out with expected/NAME.txt."""
    with open(guest.expected, encoding="utf-8") as f:
        want = f.read().rstrip("\n").split("\n")
    got = done.out.rstrip("\n").split("\n")
    if want == got:
        return d.check("output", True)
    diff = difflib.unified_diff(want, got, guest.expected, "this run", lineterm="", n=1)
    for line in list(diff)[:60]:
        print(f"    {line}")
    return d.check(f"{guest.name}: output is not as expected", False, done)


def guest_run(d, guest, minimal, accept):
    trace, again = d.path("1.vcr"), d.path("2.vcr")
    devices = [] if minimal else driver.DEBUG_EXIT
    status = driver.OK if minimal else guest.exit
    words = guest.command(d) + devices + driver.RTC
    done = d.run("record", *words, "-o", trace, stdin=guest.stdin, timeout=guest.timeout)
    if not d.expect(f"{guest.name}: record", done, status):
        return
    if accept:
        with open(guest.expected, "w", encoding="utf-8") as f:
            f.write(done.out)
    output_check(d, guest, done)
    for mode in ([], ["--devices"], ["--cpu"]):
        name = f"{guest.name}: replay {' '.join(mode)}".rstrip()
        d.expect(name, d.run("replay", *mode, trace, timeout=guest.timeout), driver.OK, 0)
    console = d.run("replay", "--console", trace, timeout=guest.timeout)
    d.check(f"{guest.name}: replay --console shows the same text",
            console.out.startswith(done.out), console)
    d.expect(f"{guest.name}: verify", d.run("verify", trace), driver.OK, 0)
    for engine in ENGINES:
        done = d.run("record", "-accel", f"tcg,{engine}", *guest.command(d), *devices, *driver.RTC,
                     "-o", again, stdin=guest.stdin, timeout=guest.timeout)
        d.expect(f"{guest.name}: record again, {engine}", done, status)
        if not guest.stdin:
            done = d.run("diff", trace, again)
            d.expect(f"{guest.name}: diff, {engine}", done, driver.OK, 0)
            d.check(f"{guest.name}: the same bytes, {engine}", filecmp.cmp(trace, again, False),
                    done)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--accept", action="store_true", help="take the output as expected")
    parser.add_argument("--minimal", action="store_true",
                        help="there is no isa-debug-exit: guests end by soft-off")
    parser.add_argument("--group", help="guests of this group")
    parser.add_argument("guest", nargs="*")
    arguments = parser.parse_args()
    guests = driver.guests_load()
    names = arguments.guest or [
        name for name, guest in guests.items()
        if arguments.group is None or arguments.group in guest.groups
    ]
    d = None
    totals = [0, 0]
    for name in names:
        d = driver.Driver(arguments, name)
        guest_run(d, guests[name], arguments.minimal, arguments.accept)
        totals[0] += d.passed
        totals[1] += d.failed
    print(f"{totals[0]} passed, {totals[1]} failed, 0 skipped")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main())
