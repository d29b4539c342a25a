# SPDX-License-Identifier: Apache-2.0
"""Fuzzing: executions a second of each target under ASan, and what putting a machine back costs.

Every target that drives devices runs the same generated inputs of 10 and of 100 operations, for a
second of processor time each, without what libFuzzer does around them (mutations and corpus): what
is left is the target. A ratio is that of a reset's time to a copy of as many bytes.
"""
import os
import re
import statistics
import subprocess

import common

BUILD = os.path.join(common.TOP, "build-bench-fuzz")
# Executions a second: a single device, the board.
AIMS = {10: (100000, None), 100: (None, 10000)}
LINE = re.compile(r"operations \d+ executions/s (\d+) reset (\d+) ns of (\d+) bytes, copied in (\d+)")


def add_arguments(group):
    group.add_argument("--targets", metavar="NAME[,NAME]",
                       help="fuzz targets instead of all that drive devices")


def device_targets():
    """Those that were built, and understand --speed: what has a source of its own does not."""
    sources = os.path.join(common.TOP, "fuzz", "target")
    names = sorted(entry.name[5:] for entry in os.scandir(os.path.join(BUILD, "fuzz"))
                   if entry.name.startswith("fuzz_") and entry.is_file())
    return [name for name in names if not os.path.exists(os.path.join(sources, name + ".c"))]


def measure(name, operations):
    """(executions a second, reset ns, bytes, copy ns)"""
    command = [os.path.join(BUILD, "fuzz", "fuzz_" + name), f"--speed={operations}"]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace")
    match = LINE.match(done.stdout)
    if done.returncode or not match:
        common.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr[-500:]}")
    return tuple(int(number) for number in match.groups())


def aim(name, operations):
    device, board = AIMS[operations]
    wanted = board if name == "board" else device
    return f"at least {wanted:,}/s" if wanted else ""


def run(table, options, directory):
    os.environ["CC"] = "clang"
    why = common.build("fuzzers", directory=BUILD, options=("-Dfuzz=enabled",))
    if why:
        common.fail(f"{why} (fuzz needs clang)")
    names = options.targets.split(",") if options.targets else device_targets()
    results = {}
    for number in range(options.runs):
        for name in names:
            for operations in AIMS:
                common.progress(f"run {number + 1} of {options.runs}: {name}")
                results.setdefault((name, operations), []).append(measure(name, operations))
    common.progress("")
    for (name, operations), runs in results.items():
        speed = statistics.median(result[0] for result in runs)
        table.row(f"{name}: {operations} operations", f"{speed:,.0f}/s", aim=aim(name, operations))
    every = [result for runs in results.values() for result in runs]
    ratio = statistics.median(reset / copy for _, reset, _, copy in every)
    nanoseconds = statistics.median(result[1] for result in every)
    table.row("reset", f"{nanoseconds:.0f} ns", cpu=ratio, to=f"copy of {every[0][2]} bytes",
              aim="at most 2")
