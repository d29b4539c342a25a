#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is recorded on KVM replays on KVM, on tcg, without a CPU and without devices: the guests of
tests/guest, and Debian's SeaBIOS."""

import os
import signal
import subprocess
import sys
import time

import driver
import firmware

ON_CPU = (["-accel", "tcg"], ["--cpu"])
OTHERS = (["-accel", "kvm"], ["--devices"])


def replay(d, name, mode, trace, timeout=60):
    done = d.run("replay", *mode, trace, timeout=timeout)
    d.expect(f"{name}: replay {' '.join(mode)}", done, driver.OK, 0)


def replay_on_cpu(d, guest, mode, trace):
    """Our own processor follows, or says why it cannot (guests.cfg: kvm, tsc)."""
    done = d.run("replay", *mode, trace)
    name = f"{guest.name}: replay {' '.join(mode)}"
    if guest.tsc:
        d.expect(name, done, driver.DIVERGED)
        d.check(f"{name}: the time stamp counter is named", "time stamp counter" in done.out, done)
    elif guest.kvm and done.status == driver.DIVERGED:
        d.skip(f"{name}: {guest.kvm}")
    else:
        d.expect(name, done, driver.OK, 0)


def guest_run(d, guest):
    trace = d.path(f"{guest.name}.vcr")
    words = guest.command(d) + driver.DEBUG_EXIT + driver.RTC
    done = d.run("record", "-accel", "kvm", *words, "-o", trace, stdin=guest.stdin,
                 timeout=guest.timeout)
    if guest.kvm:
        good = d.check(f"{guest.name}: record", os.path.exists(trace) and done.status != driver.HOST,
                       done)
    else:
        good = d.expect(f"{guest.name}: record", done, guest.exit)
    if not good:
        return
    for mode in ON_CPU:
        replay_on_cpu(d, guest, mode, trace)
    for mode in OTHERS:
        if not (guest.tsc and mode == ["-accel", "kvm"]):
            replay(d, guest.name, mode, trace)


def firmware_record(d, bios, trace):
    """Until it has nothing more to say; then it waits for ever."""
    words = ["record", "-accel", "kvm", "-bios", bios, "-debugcon", "stdio", "-serial", "none",
             "-o", trace] + driver.RTC
    with d.start(*words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE) as process:
        says = b""
        end = time.monotonic() + 60 * d.patience()
        while firmware.SAYS[-1].encode() not in says and time.monotonic() < end:
            more = os.read(process.stdout.fileno(), 4096)
            if not more:
                break
            says += more
        process.send_signal(signal.SIGINT)
        rest, err = process.communicate()
    done = driver.Done([d.vcr] + words, "", process.returncode,
                       (says + rest).decode(errors="replace"), err.decode(errors="replace"))
    lost = firmware.missing(done.out)
    d.expect("SeaBIOS: record", done, driver.OK)
    return d.check("SeaBIOS: debug console", lost is None, done, f"no '{lost}' there")


def firmware_run(d):
    made = d.packages("--firmware")
    trace = d.path("seabios.vcr")
    if made and firmware_record(d, made[0], trace):
        for mode in ON_CPU + OTHERS:
            replay(d, "SeaBIOS", mode, trace, timeout=120)


def main():
    parser = driver.arguments_parser(__doc__)
    parser.add_argument("part", choices=["guests", "firmware"])
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "kvm_" + arguments.part)
    probe = d.run("run", "-accel", "kvm", "-kernel", d.guest("poweroff.elf"))
    if "cannot use -accel kvm" in probe.err:
        d.skip(probe.err.strip())
    elif arguments.part == "firmware":
        firmware_run(d)
    else:
        for name, guest in driver.guests_load().items():
            if "endless" not in guest.groups:
                guest_run(d, guest)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
