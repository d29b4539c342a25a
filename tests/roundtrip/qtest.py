#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vcr qtest: our devices answer as QEMU's do, but for what the lists beside them explain. "devices": inputs
from a fixed seed, whose values are those that the parts' data sheets define. "seeds": all of the corpus.
"planted": defects in our devices, one at a time, each of which the same inputs show."""

import os
import random
import re
import shutil
import sys

import driver

QEMU = "qemu-system-x86_64"
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SEEDS = os.path.join(TOP, "corpora/seeds")

# Target, defect (planted.c), and the registers one of which has to be where it shows. The inputs, those
# of "devices" and of "seeds", show nothing without it.
PLANTED = (
    ("i8259", "out 0x20 0x1b 0x0b 0x01", "pic-master"),  # OCW3 has the IRR read instead of the ISR
    ("i8259", "out 0xa1 0x00 0x00 0x10", "pic-slave"),  # another input is masked
    ("i8259", "in 0x4d1 0x00 0x00 0x02", "elcr-slave"),
    ("i8254", "out 0x43 0xce 0x04 0x02", "pit"),  # mode 2 of counter 0 is 3: the status tells
    ("i8254", "out 0x61 0x00 0x00 0x01", "system-control-b"),  # the gate of counter 2
    ("mc146818", "in 0x71 0x00 0x00 0x40", "rtc"),
    ("mc146818", "out 0x70 0x7f 0x0a 0x01", "rtc"),  # another register is chosen
    ("ns16550", "out 0x3ff 0x00 0x00 0x80", "uart"),  # scratch
    ("ns16550", "out 0x3fb 0x80 0x80 0x80", "uart"),  # no DLAB
    ("ns16550", "out 0x2fc 0x10 0x10 0x02", "uart.1"),  # RTS, in loopback
    ("i8042", "out 0x64 0xff 0xaa 0x01", "keyboard-data"),  # the self test is the test of the port
    ("i8042", "out 0x60 0xff 0xf2 0x1c", "keyboard-data"),  # the keyboard's ID is an echo
    ("i8042", "in 0x64 0x01 0x01 0x01", "keyboard-command"),  # the output buffer is never full
    ("ioapic", "write 0xfec00010 0x00 0x00 0x2000", "ioapic"),  # polarity
    ("ioapic", "write 0xfec00000 0x01 0x01 0x01", "ioapic"),  # the upper half is the lower
    ("fw_cfg", "out 0x510 0xffff 0x0000 0x0001", "fw_cfg"),  # no signature
    ("cfi01", "write 0xffff0000 0xff 0x70 0x80", "pflash0"),  # no Read Status
    ("cfi01", "write 0xffff0002 0xff 0xd0 0x01", "pflash0"),  # no erase
    ("pci", "out 0xcf8 0x8000ff00 0x80000000 0x0800", "pci-data"),  # another function is chosen
    ("pci", "in 0xcfc 0xffff 0x8086 0x0001", "pci-data"),  # the vendor
)


def value(chance, size):
    bits = 8 * size
    return chance.choice((chance.randrange(1 << bits), 1 << chance.randrange(bits), 0, (1 << bits) - 1,
                          (1 << bits) - 1 ^ 1 << chance.randrange(bits), chance.randrange(64)))


def access(chance, registers, size=1):
    """A read or a write of one of some registers: (region, offsets)."""
    name, offsets = chance.choice(registers)
    offset = chance.randrange(offsets)
    if chance.random() < 0.5:
        return [f"read {name}+{offset} size {size}"]
    return [f"write {name}+{offset} size {size} data {value(chance, size)}"]


def ports(*registers):
    return lambda chance: access(chance, registers)


def ioapic(chance):
    index = chance.choice([0, 1, 2, 3] + list(range(0x10, 0x40)))
    words = [f"write ioapic+0 size 4 data {index}"]
    if chance.random() < 0.5:
        words += [f"write ioapic+16 size 4 data {value(chance, 4)}"]
    return words + ["read ioapic+16 size 4"]


def clock(chance):
    """A register of the clock, with what is in its range: binary coded decimal."""
    index = chance.randrange(14)
    limits = [60, 60, 60, 60, 24, 24, 8, 29, 13, 100]
    words = [f"write rtc+0 size 1 data {index}"]
    if index < len(limits) and chance.random() < 0.5:
        n = chance.randrange(1 if index > 5 else 0, limits[index])
        words += [f"write rtc+1 size 1 data {n // 10 << 4 | n % 10}"]
    return words + ["read rtc+1 size 1"]


def pci(chance):
    address = 1 << 31 | chance.choice([0, 8, 11]) << 8 | chance.randrange(64) * 4
    words = [f"write pci-address+0 size 4 data {address}"]
    for _ in range(chance.randrange(1, 4)):
        size = chance.choice((1, 2, 4))
        offset = chance.randrange(0, 4, size)
        words.append(f"read pci-data+{offset} size {size}" if chance.random() < 0.5 else
                     f"write pci-data+{offset} size {size} data {value(chance, size)}")
    return words


def fw_cfg(chance):
    return [f"write fw_cfg+0 size 2 data {chance.choice((0, 1, 5, 0xd, 0x19, 0x8000))}"] + \
        ["read fw_cfg+1 size 1"] * chance.randrange(1, 6)


def flash(chance):
    at = chance.choice((0, 2, 4096, chance.randrange(65536)))
    block = at - at % 32

    def put(offset, number):
        return [f"write pflash0+{offset} size 1 data {number}"]

    read = [f"read pflash0+{at} size 1"]
    kind = chance.randrange(4)
    if kind == 0:
        words = put(at, chance.choice((0x10, 0x40))) + put(at, chance.randrange(256)) + read
    elif kind == 1:
        words = put(at, 0x20) + put(at, 0xd0) + read
    elif kind == 2:
        count = chance.randrange(32)
        words = put(block, 0x20) + put(block, 0xd0) + put(block, 0xe8) + put(block, count)
        for offset in range(count + 1):
            words += put(block + offset, chance.randrange(256))
        words += put(block, 0xd0) + read
    else:
        words = put(at, 0x70) + read
    return words + put(at, 0xff) + read


def keyboard(chance):
    def command(number):
        return [f"write keyboard-command+0 size 1 data {number}"]

    def data(number):
        return [f"write keyboard-data+0 size 1 data {number}"]

    def answers(count):
        return ["read keyboard-command+0 size 1", "read keyboard-data+0 size 1"] * count \
            + ["read keyboard-command+0 size 1"]

    return chance.choice((
        command(0x60) + data(0x61) + command(0x20) + answers(1), command(0xaa) + answers(1),
        command(0xab) + answers(1), command(0xc0) + answers(1), command(0xd2) + data(0x5a) + answers(1),
        data(0xed) + answers(1) + data(5) + answers(1), data(0xee) + answers(1),
        data(0xf2) + answers(3), data(0xf3) + answers(1) + data(0x20) + answers(1),
        data(0xf4) + answers(1), data(0xff) + answers(2)))


def pic(chance):
    """A register, or what the keyboard's interrupt does to those behind the even port."""
    if chance.random() < 0.8:
        return access(chance, (("pic-master", 2), ("pic-slave", 2), ("elcr-master", 1), ("elcr-slave", 1)))
    words = ["write keyboard-data+0 size 1 data 0xee"]
    for command in (0x0a, 0x0b, chance.choice((0x0c, 0x68, 0x48)), 0x0a, 0x0b, 0x20):
        words += [f"write pic-master+0 size 1 data {command}", "read pic-master+0 size 1"]
    return words + ["read keyboard-data+0 size 1"]


