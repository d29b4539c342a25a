#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Firmware in flash: what it programs is in the file of its variables and nowhere else, the same
happens on every accelerator and with flash that is never mapped, all of it replays, and chips that
cannot be are refused in one line."""

import os
import sys

import driver


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(path, data):
    with open(path, "wb") as f:
        f.write(data)
    return path


def changed(before):
    """What the guest makes of its variables (tests/guest/pflash.S)."""
    after = bytearray(before)
    after[0x1000:0x2000] = b"\xff" * 0x1000
    after[0x3000:0x4000] = b"\xff" * 0x1000
    for at, data in ((0x1000, b"MARK\0"), (0x1100, b"programmed byte by byte\n\0"),
                     (0x1200, b"from the buffer\n\0"), (0x1300, b"\xb8\x12\xff\xff\xff\xc3")):
        after[at:at + len(data)] = data
    return bytes(after)


def session(d, name, guest, text, words):
    """Records, compares console and file, and replays in every way; true when it could run."""
    trace = d.path("1.vcr")
    command = guest.command(d) + driver.DEBUG_EXIT + driver.RTC + words
    variables = d.path("variables.fd")
    before = read(variables)
    done = d.run("record", *command, "-o", trace)
    if "kvm" in words and done.status in (driver.HOST, driver.USAGE) and "cannot use -accel" in done.err:
        d.skip(f"{name}: {done.err.strip()}")
        return False
    d.expect(f"{name}: record", done, guest.exit)
    d.check(f"{name}: console", done.out == text, done)
    d.check(f"{name}: the file has what was programmed", read(variables) == changed(before), done)
    write(variables, before)
    modes = [[], ["--devices"], ["--cpu"]]
    if "kvm" in words:
        modes.append(["-accel", "kvm"])
    for mode in modes:
        d.expect(f"{name}: replay {' '.join(mode)}", d.run("replay", *mode, trace), driver.OK, 0)
    d.check(f"{name}: a replay writes to no file", read(variables) == before)
    return True


def backends(d, guest, text):
    off = ["-machine", "pc,rom-device=off"]
    session(d, "tcg", guest, text, [])
    session(d, "tcg, never mapped", guest, text, off)
    stat = d.run("stat", d.path("1.vcr"))
    d.check("the trace says so", "rom-device=off" in stat.out, stat)
    if session(d, "kvm", guest, text, ["-accel", "kvm"]):
        session(d, "kvm, never mapped", guest, text, ["-accel", "kvm"] + off)


def files(d, guest):
    """What is kept where."""
    code, run = d.guest(guest.file), ["run"] + driver.DEBUG_EXIT + driver.RTC
    variables = guest.variables(d)
    pristine, original = read(variables), read(code)
    d.expect("run", d.run(*run, "-pflash", code, "-pflash", variables), guest.exit)
    done = d.run(*run, "-pflash", code, "-pflash", variables)
    d.expect("run again", done, guest.exit)
    d.check("the second time it finds its mark",
            done.out == "after a reset\nprogrammed byte by byte\n", done)
    d.check("the code's file is as before", read(code) == original)

    drive = "if=pflash,format=raw,"
    write(variables, pristine)
    done = d.run(*run, "-drive", f"{drive}unit=1,readonly=on,file={variables}",
                 "-drive", f"{drive}unit=0,readonly=on,file={code}")
    d.expect("-drive, both read-only", done, 35)
    d.check("-drive, both read-only: erasing fails", done.out.endswith("erase: a8 \nbroken\n"), done)
    d.check("-drive, both read-only: the file is as before", read(variables) == pristine)

    copy = write(d.path("code.fd"), original)
    done = d.run(*run, "-drive", f"{drive}file={copy}", "-drive", f"{drive}file={variables}")
    # The guest clears the first byte of its code and erases the block, which it runs from.
    d.check("-drive, both writable: the code's file too", read(copy) != original, done)
    d.check("-drive, both writable: one block of it", read(copy)[4096:] == original[4096:] and
            read(copy)[:4096] == b"\xff" * 4096, done)


def refused(d, guest):
    code = d.guest(guest.file)
    empty = write(d.path("empty"), b"")
    odd = write(d.path("odd"), b"\xff" * 5000)
    big, bigger, half = d.path("big"), d.path("bigger"), d.path("half")
    for path, size in ((big, 16 << 20), (bigger, (16 << 20) + 4096), (half, 9 << 20)):
        with open(path, "wb") as f:
            f.truncate(size)
    table = [
        ("no file", ["-pflash", d.path("missing")], "missing"),
        ("a folder", ["-pflash", d.work], "directory"),
        ("empty", ["-pflash", empty], "multiple of 4 KiB"),
        ("odd size", ["-pflash", odd], "5000 bytes"),
        ("odd variables", ["-pflash", code, "-pflash", odd], "5000 bytes"),
        ("too big", ["-pflash", bigger], "at most 16 MiB"),
        ("too big together", ["-pflash", half, "-pflash", half], "together"),
        ("no room for variables", ["-pflash", big, "-pflash", code], "together"),
        ("three", ["-pflash", code, "-pflash", code, "-pflash", code], "unit 0 and 1"),
        ("with -bios", ["-pflash", code, "-bios", code], "-bios and -pflash"),
        ("variables alone", ["-drive", f"if=pflash,unit=1,file={code}"], "chip 0"),
        ("unit twice", ["-pflash", code, "-drive", f"if=pflash,unit=0,file={code}"], "already"),
        ("a disk", ["-drive", f"file={code}"], "only flash"),
        ("another interface", ["-drive", f"if=ide,file={code}"], "if=ide"),
        ("unit 2", ["-drive", f"if=pflash,unit=2,file={code}"], "unit=2"),
        ("no path", ["-drive", "if=pflash,file="], "file=FILE"),
        ("-machine", ["-pflash", code, "-machine", "pc,rom-device=maybe"], "rom-device=maybe"),
    ]
    for name, words, says in table:
        done = d.run("run", *words)
        d.expect(name, done, driver.USAGE, 1)
        d.check(f"{name}: says '{says}'", says in done.err, done)


def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "pflash_files")
    guest = driver.guests_load()["pflash"]
    with open(guest.expected, encoding="utf-8") as f:
        text = f.read()
    backends(d, guest, text)
    files(d, guest)
    refused(d, guest)
    for name in ("big", "bigger", "half"):
        os.unlink(d.path(name))
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
