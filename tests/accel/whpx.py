#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The WHPX backend on the software platform: what the platform's emulator leaves to the interpreter
shows in the trace, each way of executing instructions gives the same guest, and every call of the
platform that fails is named and leaves a whole trace."""

import glob
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "roundtrip"))
import driver  # pylint: disable=wrong-import-position

TOP = os.path.dirname(os.path.dirname(HERE))
MODES = ([], ["--devices"], ["--cpu"], ["-accel", "whpx"], ["-accel", "whpx", "--cpu"])


def record(d, guest, properties="", name=None):
    trace = d.path((name or guest) + ".vcr")
    g = driver.guests_load()[guest]
    done = d.run("record", "-accel", "whpx" + properties, *g.command(d), *driver.DEBUG_EXIT,
                 "-o", trace, stdin=g.stdin)
    return done, trace, g


def replays(d, name, trace, modes=MODES, status=driver.OK):
    for mode in modes:
        done = d.run("replay", *mode, trace)
        d.expect(f"{name}: replay {' '.join(mode)}", done, status)


def fallback(d):
    """Instructions that the platform's emulator does not know."""
    texts = {}
    for who in ("auto", "builtin"):
        done, trace, g = record(d, "fallback", f",emulator={who}", f"fallback-{who}")
        d.expect(f"fallback, emulator={who}", done, g.exit)
        texts[who] = done.out
        replays(d, f"fallback, emulator={who}", trace)
        dump = d.run("dump", "--disasm", "--kind", "emulation-fallback", trace)
        d.expect(f"dump, emulator={who}", dump, driver.OK, 0)
        if who == "builtin":
            d.check("builtin never asks the platform", not dump.out, dump)
            continue
        for insn in ("movups", "movdqu", "movnti", "lock cmpxchg", "lock xadd", "rep movsd", "push",
                     r"\(fetched from where no memory is\)"):
            d.check(f"{insn} shows as a fallback", re.search(
                rf"emulation-fallback .*InternalEmulationFailure.*; {insn}", dump.out), dump)
        stat = d.run("stat", "--all", trace)
        d.expect("stat", stat, driver.OK, 0)
        d.check("stat counts them by instruction", re.search(
            r"^movups xmm0, xmmword ptr \[rbx\] +1 ", stat.out, re.M), stat)
    with open(driver.guests_load()["fallback"].expected, encoding="utf-8") as f:
        d.check("the text is right", texts["auto"] == f.read())
    d.check("whoever executes", texts["auto"] == texts["builtin"])


def platform(d):
    """As QEMU ends, with the same words and all that is known."""
    done, trace, _ = record(d, "fallback", ",emulator=platform")
    if d.expect("emulator=platform", done, driver.HOST, 1):
        d.check("the words of QEMU", "WHPX: Failed to emulate MMIO access with EmulatorReturnStatus: "
                "2 (InternalEmulationFailure)" in done.err, done)
        d.check("the facts", all(word in done.err for word in (
            "rip 0x", "bytes 0f 10 03", "movups xmm0, xmmword ptr [rbx]", "gpa 0xd0000000")), done)
    replays(d, "emulator=platform", trace)
    # The case of the field: firmware in flash that is not mapped.
    g = driver.guests_load()["pflash"]
    words = [*g.command(d), *driver.DEBUG_EXIT, "-machine", "pc,rom-device=off"]
    for who, status in (("platform", driver.HOST), ("auto", g.exit)):
        done = d.run("run", "-accel", f"whpx,emulator={who}", *words, stdin=g.stdin)
        d.expect(f"flash that is not mapped, emulator={who}", done, status)
        d.check(f"flash that is not mapped, emulator={who}: the field's message", (
            "WHPX: Failed to emulate MMIO access with EmulatorReturnStatus: 2 "
            "(InternalEmulationFailure) at rip 0xfff0: an instruction fetched from where no memory "
            "is, gpa 0xfffffff0" in done.err) == (who == "platform"), done)
    done, trace, g = record(d, "hello", ",emulator=platform", "hello-platform")
    d.expect("what the platform can do, it does", done, g.exit)
    vector_0(d)
    # In one of them an interrupt comes later than the lowered CR8 would let it.
    for trace in sorted(glob.glob(os.path.join(TOP, "corpora", "golden", "v4", "*.vcr"))):
        replays(d, os.path.basename(trace), trace, MODES[3:])


# From F000:0000. The timer interrupts with vector 0, whose handler at 40h ends the session.
VECTOR_0 = bytes.fromhex(
    "31c0 8ed8 8ed0 bc007c"          # xor ax, ax; mov ds, ax; mov ss, ax; mov sp, 7c00h
    "c70600004000 c706020000f0"      # mov word [0], 40h; mov word [2], f000h
    "b011e620 b000e621"              # 8259: ICW1, ICW2: vectors from 0 on
    "b004e621 b001e621 b0fee621"     # ICW3, ICW4, IRQ0 alone
    "b034e643 b0ffe640 b010e640"     # 8254: counter 0, mode 2, 10ffh
    "fb f4 ebfd").ljust(0x40, b"\xf4") + bytes.fromhex(  # sti; hlt; jmp $ - 1
        "b010e6f4 f4 ebfd")          # mov al, 10h; out f4h, al; hlt; jmp $ - 1


