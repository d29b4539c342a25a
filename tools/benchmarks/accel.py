# SPDX-License-Identifier: Apache-2.0
"""Exits a second: a bare KVM_RUN loop, vcr run, vcr record, and the same guests on tcg.

Each guest is a ROM whose code does nothing but two exits in a loop, by ports or by memory. On KVM
accel.c runs them: the bare loop answers exits and does no more, so the ratios say what vcr's devices
and its recording add to an exit. All run in turn, in pieces of some milliseconds, hundreds for each of
--runs; what disturbs a piece makes it longer, so a figure is the quartile of the shorter ones. The
thread that writes the trace works beside the vCPU; its time by exit is a row of its own.

On tcg whole sessions are measured. How often they go round is chosen so that one takes about a second;
what going round once takes, which is their start and end, is measured beside it and taken off.
"""
import os
import struct
import subprocess
import sys

import common
from common import VCR

ROM_SIZE = 65536
RESET_VECTOR = (0xfff0, bytes([0xea, 0x00, 0x00, 0x00, 0xf0]))  # jmp F000:0
END = bytes([
    0x66, 0x49, 0x75,                                # dec ecx; jnz (to the byte put in here)
    0x00,
    0xb0, 0x00, 0xe6, 0xf4,                          # mov al, 0; out f4h, al
    0xfa, 0xf4,                                      # cli; hlt
])
LOOPS = {
    # What comes before mov ecx, count, and the loop.
    "ports": (b"", bytes([
        0xe6, 0xe0, 0xe4, 0xe0,                      # out e0h, al; in al, e0h
    ])),
    "memory": (bytes([
        0xb8, 0x00, 0xb8, 0x8e, 0xd8,                # mov ax, b800h; mov ds, ax
    ]), bytes([
        0x66, 0xa3, 0x00, 0x00,                      # mov [0], eax
        0x66, 0xa1, 0x00, 0x00,                      # mov eax, [0]
    ])),
}
FOREVER = bytes([0xeb])                               # jmp (by the byte put in behind it)
SECONDS = 1
PIECES, PIECE_EXITS = 800, 150
BARE = "bare KVM_RUN"
ENDED = 1  # isa-debug-exit with 0


def rom_write(path, name, count=None):
    """A ROM whose guest goes round `count` times, or for ever."""
    before, loop = LOOPS[name]
    if count is None:
        code = before + loop + FOREVER + bytes([0x100 - len(loop) - 2])
    else:
        end = bytearray(END)
        end[3] = 0x100 - len(loop) - 4
        code = before + b"\x66\xb9" + struct.pack("<I", count) + loop + bytes(end)
    rom = bytearray(ROM_SIZE)
    rom[:len(code)] = code
    at, jump = RESET_VECTOR
    rom[at:at + len(jump)] = jump
    with open(path, "wb") as f:
        f.write(rom)
    return path


def usable(accel):
    """Whether this build can use it here."""
    done = subprocess.run([VCR, "run", "-accel", accel, "-bios", os.devnull], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return b"-accel" not in done.stderr


# ---- kvm ----

def quartile(list_):
    return sorted(list_)[len(list_) // 4]


def measure_kvm(table, options, directory, name):
    rom, trace = (os.path.join(directory, name + end) for end in ("-kvm.bin", "-kvm.vcr"))
    common.progress(f"{name}: kvm")
    done = subprocess.run([os.path.join(common.BUILD, "tools", "bench_accel"), rom_write(rom, name), trace,
                           str(PIECES * options.runs), str(PIECE_EXITS)], check=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    common.progress("")
    pieces = {}
    for line in done.stdout.splitlines():
        who, *times = line.split("\t")
        pieces.setdefault(who, []).append([float(t) for t in times])
    base = None
    for who, list_ in pieces.items():
        real, cpu = (quartile([piece[i] for piece in list_]) for i in (0, 1))
        base = base or (real, cpu)
        first = base == (real, cpu)
        table.row(f"{name}: {who.replace('bare', BARE) if 'bare' in who else 'kvm, ' + who}",
                  f"{1e3 / cpu:.3f} M/s", None if first else real / base[0],
                  None if first else cpu / base[1], "" if first else BARE,
                  "at most 1.05" if who == "record" else "")
    others = [piece[2] for piece in pieces["record"]]
    table.row(f"{name}: kvm, record, beside it", f"{sum(others) / len(others):.0f} ns")


# ---- tcg ----

def calibrate(run_once):
    """How often to go round."""
    count = 10000
    while True:
        time = run_once(count).real
        if time > 0.5:
            return int(count * SECONDS / time)
        count *= 4


def measure_tcg(table, options, directory, name):
    trace = os.path.join(directory, name + ".vcr")

    def contestant(command, count):
        rom = os.path.join(directory, f"{name}-{count}.bin")
        if not os.path.exists(rom):
            rom_write(rom, name, count)
        words = [VCR, command, "-accel", "tcg", "-bios", rom, "-device",
                 "isa-debug-exit,iobase=0xf4,iosize=4"] + (["-o", trace] if command == "record" else [])
        return lambda: common.run(words, ENDED)

    often = calibrate(lambda count: contestant("run", count)())
    times = common.alternate({(who, count): contestant(who, count) for who in ("run", "record")
                              for count in (1, often)}, 2 * options.runs)
    base = None
    for who in ("run", "record"):
        time = times[who, often].less(times[who, 1]).part(2 * (often - 1))
        table.row(f"{name}: tcg, {who}", f"{1 / time.real / 1e6:.3f} M/s",
                  time.real / base.real if base else None, time.cpu / base.cpu if base else None,
                  "tcg, run" if base else "")
        base = base or time


def run(table, options, directory):
    common.build("tools/vcr")
    kvm = usable("kvm")
    if kvm:
        common.build("tools/bench_accel")
    else:
        print("bench: -accel kvm cannot be used here, so only tcg is measured", file=sys.stderr)
    for name in LOOPS:
        if kvm:
            measure_kvm(table, options, directory, name)
        measure_tcg(table, options, directory, name)
