#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and tests vcr in every configuration; the work of tools/check.

Prints one line for each step, and for each failure what it said and the command that shows it
again. The last line is "N passed, N failed, N skipped"; the exit status is 1 when any failed.
"""

import argparse
import json
import os
import re
import shlex
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SANITIZERS = "-Db_sanitize=address,undefined"

# name, arguments of meson setup, environment, suites that only --long runs
PLAIN = ("build", [], {}, ["long"])
CONFIGURATIONS = [
    PLAIN,
    ("build-sanitize", [SANITIZERS, "-Doptimization=1"], {}, ["debian", "long"]),
    ("build-clang", [SANITIZERS, "-Doptimization=1", "-Dfuzz=enabled"], {"CC": "clang"},
     ["cli", "guest", "debian", "long"]),
    ("build-minimal", ["-Ddefault_devices=false"], {}, ["debian", "long"]),
]
# Compiled here for Windows, and run by wine.
WINDOWS = ("build-win", ["--cross-file", "tools/mingw-w64.ini"], {}, ["debian", "long"])

# What stands for all targets where one sanitizer has to do.
OSS_FUZZ_TARGETS = ["board", "ns16550"]

# How the test programs say how many cases they ran.
CASES = [
    (re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M), ("passed", "failed", "skipped")),
    (re.compile(r"^\[  PASSED  \] (\d+) test\(s\)\.", re.M), ("passed",)),
    (re.compile(r"^\[  FAILED  \] \w+: (\d+) test\(s\)", re.M), ("failed",)),
    (re.compile(r"^\[  SKIPPED \] \w+: (\d+) test\(s\)", re.M), ("skipped",)),
    (re.compile(r"^Ran (\d+) tests? in", re.M), ("passed",)),
]


class Results:
    """What all steps came to."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def show(self, name, seconds, text):
        print(f"{name:44} {seconds:6.1f} s  {text}", flush=True)

    def add_pass(self, name, seconds, count=1):
        self.passed += count
        self.show(name, seconds, "passed" if count == 1 else f"{count} passed")

    def add_skip(self, name, seconds, why):
        self.skipped += 1
        self.show(name, seconds, f"SKIP {why}")

    def add_failure(self, name, seconds, output, command, count=1):
        self.failed += count
        self.show(name, seconds, "FAILED")
        for line in output.rstrip().split("\n")[-30:]:
            print(f"    {line}")
        print(f"    to see it again: {command}", flush=True)


def run(command, environment=None, timeout=None):
    """Returns (exit status, output with errors, seconds)."""
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=TOP, env={**os.environ, **(environment or {})},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=timeout, check=False)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        status, output = 124, f"no end after {e.timeout} seconds"
    return status, output, time.monotonic() - start


def command_text(command, environment=None):
    words = [f"{key}={shlex.quote(value)}" for key, value in (environment or {}).items()]
    return " ".join(words + [shlex.quote(word) for word in command])


def step(results, name, command, environment=None, timeout=None):
    """One command that should succeed; true when it did."""
    status, output, seconds = run(command, environment, timeout)
    if status:
        results.add_failure(name, seconds, output, command_text(command, environment))
    else:
        results.add_pass(name, seconds)
    return not status