def vector_0(d):
    """An interrupt that the platform would refuse: the guest has it, and the trace tells."""
    bios, trace = d.path("vector-0.bin"), d.path("vector-0.vcr")
    with open(bios, "wb") as f:
        f.write(VECTOR_0.ljust(0xfff0, b"\xf4") + bytes.fromhex("ea000000f0").ljust(16, b"\xf4"))
    done = d.run("record", "-accel", "whpx", "-bios", bios, *driver.DEBUG_EXIT, "-o", trace)
    d.expect("vector 0", done, 33)
    stat = d.run("stat", "--json", trace)
    d.check("vector 0 is counted", '"vector-refused":1' in stat.out.replace(" ", ""), stat)
    replays(d, "vector 0", trace)


def calls():
    with open(os.path.join(TOP, "emulator", "accel", "whpx", "whpx_api.h"), encoding="utf-8") as f:
        return re.findall(r"^\tF\((WHv\w+),", f.read(), re.M)


# Calls whose failure is no failure: the interpreter does it, or vcr does without, or nothing can be
# done about it any more, or it is only made when pages of memory are mapped anew while running.
HARMLESS = {"WHvEmulatorTryIoEmulation", "WHvEmulatorTryMmioEmulation", "WHvTranslateGva",
            "WHvCancelRunVirtualProcessor", "WHvDeleteVirtualProcessor", "WHvDeletePartition",
            "WHvEmulatorDestroyEmulator"}


def faults(d):
    """Every call of the platform, failing at its first use and in the middle of the session."""
    names = calls()
    d.check("there are calls", len(names) > 15)
    for name in names:
        reached = 0
        for nth in (1, 40):
            # The callback's failure is one more thing that the interpreter makes up for.
            who = ",emulator=builtin" if name == "WHvGetVirtualProcessorRegisters" else ""
            done, trace, g = record(d, "firmware", f"{who},fail={name}/{nth}/0x8007000e",
                                    f"fail-{name}-{nth}")
            what = f"{name} fails at use {nth}"
            if done.status == g.exit:
                replays(d, what, trace, MODES[:1])
                continue
            reached += 1
            if d.expect(what, done, driver.HOST, 1):
                d.check(f"{what}: call, code, word and cure are named", re.search(
                    rf"{name}: 0x8007000e, E_OUTOFMEMORY \(use a smaller -m, or -accel tcg\)",
                    done.err), done)
            if os.path.exists(trace):
                replays(d, what, trace)
                os.unlink(trace)
        d.check(f"{name}: {'harmless' if name in HARMLESS else 'its failure is seen'}",
                (reached == 0) == (name in HARMLESS), why=f"{reached} of 2 ended the session")
    done, _, g = record(d, "hello", ",fail=WHvCreatePartition/1/0x80370302:tcg", "fall-back")
    d.expect("another accelerator takes over", done, g.exit)
    d.check("and it says why", "vcr: using -accel tcg, because whpx: " in done.err and
            "WHvCreatePartition: 0x80370302, WHV_E_UNKNOWN_PROPERTY" in done.err, done)
    for value in ("WHvCreatePartition", "WHvNothing/1/0x80370302", "WHvCreatePartition/0/0x80370302",
                  "WHvCreatePartition/1/0", "WHvCreatePartition/1/0x180370302"):
        done, _, _ = record(d, "hello", f",fail={value}", "wrong")
        d.expect(f"fail={value}", done, driver.USAGE, 1)
    for words, unknown in (("platform=hyperv", "platform"), ("emulator=qemu", "emulator")):
        done, _, _ = record(d, "hello", "," + words, "wrong")
        if d.expect(words, done, driver.USAGE, 1):
            d.check(f"{words}: says what there is", f"(use {unknown}=" in done.err, done)


# What a guest prints that cannot be the same: there is no A20 line under a hypervisor, and time is the
# host's.
OTHER_TEXT = {"a20", "timers"}


def guest(d, name):
    """One of tests/guest: what it prints, and that what was recorded replays everywhere."""
    trace = d.path("1.vcr")
    g = driver.guests_load()[name]
    done = d.run("record", "-accel", "whpx", *g.command(d), *driver.DEBUG_EXIT, *driver.RTC,
                 "-o", trace, stdin=g.stdin, timeout=g.timeout)
    if not d.expect(f"{name}: record", done, g.exit):
        return
    with open(g.expected, encoding="utf-8") as f:
        want = f.read()
    if name not in OTHER_TEXT:
        d.check(f"{name}: the text is right", done.out == want, done)
    replays(d, name, trace)
    d.expect(f"{name}: verify", d.run("verify", trace), driver.OK, 0)


PARTS = {"fallback": fallback, "platform": platform, "faults": faults}


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=[*PARTS, "guest"])
    parser.add_argument("name", nargs="?", help="the guest")
    arguments = parser.parse_args()
    d = driver.Driver(arguments, f"whpx-{arguments.part}-{arguments.name or 'all'}")
    if arguments.part == "guest":
        guest(d, arguments.name)
    else:
        PARTS[arguments.part](d)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
