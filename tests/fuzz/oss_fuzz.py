#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the fuzz targets as OSS-Fuzz does and looks at them as its bad-build check does.

fuzz/oss-fuzz/build.sh runs with the environment that OSS-Fuzz gives it, for one sanitizer, into a
folder of its own. Then each target, alone in an empty folder of a file system where only /tmp can
be written and /dev is empty, must start, be instrumented, and run the empty input and its seeds.

The last line is "N passed, N failed, N skipped".
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# As set by OSS-Fuzz' base image; what clang of Debian 12 does not know is left out.
UNDEFINED = ("array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size,return,"
             "returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr")
SANITIZERS = {
    "address": "-fsanitize=address -fsanitize-address-use-after-scope",
    "undefined": f"-fsanitize={UNDEFINED},unsigned-integer-overflow -fno-sanitize-recover={UNDEFINED}",
    "memory": "-fsanitize=memory -fsanitize-memory-track-origins",
    "coverage": "",
}
COVERAGE = {
    "coverage": "-fprofile-instr-generate -fcoverage-mapping -pthread "
                "-Wno-unused-command-line-argument",
}
FLAGS = ("-O1 -fno-omit-frame-pointer -gline-tables-only "
         "-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION")

# Calls into a sanitizer's runtime that a binary has at least, or at most when it is another's.
CALLS_MIN = {"address": ("asan", 1000), "memory": ("msan", 1000), "undefined": ("ubsan", 168)}
CALLS_MAX = {"asan": 0, "msan": 3, "ubsan": 200}
EDGES_MIN = 100
RUNS = 4
# What every system has: the runner's image has no libraries of ours.
LIBRARIES = re.compile(r"^(lib(c|m|dl|rt|pthread|resolv|gcc_s|stdc\+\+)\.so\.\d+|linux-vdso\.so\.1|"
                       r"/lib64/ld-linux-x86-64\.so\.2)$")
SECONDS = 300


def build_environment(sanitizer, out, work):
    flags = " ".join([FLAGS, SANITIZERS[sanitizer],
                      COVERAGE.get(sanitizer, "-fsanitize=fuzzer-no-link")])
    ccache = "ccache " if shutil.which("ccache") else ""
    return {**os.environ, "CC": ccache + "clang", "CXX": ccache + "clang++", "CFLAGS": flags,
            "CXXFLAGS": flags, "SANITIZER": sanitizer, "FUZZING_ENGINE": "libfuzzer",
            "LIB_FUZZING_ENGINE": "-fsanitize=fuzzer", "ARCHITECTURE": "x86_64",
            "SRC": os.path.dirname(TOP), "OUT": out, "WORK": work, "LLVM_PROFILE_FILE": os.devnull}


def run(command, **more):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, **more)


# Runs "$@" where nothing but /tmp can be written and there is no device but null and urandom.
FENCE = """
mount -t tmpfs none "$1/dev" && touch "$1/dev/null" "$1/dev/urandom" &&
mount --bind /dev/null "$1/dev/null" && mount --bind /dev/urandom "$1/dev/urandom" &&
mount --rbind "$1/dev" /dev && mount --bind "$1/tmp" /tmp && mount -o remount,ro,bind / || exit 99
cd /tmp/alone && shift && exec "$@"
"""


class Fence:
    """A place without files for one target; less than that where namespaces are not allowed."""

    def __init__(self, folder):
        self.folder = folder
        self.tmp = os.path.join(folder, "tmp")
        self.alone = os.path.join(self.tmp, "alone")
        self.clear()
        self.closed = True
        self.closed = self.run(["/bin/true"]).returncode == 0

    def clear(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.alone)
        os.makedirs(os.path.join(self.folder, "dev"))

    def run(self, command):
        """In the folder where only the target is; with nothing in the environment but TMPDIR and
        what OSS-Fuzz sets."""
        environment = {"TMPDIR": "/tmp", "PATH": "/usr/bin:/bin",
                       "UBSAN_OPTIONS": "silence_unsigned_overflow=1",
                       "LLVM_PROFILE_FILE": "/tmp/profile" if self.closed else
                                            os.path.join(self.tmp, "profile")}
        if self.closed:
            command = ["unshare", "--mount", "--map-root-user", "sh", "-c", FENCE, "sh",
                       self.folder] + command
        try:
            return run(command, env=environment, cwd=self.alone, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 124, f"no end after {SECONDS} seconds")


