#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""One session on two systems: what vcr.exe records replays on this host and the other way round, and
what either says of a trace is the same, byte for byte. Also paths as people write them on Windows.

The vcr of this host is the one in build/ (or $VCR_NATIVE); without it only the paths are tested."""

import os
import subprocess
import sys

import driver

TOP = os.path.dirname(os.path.dirname(driver.HERE))
GUESTS = ["hello", "faults", "paging", "fpu", "timers", "selfmod", "multiboot", "firmware"]


class Native(driver.Driver):
    """The same driver with this host's vcr."""

    def __init__(self, arguments, name):
        super().__init__(arguments, name)
        self.vcr = os.environ.get("VCR_NATIVE", os.path.join(TOP, "build", "tools", "vcr"))
        self.runner, self.windows = [], False


def read(path):
    with open(path, "rb") as f:
        return f.read()


def both(d, native):
    """Each guest recorded on both; each trace replayed on the other and described by both."""
    guests = driver.guests_load()
    for name in GUESTS:
        guest = guests[name]
        words = guest.command(d) + driver.DEBUG_EXIT + driver.RTC
        there, here = d.path(name + "-exe.vcr"), d.path(name + "-here.vcr")
        exe = d.run("record", *words, "-o", there, stdin=guest.stdin)
        own = native.run("record", *words, "-o", here, stdin=guest.stdin)
        d.expect(f"{name}: record", exe, guest.exit)
        d.check(f"{name}: the same console", (exe.status, exe.out) == (own.status, own.out), exe)
        for mode in ([], ["--devices"], ["--cpu"]):
            word = " ".join(["replay"] + mode)
            d.expect(f"{name}: {word} on Windows", d.run("replay", *mode, here), driver.OK, 0)
            d.expect(f"{name}: {word} of Windows'", native.run("replay", *mode, there), driver.OK, 0)
        if not guest.stdin:
            d.expect(f"{name}: diff", native.run("diff", there, here), driver.OK, 0)
        for command in (["stat", "--json"], ["dump"], ["dump", "--json"], ["verify"]):
            exe, own = d.run(*command, here), native.run(*command, here)
            d.check(f"{name}: {' '.join(command)} says the same",
                    (exe.status, exe.out, exe.err) == (own.status, own.out, own.err), exe)


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
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "windows")
    native = Native(arguments, "windows")
    if not d.windows:
        d.skip("this is no build for Windows")
        return d.end()
    if d.run("--version").status == 77:
        d.skip("no wine to run vcr.exe with (Debian: apt-get install wine64)")
        return d.end()
    paths(d)
    if os.path.exists(native.vcr):
        version = subprocess.run([native.vcr, "--version"], stdout=subprocess.PIPE, check=False).stdout
        d.check("the same version", version.decode() == d.run("--version").out)
        both(d, native)
    else:
        d.skip(f"no {native.vcr} to compare with (ninja -C build)")
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
