#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every trace that corpora/golden keeps, of every format version, is read as it always was.

Beside NAME.vcr lies NAME.sha256 of its events, as they were read when the trace was made. The
traces replay, too, but for those that corpora/golden/differs.txt lists: a correction of a device or
of the CPU changes what a session would be, and no format can hold that back.

With --record, traces of some guests are made in the folder of a format version; those that are
there already are never touched."""

import glob
import hashlib
import json
import os
import sys

import driver

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(driver.HERE)), "corpora", "golden")


# What a trace can have in it: every mode, interrupts of all kinds, resets, input, firmware.
GUESTS = ["hello", "modes", "faults", "paging", "fpu", "serial", "rtc", "reboot", "multiboot", "firmware",
          "echo", "fwcfg"]

# The guests that need more than version 1, and who runs them: of whpx what its emulators did, what a
# device moved between exits, places, priorities and views; the last two with one time for each exit.
VERSIONS = {"v3": ("tcg", ["pflash"]),
            "v4": ("whpx", ["fallback", "debug", "edu", "interrupts", "pflash", "crowd", "lost"])}

MODES = ("--machine", "--devices", "--cpu")


def events_digest(text):
    """SHA-256 of the events of `vcr dump --json`, without what the dump adds to them."""
    digest = hashlib.sha256()
    for line in text.splitlines():
        event = json.loads(line)
        event.pop("device", None)
        event.pop("region", None)
        digest.update(json.dumps(event, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def digest_path(trace):
    return trace.removesuffix(".vcr") + ".sha256"


def differing():
    """{(v1/NAME.vcr, way of replay)}: "v1/NAME.vcr --devices why" a line."""
    path = os.path.join(GOLDEN, "differs.txt")
    if not os.path.exists(path):
        return set()
    with open(path, encoding="utf-8") as f:
        return {tuple(line.split()[:2]) for line in f if line.strip() and not line.startswith("#")}


def record(d, version):
    folder = os.path.join(GOLDEN, version)
    os.makedirs(folder, exist_ok=True)
    guests = driver.guests_load()
    accel, names = VERSIONS.get(version, ("tcg", GUESTS))
    for name in names:
        guest, trace = guests[name], os.path.join(folder, name + ".vcr")
        if os.path.exists(trace):
            continue
        # A trace keeps the names of its images: they should not say where this tree is.
        built, work = (os.path.relpath(path, driver.GUESTS) for path in (d.guests, d.work))
        words = [word.replace(d.guests, built).replace(d.work, work)
                 .replace(driver.GUESTS + os.sep, "") for word in guest.command(d)]
        words += driver.DEBUG_EXIT + driver.RTC + ["-accel", accel, "-o", trace]
        done = d.run("record", *words, stdin=guest.stdin, cwd=driver.GUESTS)
        d.expect(f"record {name}", done, guest.exit)
        with open(digest_path(trace), "w", encoding="utf-8") as f:
            f.write(events_digest(d.run("dump", "--json", trace).out) + "\n")


def events_check(d, name, trace):
    d.expect(f"{name}: verify", d.run("verify", trace), driver.OK, 0)
    done = d.run("dump", "--json", trace)
    with open(digest_path(trace), encoding="utf-8") as f:
        d.check(f"{name}: its events", done.status == 0 and events_digest(done.out) == f.read().strip(),
                done)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--record", metavar="vN", help="add the traces that this version lacks")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "golden")
    if arguments.record:
        record(d, arguments.record)
        return d.end()
    differs = differing()
    for number, trace in enumerate(sorted(glob.glob(os.path.join(GOLDEN, "v*", "*.vcr")))):
        name = os.path.relpath(trace, GOLDEN)
        # Programs start slowly on Windows: one way of replay for each there.
        modes = MODES if not d.windows else MODES[number % 3:][:1]
        if not d.windows:
            events_check(d, name, trace)
        for mode in modes:
            done = d.run("replay", *([] if mode == "--machine" else [mode]), trace)
            d.expect(f"{name}: replay {mode}", done, 1 if (name, mode) in differs else driver.OK)
    if not d.passed and not d.failed:
        d.skip("corpora/golden has no traces yet")
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
