#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vcr compare on builds that are the same, that differ in one bit of one device (planted.c), that crash
and that hang, and on files that are no trace."""

import json
import os
import shutil
import sys

import driver


def write(path, text, mode=0o644):
    with open(path, "wb") as f:
        f.write(text)
    os.chmod(path, mode)
    return path


def script(d, name, body):
    """A build whose vcr says that it is one and then does something else."""
    folder = d.path(name)
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "vcr"),
          f"#!/bin/sh\n[ \"$1\" = --version ] && echo vcr 9.9 && exit\n{body}\n".encode(), 0o755)
    return folder


def folder_make(d, planted):
    """traces/: two sessions, one of them in a folder of its own, and what is no trace."""
    shutil.rmtree(d.path("traces"), ignore_errors=True)
    os.makedirs(d.path("traces/clock"))
    for name, path, vcr in (("hello", "traces/hello.vcr", d.vcr), ("rtc", "traces/clock/rtc.vcr", d.vcr),
                            ("rtc", "by_planted.vcr", planted)):
        genuine, d.vcr = d.vcr, vcr
        done = d.run("record", "-kernel", d.guest(name + ".elf"), *driver.DEBUG_EXIT, *driver.RTC,
                     "-o", d.path(path))
        d.vcr = genuine
        d.expect(f"record {path}", done, 33)
    write(d.path("traces/README.txt"), b"no trace, and not looked at\n")
    write(d.path("prose.vcr"), b"This is no trace.\n")
    with open(d.path("traces/hello.vcr"), "rb") as f:
        whole = f.read()
    write(d.path("cut.vcr"), whole[:-200])


def verdicts(d, planted):
    old = ["compare", "--old", d.vcr]
    traces, hello, clock = d.path("traces"), d.path("traces/hello.vcr"), d.path("traces/clock/rtc.vcr")

    done = d.run(*old, "--new", os.path.dirname(os.path.dirname(d.vcr)), traces)
    d.expect("the same build", done, driver.OK, 0)
    d.check("the same build: what it says", done.out.splitlines()[2:] ==
            [f"same     {clock}", f"same     {hello}", "2 traces: 2 same, 0 differ, 0 fail"], done)

    for mode in ([], ["--devices"]):
        done = d.run(*old, "--new", planted, *mode, traces)
        d.expect(f"a planted defect {mode}", done, driver.DIVERGED, 0)
        d.check("it is found", f"differs  {clock}\n  old: identical\n  new: diverges at event" in done.out
                and f"same     {hello}" in done.out and
                done.out.endswith("2 traces: 1 same, 1 differs, 0 fail\n"), done)
        lines = {line.split(":")[0].strip(): line for line in done.out.splitlines()}
        d.check("where it is", all("pio-read 0x71" in lines[word] and "rip 0x" in lines[word]
                                   for word in ("expected", "came")) and
                lines["expected"].split(" data ")[1] != lines["came"].split(" data ")[1], done)
    # The CPU is not asked what a device answers.
    d.expect("--cpu", d.run(*old, "--new", planted, "--cpu", traces), driver.OK, 0)

    by_planted = d.path("by_planted.vcr")
    done = d.run(*old, "--new", planted, by_planted)
    d.check("the old one diverges", done.status == driver.DIVERGED and
            "  old: diverges at event" in done.out and "  new: identical" in done.out, done)
    done = d.run(*old, "--new", d.vcr, by_planted)
    d.check("both diverge in the same place", done.status == driver.OK and
            f"same     {by_planted} (both diverge at event" in done.out, done)
    done = d.run(*old, "--new", d.vcr, d.path("cut.vcr"))
    d.check("a trace that is cut off", done.status == driver.OK and "cut off" in done.out, done)


def failures(d, planted):
    old, hello = ["compare", "--old", d.vcr], d.path("traces/hello.vcr")
    prose = d.path("prose.vcr")
    done = d.run(*old, "--new", planted, prose, hello)
    d.expect("no trace", done, driver.BAD_TRACE, 0)
    d.check("no trace: goes on", f"fails    {prose}\n  old: fails: " in done.out and
            f"same     {hello}" in done.out, done)
    done = d.run(*old, "--new", d.vcr, d.path("missing.vcr"))
    d.check("no file", done.status == driver.BAD_TRACE and "missing.vcr" in done.out, done)
    if d.windows:
        d.skip("builds that hang, crash and talk are shell scripts, which Windows does not run")
        return
    done = d.run(*old, "--new", script(d, "hangs", "exec sleep 1000"), "--timeout", "0.5", hello)
    d.check("a build that hangs", done.status == driver.BAD_TRACE and
            "new: fails: no end after 0.5 seconds" in done.out, done)
    done = d.run(*old, "--new", script(d, "crashes", "kill -SEGV $$"), hello)
    d.check("a build that crashes", done.status == driver.BAD_TRACE and
            "new: fails: crashed: Segmentation fault" in done.out, done)
    done = d.run(*old, "--new", script(d, "mute", "exit 7"), hello)
    d.check("a build without a word", "new: fails: exit status 7 and no word" in done.out, done)
    endless = script(d, "talks", "while :; do echo something; echo else >&2; done")
    done = d.run(*old, "--new", endless, "--timeout", "0.5", hello)
    d.check("a build that talks for ever", "new: fails: no end after" in done.out, done)


def machine_readable(d, planted):
    done = d.run("compare", "--json", "--old", d.vcr, "--new", planted, d.path("traces"),
                 d.path("prose.vcr"))
    d.expect("--json", done, driver.BAD_TRACE, 0)
    objects = [json.loads(line) for line in done.out.splitlines()]
    d.check("--json: verdicts", [o.get("result") for o in objects] == ["differs", "same", "fails", None]
            and objects[-1] == {"traces": 3, "same": 1, "differs": 1, "fails": 1}, done)
    d.check("--json: the place", objects[0]["old"] == {"result": "identical"} and
            "pio-read 0x71" in objects[0]["new"]["came"], done)


def refused(d):
    hello = d.path("traces/hello.vcr")
    empty = d.path("empty")
    os.makedirs(empty, exist_ok=True)
    plain = write(d.path("plain"), b"not executable")
    other = write(d.path("other"), b"#!/bin/sh\necho something else\n", 0o755)
    old = ["--old", d.vcr]
    table = [
        ("no builds", [hello], "--old and --new"),
        ("one build", old + [hello], "--old and --new"),
        ("no traces", old + ["--new", d.vcr], "which traces"),
        ("an empty folder", old + ["--new", d.vcr, empty], "no *.vcr"),
        ("a build without vcr", old + ["--new", empty, hello], "there is no vcr"),
        ("a build that is not there", ["--old", d.path("nowhere"), "--new", d.vcr, hello], "nowhere"),
        ("a file that cannot be run", old + ["--new", plain, hello], "plain"),
        ("another program", old + ["--new", other, hello], "is no vcr"),
        ("no time", old + ["--new", d.vcr, "--timeout", "0", hello], "--timeout 0"),
        ("unknown option", old + ["--new", d.vcr, "--loud", hello], "--loud"),
    ]
    for name, words, says in table:
        done = d.run("compare", *words)
        d.expect(name, done, driver.USAGE, 1)
        d.check(f"{name}: says '{says}'", says in done.err, done)


def main():
    parser = driver.arguments_parser(__doc__)
    parser.add_argument("--planted", required=True, help="a vcr with a defect (planted.c)")
    arguments = parser.parse_args()
    planted = os.path.abspath(arguments.planted)
    d = driver.Driver(arguments, "compare")
    folder_make(d, planted)
    verdicts(d, planted)
    failures(d, planted)
    machine_readable(d, planted)
    refused(d)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