def timer(chance):
    """A register, or what the status of a counter tells of its mode."""
    if chance.random() < 0.7:
        return access(chance, (("pit", 4), ("system-control-b", 1)))
    counter = chance.randrange(3)
    return [f"write pit+3 size 1 data {counter << 6 | chance.randrange(16, 64)}",
            f"write pit+3 size 1 data {0xe0 | 2 << counter}", f"read pit+{counter} size 1"]


TARGETS = {
    "i8259": pic,
    "i8254": timer,
    "mc146818": clock,
    "ns16550": ports(("uart", 8), ("uart.1", 8)),
    "i8042": keyboard,
    "ioapic": ioapic,
    "fw_cfg": fw_cfg,
    "cfi01": flash,
    "pci": pci,
}


def inputs(d, target, count):
    folder = d.path(target)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for n in range(count):
        chance = random.Random(n)
        words = ["write keyboard-command+0 size 1 data 0x60", "write keyboard-data+0 size 1 data 0x61"] \
            if target == "i8042" else []
        while len(words) < 60:
            words += TARGETS[target](chance)
        with open(os.path.join(folder, f"{n:02}"), "w", encoding="ascii") as f:
            f.write("\n".join(words) + "\n")
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def script(d, name, body):
    path = d.path(name)
    with open(path, "w", encoding="ascii") as f:
        f.write("#!/bin/sh\n" + body + "\n")
    os.chmod(path, 0o755)
    return path


