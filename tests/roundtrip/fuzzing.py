#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The commands about fuzz inputs, on inputs that do nothing wrong, on ones that crash a vcr made for
that (crashing.c), and on files that are no input."""

import os
import random
import shutil
import sys

import driver

TIMER = """\
# the timer counts, and its interrupt is taken
write pit+3 size 1 data 0x34
write pit+0 size 1 data 0x10
write pit+0 size 1 data 0x0
clock 40000
write pit+3 size 1 data 0x0
read pit+0 size 1
timer 0
acknowledge
read-string pit+1 size 1 count 4
clock 0
"""

# Two bytes one after the other crash; all else does not matter.
CRASH = """\
write pit+3 size 1 data 0x34
write pit+0 size 1 data 0x11
clock 1000
write pit+0 size 1 data 0x22
read pit+0 size 1
"""


def write(path, content):
    with open(path, "wb") as f:
        f.write(content if isinstance(content, bytes) else content.encode())
    return path


def read(path):
    with open(path, "rb") as f:
        return f.read()


def inputs(d):
    """A folder as corpora/ is: the target is its name."""
    folder = d.path("crashes/i8254")
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return (write(os.path.join(folder, "timer"), TIMER), write(os.path.join(folder, "crash"), CRASH))


def repro(d):
    timer, crash = inputs(d)
    done = d.run("repro", timer)
    d.expect("nothing wrong", done, driver.OK, 0)
    for text in ("target i8254, 10 operations", "   1  write pit+3 size 1 data 0x34\n",
                 "        pio-read 0x40 pit size 1 data 0x2\n", "        irq data 0x",
                 "nothing is wrong"):
        d.check(f"what it shows: {text.strip()}", text in done.out, done)
    done = d.run("repro", "--quiet", crash)
    d.check("one line when quiet", done.status == 0 and len(done.out.splitlines()) == 1, done)

    genuine, d.vcr = d.vcr, d.crashing
    done = d.run("repro", crash)
    d.check("a crash", done.status == 1 and "fails in operation 4: it ends the process" in done.out, done)
    d.check("what was before it is shown", "   4  write pit+0 size 1 data 0x22\n" in done.out, done)
    done = d.run("repro", write(d.path("loop"), "write pit+3 size 1 data 0xdd"), "--target", "i8254")
    d.check("no end", done.status == 1 and "does not end" in done.err
            and "fails in operation 1" in done.out, done)
    d.vcr = genuine

    # The other way an input can be written, and bytes that are no text.
    text = "".join(line[6:] + "\n" for line in d.run("repro", timer).out.splitlines()
                   if line[:4].strip().isdigit())
    done = d.run("repro", write(d.path("again"), text), "--target", "i8254")
    d.expect("what it shows is an input", done, driver.OK, 0)
    chance = random.Random(1)
    for n in (1, 100, 20000):
        noise = write(d.path("noise"), b"\xff" + chance.randbytes(n))
        d.expect(f"{n} bytes of noise", d.run("repro", "--quiet", noise, "--target", "board"), driver.OK, 0)

    trace = d.path("timer.vcr")
    d.run("import", timer, "-o", trace)
    for name, words, why in (
            ("a trace", [trace, "--target", "i8254"], "is a trace"),
            ("a folder", [d.work, "--target", "i8254"], "is a folder"),
            ("an empty file", [write(d.path("empty"), ""), "--target", "i8254"], "is empty"),
            ("a missing file", [d.path("missing"), "--target", "i8254"], "No such file"),
            ("a program", [sys.executable, "--target", "i8254"], "is an ELF file"),
            ("prose", [write(d.path("prose"), "To be or not\n"), "--target", "i8254"], "line 1"),
            ("no operation", [write(d.path("low"), bytes(range(1, 32))), "--target", "i8254"],
             "there is no operation in it"),
            ("too large", [write(d.path("large"), b"\x80" * (4 << 20)), "--target", "i8254"], "larger"),
            ("an unknown target", [timer, "--target", "i9999"], "i9999 is no target"),
            ("no target", [write(d.path("nowhere"), TIMER)], "which target"),
            ("another target's register", [timer, "--target", "isa_debug_exit"], "no region of this name"),
            ("no file", [], "which input"), ("an option", ["--what", timer], "unknown option")):
        done = d.run("repro", *words)
        d.expect(name, done, driver.USAGE, 1)
        d.check(f"{name}: why", why in done.err, done)


def traces(d):
    """Inputs become traces and traces inputs; nothing is lost on the way."""
    timer, crash = inputs(d)
    trace, again, back = d.path("a.vcr"), d.path("b.vcr"), d.path("back")
    d.expect("import", d.run("import", timer, "-o", trace), driver.OK, 0)
    d.expect("verify", d.run("verify", trace), driver.OK, 0)
    for command in ("dump", "stat"):
        done = d.run(command, trace)
        d.expect(command, done, driver.OK, 0)
        d.check(f"{command}: the register", "pit" in done.out, done)
    done = d.run("replay", "--devices", trace)
    d.expect("replay --devices", done, driver.OK, 0)
    d.check("replay --devices: identical", ": identical:" in done.out, done)
    for words in (["replay", trace], ["replay", "--cpu", trace], ["replay", "--from", "3", trace]):
        done = d.run(*words)
        d.expect(" ".join(words[:-1]), done, driver.USAGE, 1)
        d.check(" ".join(words[:-1]) + ": what to do", "add --devices" in done.err, done)
    done = d.run("compare", "--devices", "--old", d.vcr, "--new", d.vcr, trace)
    d.expect("compare", done, driver.OK, 0)

    chance = random.Random(2)
    cases = [(timer, "i8254", "timer")]
    for target in ("board", "pci", "i8254", "mc146818", "ns16550", "fw_cfg", "cfi01", "ioapic"):
        cases.append((write(d.path(f"noise-{target}"), chance.randbytes(4000)), target, "noise"))
    for path, target, name in cases:
        name = f"{name} for {target}"
        d.expect(f"{name}: import", d.run("import", path, "--target", target, "-o", trace), driver.OK)
        d.expect(f"{name}: replay", d.run("replay", "--devices", trace), driver.OK, 0)
        d.expect(f"{name}: export", d.run("export", "--input", trace, "--target", target, "-o", back),
                 driver.OK, 0)
        d.expect(f"{name}: import it", d.run("import", back, "--target", target, "-o", again), driver.OK, 0)
        kinds = ["--kind", "exit,irq,dma,host"]
        done = d.run("dump", *kinds, trace)
        d.check(f"{name}: the same device I/O", done.out == d.run("dump", *kinds, again).out, done)
        first = read(back)
        d.run("export", "--input", again, "--target", target, "-o", back)
        d.check(f"{name}: the same operations", read(back) == first)

    # A session of a guest.
    d.run("record", "-kernel", d.guest("rtc.elf"), *driver.DEBUG_EXIT, *driver.RTC, "-o", trace)
    done = d.run("export", "--input", trace, "--target", "mc146818", "-o", back)
    d.expect("a guest's session", done, driver.OK, 0)
    reads = [line for line in d.run("repro", back, "--target", "mc146818").out.splitlines()
             if "pio-read 0x71" in line]
    wanted = [line for line in d.run("dump", "--kind", "pio-read", "--address", "0x71", trace).out.splitlines()]
    d.check("a guest's session: reads", len(reads) == len(wanted) > 10, done,
            f"{len(reads)} of {len(wanted)}")
    d.check("a guest's session: answers",
            [line.split()[-1] for line in reads] ==
            [hex(int(line.split()[-2], 16)) for line in wanted], done)

    # One that crashes: the trace does too, until the device is mended.
    genuine, d.vcr = d.vcr, d.crashing
    done = d.run("import", crash, "-o", trace)
    d.check("import a crash", done.status == 0 and "ends where the input does: in operation 4" in done.out,
            done)
    done = d.run("replay", "--devices", trace)
    d.check("replay a crash", done.status not in range(5), done)
    d.vcr = genuine
    done = d.run("dump", trace)
    d.check("dump a crash", "pio-write          0x40 1 0x22" in done.out, done)
    done = d.run("replay", "--devices", trace)
    d.check("replay a crash, mended", ": identical as far as it goes" in done.out, done)
    d.expect("export a crash", d.run("export", "--input", trace, "--target", "i8254", "-o", back), 0, 0)
    d.check("a crash's operations", "write pit+0 size 1 data 0x22\n"
            in d.run("repro", back, "--target", "i8254").out)

    for words, status in ((["import", timer], 2), (["import", trace, "-o", again], 2),
                          (["import", timer, "-o", d.path("no/such")], 4),
                          (["export", timer, "-o", back], 2), (["export", "--input", timer, "-o", back], 3),
                          (["export", "--input", trace], 2), (["export"], 2),
                          (["export", "--input", trace, "--target", "what", "-o", back], 2)):
        d.expect(" ".join(words), d.run(*words), status, 1)


def exports(d):
    timer, crash = inputs(d)
    done = d.run("export", "--qtest", timer)
    d.expect("qtest", done, driver.OK, 0)
    d.check("qtest: commands", done.out.startswith(
        "clock_step 1\noutb 0x43 0x34\nclock_step 1\noutb 0x40 0x10\nclock_step 1\noutb 0x40 0x0\n"
        "clock_step 40001\noutb 0x43 0x0\nclock_step 1\ninb 0x40\n"), done)
    out = d.path("out")
    d.expect("c", d.run("export", "--c", timer, "-o", out), driver.OK, 0)
    d.check("c: what it says", b'    "write pit+3 size 1 data 0x34",\n' in read(out)
            and b"answers[] = {\n    0x2,\n" in read(out))
    genuine, d.vcr = d.vcr, d.crashing
    done = d.run("export", "--c", crash)
    d.check("c of a crash", done.status == 0 and "answer_count = 0;" in done.out, done)
    d.vcr = genuine

    trace, folder = d.path("clock.vcr"), d.path("seeds")
    shutil.rmtree(folder, ignore_errors=True)
    d.run("record", "-kernel", d.guest("rtc.elf"), *driver.DEBUG_EXIT, *driver.RTC, "-o", trace)
    done = d.run("export", "--seeds", trace, "-o", folder)
    d.expect("seeds", done, driver.OK, 0)
    d.check("seeds: targets", {"board", "mc146818", "ns16550"} < set(os.listdir(folder)), done)
    shown = ""
    for target in ("board", "mc146818"):
        for name in os.listdir(os.path.join(folder, target)):
            done = d.run("repro", os.path.join(folder, target, name))
            d.expect(f"seed {target}/{name}", done, driver.OK, 0)
            shown += done.out
    d.check("seeds: registers", "write rtc+0 size 1" in shown and "read rtc+1 size 1" in shown)
    before = sorted(os.listdir(os.path.join(folder, "mc146818")))
    done = d.run("export", "--seeds", trace, "--target", "mc146818", "-o", folder)
    d.check("seeds: the same again", before == sorted(os.listdir(os.path.join(folder, "mc146818")))
            and len(done.out.splitlines()) == 1, done)
    for words, status in ((["--seeds", timer, "-o", folder], 3), (["--seeds", trace], 2),
                          (["--seeds", trace, "-o", d.path("no/such")], 4), (["--c", trace], 2),
                          (["--seeds", trace, "--target", "what", "-o", folder], 2),
                          (["--qtest", timer, "-o", d.path("no/such")], 4), (["--c", "--qtest", timer], 2)):
        d.expect(" ".join(words), d.run("export", *words), status, 1)


def minimise(d):
    """A crash among much else, and behind it another one, which must not be taken for it."""
    chance = random.Random(3)
    noise = [f"write pit+{chance.choice((1, 2))} size 1 data {chance.randrange(256)}" if chance.random() < 0.5
             else f"read pit+{chance.randrange(4)} size 1" for _ in range(60)]
    lines = noise[:30] + ["write pit+0 size 1 data 0x11"] + noise[30:] + \
        ["write pit+0 size 4 data 0x2222", "write pit+0 size 4 data 0x11",
         "write pit+0 size 2 data 0x22", "write pit+3 size 1 data 0xde"]
    timer, _ = inputs(d)
    path, out = write(d.path("crashes/i8254/much"), "\n".join(lines) + "\n"), d.path("little")

    done = d.run("minimise", path, "-o", out)
    d.expect("nothing fails", done, driver.DIVERGED, 1)
    genuine, d.vcr = d.vcr, d.crashing
    done = d.run("minimise", path, "-o", out, timeout=120)
    d.expect("minimise", done, driver.OK, 0)
    shown = d.run("repro", out, "--target", "i8254")
    d.check("what is left", [line[6:] for line in shown.out.splitlines() if line[:4].strip().isdigit()] ==
            ["write pit+0 size 1 data 0x11", "write pit+0 size 1 data 0x22"], shown)
    d.check("it fails", shown.status == 1, shown)
    d.expect("minimise with a program", d.run("minimise", path, "--with", "/bin/false", "-o", out), 0, 0)
    d.vcr = genuine
    for words, status in ((["minimise", timer], 2), (["minimise", "-o", out], 2),
                          (["minimise", timer, "--timeout", "no", "-o", out], 2),
                          (["minimise", timer, "--with", d.path("missing"), "-o", out], 2),
                          (["minimise", d.work, "-o", out], 2)):
        d.expect(" ".join(words), d.run(*words), status, 1)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parts = {"repro": repro, "traces": traces, "exports": exports, "minimise": minimise}
    parser.add_argument("--crashing", required=True, help="a vcr with devices that crash")
    parser.add_argument("part", choices=parts)
    arguments = parser.parse_args()
    d = driver.Driver(arguments, "fuzzing-" + arguments.part)
    d.crashing = os.path.abspath(arguments.crashing)
    parts[arguments.part](d)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
