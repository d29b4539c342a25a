#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every trace that corpora/golden keeps, of every format version, verifies and replays.

With --record, traces of some guests are made in the folder of a format version; those that are
there already are never touched."""

import glob
import os
import sys

import driver

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(driver.HERE)), "corpora", "golden")


# What a trace can have in it: every mode, interrupts of all kinds, resets, input, firmware.
GUESTS = ["hello", "modes", "faults", "paging", "fpu", "serial", "rtc", "reboot", "multiboot", "firmware",
          "echo", "fwcfg"]


def record(d, version):
    folder = os.path.join(GOLDEN, version)
    os.makedirs(folder, exist_ok=True)
    guests = driver.guests_load()
    for name in GUESTS:
        guest, trace = guests[name], os.path.join(folder, name + ".vcr")
        if os.path.exists(trace):
            continue
        # A trace keeps the names of its images: they should not say where this tree is.
        built = os.path.relpath(d.guests, driver.GUESTS)
        words = [word.replace(d.guests, built).replace(driver.GUESTS + os.sep, "")
                 for word in guest.command(d)]
        words += driver.DEBUG_EXIT + driver.RTC + ["-o", trace]
        done = d.run("record", *words, stdin=guest.stdin, cwd=driver.GUESTS)
        d.expect(f"record {name}", done, guest.exit)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--record", metavar="vN", help="add the traces that this version lacks")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "golden")
    if arguments.record:
        record(d, arguments.record)
        return d.end()
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
