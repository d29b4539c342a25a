#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""KVM is not there, too old, refuses memory or fails in the middle of a recording: one line with the
cause and exit status 4, or on to the next accelerator of a list; and the trace up to a failure
replays in every way."""

import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "roundtrip"))
import driver  # pylint: disable=wrong-import-position

ENDED = 33  # how the guests end when all is right

# What fails before a session, and words that the line must have.
UNUSABLE = {
    "missing": (f"open::{errno.ENOENT}", "/dev/kvm: No such file or directory (load the module"),
    "unreadable": (f"open::{errno.EACCES}", "/dev/kvm: Permission denied (add yourself to group kvm"),
    "another failure": (f"open::{errno.ENODEV}", "/dev/kvm: No such device (is KVM enabled"),
    "old": ("version:11:", "API version 11, not 12"),
    "new": ("version:13:", "API version 13, not 12"),
    "without read-only memory": ("capability:81:", "no KVM_CAP_READONLY_MEM"),
    "without MSR exits": ("capability:188:", "no KVM_CAP_X86_USER_SPACE_MSR"),
}
REFUSING = {
    "no first slot": (f"slot:1:{errno.ENOMEM}", "Cannot allocate memory"),
    "no third slot": (f"slot:3:{errno.EINVAL}", "Invalid argument"),
    "no measuring": (f"measure:1:{errno.EIO}", "Input/output error"),
}


class Failing:
    """vcr under the library that makes KVM fail."""

    def __init__(self, d, preload):
        self.d, self.preload = d, os.path.abspath(preload)

    def run(self, what, *words):
        os.environ.update({"LD_PRELOAD": self.preload, "FAIL_KVM": what})
        done = self.d.run(*words)
        del os.environ["LD_PRELOAD"], os.environ["FAIL_KVM"]
        return done


def before(d, failing, table):
    guest = ["-kernel", d.guest("hello.elf"), *driver.DEBUG_EXIT]
    for name, (what, words) in table.items():
        trace = d.path("before.vcr")
        done = failing.run(what, "record", "-accel", "kvm", *guest, "-o", trace)
        d.expect(f"{name}: -accel kvm", done, driver.HOST, 1)
        d.check(f"{name}: the cause is named", words in done.err, done)
        done = failing.run(what, "record", "-accel", "kvm:tcg", *guest, "-o", trace)
        if d.expect(f"{name}: -accel kvm:tcg", done, ENDED, 2):
            d.check(f"{name}: said why", "using -accel tcg, because kvm: " in done.err
                    and words in done.err, done)
            d.expect(f"{name}: replay", d.run("replay", trace), driver.OK, 0)


def unusable(d, failing):
    """What vcr says elsewhere of a KVM that it cannot use, and replay on it."""
    what, words = UNUSABLE["missing"]
    for command in (["accel"], ["run", "-accel", "help"]):
        done = failing.run(what, *command)
        d.expect(" ".join(command), done, driver.OK, 0)
        d.check(f"{' '.join(command)}: says why not", words in done.out, done)
    done = failing.run(what, "capabilities")
    d.check("capabilities without kvm", done.status == 0 and "type='kvm'" not in done.out, done)
    trace = d.path("tcg.vcr")
    d.expect("record on tcg", d.run("record", "-kernel", d.guest("hello.elf"), *driver.DEBUG_EXIT,
                                    "-o", trace), ENDED)
    done = failing.run(what, "replay", "-accel", "kvm", trace)
    d.expect("replay -accel kvm", done, driver.HOST, 1)
    d.check("replay -accel kvm: says why", words in done.err, done)
    done = d.run("replay", "-accel", "steam", trace)
    d.expect("replay on a backend that nobody knows", done, driver.USAGE, 1)


def during(d, failing, name, guest, what, words):
    """KVM fails in the session; then what was recorded until there replays."""
    trace = d.path(f"{name.replace(' ', '-')}.vcr")
    done = failing.run(what, "record", "-accel", "kvm", *guest, *driver.DEBUG_EXIT, "-o", trace)
    d.expect(f"{name} fails", done, driver.HOST, 1)
    d.check(f"{name}: the cause is named", words in done.err, done)
    d.expect(f"{name}: verify", d.run("verify", trace), driver.OK, 0)
    for mode in ([], ["--devices"], ["--cpu"], ["-accel", "kvm"]):
        done = d.run("replay", *mode, trace)
        d.expect(f"{name}: replay {' '.join(mode)}", done, driver.OK, 0)


def run_fails(d, failing, guest, number, error):
    during(d, failing, f"{guest}, run {number}", ["-kernel", d.guest(guest)],
           f"run:{number}:{error}", f"KVM_RUN: {os.strerror(error)}")


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--preload", required=True, help="the library that makes it fail")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "failures")
    failing = Failing(d, arguments.preload)
    before(d, failing, UNUSABLE)
    unusable(d, failing)
    probe = d.run("run", "-accel", "kvm", "-kernel", d.guest("hello.elf"), *driver.DEBUG_EXIT)
    if "cannot use -accel kvm" in probe.err:
        d.skip(probe.err.strip())
        return d.end()
    before(d, failing, REFUSING)
    for number in (1, 2, 17, 100):
        run_fails(d, failing, "hello.elf", number, errno.EIO)
    for number in (40, 300, 700):
        run_fails(d, failing, "interrupts.elf", number, errno.EFAULT)
    # By then the guest switches what it sees below 1 MiB.
    for number in (9, 10, 11):
        during(d, failing, f"firmware, slot {number}", ["-bios", d.guest("firmware.bin")],
               f"slot:{number}:{errno.ENOMEM}", "KVM refuses")
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
