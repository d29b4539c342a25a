#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One session on two systems: what vcr.exe records replays on this host and the other way round, and
what either says of a trace is the same, byte for byte. Also paths as people write them on Windows.

    paths     what a path may look like
    texts     what both say of the same trace
    guests    tests/guest, on tcg and on whpx: some of them, the Kth of every N (--share K/N)

The last two need the vcr of this host (driver.Native) and are skipped without it."""

import os
import sys

import driver

GUESTS = ["hello", "faults", "firmware"]
MODES = ([], ["--devices"], ["--cpu"])


def read(path):
    with open(path, "rb") as f:
        return f.read()


def texts(d, native):
    """Each guest recorded here; replayed, and described, by both."""
    guests = driver.guests_load()
    for name in GUESTS:
        guest, trace = guests[name], d.path(name + ".vcr")
        done = native.run("record", *guest.command(d), *driver.DEBUG_EXIT, *driver.RTC, "-o", trace)
        d.expect(f"{name}: record", done, guest.exit)
        for mode in MODES:
            d.expect(f"{name}: replay {' '.join(mode)}", d.run("replay", *mode, trace), driver.OK, 0)
        for command in (["stat", "--json"], ["dump"], ["dump", "--json"], ["verify"]):
            exe, own = d.run(*command, trace), native.run(*command, trace)
            d.check(f"{name}: {' '.join(command)} says the same",
                    (exe.status, exe.out, exe.err) == (own.status, own.out, own.err), exe)


# accel/whpx.py says why.
OTHER_TEXT = {"a20", "timers"}


def record(d, accel, guest, trace):
    """True when it ended as it should and printed what it should."""
    done = d.run("record", "-accel", "whpx:tcg" if accel == "whpx" else accel, *guest.command(d), *driver.DEBUG_EXIT, *driver.RTC,
                 "-o", trace, stdin=guest.stdin, timeout=guest.timeout)
    with open(guest.expected, encoding="utf-8") as f:
        right = done.out == f.read() or (accel != "tcg" and guest.name in OTHER_TEXT)
    name = f"{guest.name}: record -accel {accel}{' on Windows' if d.windows else ''}"
    return d.expect(name, done, guest.exit) and d.check(name, right, done, "another text")


def guest_both(d, native, guest, accel, mode):
    """Recorded on both systems; the other one replays it."""
    there, here = (d.path(f"{guest.name}-{accel}-{which}.vcr") for which in ("exe", "here"))
    if record(d, accel, guest, there):
        for way in MODES:
            done = native.run("replay", *way, there)
            d.expect(f"{guest.name}, {accel}: replay {' '.join(way)} of Windows'", done, driver.OK, 0)
        done = native.run("stat", there)
        d.check(f"{guest.name}: by {accel}", f"with accelerator {accel}," in done.out, done)
    if record(native, accel, guest, here):
        done = d.run("replay", *mode, here)
        d.expect(f"{guest.name}, {accel}: replay {' '.join(mode)} on Windows", done, driver.OK, 0)
    if accel == "tcg" and not guest.stdin:
        done = native.run("diff", there, here)
        d.expect(f"{guest.name}: diff", done, driver.OK, 0)
        d.check(f"{guest.name}: the same bytes", read(there) == read(here), done)


def guests_both(d, native, share, whpx):
    """Each way of replay for some."""
    k, n = (int(word) for word in share.split("/"))
    ways = (*MODES, ["-accel", "whpx"])
    for number, guest in enumerate(driver.guests_load().values()):
        if number % n == k and "endless" not in guest.groups:
            guest_both(d, native, guest, "tcg", [])
            if whpx:
                guest_both(d, native, guest, "whpx", ways[number // n % len(ways)])


def on_drive(path):
    """As cmd and PowerShell write it; wine's Z: is this host's root."""
    return "Z:" + path.replace("/", "\\")


def paths(d):
    kernel = d.guest("hello.elf")
    text = None
    for name, path in (("backslashes", on_drive(kernel)), ("slashes", "Z:" + kernel),
                       ("both", "Z:\\" + kernel[1:]), ("MSYS2's", "/z" + kernel),
                       ("relative", os.path.relpath(kernel, d.work).replace("/", "\\"))):
        done = d.run("run", "-kernel", path, *driver.DEBUG_EXIT, cwd=d.work)
        d.expect(f"-kernel {name}", done, 33, 1)
        text = text or done.out
        d.check(f"-kernel {name}: runs", done.out == text, done)

    # Names that a code page, a shell or a length limit would change.
    deep = os.path.join(d.work, "d" * 100, "e" * 100, "f" * 100)
    os.makedirs(deep, exist_ok=True)
    for name, folder, file in (("spaces", d.work, "a b  c.vcr"), ("UTF-8", d.work, "Zürich ☃.vcr"),
                               ("wildcards", d.work, "[a]{b}.vcr"), ("long", deep, "trace.vcr")):
        trace = os.path.join(folder, file)
        if os.path.exists(trace):
            os.unlink(trace)
        done = d.run("record", "-kernel", kernel, *driver.DEBUG_EXIT, "-o", on_drive(trace))
        d.expect(f"-o {name}", done, 33, 1)
        d.check(f"-o {name}: is there, and is named", os.path.exists(trace) and on_drive(trace) in done.err,
                done)
        done = d.run("replay", on_drive(trace))
        d.expect(f"replay {name}", done, driver.OK, 0)

    # A path is named as it was written.
    trace = d.path("msys2.vcr")
    done = d.run("record", "-kernel", kernel, *driver.DEBUG_EXIT, "-o", "/z" + trace)
    d.expect("-o MSYS2's", done, 33, 1)
    d.check("-o MSYS2's: is there, and is named", os.path.exists(trace) and f" /z{trace}" in done.err, done)
    for path in ("C:/missing.vcr", "C:\\missing.vcr", "/c/missing.vcr"):
        done = d.run("replay", path)
        d.expect(f"no {path}", done, driver.USAGE, 1)
        d.check(f"no {path}: is named", f" {path}: " in done.err, done)

    for name, prefix, path in (("backslashes", "file:", on_drive), ("slashes", "file:", "Z:{}".format),
                               ("as MSYS2 changes it", "file;", on_drive),
                               ("MSYS2's", "file:", "/z{}".format)):
        console = d.path("console.txt")
        if os.path.exists(console):
            os.unlink(console)
        done = d.run("run", "-kernel", kernel, *driver.DEBUG_EXIT, "-serial", prefix + path(console))
        d.expect(f"-serial {name}", done, 33, 1)
        d.check(f"-serial {name}: the same bytes", read(console) == text.encode() and not done.out, done)

    modules(d)
    done = d.run("run", "-kernel", on_drive(d.path("missing.elf")))
    d.expect("a file that is missing", done, driver.USAGE, 1)
    d.check("a file that is missing: Windows' word for it", "File not found" in done.err or
            "cannot find the file" in done.err, done)


def modules(d):
    """-initrd with several files, their arguments, drives and a space."""
    guest = driver.guests_load()["multiboot"]
    words = guest.command(d)
    at = words.index("-initrd") + 1
    plain = d.run("run", *words, *driver.DEBUG_EXIT)
    for name, path in (("backslashes", on_drive), ("slashes", "Z:{}".format), ("MSYS2's", "/z{}".format)):
        words[at] = ",".join(" ".join([path(part.split(" ")[0])] + part.split(" ")[1:])
                             for part in guest_modules(guest))
        done = d.run("run", *words, *driver.DEBUG_EXIT)
        d.expect(f"-initrd {name}", done, guest.exit, 1)
        # What the guest prints has the names in it.
        d.check(f"-initrd {name}: as many lines", len(done.out.splitlines()) == len(plain.out.splitlines()),
                done)


def guest_modules(guest):
    return [os.path.join(driver.GUESTS, part) for part in guest.modules.split(",")]


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=["paths", "texts", "guests"])
    parser.add_argument("--share", default="0/1", metavar="K/N")
    parser.add_argument("--whpx", action="store_true", help="it is built in")
    arguments = parser.parse_args()
    name = "windows-" + arguments.part + "-" + arguments.share.replace("/", "-")
    d, native = driver.Driver(arguments, name), driver.Native(arguments, name)
    if not d.windows:
        d.skip("this is no build for Windows")
    elif d.run("--version").status == 77:
        d.skip("no wine to run vcr.exe with (Debian: apt-get install wine64)")
    elif arguments.part == "paths":
        paths(d)
    elif native.missing(d):
        d.skip(native.missing(d))
    else:
        if arguments.part == "texts":
            texts(d, native)
        else:
            guests_both(d, native, arguments.share, arguments.whpx)
        d.passed += native.passed
        d.failed += native.failed
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
