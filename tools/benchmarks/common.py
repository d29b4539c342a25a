# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks share: the build that is measured, alternating runs, and the table.

The runs of all contestants alternate (A B C A B C ...), so that a noisy machine is noisy for all;
a figure is the median of its runs, a ratio that of the medians, once of real time and once of
processor time (all threads), which a busy machine disturbs less.
"""
import os
import statistics
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build-bench")
VCR = os.path.join(BUILD, "tools", "vcr")


class Times:
    """Real and processor time in seconds; peak of resident memory in bytes, where it was measured."""

    def __init__(self, real, cpu, peak=0):
        self.real, self.cpu, self.peak = real, cpu, peak

    def less(self, other):
        """Without what the other took."""
        return Times(self.real - other.real, self.cpu - other.cpu, self.peak)

    def part(self, number):
        """One of so many."""
        return Times(self.real / number, self.cpu / number, self.peak)


def median(list_):
    """The Times of medians, and the highest peak."""
    return Times(statistics.median(t.real for t in list_), statistics.median(t.cpu for t in list_),
                 max(t.peak for t in list_))


def fail(message):
    sys.exit(f"bench: {message}")


def progress(text):
    """Shows on a terminal what runs; an empty text clears it."""
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def run(command, status=0):
    """Runs a command with no input, which must exit with this status; its Times."""
    start = time.monotonic()
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as process:
        output = process.stdout.read()
        _, code, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(code)
    if process.returncode != status:
        fail(f"{' '.join(command)}: exit {process.returncode}\n"
             f"{output.decode(errors='replace')[-500:]}")
    return Times(time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def build(*targets, directory=BUILD, options=("--buildtype=release",)):
    """Builds targets in a directory of their own, so that a debug build in build/ does not matter.

    Returns None, or why configuring failed: an option may ask for what this host lacks."""
    if not os.path.exists(os.path.join(directory, "build.ninja")):
        done = subprocess.run(["meson", "setup", directory, TOP, *options], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            return done.stdout.decode(errors="replace").strip().splitlines()[-1]
    subprocess.run(["ninja", "-C", directory, *targets], check=True, stdout=subprocess.DEVNULL)
    return None


def debian_guest():
    """Kernel and initrd of Debian's cloud kernel, or None when its package cannot be had."""
    done = subprocess.run([os.path.join(TOP, "tools", "debian-guest")], stdout=subprocess.PIPE,
                          check=False)
    paths = done.stdout.decode().split()
    return paths if done.returncode == 0 and len(paths) == 2 else None


def alternate(contestants, runs):
    """{name: command, or function that returns Times} -> {name: Times}, each the median."""
    times = {name: [] for name in contestants}
    for number in range(runs):
        for name, contestant in contestants.items():
            progress(f"run {number + 1} of {runs}: {name}")
            times[name].append(contestant() if callable(contestant) else run(contestant))
    progress("")
    return {name: median(list_) for name, list_ in times.items()}


class Table:
    """Rows of name, figure, ratios of real and processor time, what they are to, and the aim."""

    def __init__(self):
        print(f"{'what':34} {'figure':>14} {'ratio':>7} {'cpu':>7}  {'to':20} aim")

    def row(self, what, figure, real=None, cpu=None, to="", aim=""):
        shown = [f"{ratio:7.3f}" if ratio is not None else " " * 7 for ratio in (real, cpu)]
        print(f"{what:34} {figure:>14} {shown[0]} {shown[1]}  {to:20} {aim}".rstrip(), flush=True)

    def times(self, what, times, base, to, aim=""):
        """A time, and what part of another's it takes: less is better."""
        self.row(what, f"{times.real:.2f} s", times.real / base.real, times.cpu / base.cpu, to, aim)

    def speed(self, what, times, base, to, aim=""):
        """A time, and how many times as fast as another it is: more is better."""
        self.row(what, f"{times.real:.2f} s", base.real / times.real, base.cpu / times.cpu, to, aim)