def without_qemu(d):
    one = inputs(d, "mc146818", 1)[0]
    done = d.run("qtest", "--accepted")
    d.expect("the list", done, driver.OK, 0)
    lines = done.out.splitlines()
    d.check("a reason for each", len(lines) > 20 and all(len(line.strip()) > 20 for line in lines[1::2]), done)
    for name, words, status, why in (
            ("no such program", [one, "--", "no-such-qemu"], driver.USAGE, "cannot run no-such-qemu"),
            ("one that ends", [one, "--", script(d, "ends", "exit 3")], driver.HOST, "before"),
            ("one that refuses", [one, "--", script(d, "refuses", "while read line; do echo FAIL no; done")],
             driver.HOST, "FAIL no"),
            ("no input", [], driver.USAGE, "which inputs"),
            ("a folder", [d.work, "--target", "i8254"], driver.USAGE, "is a folder")):
        done = d.run("qtest", *words)
        d.expect(name, done, status)
        d.check(f"{name}: why", why in done.err or "does not answer" in done.err, done)
    # One whose time can be moved is asked to.
    log = d.path("log")
    echo = script(d, "timed.sh", f"while read line; do echo \"$line\" >>{log}; echo OK 0x0000; done")
    timed = d.path("timed")
    with open(timed, "w", encoding="ascii") as f:
        f.write("write pit+3 size 1 data 0x34\nclock 5000\nwrite pit+3 size 1 data 0x0\n")
    if os.path.exists(log):
        os.unlink(log)
    d.expect("a clock", d.run("qtest", timed, "--target", "i8254", "--", echo), driver.OK, 0)
    with open(log, encoding="ascii") as f:
        said = f.read().splitlines()
    d.check("a clock: commands", said == ["clock_step 1", "outb 0x43 0x30", "outb 0x43 0x70", "outb 0x43 0xb0",
                                          "clock_step 1", "outb 0x43 0x34",
                                          "clock_step 1", "clock_step 5000", "outb 0x43 0x0"], why=str(said))


def seeds(target):
    folder = os.path.join(SEEDS, target)
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def devices(d):
    without_qemu(d)
    if not shutil.which(QEMU):
        return
    for target in TARGETS:
        done = d.run("qtest", *inputs(d, target, 4))
        d.expect(f"{target}: as QEMU's", done, driver.OK, 0)
        d.check(f"{target}: reads", " reads compared" in done.out and " 0 reads" not in done.out, done)


def all_seeds(d):
    for target in TARGETS:
        d.expect(f"seeds of {target}: as QEMU's", d.run("qtest", *seeds(target)), driver.OK, 0)


def planted(d):
    for target, defect, region in PLANTED:
        os.environ["VCR_PLANTED"] = defect
        for one in inputs(d, target, 4) + seeds(target):
            done = d.run("qtest", one)
            if done.status != driver.OK:
                break
        d.expect(f"{target}, {defect}", done, driver.DIVERGED, 0)
        d.check(f"{target}, {defect}: shown at {region}",
                re.search(rf"operation \d+: read {re.escape(region)}\+\d+ size \d: 0x", done.out), done)


PARTS = {"devices": devices, "seeds": all_seeds, "planted": planted}


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--planted", required=True, help="a vcr with a defect")
    parser.add_argument("part", choices=PARTS)
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "qtest_" + arguments.part)
    if arguments.part == "planted":
        d.vcr = os.path.abspath(arguments.planted)
    if arguments.part == "devices" or shutil.which(QEMU):
        PARTS[arguments.part](d)
    if not shutil.which(QEMU):
        d.skip(f"there is no {QEMU} (apt-get install qemu-system-x86)")
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
