# SPDX-License-Identifier: Apache-2.0
"""Emulation speed: vcr recording, against QEMU's TCG, which does not record.

Both run the same guests with one thread for the CPU. A ratio is QEMU's time by ours, so 1.0 is as
fast as QEMU and more is better.
  boot     Debian's kernel from start to power-off
  micro    rows of guest/, a freestanding guest, as 64-bit and (with /32) as 32-bit code
  user     rows of busybox under Debian's kernel, without the time that the kernel took to boot
Linux runs with mitigations=off, as otherwise the two processor models get different kernel code.
A guest marks on its serial port where a row begins and ends, and the host takes the time there.
Rows of the freestanding guest also print a checksum, which must not depend on the emulator.
"""
import bz2
import gzip
import lzma
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

import common
from common import TOP, VCR, Times

GUEST = os.path.join(TOP, "tools", "benchmarks", "guest")
MIB = 1 << 20
EXIT_DONE = 33
TIME_LIMIT = 600

# The aim of each row of the freestanding guest; those of guest/*.c, in their order.
MICRO = {
    "integer": 2.0, "branches": 2.0, "divisions": 1.0, "sieve": 1.0, "crc": 1.0, "sort": 1.0,
    "chase-near": 1.0, "chase-far": 1.0, "rep-copy": 1.0, "rep-scan": 1.0, "lods-stos": 1.0,
    "string-loop": 1.0, "copy-loop": 1.0, "calls": 1.0, "indirect-calls": 1.0, "switch": 1.0,
    "sse-scalar": 1.0, "sse-bodies": 1.0, "sse-packed": 1.0, "sse-integer": 1.0,
    "x87": 1.0, "x87-root": 1.0,
    "pio-write": 1.0, "pio-read": 1.0, "mmio-ioapic": 1.0, "mmio-lapic": 1.0,
    "interrupts": 1.0, "faults": 1.0, "tlb-flush": 1.0, "invlpg": 1.0, "page-walks": 1.0,
    "patched-code": 1.0, "data-by-code": 1.0,
}
MICRO_32 = ["integer", "branches", "divisions", "sieve", "crc", "sort", "calls", "indirect-calls",
            "switch"]

# Shell commands, run by busybox's ash in the folder that has the data files.
USER = {
    "sha256sum": "sha256sum text text text text text text text text",
    "md5sum": "for n in 1 2 3 4 5 6; do md5sum text text text; done",
    "zcat": "zcat text.gz text.gz text.gz text.gz text.gz text.gz | cat >/dev/null",
    "bzcat": "bzcat text.bz2 >/dev/null",
    "xzcat": "xzcat text.xz text.xz text.xz text.xz text.xz text.xz >/dev/null",
    "gzip": "gzip -c text >/dev/null",
    "sort-lines": "tr ' ' '\\n' <text | head -n 80000 | sort | tail -n 1",
    "awk": "head -n 10000 text | "
           "awk '{ for (i = 1; i <= NF; i++) n[$i]++ } END { for (w in n) s++; print s }'",
    "grep": "grep -c -E '(ab|cd)+e.*z$' text",
    "shell-loop": "i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done",
    "system-calls": "dd if=/dev/zero of=/dev/null bs=1 count=250000 2>/dev/null",
    "pipe": "dd if=/dev/zero bs=512 count=30000 2>/dev/null | cat >/dev/null",
    "fork": "i=0; while [ $i -lt 400 ]; do (:); i=$((i + 1)); done",
    "fork-exec": "i=0; while [ $i -lt 150 ]; do /bin/busybox true; i=$((i + 1)); done",
    "page-faults": "i=0; while [ $i -lt 3 ]; do dd if=/dev/zero of=/dev/null bs=64M count=1 "
                   "2>/dev/null; i=$((i + 1)); done",
    "file-copies": "i=0; while [ $i -lt 20 ]; do cp text copy; rm copy; i=$((i + 1)); done",
}
MEMORY_MICRO, MEMORY_BOOT, MEMORY_USER = 128, 512, 256
MEMORY_AIM = 64


def row_names():
    return (["boot"] + list(MICRO) + [name + "/32" for name in MICRO_32] + list(USER))


def add_arguments(group):
    group.add_argument("--rows", metavar="ROW[,ROW]",
                       help="rows instead of all: " + ", ".join(row_names()).replace("%", "%%"))
    group.add_argument("--engine", choices=["interp", "jit"],
                       help="the engine of -accel tcg (default: what vcr takes by itself)")


