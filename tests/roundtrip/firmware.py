#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's SeaBIOS finds the chip set, copies itself into the RAM under its ROM, finds nothing to
boot, and its recording replays."""

import os
import sys

import driver

# What it says on the debug console, in this order.
SAYS = [
    "SeaBIOS (version",
    "Found QEMU fw_cfg",
    "Found 3 PCI devices",
    "PIIX3/PIIX4 init: elcr=00 0c",
    "Using pmtimer, ioport 0x608",
    "Found 2 serial ports",
    "PS2 keyboard initialized",
    "enter handle_19",
    "No bootable device.",
]


def missing(text):
    """The first of SAYS that does not come where it should, or None."""
    at = 0
    for words in SAYS:
        at = text.find(words, at)
        if at < 0:
            return words
    return None


def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "firmware")
    made = d.packages("--firmware")
    if not made:
        return d.end()
    trace, again = d.path("1.vcr"), d.path("2.vcr")
    # It waits for ever at the end; so much it needs to get there.
    words = ["-bios", made[0], "-debugcon", "stdio", "-serial", "none",
             "--max-insns", "60M"] + driver.RTC
    done = d.run("record", *words, "-o", trace, timeout=120)
    d.expect("record", done, driver.OK, 1)
    lost = missing(done.out)
    d.check("debug console", lost is None, done, f"no '{lost}' there")
    for mode in ([], ["--devices"], ["--cpu"]):
        d.expect(f"replay {' '.join(mode)}".rstrip(), d.run("replay", *mode, trace, timeout=120),
                 driver.OK, 0)
    views = d.run("dump", "--kind", "view", trace)
    d.check("shadow RAM was opened and locked", "0xf0003" in views.out and "0xf0001" in views.out,
            views)
    done = d.run("replay", "--from", "-1000", "--insns", trace, timeout=120)
    d.check("going back by snapshot", done.status == 0 and len(done.out.splitlines()) >= 1000, done)
    d.expect("record again", d.run("record", *words, "-o", again, timeout=120), driver.OK, 1)
    d.expect("diff", d.run("diff", trace, again, timeout=120), driver.OK, 0)
    os.unlink(again)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
