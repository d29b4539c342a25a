#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A fuzz target under AFL++ for some seconds: usage: afl.py PROGRAM SEEDS

It has to execute inputs, see their coverage and find new ones, and no crash among them.
"""
import os
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
SECONDS = "5"
ENVIRONMENT = {
    "AFL_NO_UI": "1",
    "AFL_NO_AFFINITY": "1",
    "AFL_SKIP_CPUFREQ": "1",
    "AFL_FAST_CAL": "1",
    # A core pattern that is a program would delay crashes; none is expected.
    "AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES": "1",
}


def read_stats(path):
    with open(path, encoding="utf-8") as f:
        pairs = [line.split(":", 1) for line in f if ":" in line]
    return {key.strip(): value.strip() for key, value in pairs}


def main():
    program, seeds = sys.argv[1:3]
    if not shutil.which("afl-fuzz"):
        print("SKIP: there is no afl-fuzz (Debian package afl++)")
        return SKIP
    with tempfile.TemporaryDirectory(prefix="vcr-afl-") as out:
        command = ["afl-fuzz", "-V", SECONDS, "-m", "none", "-i", seeds, "-o", out, "--", program]
        done = subprocess.run(command, env={**os.environ, **ENVIRONMENT}, check=False, timeout=300,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
        stats_path = os.path.join(out, "default", "fuzzer_stats")
        if not os.path.exists(stats_path):
            print(done.stdout[-3000:])
            print("afl-fuzz left no statistics: " + " ".join(command))
            return 1
        stats = read_stats(stats_path)
    executions, edges = int(stats["execs_done"]), int(stats["edges_found"])
    found, crashes = int(stats["corpus_found"]), int(stats["saved_crashes"])
    print(f"{executions} executions, {edges} edges, {found} inputs found, {crashes} crashes")
    return 0 if executions > 200 and edges > 100 and found > 0 and crashes == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
