#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's OVMF starts from flash, makes its variables in the second chip and comes to its shell,
and the recording replays. A second start finds the variables."""

import os
import shutil
import sys

import driver

SAYS = "BdsDxe: starting Boot0001 \"EFI Internal Shell\""


def programmed(d, trace):
    """How many bytes of flash the guest changed."""
    stat = d.run("dump", "--kind", "rom-write", trace, timeout=300)
    return len(stat.out.splitlines())


def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "ovmf")
    made = d.packages("--ovmf")
    if not made:
        return d.end()
    code, pristine = made
    variables, trace = d.path("variables.fd"), d.path("1.vcr")
    shutil.copyfile(pristine, variables)
    # So much it needs to get there; then it waits for a key.
    words = ["-m", "256", "-pflash", code, "-pflash", variables, "--max-insns", "900M"] + driver.RTC
    done = d.run("record", *words, "-o", trace, timeout=300)
    d.expect("record", done, driver.OK, 1)
    d.check("it comes to its shell", SAYS in done.out, done)
    for mode in ([], ["--devices"], ["--cpu"]):
        d.expect(f"replay {' '.join(mode)}".rstrip(), d.run("replay", *mode, trace, timeout=300),
                 driver.OK, 0)
    first = programmed(d, trace)
    done = d.run("record", *words, "-o", trace, timeout=300)
    d.check("it comes there again", SAYS in done.out, done)
    again = programmed(d, trace)
    d.check("the second time it finds its variables", 0 < again < first / 4, done,
            f"{first} and {again} writes to flash")
    os.unlink(trace)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
