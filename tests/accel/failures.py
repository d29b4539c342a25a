#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""KVM_RUN fails in the middle of a recording: one line with the cause, exit status 4, and the trace
up to there replays in every way."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "roundtrip"))
import driver  # pylint: disable=wrong-import-position


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--preload", required=True, help="the library that makes it fail")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "failures")
    probe = d.run("run", "-accel", "kvm", "-kernel", d.guest("hello.elf"), *driver.DEBUG_EXIT)
    if "cannot use -accel kvm" in probe.err:
        d.skip(probe.err.strip())
        return d.end()
    for number in (1, 2, 17, 100):
        trace = d.path(f"{number}.vcr")
        os.environ["LD_PRELOAD"] = os.path.abspath(arguments.preload)
        os.environ["FAIL_RUN"] = str(number)
        done = d.run("record", "-accel", "kvm", "-kernel", d.guest("hello.elf"),
                     *driver.DEBUG_EXIT, "-o", trace)
        del os.environ["LD_PRELOAD"], os.environ["FAIL_RUN"]
        d.expect(f"run {number} fails", done, driver.HOST, 1)
        d.check(f"run {number}: the cause is named", "KVM_RUN: " in done.err, done)
        for mode in ([], ["--devices"], ["--cpu"], ["-accel", "kvm"]):
            done = d.run("replay", *mode, trace)
            d.expect(f"run {number}: replay {' '.join(mode)}", done, driver.OK, 0)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