class Marked:
    """One run of a guest that marks its rows: their Times, their checksums, and the whole."""

    def __init__(self, command, status):
        self.rows, self.sums, begun = {}, {}, None
        start, tail = time.monotonic(), b""
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, bufsize=0) as process:
            # Clock of a process's time: Linux <linux/posix-timers.h>, MAKE_PROCESS_CPUCLOCK().
            clock = ~process.pid << 3 | 2
            limit = threading.Timer(TIME_LIMIT, process.kill)
            limit.start()
            for line in process.stdout:
                now, cpu = time.monotonic(), time.clock_gettime(clock)
                tail = (tail + line)[-500:]
                mark = re.search(rb"@(begin|end) (\S+)(?: (\S+))?", line)
                if mark and mark[1] == b"begin":
                    begun = now, cpu
                elif mark and begun:
                    name = mark[2].decode()
                    self.rows[name] = Times(now - begun[0], cpu - begun[1])
                    self.sums[name] = mark[3]
            _, code, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
            limit.cancel()
        if process.returncode != status:
            common.fail(f"{' '.join(command)}: exit {process.returncode}\n"
                        f"{tail.decode(errors='replace')}")
        self.whole = Times(time.monotonic() - start, usage.ru_utime + usage.ru_stime,
                           usage.ru_maxrss * 1024)


class Contestants:
    """Runs guests on both emulators, in turn, and writes a row for each pair of times."""

    def __init__(self, table, options, directory):
        self.table, self.runs = table, options.runs
        self.vcr = [VCR, "record", "-rtc", "base=2026-01-01",
                    "-o", os.path.join(directory, "bench.vcr")]
        if options.engine:
            self.vcr += ["-accel", "tcg,engine=" + options.engine]
        self.qemu = [shutil.which("qemu-system-x86_64") or "", "-accel", "tcg,thread=single",
                     "-nodefaults", "-display", "none", "-monitor", "none", "-serial", "stdio",
                     "-rtc", "base=2026-01-01", "-no-reboot"]

    def measure(self, what, guest, status=0):
        """(Marked of our runs, those of QEMU's)"""
        ours, theirs = [], []
        for number in range(self.runs):
            for command, list_ in ((self.vcr, ours), (self.qemu, theirs)):
                common.progress(f"run {number + 1} of {self.runs}: {what}, "
                                f"{os.path.basename(command[0])}")
                list_.append(Marked(command + guest, status))
        common.progress("")
        return ours, theirs

    def row(self, name, ours, theirs, aim):
        self.table.speed(name, common.median(ours), common.median(theirs), "QEMU TCG",
                         f"at least {aim}")

    def rows(self, names, suffix, aims, runs):
        ours, theirs = runs
        for name in names:
            for run in ours + theirs:
                if name not in run.rows:
                    common.fail(f"the guest did not run its row '{name}'")
            sums = {run.sums[name] for run in ours + theirs}
            if len(sums) != 1:
                common.fail(f"row '{name}': results differ between runs: {sums}")
            self.row(name + suffix, [run.rows[name] for run in ours],
                     [run.rows[name] for run in theirs], aims[name])

    def memory(self, what, runs, ram):
        ours, theirs = (max(run.whole.peak for run in list_) / MIB for list_ in runs)
        self.table.row(f"peak of memory, {what}", f"{ours:.0f} MiB", to=f"QEMU: {theirs:.0f} MiB",
                       aim=f"at most {ram} + {MEMORY_AIM} MiB")


def micro_build(directory, bits):
    """The freestanding guest as 32- or 64-bit code, as an ELF file that QEMU's loader takes."""
    sources = sorted(os.path.join(GUEST, name) for name in os.listdir(GUEST)
                     if name.endswith((".c", ".S")))
    if bits == 32:
        sources = [path for path in sources
                   if os.path.basename(path) in ("start.S", "main.c", "integer.c", "call.c")]
    guest = os.path.join(directory, f"micro{bits}.elf")
    machine = ["-m64", "-march=x86-64", "-mno-red-zone"] if bits == 64 else ["-m32", "-march=i686"]
    subprocess.run(
        ["gcc", *machine, "-std=gnu11", "-O2", "-ffreestanding", "-fno-builtin", "-fno-pic",
         "-no-pie", "-static", "-nostdlib", "-fno-stack-protector", "-fcf-protection=none",
         "-fno-asynchronous-unwind-tables", "-fno-tree-loop-distribute-patterns",
         "-Wl,-T," + os.path.join(GUEST, "link.ld"), "-Wl,--build-id=none",
         "-Wl,-z,noexecstack,-z,max-page-size=4096,--no-warn-rwx-segments",
         "-o", guest, *sources], check=True)
    if bits == 64:
        # QEMU takes 64-bit code, but only in a 32-bit file.
        subprocess.run(["objcopy", "-O", "elf32-i386", guest], check=True)
    return guest


