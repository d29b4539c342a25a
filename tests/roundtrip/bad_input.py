#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a command line, an image or a trace is said in one line, with the exit
status that fits; nothing crashes, hangs or leaks, and what was whole stays readable."""

import os
import random
import sys

import driver


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def command_lines(d):
    """Each with the words of the command, the status, and a word that the line must have."""
    hello = d.guest("hello.elf")
    nothing = write(d.path("nothing"), b"")
    prose = write(d.path("prose.txt"), b"This is no kernel.\n" * 1000)
    short_elf = write(d.path("short.elf"), read(hello)[:300])
    big = d.path("big")
    with open(big, "wb") as f:
        f.truncate(200 << 20)
    unreadable = d.path("missing")
    odd_bios = write(d.path("odd.bin"), b"\x90" * 1000)
    out = d.path("out.vcr")
    return [
        ("no command", [], driver.USAGE, ""),
        ("unknown command", ["rewind"], driver.USAGE, "rewind"),
        ("unknown option", ["run", "-kernel", hello, "-frobnicate"], driver.USAGE, "frobnicate"),
        ("option without value", ["run", "-kernel"], driver.USAGE, "kernel"),
        ("stray word", ["run", "-kernel", hello, "stray"], driver.USAGE, "stray"),
        ("nothing to run", ["run"], driver.USAGE, "-kernel"),
        ("nowhere to record", ["record", "-kernel", hello], driver.USAGE, "-o"),
        ("missing kernel", ["run", "-kernel", unreadable], driver.USAGE, "missing"),
        ("kernel is a directory", ["run", "-kernel", d.work], driver.USAGE, "directory"),
        ("empty kernel", ["run", "-kernel", nothing], driver.USAGE, "nothing"),
        ("kernel is none", ["run", "-kernel", prose], driver.USAGE, "prose.txt"),
        ("kernel is cut off", ["run", "-kernel", short_elf], driver.USAGE, "short.elf"),
        ("missing initrd", ["run", "-kernel", hello, "-initrd", unreadable], driver.USAGE, "missing"),
        ("initrd too big", ["run", "-kernel", hello, "-initrd", big], driver.USAGE, "big"),
        ("initrd without kernel", ["run", "-initrd", nothing], driver.USAGE, "-kernel"),
        ("missing firmware", ["run", "-bios", unreadable], driver.USAGE, "missing"),
        ("firmware of an odd size", ["run", "-bios", odd_bios], driver.USAGE, "odd.bin"),
        ("firmware too big", ["run", "-bios", big], driver.USAGE, "big"),
        ("-m 1", ["run", "-m", "1", "-kernel", hello], driver.USAGE, "1"),
        ("-m 0", ["run", "-m", "0", "-kernel", hello], driver.USAGE, "-m"),
        ("-m many", ["run", "-m", "many", "-kernel", hello], driver.USAGE, "many"),
        ("-m 99999999G", ["run", "-m", "99999999G", "-kernel", hello], driver.USAGE, "-m"),
        ("unknown board", ["run", "-machine", "toaster", "-kernel", hello], driver.USAGE, "toaster"),
        ("unknown CPU", ["run", "-cpu", "z80", "-kernel", hello], driver.USAGE, "z80"),
        ("unknown accelerator", ["run", "-accel", "steam", "-kernel", hello], driver.USAGE, "steam"),
        ("unknown device", ["run", "-kernel", hello, "-device", "floppy"], driver.USAGE, "floppy"),
        ("unknown property", ["run", "-kernel", hello, "-device", "isa-debug-exit,colour=3"],
         driver.USAGE, "colour"),
        ("property out of range", ["run", "-kernel", hello, "-device",
                                   "isa-debug-exit,iobase=0x12345"], driver.USAGE, "iobase"),
        ("port taken", ["run", "-kernel", hello, "-device", "isa-debug-exit,iobase=0x3f8"],
         driver.USAGE, "0x3f8"),
        ("bad date", ["run", "-kernel", hello, "-rtc", "base=tomorrow"], driver.USAGE, "tomorrow"),
        ("bad serial", ["run", "-kernel", hello, "-serial", "pigeon"], driver.USAGE, "pigeon"),
        ("serial in no folder", ["run", "-kernel", hello, "-serial", "file:/nowhere/x"],
         driver.HOST, "/nowhere/x"),
        ("bad limit", ["run", "-kernel", hello, "--max-insns", "few"], driver.USAGE, "few"),
        ("bad timeout", ["run", "-kernel", hello, "--timeout", "-1"], driver.USAGE, "timeout"),
        ("output in no folder", ["record", "-kernel", hello, "-o", "/nowhere/x.vcr"], driver.HOST,
         "/nowhere/x.vcr"),
        ("output is a folder", ["record", "-kernel", hello, "-o", d.work], driver.HOST, d.work),
        ("full output", ["record", "-kernel", hello, "--max-insns", "1M", "-o", "/dev/full"],
         driver.HOST, "/dev/full"),
        ("replay of nothing", ["replay"], driver.USAGE, "which"),
        ("replay of two", ["replay", "a", "b"], driver.USAGE, "one"),
        ("bad position", ["replay", "--until", "soon", out], driver.USAGE, "soon"),
        ("missing trace", ["replay", unreadable], driver.USAGE, "missing"),
        ("missing trace, dump", ["dump", unreadable], driver.USAGE, "missing"),
        ("missing trace, diff", ["diff", unreadable, unreadable], driver.USAGE, "missing"),
        ("empty trace", ["replay", nothing], driver.BAD_TRACE, "nothing"),
        ("trace is a kernel", ["replay", hello], driver.BAD_TRACE, "hello.elf"),
        ("trace is a folder", ["replay", d.work], None, d.work),
    ]


def table(d):
    for name, words, status, word in command_lines(d):
        done = d.run(*words, timeout=20)
        if status is None:
            status = done.status if done.status in (driver.USAGE, driver.BAD_TRACE, driver.HOST) \
                else driver.USAGE
        # Without a command, and only then, the usage text may be longer than a line.
        if d.expect(name, done, status, 1 if words else None):
            d.check(f"{name}: names it", word in done.err, done, f"no '{word}'")
    os.unlink(d.path("big"))
    os.chmod(d.path("prose.txt"), 0)
    if os.geteuid():
        done = d.run("run", "-kernel", d.path("prose.txt"))
        d.expect("unreadable kernel", done, driver.USAGE, 1)
    os.chmod(d.path("prose.txt"), 0o644)


def help_texts(d):
    commands = [line.split()[0] for line in d.run("--help").out.splitlines()
                if line.startswith("  ") and not line.startswith("  vcr")]
    d.check("commands are listed", {"record", "replay", "capabilities"} < set(commands))
    for words in [["--help"], ["help"], ["--version"]] + [[name, "--help"] for name in commands]:
        done = d.run(*words)
        d.check(" ".join(words), done.status == 0 and done.out and not done.err, done)
    page = read(os.path.join(os.path.dirname(__file__), "..", "..", "tools", "vcr.1")).decode()
    synopsis, _, rest = page.partition(".SH DESCRIPTION")
    for name in commands:
        d.check(f"{name} in vcr(1)", f"\n.B vcr {name}" in synopsis and f"\n.TP\n.B {name}\n" in rest)
    done = d.run("run", "-device", "help")
    d.check("-device help", done.status == 0 and "isa-debug-exit" in done.out, done)


def damage(d):
    """A trace cut anywhere or with any byte changed: readers say so, and none of them crashes.
    Positions come from a fixed seed: a failure can be seen again. (What starts slowly, on Windows,
    reads files by the same code.)"""
    cuts, flips, noises = (2, 4, 2) if d.windows else (12, 40, 10)
    chance = random.Random(1)
    trace, broken = d.path("whole.vcr"), d.path("broken.vcr")
    endless = ["-kernel", d.guest("endless.elf")]
    d.expect("record", d.run("record", *endless, "--max-insns", 3000000, "-o", trace), driver.OK)
    whole = read(trace)
    d.expect("whole: verify", d.run("verify", trace), driver.OK, 0)

    for n in [0, 1, 7, len(whole) - 1] + [chance.randrange(len(whole)) for _ in range(cuts)]:
        write(broken, whole[:n])
        d.expect(f"cut at {n} of {len(whole)}: verify", d.run("verify", broken), driver.BAD_TRACE)
        done = d.run("replay", broken)
        if "identical:" in done.out:
            # Only the index is gone: the session and its end are all there.
            d.expect(f"cut at {n}: replay", done, driver.OK, 0)
        else:
            d.expect(f"cut at {n}: replay", done, driver.BAD_TRACE, 1)
    for n in [chance.randrange(len(whole)) for _ in range(flips)]:
        data = bytearray(whole)
        data[n] ^= 1 << chance.randrange(8)
        write(broken, data)
        done = d.run("verify", broken)
        d.expect(f"byte {n} of {len(whole)} changed: verify", done, driver.BAD_TRACE)
        for command in (["replay"], ["stat"], ["dump"]):
            done = d.run(*command, broken)
            # The index and other things that can be made again may be damaged without harm.
            d.check(f"byte {n} changed: {command[0]}",
                    done.status in (driver.OK, driver.BAD_TRACE) and "Sanitizer" not in done.err,
                    done)
    for _ in range(noises):
        write(broken, whole[:64] + chance.randbytes(20000))
        d.expect("noise behind a header: replay", d.run("replay", broken), driver.BAD_TRACE, 1)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=["table", "help", "damage"])
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "bad-" + arguments.part)
    {"table": table, "help": help_texts, "damage": damage}[arguments.part](d)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
