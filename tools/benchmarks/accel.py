# SPDX-License-Identifier: Apache-2.0
"""Exits a second: a bare KVM_RUN loop, vcr run, vcr record, and the same guests on tcg.

Each guest is a ROM whose code does nothing but two exits in a loop, by ports or by memory. The
bare loop (accel.c) answers them and does no more, so the ratios say what vcr's devices and its
recording add to an exit. How often the loop goes round is chosen so that the bare one takes about
a second; what each contestant takes for going round once, which is its start and end, is measured
beside it and taken off. On a busy host many short runs in turn tell more than a few long ones, so
each run of --runs is several.
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
SECONDS = 1
TURNS = 5  # for each run of --runs
BARE = "bare KVM_RUN"
ENDED = 1  # isa-debug-exit with 0


def rom_write(path, name, count):
    """A ROM whose guest goes round `count` times."""
    before, loop = LOOPS[name]
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


def calibrate(run_once):
    """How often to go round."""
    count = 10000
    while True:
        time = run_once(count).real
        if time > 0.5:
            return int(count * SECONDS / time)
        count *= 4


def commands(rom, trace, bare):
    """{contestant: command} for a ROM."""
    def vcr(command, accel):
        return [VCR, command, "-accel", accel, "-bios", rom, "-device",
                "isa-debug-exit,iobase=0xf4,iosize=4"] + (["-o", trace] if command == "record" else [])

    kvm = {BARE: [bare, rom], "kvm, run": vcr("run", "kvm"), "kvm, record": vcr("record", "kvm")}
    return {**(kvm if bare else {}), "tcg, run": vcr("run", "tcg"), "tcg, record": vcr("record", "tcg")}


def measure(table, options, directory, name, bare):
    trace = os.path.join(directory, name + ".vcr")

    def contestant(count, who):
        rom = os.path.join(directory, f"{name}-{count}.bin")
        if not os.path.exists(rom):
            rom_write(rom, name, count)
        command = commands(rom, trace, bare)[who]
        return lambda: common.run(command, 0 if who == BARE else ENDED)

    # Some are hundreds of times as fast as others: each kind goes round as often as it can.
    counts = {first.split(",")[0]: calibrate(lambda count, who=first: contestant(count, who)())
              for first in ((BARE, "tcg, run") if bare else ("tcg, run",))}
    often = {who: counts["tcg" if who.startswith("tcg") else BARE] for who in commands("", "", bare)}
    times = common.alternate({(who, count): contestant(count, who) for who in often
                              for count in (1, often[who])}, TURNS * options.runs)
    base = None
    for who, count in often.items():
        exits = 2 * (count - 1)
        time = times[who, count].less(times[who, 1]).part(exits)
        table.row(f"{name}: {who}", f"{1 / time.real / 1e6:.3f} M/s",
                  time.real / base.real if base else None, time.cpu / base.cpu if base else None,
                  BARE if base else "", "at most 1.05" if who == "kvm, record" else "")
        base = time if who == BARE else base
    if bare:
        table.row(f"{name}: start, kvm, record", f"{times['kvm, record', 1].real:.3f} s")


def run(table, options, directory):
    common.build("tools/vcr")
    bare = None
    if usable("kvm"):
        bare = os.path.join(directory, "bare")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "accel.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-Wall", "-o", bare, source], check=True)
    else:
        print("bench: -accel kvm cannot be used here, so only tcg is measured", file=sys.stderr)
    for name in LOOPS:
        measure(table, options, directory, name, bare)
