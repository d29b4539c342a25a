#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The translator's own eyes: check=on runs every block by both engines, -d shows what becomes of a
block, -perfmap names host code for perf."""

import os
import re
import sys

import driver

CHECKED = ["hello", "modes", "paging", "segmentation", "selfmod", "faults", "strings", "fpu", "syscalls"]


def options(d, name):
    return ["-kernel", d.guest(f"{name}.elf"), *driver.DEBUG_EXIT, *driver.RTC]


def self_check(d):
    for name in CHECKED:
        done = d.run("run", "-accel", "tcg,threshold=0,check=on", *options(d, name), timeout=200)
        d.expect(f"{name}: the engines agree on each block", done, 33)
        plain = d.run("run", *options(d, name))
        d.check(f"{name}: checking does not show", plain.out == done.out, done)
    for check, least in (("on", 150), ("always", 3000)):
        done = d.run("run", "-accel", f"tcg,threshold=0,check={check}", "-d", "check",
                     *options(d, "hello"), timeout=200)
        told = re.search(r"^check: (\d+) blocks ran by both engines, (\d+) times, (\d+) "
                         r"instructions; 0 blocks could not$", done.err, re.M)
        d.check(f"check={check}: each block, several times", told and int(told[1]) >= 40 and
                int(told[2]) >= least and int(told[3]) > int(told[2]), done)
    done = d.run("run", "-accel", "tcg,engine=interp,check=on", *options(d, "hello"))
    d.expect("check=on without a translator", done, driver.HOST, 1)


def log(d):
    path = d.path("log.txt")
    done = d.run("run", "-accel", "tcg,threshold=0", "-d", "in_asm,ir,out_asm", "-D", path,
                 *options(d, "hello"))
    d.expect("-d in_asm,ir,out_asm -D", done, 33, 1)
    with open(path, encoding="utf-8") as f:
        text = f.read()
    blocks = text.split("----------------\n")[1:]
    d.check("-d: blocks", len(blocks) > 20, done, f"{len(blocks)} blocks")
    d.check("-d: each with guest code, operations and host code", all(
        re.match(r"IN: 0x[0-9a-f]+, \d+ instructions\n(0x.*\n)+IR:\n( insn \d+\n(    .*\n)*)+"
                 r"(    goto .*\n)?OUT: \d+ bytes\n(0x.*\n)+$", block) for block in blocks), done)
    d.check("-d: blocks begin with the count", all(
        re.search(r"OUT: .*\n0x.* sub r13, ", block) for block in blocks), done)
    done = d.run("run", "-accel", "tcg,threshold=0", "-d", "exec", *options(d, "hello"))
    entries = re.findall(r"^exec: 0x[0-9a-f]+ at instruction (\d+), ", done.err, re.M)
    d.check("-d exec: in order", entries and entries == sorted(entries, key=int), done)
    d.expect("-d of nothing", d.run("run", "-d", "colour", *options(d, "hello")), driver.USAGE, 1)
    d.expect("-d help", d.run("run", "-d", "help"), driver.OK, 0)
    done = d.run("run", "-D", d.path("no/such/folder"), *options(d, "hello"))
    d.expect("-D where nothing can be written", done, driver.HOST, 1)


def perfmap(d):
    before = set(os.listdir("/tmp"))
    done = d.run("run", "-accel", "tcg,threshold=0", "-perfmap", *options(d, "hello"))
    d.expect("-perfmap", done, 33, 1)
    maps = [os.path.join("/tmp", name) for name in set(os.listdir("/tmp")) - before
            if re.fullmatch(r"perf-\d+\.map", name)]
    texts = []
    for path in maps:
        with open(path, encoding="utf-8") as f:
            texts.append(f.read())
        os.unlink(path)
    d.check("-perfmap: START SIZE NAME in each line", any(
        text and all(re.fullmatch(r"[0-9a-f]+ [0-9a-f]+ guest_0x[0-9a-f]+", line)
                     for line in text.splitlines()) for text in texts), done)


def main():
    d = driver.Driver(driver.arguments_parser(__doc__).parse_args(), "translator")
    done = d.run("run", "-accel", "tcg,check=on", *options(d, "hello"))
    if done.status == driver.HOST and "check=on" in done.err:
        print(f"SKIP: {done.err.strip()}")
        return 77
    self_check(d)
    log(d)
    perfmap(d)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
