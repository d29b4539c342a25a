#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's Xen starts with Debian's kernel as its paravirtualised first domain: a kernel below
ring 0, page tables that change all the time, and TSC deadlines. The recording replays."""

import filecmp
import os
import sys

import driver



def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "xen")
    made = d.packages("--xen")
    if not made:
        return d.end()
    xen, kernel, initrd = made
    trace, again = d.path("1.vcr"), d.path("2.vcr")
    # There is no firmware for its real-mode part to call. Debian's kernel for clouds has no driver
    # for Xen's console: what its user space prints goes nowhere.
    words = ["-m", 512, "-kernel", xen, "-append", "no-real-mode edd=off console=com1 com1=115200",
             "-initrd", f"{kernel} console=hvc0 earlyprintk=xen,{initrd}"] + driver.RTC
    done = d.run("record", *words, "-o", trace, timeout=600)
    d.expect("record", done, driver.OK)
    d.check("Xen", "(XEN) Xen version" in done.out, done)
    d.check("user space of its first domain", "Run /init as init process" in done.out, done)
    d.check("the end", "Hardware Dom0 halted: halting machine" in done.out, done)
    d.check("no complaint", not any(
        word in done.out for word in ("BUG:", "WARNING:", "Oops", "Panic", "panic", "Call Trace")),
        done)
    for mode in ([], ["--devices"], ["--cpu"]):
        d.expect(f"replay {' '.join(mode)}".rstrip(), d.run("replay", *mode, trace, timeout=600),
                 driver.OK, 0)
    done = d.run("record", "-accel", "tcg,engine=interp", *words, "-o", again, timeout=1200)
    d.expect("record again, interpreted", done, driver.OK)
    d.check("the same bytes", filecmp.cmp(trace, again, False), done)
    os.unlink(again)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
