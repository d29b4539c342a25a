#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the commands say of a trace whose positions are exits: numbers in that unit, and no number of
instructions, which nobody counted. On each accelerator that makes such traces and is usable."""

import json
import re
import sys

import driver


def accels(d):
    """Those usable here that do not count instructions, by the table of vcr accel."""
    lines = d.run("accel").out.split("\n\n")[0].split("\n")
    cells = [re.split(r" {2,}", line) for line in lines]
    table = {row[0]: row[1:] for row in cells}
    return [name for name, usable, counts in zip(
        table[""], table["usable here"], table["counts instructions"])
            if usable == "yes" and counts == "no"]


def shows_tsc(machine):
    """Whether CPUID leaf 1 has the TSC in the machine's own answers (outside long mode)."""
    for line in machine.split("\n"):
        words = line.removeprefix("cpuid=").split()
        if line.startswith("cpuid=") and int(words[0], 16) & 1 and words[1:3] == ["1", "0"]:
            return bool(int(words[6], 16) & 1 << 4)
    return False


def stat(d, name, trace):
    done = d.run("stat", "--json", trace)
    d.expect(f"{name}: stat --json", done, driver.OK, 0)
    numbers = json.loads(done.out)
    d.check(f"{name}: unit", numbers["unit"] == "exits" and numbers["insns"] is None, done)
    kinds = numbers["kinds"]
    d.check(f"{name}: emulated", sum(e["events"] for e in numbers["emulated"])
            == kinds.get("emulated", 0) + kinds.get("emulation-fallback", 0), done)
    d.check(f"{name}: each has a name", all(
        not e["instruction"].startswith("(") for e in numbers["emulated"]), done)
    d.check(f"{name}: tsc", numbers["tsc_shown"] == shows_tsc(numbers["machine"]), done)
    done = d.run("stat", trace)
    d.expect(f"{name}: stat", done, driver.OK, 0)
    d.check(f"{name}: length", f"\nlength        {numbers['exits']:,} exits, "
            f"{numbers['events']:,} events\n" in done.out, done)
    d.check(f"{name}: no instructions", "0 instructions" not in done.out
            and "per million" not in done.out, done)
    d.check(f"{name}: warns of a TSC", ("\nwarning " in done.out) == numbers["tsc_shown"], done)
    d.check(f"{name}: --all", "cpuid=" not in done.out and d.run(
        "stat", "--all", trace).out.count("cpuid=") == numbers["machine"].count("cpuid="), done)
    return numbers


def others(d, name, trace, numbers):
    done = d.run("verify", trace)
    d.check(f"{name}: verify", f" {numbers['exits']:,} exits, " in done.out
            and "instruction" not in done.out, done)
    done = d.run("replay", trace)
    d.expect(f"{name}: replay", done, driver.OK, 0)
    d.check(f"{name}: replay says exits", f", {numbers['exits']:,} exits; " in done.out, done)
    done = d.run("replay", "--until", "20", trace)
    d.expect(f"{name}: replay --until", done, driver.OK, 0)
    d.check(f"{name}: the position", "\nexit 20, " in done.out
            and not re.search("^instruction", done.out, re.M), done)
    done = d.run("dump", "--from", "20", "--until", "21", trace)
    d.check(f"{name}: dump", all(line.split()[1] in ("20", "21")
                                 for line in done.out.splitlines()) and done.out, done)
    done = d.run("dump", "--kind", "emulated", trace)
    d.check(f"{name}: dump of emulated", len(done.out.splitlines())
            == numbers["kinds"].get("emulated", 0), done)
    done = d.run("record", "-accel", name, "-kernel", d.guest("mmio.elf"), *driver.DEBUG_EXIT,
                 "--max-insns", "1000", "-o", d.path("limit.vcr"))
    d.expect(f"{name}: --max-insns", done, driver.USAGE, 1)


def compared(d, name, trace):
    """With one by instructions; and cut off, which is told in the same unit."""
    tcg = d.path("tcg.vcr")
    d.expect("record on tcg", d.run("record", "-kernel", d.guest("mmio.elf"), *driver.DEBUG_EXIT,
                                    "-o", tcg), 33)
    done = d.run("diff", trace, tcg)
    d.expect(f"{name}: diff", done, driver.DIVERGED, 0)
    d.check(f"{name}: diff says the unit", "exits" in done.out, done)
    done = d.run("replay", "-accel", name, tcg)
    d.expect(f"{name}: cannot replay instructions", done, driver.USAGE, 1)
    with open(trace, "rb") as f:
        data = f.read()
    cut = d.path("cut.vcr")
    with open(cut, "wb") as f:
        f.write(data[:-300])
    done = d.run("verify", cut)
    d.expect(f"{name}: cut off", done, driver.BAD_TRACE, 1)
    d.check(f"{name}: cut off at an exit", "up to exit " in done.err, done)


def main():
    arguments = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0]).parse_args()
    d = driver.Driver(arguments, "by-exits")
    usable = accels(d)
    if not usable:
        d.skip("no accelerator that counts exits is usable here")
    for name in usable:
        trace = d.path(name + ".vcr")
        d.expect(f"{name}: record", d.run("record", "-accel", name, "-kernel", d.guest("mmio.elf"),
                                          *driver.DEBUG_EXIT, "-o", trace), 33)
        others(d, name, trace, stat(d, name, trace))
        compared(d, name, trace)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
