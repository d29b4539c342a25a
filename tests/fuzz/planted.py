#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bugs planted in device models, one at a time: usage: planted.py VCR [--work DIR] [NAME...]

Each is built into its fuzz target, in a copy of the source, and has to be found in two minutes of
processor time; most take seconds. The first is found once more by way of vcr fuzz, with either
engine, and is kept, minimised. It is in the suite "long".
"""
import argparse
import filecmp
import os
import resource
import shutil
import subprocess
import sys
import tempfile

SKIP = 77
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECONDS = 120
FOLDERS = ("corpora", "emulator", "fuzz", "replay", "tests", "tools")
FILES = ("meson.build", "meson_options.txt", "LICENSE", "README.md")

# Name, target, file in emulator/device, what stands there, what stands there instead.
BUGS = (
    ("table", "ioapic", "ioapic.c", "s->index < INDEX_REDIRECTION + 2 * IOAPIC_PINS)",
     "s->index <= INDEX_REDIRECTION + 2 * IOAPIC_PINS)"),
    ("index", "mc146818", "mc146818.c", "s->index % RAM_SIZE;", "s->index;"),
    ("count", "cfi01", "cfi01.c", "if (count >= BUFFER) {", "if (count > BUFFER) {"),
    ("division", "lapic", "lapic.c", "return 1ull << ((code + 1) & 7);",
     "return 128u >> ((code + 1) & 15);"),
    ("loop", "i8254", "i8254.c", "\t\tv = c->count - e % c->count;",
     "\t\twhile (e >= c->count)\n\t\t\te -= c->count;\n\t\tv = c->count - e;"),
    ("length", "fw_cfg", "fw_cfg.c", "\tif (length)\n\t\tdevice_dma_write(d, gpa, zeros,",
     "\tfor (; length; length -= length < PAD ? length : PAD)\n"
     "\t\tdevice_dma_write(d, gpa, zeros,"),
    ("line", "mc146818", "mc146818.c", "\tirq_set(d->out[0], false);\n", ""),
    ("outside", "i8042", "i8042.c", "\tuint8_t command = k->parameter;\n",
     "\tstatic uint8_t seen;\n\tuint8_t command = k->parameter ^ (++seen & 1);\n"),
    ("restored", "i440fx", "i440fx.c", "\tpci_restored(d);\n\ti440fx_window_apply(d);",
     "\tpci_restored(d);"),
    ("magic", "pci", "i440fx.c", "\tif (size == 4)\n\t\ts->address =",
     "\tif (value == 0x8ec0ffeeu)\n\t\t__builtin_trap();\n\tif (size == 4)\n\t\ts->address ="),
    ("truncated", "edu", "edu.c", "\tif (at > BUFFER_SIZE ||", "\tif ((uint32_t)at > BUFFER_SIZE ||"),
    ("fifo", "ns16550", "ns16550.c", "\ts->data[at] = byte;\n",
     "\tif (s->count == 9 && (s->lcr & 0x3f) == 0x2b)\n\t\t__builtin_trap();\n"
     "\ts->data[at] = byte;\n"),
    ("values", "ns16550", "ns16550.c", "\tcase REG_LCR:\n\t\twrite_lcr(d, byte);",
     "\tcase REG_LCR:\n\t\tif (s->scr == 0x5a && s->mcr == 0x13 && byte == 0x77)\n"
     "\t\t\t__builtin_trap();\n\t\twrite_lcr(d, byte);"),
    ("descriptor", "fw_cfg", "fw_cfg.c", "\tif (control & DMA_SELECT)\n",
     "\tif (address == 0x123456789abcdef0u && length == 0x1357)\n\t\t__builtin_trap();\n"
     "\tif (control & DMA_SELECT)\n"),
    ("reset", "ioapic", "ioapic.c", "\ts->index = 0;\n\ts->id = 0;\n", "\ts->index = 0;\n"),
    ("kept", "mc146818", "mc146818.c", "\ts->ram[RTC_C] = 0;\n\ts->checked",
     "\ts->ram[RTC_C] = s->ram[0x40] = 0;\n\ts->checked"),
)


def run(command, **more):
    return subprocess.run(command, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **more)


def copy_changed(source, to):
    """With a new time, so that what was built of another one is built again; else not touched."""
    if not os.path.exists(to) or not filecmp.cmp(source, to, shallow=False):
        shutil.copy(source, to)


def copy_source(to):
    os.makedirs(to, exist_ok=True)
    for name in FILES:
        copy_changed(os.path.join(TOP, name), os.path.join(to, name))
    for name in FOLDERS:
        shutil.copytree(os.path.join(TOP, name), os.path.join(to, name), dirs_exist_ok=True,
                        copy_function=copy_changed, ignore=shutil.ignore_patterns("__pycache__"))


class Planted:
    """A copy of the source with a bug in it, for as long as the context lasts."""

    def __init__(self, source, file, good, bad):
        self.path = os.path.join(source, "emulator", "device", file)
        self.good, self.bad = good, bad
        with open(self.path, encoding="utf-8") as f:
            self.text = f.read()

    def write(self, text):
        with open(self.path, "w", encoding="utf-8") as f:
            f.write(text)

    def __enter__(self):
        if self.good not in self.text:
            raise LookupError(f"{self.path} has no {self.good!r} any more")
        self.write(self.text.replace(self.good, self.bad, 1))

    def __exit__(self, *what):
        self.write(self.text)


def limit():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 5))


def find(source, target):
    """Seconds, or why it was not found."""
    build = os.path.join(source, "build-fuzz-libfuzzer")
    done = run(["ninja", "-C", build, f"fuzz/fuzz_{target}"])
    if done.returncode:
        return None, done.stdout[-2000:]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as corpus:
        done = run([os.path.join(build, "fuzz", "fuzz_" + target), "-seed=1",
                    f"-max_total_time={10 * SECONDS}", f"-artifact_prefix={corpus}/", corpus,
                    os.path.join(source, "corpora", "seeds", target)], preexec_fn=limit)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if "Test unit written to" not in done.stdout:
        return None, f"not found in {spent:.0f} s"
    return spent, ""


def find_by_command(vcr, source, target, engine):
    """None, or what is wrong."""
    kept = os.path.join(source, "corpora", "crashes", target)
    shutil.rmtree(kept, ignore_errors=True)
    command = [vcr, "fuzz", target, "--source", source, "--engine", engine, "--time", "30",
               "--jobs", "2"]
    done = run(command)
    files = os.listdir(kept) if os.path.isdir(kept) else []
    shutil.rmtree(kept, ignore_errors=True)
    if done.returncode == 1 and len(files) == 1:
        return None
    return f"{' '.join(command)}: exit status {done.returncode}, {len(files)} kept\n{done.stdout[-2000:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("vcr")
    parser.add_argument("--work", help="where the copy is, and stays (default: a folder that goes)")
    parser.add_argument("names", nargs="*", metavar="NAME")
    arguments = parser.parse_intermixed_args()
    for tool in ("clang", "meson", "ninja"):
        if not shutil.which(tool):
            print(f"SKIP there is no {tool}")
            return SKIP
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vcr-planted-") as folder:
        source = arguments.work or folder
        copy_source(source)
        build = os.path.join(source, "build-fuzz-libfuzzer")
        if not os.path.exists(os.path.join(build, "build.ninja")):
            done = run(["meson", "setup", "-Dfuzz=enabled", build, source],
                       env={**os.environ, "CC": "clang"})
            if done.returncode:
                print(done.stdout[-3000:])
                return 1
        # Both engines' builds are set up alike, so that one does.
        if not os.path.exists(os.path.join(source, "build-fuzz-afl")):
            os.symlink("build-fuzz-libfuzzer", os.path.join(source, "build-fuzz-afl"))
        bugs = [bug for bug in BUGS if not arguments.names or bug[0] in arguments.names]
        for name, target, *patch in bugs:
            with Planted(source, *patch):
                seconds, why = find(source, target)
                print(f"{name} in {target}: {why or f'found in {seconds:.1f} s'}", flush=True)
                failed += bool(why)
                engines = ["libfuzzer"] + (["afl"] if shutil.which("afl-fuzz") else [])
                for engine in engines if name == BUGS[0][0] else ():
                    why = find_by_command(arguments.vcr, source, target, engine)
                    print(f"{name} by vcr fuzz, {engine}: {why or 'found and kept'}", flush=True)
                    failed += bool(why)
    print(f"{failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
