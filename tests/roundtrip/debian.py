#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's own kernel boots to user space and switches off, and its recording replays."""

import filecmp
import os
import re
import sys

import driver



def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "debian")
    made = d.packages()
    if not made:
        return d.end()
    kernel, initrd = made
    trace, again = d.path("1.vcr"), d.path("2.vcr")
    words = ["-m", 512, "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0"]
    words += driver.RTC
    done = d.run("record", *words, "-o", trace, timeout=300)
    d.expect("record", done, driver.OK)
    d.check("user space", "Hello from user space: Linux" in done.out, done)
    d.check("PCI", "PCI: Using configuration type 1" in done.out and
            "[8086:1237]" in done.out, done)
    d.check("the clock", "2026-01-01T00:0" in done.out, done)
    d.check("power off", "Power down" in done.out or "power off" in done.err, done)
    d.check("no complaint of the kernel's", not any(
        word in done.out for word in ("BUG:", "WARNING:", "Oops", "Kernel panic", "Call Trace")),
        done)
    for mode in ([], ["--devices"], ["--cpu"]):
        d.expect(f"replay {' '.join(mode)}".rstrip(), d.run("replay", *mode, trace, timeout=300),
                 driver.OK, 0)
    done = d.run("record", "-accel", "tcg,engine=interp", *words, "-o", again, timeout=300)
    d.expect("record again, interpreted", done, driver.OK)
    d.expect("diff", d.run("diff", trace, again, timeout=120), driver.OK, 0)
    d.check("the same bytes", filecmp.cmp(trace, again, False), done)
    os.unlink(again)
    done = d.run("run", "-accel", "tcg,check=on", "-d", "check", *words, timeout=900)
    d.expect("each block by both engines", done, driver.OK)
    d.check("from power-on to power-off", "power off" in done.err or "powered off" in done.err,
            done)
    d.check("all of them", re.search(r"^check: \d{5,} blocks .*; 0 blocks could not$", done.err,
                                     re.M), done)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