def count_cases(output, ok):
    """(passed, failed, skipped) of one test program; it counts as one when it does not say."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for pattern, names in CASES:
        for match in pattern.finditer(output):
            for name, number in zip(names, match.groups()):
                counts[name] += int(number)
    if not sum(counts.values()):
        counts["passed"] = 1
    if not ok and not counts["failed"]:
        counts["failed"] = 1
    return counts["passed"], counts["failed"], counts["skipped"]


def report_tests(results, build):
    """Reads what meson test left behind."""
    path = os.path.join(TOP, build, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8", errors="replace") as f:
        tests = [json.loads(line) for line in f]
    for test in tests:
        name = f"{build}: {test['name'].split(' / ')[-1]}"
        output = test.get("stdout", "") + "\n" + test.get("stderr", "")
        passed, failed, skipped = count_cases(output, test["result"] in ("OK", "SKIP"))
        if test["result"] == "SKIP":
            why = re.search(r"SKIP:? *(.*)", output)
            results.add_skip(name, test["duration"], why.group(1) if why else "")
        elif test["result"] == "OK":
            results.skipped += skipped
            results.add_pass(name, test["duration"], passed)
        else:
            results.passed += passed
            results.skipped += skipped
            results.add_failure(name, test["duration"], f"{test['result']}\n{output}",
                                f"meson test -C {build} -v {test['name'].split(' / ')[-1]}", failed)


def check_configuration(results, configuration, jobs, arguments):
    """Configures, compiles and tests one build directory."""
    build, options, environment, long_suites = configuration
    setup = ["meson", "setup", build] + options
    if os.path.exists(os.path.join(TOP, build, "build.ninja")):
        setup.append("--reconfigure")
    if not step(results, f"{build}: configure", setup, environment):
        return False
    if not step(results, f"{build}: compile", ["ninja", "-C", build, f"-j{jobs}"]):
        return False
    command = ["meson", "test", "-C", build, "--no-rebuild", "--num-processes", str(jobs),
               "--timeout-multiplier", "4"]  # a busy machine is no failure
    for suite in [] if arguments.long else long_suites:
        command += ["--no-suite", suite]
    log = os.path.join(TOP, build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    status, output, seconds = run(command, environment)
    if not os.path.exists(log):
        results.add_failure(f"{build}: test", seconds, output, command_text(command))
        return False
    report_tests(results, build)
    return status == 0


def check_windows(results, jobs, arguments):
    """The build for Windows, where there is a compiler for it and its libraries can be had."""
    status, output, seconds = run(["tools/mingw/deps"])
    if status:
        results.add_skip("build-win", seconds, output.strip().split("\n")[-1])
        return
    check_configuration(results, WINDOWS, jobs, arguments)


def sources():
    """The C files of the project that are compiled."""
    with open(os.path.join(TOP, "build", "compile_commands.json"), encoding="utf-8") as f:
        files = {os.path.normpath(os.path.join(entry["directory"], entry["file"]))
                 for entry in json.load(f)}
    return sorted(os.path.relpath(f, TOP) for f in files if not f.startswith(f"{TOP}/build/"))


def check_static(results, jobs, arguments):
    """cppcheck and clang-tidy over the sources. clang's analyzer, which takes many minutes, and
    the tests come in only in --long."""
    step(results, "cppcheck",
         ["cppcheck", "--quiet", "--std=c11", "-I.", f"-j{jobs}", "-D__GNUC__=12", "-D__x86_64__",
          "-D__SSE2__", "-D_GNU_SOURCE", '-DVCR_VERSION=""', "--inline-suppr",
          "--enable=warning,portability,performance", "--suppressions-list=.cppcheck",
          "--error-exitcode=1", f"--cppcheck-build-dir={cppcheck_cache()}",
          "emulator", "replay", "fuzz", "tools"])
    files = [f for f in sources() if arguments.long or not f.startswith("tests/")]
    tidy = ["clang-tidy", "-p", "build", "--quiet"]
    if not arguments.long:
        tidy.append("-checks=-clang-analyzer-*")
    start, failures = time.monotonic(), []
    pending = [files[n::jobs] for n in range(jobs)]
    workers = [(part, subprocess.Popen(tidy + part, cwd=TOP, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True,
                                       errors="replace")) for part in pending if part]
    for part, worker in workers:
        output, _ = worker.communicate()
        if worker.returncode:
            failures.append((part, output))
    if failures:
        bad = sorted({f for part, output in failures for f in part if f in output})
        results.add_failure("clang-tidy", time.monotonic() - start,
                            "\n".join(output for _, output in failures),
                            command_text(tidy + bad))
    else:
        results.add_pass("clang-tidy", time.monotonic() - start)


def cppcheck_cache():
    path = os.path.join("build", "cppcheck")
    os.makedirs(os.path.join(TOP, path), exist_ok=True)
    return path


def check_fuzzers(results, limits):
    """Runs each fuzz target for a while from its seeds; findings land in build-clang/."""
    folder = os.path.join(TOP, "build-clang", "fuzz")
    # What did not compile was counted.
    targets = [entry.name[5:] for entry in os.scandir(folder)
               if entry.name.startswith("fuzz_") and entry.is_file()]
    for name in sorted(targets):
        work = os.path.join("build-clang", "corpus-" + name)
        os.makedirs(os.path.join(TOP, work), exist_ok=True)
        command = [f"build-clang/fuzz/fuzz_{name}", "-rss_limit_mb=2560", "-timeout=25",
                   "-print_final_stats=1", f"-artifact_prefix=build-clang/{name}-"] + limits
        dictionary = os.path.join("corpora", "dictionaries", name + ".dict")
        if os.path.exists(os.path.join(TOP, dictionary)):
            command.append(f"-dict={dictionary}")
        command.append(work)
        seeds = os.path.join("corpora", "seeds", name)
        if os.path.isdir(os.path.join(TOP, seeds)):
            command.append(seeds)
        step(results, f"fuzz {name}, {limits[-1][1:]}", command)


def check_oss_fuzz(results, arguments):
    """The build for OSS-Fuzz: one sanitizer with all targets; the others, which compile everything
    once more each, with two of them unless --long is given."""
    for sanitizer in ("address", "undefined", "memory", "coverage"):
        command = ["tests/fuzz/oss_fuzz.py", "--sanitizer", sanitizer]
        if sanitizer != "address" and not arguments.long:
            command += OSS_FUZZ_TARGETS
        name = f"oss-fuzz build: {sanitizer}"
        status, output, seconds = run(command)
        passed, failed, skipped = count_cases(output, status in (0, 77))
        if status == 77:
            results.add_skip(name, seconds, output.replace("SKIP", "").strip())
        elif status:
            results.passed += passed
            results.add_failure(name, seconds, output, command_text(command), failed)
        else:
            results.add_pass(name, seconds, passed)


def main():
    parser = argparse.ArgumentParser(prog="tools/check", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="only the plain build and its tests")
    parser.add_argument("--long", action="store_true",
                        help="also the long tests, and ten minutes of each fuzz target")
    arguments = parser.parse_args()
    results = Results()
    jobs = os.cpu_count() or 1
    parts = [(configuration[0], lambda c=configuration: check_configuration(
        results, c, jobs, arguments)) for configuration in CONFIGURATIONS]
    parts += [
        (WINDOWS[0], lambda: check_windows(results, jobs, arguments)),
        ("fuzz", lambda: check_fuzzers(results, ["-max_total_time=600"] if arguments.long
                                       else ["-max_total_time=10", "-runs=3000"])),
        ("oss-fuzz", lambda: check_oss_fuzz(results, arguments)),
        ("static", lambda: check_static(results, jobs, arguments)),
    ]
    took = []
    for name, part in parts[:1] if arguments.quick else parts:
        start = time.monotonic()
        part()
        took.append(f"{name} {time.monotonic() - start:.0f} s")
    print("took: " + ", ".join(took))
    print(f"{results.passed} passed, {results.failed} failed, {results.skipped} skipped")
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