def options_of(out, name):
    """The arguments that NAME.options stands for."""
    arguments, section = [], ""
    with open(os.path.join(out, name + ".options"), encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            if line.startswith("["):
                section = line
            elif line and section == "[libfuzzer]":
                key, value = line.split("=")
                arguments.append(f"-{key.strip()}={value.strip()}")
    return arguments


def check_libraries(path):
    words = [line.split()[0] for line in run(["ldd", path]).stdout.splitlines() if line.strip()]
    others = [word for word in words if not LIBRARIES.match(word)]
    return f"needs shared libraries: {' '.join(others)}" if others else None


def check_sanitizer(path, sanitizer):
    """That it was compiled with this sanitizer and no other."""
    calls = {name: 0 for name in CALLS_MAX}
    disassembly = subprocess.Popen(["objdump", "-d", "--no-show-raw-insn", path],
                                   stdout=subprocess.PIPE, text=True)
    for line in disassembly.stdout:
        match = re.search(r"\bcallq? .*<__(asan|msan|ubsan)", line)
        if match:
            calls[match.group(1)] += 1
    disassembly.wait()
    own, least = CALLS_MIN.get(sanitizer, (None, 0))
    for name, count in calls.items():
        if name == own and count < least:
            return f"{count} calls of {name}, but it should be compiled with it"
        if name != own and count > CALLS_MAX[name]:
            return f"{count} calls of {name}, but it should not be compiled with it"
    return None


def check_start(fence, name, arguments):
    done = fence.run([f"./{name}", "-seed=1337", f"-runs={RUNS}"] + arguments)
    if done.returncode or f"Done {RUNS} runs" not in done.stdout:
        return f"does not start:\n{done.stdout}"
    if "no interesting inputs were found" in done.stdout:
        return "has no coverage instrumentation"
    edges = re.search(r"INFO: Loaded \d+ modules? .*\((?:.* )?(?:counters|guards)\): (\d+)",
                      done.stdout)
    if not edges or int(edges.group(1)) < EDGES_MIN:
        return f"has {edges.group(1) if edges else 'no'} edges, {EDGES_MIN} are expected"
    return None


def check_seeds(fence, out, name, sanitizer, arguments):
    """The empty input, and the seeds that go with it. A build for coverage has nothing that would
    guide an engine: it runs files, and leaves a profile."""
    seeds = os.path.join(fence.tmp, "seeds")
    os.makedirs(seeds)
    open(os.path.join(seeds, "empty"), "w", encoding="utf-8").close()
    archive = os.path.join(out, name + "_seed_corpus.zip")
    if os.path.exists(archive):
        with zipfile.ZipFile(archive) as z:
            z.extractall(seeds)
    where = "/tmp/seeds" if fence.closed else seeds
    dictionary = os.path.join(out, name + ".dict")
    if os.path.exists(dictionary):
        shutil.copy(dictionary, fence.tmp)
        arguments = arguments + [f"-dict={os.path.dirname(where)}/{name}.dict"]
    files = sorted(os.path.join(folder, f) for folder, _, found in os.walk(seeds) for f in found)
    one = fence.run([f"./{name}"] + [f.replace(seeds, where, 1) for f in files])
    if one.returncode:
        return f"fails on a seed or on the empty input:\n{one.stdout}"
    if sanitizer == "coverage":
        profile = os.path.join(fence.tmp, "profile")
        return None if os.path.exists(profile) else "leaves no coverage profile"
    corpus = fence.run([f"./{name}", "-runs=0", where] + arguments)
    if corpus.returncode:
        return f"fails on its seed corpus:\n{corpus.stdout}"
    return None


def check_target(fence, out, name, sanitizer, deep):
    """None, or what is wrong."""
    fence.clear()
    path = os.path.join(out, name)
    shutil.copy(path, fence.alone)
    arguments = options_of(out, name)
    starts = None if sanitizer == "coverage" else check_start(fence, name, arguments)
    return (check_libraries(path) or starts or
            check_seeds(fence, out, name, sanitizer, arguments) or
            (check_sanitizer(path, sanitizer) if deep else None))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--sanitizer", choices=list(SANITIZERS), default="address")
    parser.add_argument("--work", help="where compiled files stay (default: build-oss-fuzz-SANITIZER)")
    parser.add_argument("targets", nargs="*", help="names, as in fuzz_NAME (default: all)")
    arguments = parser.parse_args()
    for tool in ("clang", "clang++", "zip", "objdump", "ldd"):
        if not shutil.which(tool):
            print(f"SKIP {tool} is not there")
            return 77
    work = os.path.abspath(arguments.work or
                           os.path.join(TOP, f"build-oss-fuzz-{arguments.sanitizer}"))
    os.makedirs(work, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "out")
        os.makedirs(out)
        built = run([os.path.join(TOP, "fuzz", "oss-fuzz", "build.sh")] + arguments.targets,
                    env=build_environment(arguments.sanitizer, out, work), cwd=TOP)
        if built.returncode:
            print(built.stdout[-6000:])
            print("FAILED build.sh\n0 passed, 1 failed, 0 skipped")
            return 1
        fence = Fence(os.path.join(folder, "fence"))
        if not fence.closed:
            print("no namespaces here: run in an empty folder, with all of the system in sight")
        names = sorted(f for f in os.listdir(out) if f.startswith("fuzz_") and "." not in f and
                       not f.endswith(".zip"))
        failed = 0
        for number, name in enumerate(names):
            wrong = check_target(fence, out, name, arguments.sanitizer, number == 0)
            print(f"{name}: {'ok' if not wrong else 'FAILED ' + wrong}", flush=True)
            failed += wrong is not None
    print(f"{len(names) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
