#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How sessions end other than by the guest: limits, signals, Ctrl-A x, SIGKILL. What was recorded
until then replays. Also where a guest's text goes and comes from."""

import os
import pty
import random
import signal
import subprocess
import sys
import time

import driver


def limits(d, endless):
    trace = d.path("limit.vcr")
    done = d.run("record", *endless, "--max-insns", 2000000, "-o", trace)
    d.expect("--max-insns", done, driver.OK, 1)
    d.expect("--max-insns: replay", d.run("replay", trace), driver.OK, 0)
    stat = d.run("stat", trace)
    d.check("--max-insns stops on the instruction", "2,000,000" in stat.out, stat)

    start = time.monotonic()
    done = d.run("record", *endless, "--timeout", 1, "-o", trace)
    seconds = time.monotonic() - start
    d.expect("--timeout", done, driver.OK, 1)
    d.check("--timeout ends in time", 0.8 < seconds < 5 * d.patience(), done, f"{seconds:.1f} s")
    d.expect("--timeout: replay", d.run("replay", trace, timeout=120), driver.OK, 0)


def signals(d, endless):
    # Windows has no SIGTERM that a program could take; wine makes SIGINT what Ctrl-C is there.
    for number in (signal.SIGINT,) if d.windows else (signal.SIGINT, signal.SIGTERM):
        trace = d.path("signal.vcr")
        process = d.start("record", *endless, "-o", trace, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()  # it runs
        process.send_signal(number)
        _, err = process.communicate(timeout=20 * d.patience())
        done = driver.Done(process.args, "", process.returncode, "", err.decode())
        name = signal.Signals(number).name
        d.expect(f"{name}", done, driver.OK, 1)
        d.expect(f"{name}: replay", d.run("replay", trace, timeout=120), driver.OK, 0)


def killed(d, endless, rounds=5):
    """A recording that dies replays up to its last whole chunk."""
    whole = 0
    for n in range(rounds):
        trace = d.path(f"killed-{n}.vcr")
        if os.path.exists(trace):
            os.unlink(trace)
        process = d.start("record", *endless, "-o", trace, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.1, 1.5))
        process.kill()
        process.wait()
        if not os.path.exists(trace) or os.path.getsize(trace) == 0:
            continue
        done = d.run("replay", trace, timeout=120)
        d.expect("killed: replay says that the end is missing", done, driver.BAD_TRACE, 1)
        if "identical as far as it goes" in done.out and " 0 events" not in done.out:
            whole += 1
    d.check("killed: something was whole", whole > 0, None, f"{whole} of {rounds}")


def console(d, endless):
    """Ctrl-A x on a terminal ends the session; its trace is whole."""
    trace = d.path("console.vcr")
    master, slave = pty.openpty()
    process = d.start("record", *endless, "-o", trace, stdin=slave, stdout=slave,
                      stderr=subprocess.PIPE)
    os.close(slave)
    os.read(master, 1)  # it runs
    os.write(master, b"\x01x")
    try:
        # The terminal must be read, or the guest's text fills it up.
        deadline = time.monotonic() + 20 * d.patience()
        while process.poll() is None and time.monotonic() < deadline:
            try:
                os.read(master, 4096)
            except OSError:
                break
        err = process.communicate(timeout=10)[1].decode()
    except subprocess.TimeoutExpired:
        process.kill()
        err = process.communicate()[1].decode() + "no end"
    done = driver.Done(process.args, "", process.returncode, "", err)
    d.check("Ctrl-A x", process.returncode == 0, done)
    d.expect("Ctrl-A x: replay", d.run("replay", trace, timeout=120), driver.OK, 0)
    os.close(master)


def text(d):
    """Serial input and output."""
    echo = ["-kernel", d.guest("echo.elf")] + driver.DEBUG_EXIT
    trace = d.path("echo.vcr")
    done = d.run("record", *echo, "-o", trace, stdin="Hello\nq")
    d.expect("input", done, 33)
    d.check("input comes back in capitals", done.out == "ready\nHELLO\n", done)
    done = d.run("replay", "--console", trace)
    d.expect("input: replay without it", done, driver.OK, 0)
    d.check("input: replay shows the same text", done.out.startswith("ready\nHELLO\n"), done)
    for mode in ("--devices", "--cpu"):
        d.expect(f"input: replay {mode}", d.run("replay", mode, trace), driver.OK, 0)

    # More than the UART takes at once, none of it lost.
    long = "abcdefghij" * 500
    done = d.run("record", *echo, "-o", trace, stdin=long + "q")
    d.check("5000 characters of input", done.out == "ready\n" + long.upper(), done)

    hello = ["-kernel", d.guest("hello.elf")] + driver.DEBUG_EXIT
    path = d.path("serial.txt")
    done = d.run("run", *hello, "-serial", f"file:{path}")
    d.expect("-serial file:", done, 33)
    with open(path, encoding="utf-8") as f:
        d.check("-serial file: has the text, stdout has none",
                f.read().startswith("Hello") and not done.out, done)
    done = d.run("run", *hello, "-serial", "none")
    d.check("-serial none", done.status == 33 and not done.out, done)
    done = d.run("run", *hello)
    d.check("the end of stdin ends nothing", done.status == 33 and done.out.startswith("Hello"), done)


def positions(d):
    """replay --from and --until, as far as the command line goes."""
    hello = ["-kernel", d.guest("hello.elf")] + driver.DEBUG_EXIT
    trace = d.path("hello.vcr")
    d.expect("record", d.run("record", *hello, "-o", trace), 33)
    done = d.run("replay", "--until", 1000, trace)
    d.expect("--until", done, driver.OK, 0)
    d.check("--until shows the registers there", "instruction 1,000," in done.out, done)
    done = d.run("replay", "--from", 900, "--until", 910, "--insns", trace)
    d.expect("--from --insns", done, driver.OK, 0)
    lines = [line.split()[0] for line in done.out.split("\n")[:10]]
    d.check("--from --insns shows these", lines == [str(n) for n in range(900, 910)], done)
    back = d.run("replay", "--from", "-10", "--until", 910, "--insns", trace)
    d.check("--from -N is the same", back.out == done.out, back)


def main():
    parser = driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=["limits", "signals", "killed", "console", "text",
                                         "positions"])
    arguments = parser.parse_args()
    d = driver.Driver(arguments, arguments.part)
    endless = ["-kernel", d.guest("endless.elf")] + driver.DEBUG_EXIT
    part = arguments.part
    if part in ("text", "positions"):
        {"text": text, "positions": positions}[part](d)
    else:
        {"limits": limits, "signals": signals, "killed": killed, "console": console}[part](d, endless)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