def micro_run(contestants, directory, bits, names):
    suffix = "/32" if bits == 32 else ""
    runs = contestants.measure(f"the {bits}-bit guest", [
        "-m", str(MEMORY_MICRO), "-kernel", micro_build(directory, bits),
        "-append", " ".join(names), "-device", "isa-debug-exit,iobase=0xf4,iosize=4"], EXIT_DONE)
    contestants.rows(names, suffix, MICRO, runs)
    contestants.memory(f"{bits}-bit guest", runs, MEMORY_MICRO)


def boot_run(contestants, kernel, initrd):
    runs = contestants.measure("boot", ["-m", str(MEMORY_BOOT), "-kernel", kernel, "-initrd",
                                        initrd, "-append",
                                        "console=ttyS0 mitigations=off"])
    contestants.row("boot", [run.whole for run in runs[0]], [run.whole for run in runs[1]], 1.0)
    contestants.memory("boot", runs, MEMORY_BOOT)


def text_make(size):
    """Text of words that are as unevenly frequent as those of a language; the same every time."""
    source = random.Random(1)
    words = ["".join(source.choices("abcdefghijklmnopqrstuvwxyz", k=source.randint(2, 9)))
             for _ in range(3000)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    text, line = [], []
    for word in source.choices(words, weights, k=size // 5):
        line.append(word)
        if len(line) == 11:
            text.append(" ".join(line))
            line = []
    return "\n".join(text).encode()[:size]


def user_folder(directory):
    """The files that go into the initramfs: texts, and the script that init runs."""
    folder = os.path.join(directory, "workload")
    os.mkdir(folder)
    text = text_make(3 * MIB)
    files = {"text": text, "text.gz": gzip.compress(text, mtime=0),
             "text.bz2": bz2.compress(text[:MIB]), "text.xz": lzma.compress(text[:MIB])}
    cases = "".join(f"\t{name})\n\t\t{command} >/dev/null\n\t\t;;\n"
                    for name, command in USER.items())
    # init has the kernel's command line in its environment: rows=sha256sum,zcat
    files["run"] = (f"cd /workload\nfor row in $(echo $rows | tr , ' '); do\n"
                    f"\techo @begin $row\n\tcase $row in\n{cases}\tesac\n\techo @end $row\n"
                    "done\n").encode()
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)
    return folder


def user_run(contestants, directory, kernel, names):
    initrd = os.path.join(directory, "user.gz")
    subprocess.run([os.path.join(TOP, "tools", "debian-guest"), "--workload",
                    user_folder(directory), initrd], check=True, stdout=subprocess.DEVNULL)
    runs = contestants.measure("the user rows", [
        "-m", str(MEMORY_USER), "-kernel", kernel, "-initrd", initrd,
        "-append", "console=ttyS0 quiet mitigations=off rows=" + ",".join(names)])
    contestants.rows(names, "", dict.fromkeys(USER, 1.0), runs)
    contestants.memory("user rows", runs, MEMORY_USER)


def run(table, options, directory):
    known = row_names()
    chosen = options.rows.split(",") if options.rows else known
    for name in chosen:
        if name not in known:
            common.fail(f"tcg has no row '{name}' (there are: {', '.join(known)})")
    if not shutil.which("qemu-system-x86_64"):
        print("bench: tcg: no qemu-system-x86_64 to compare with (package qemu-system-x86)",
              file=sys.stderr)
        return
    common.build("tools/vcr")
    contestants = Contestants(table, options, directory)
    guest = None
    if "boot" in chosen or any(name in USER for name in chosen):
        guest = common.debian_guest()
        if not guest:
            print("bench: tcg: no Debian kernel to be had, so no boot and no user rows",
                  file=sys.stderr)
    if guest and "boot" in chosen:
        boot_run(contestants, *guest)
    for bits, suffix, rows in ((64, "", MICRO), (32, "/32", MICRO_32)):
        names = [name for name in rows if name + suffix in chosen]
        if names:
            micro_run(contestants, directory, bits, names)
    names = [name for name in USER if name in chosen]
    if guest and names:
        user_run(contestants, directory, guest[0], names)
