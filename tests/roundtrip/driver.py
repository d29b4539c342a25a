# SPDX-License-Identifier: Apache-2.0
"""What the tests of the vcr command share: running it, judging what it did, and saying how to
see a failure again."""

import argparse
import configparser
import os
import shlex
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
GUESTS = os.path.join(os.path.dirname(HERE), "guest")
DEBUG_EXIT = ["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
RTC = ["-rtc", "base=2026-01-01"]

# Exit statuses of vcr.
OK, DIVERGED, USAGE, BAD_TRACE, HOST = range(5)


class Done:
    """One command that ended."""

    def __init__(self, command, stdin_text, status, out, err):
        self.command, self.stdin_text = command, stdin_text
        self.status, self.out, self.err = status, out, err

    def text(self):
        """The command, as one would type it."""
        line = " ".join(shlex.quote(word) for word in self.command)
        if len(self.stdin_text) > 200:
            return f"{line}   # with {len(self.stdin_text)} characters of input"
        if self.stdin_text:
            return f"printf %s {shlex.quote(self.stdin_text)} | {line}"
        return line + " </dev/null"


class Driver:
    """Runs commands and counts what passed."""

    def __init__(self, arguments, name):
        self.vcr = os.path.abspath(arguments.vcr)
        # What runs a program of another system; see tools/mingw/meson.build.
        self.runner = shlex.split(os.environ.get("VCR_RUN", ""))
        self.windows = self.vcr.endswith(".exe")
        self.guests = os.path.abspath(arguments.guests)
        self.work = os.path.join(os.path.abspath(arguments.work), name)
        os.makedirs(self.work, exist_ok=True)
        self.passed = self.failed = self.skipped = 0

    def path(self, name):
        """A file to work with; it stays for whoever looks into a failure."""
        return os.path.join(self.work, name)

    def guest(self, name):
        return os.path.join(self.guests, name)

    def run(self, *words, stdin="", timeout=60, cwd=None):
        """Runs vcr with these words."""
        return self.run_program(self.vcr, *words, stdin=stdin, timeout=timeout, cwd=cwd)

    def run_program(self, program, *words, stdin="", timeout=60, cwd=None):
        """Runs a program that was built as vcr was."""
        command = self.runner + [program] + [str(word) for word in words]
        try:
            done = subprocess.run(command, input=stdin.encode(), stdout=subprocess.PIPE,
                                  stderr=subprocess.PIPE, timeout=timeout * self.patience(),
                                  cwd=cwd, check=False)
        except subprocess.TimeoutExpired as e:
            return Done(command, stdin, "no end", (e.stdout or b"").decode(errors="replace"),
                        (e.stderr or b"").decode(errors="replace"))
        return Done(command, stdin, done.returncode, done.stdout.decode(errors="replace"),
                    done.stderr.decode(errors="replace"))

    @staticmethod
    def patience():
        """Times are for a plain build; meson says when one is slower."""
        return float(os.environ.get("VCR_PATIENCE", "1"))

    def start(self, *words, **keywords):
        """Starts vcr and returns the process."""
        return subprocess.Popen(self.runner + [self.vcr] + [str(word) for word in words], **keywords)

    def check(self, name, good, done=None, why=""):
        """Counts one check; true when it passed."""
        if good:
            self.passed += 1
            return True
        self.failed += 1
        print(f"FAILED {name}{': ' if why else ''}{why}")
        if done is not None:
            print(f"    exit status {done.status}")
            for label, text in (("stdout", done.out), ("stderr", done.err)):
                lines = text.rstrip("\n").split("\n") if text else []
                for line in lines[-12:]:
                    print(f"    {label}: {line}")
            print(f"    to see it again: {done.text()}")
        sys.stdout.flush()
        return False

    def expect(self, name, done, status, err_lines=None):
        """The exit status was right, no sanitizer spoke, and there were as many lines of error
        as there should be."""
        if "Sanitizer" in done.err or "runtime error" in done.err:
            return self.check(name, False, done, "a sanitizer found something")
        if done.status != status:
            return self.check(name, False, done, f"exit status {done.status}, not {status}")
        if err_lines is not None:
            count = len(done.err.splitlines())
            if count != err_lines or (count and not done.err.startswith("vcr: ")):
                return self.check(name, False, done, f"{count} lines of error, not {err_lines}")
        return self.check(name, True)

    def skip(self, why):
        self.skipped += 1
        print(f"SKIP {why}")

    def packages(self, *words):
        """What tools/debian-guest prints, by line. None, and all is said, when it made nothing."""
        command = [os.path.join(TOP, "tools", "debian-guest"), *words]
        made = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if made.returncode == 77:
            self.skip(made.stderr.strip().split("\n")[-1].removeprefix("SKIP: "))
            return None
        done = Done(command, "", made.returncode, made.stdout, made.stderr)
        if not self.expect("packages of Debian", done, OK):
            return None
        return made.stdout.splitlines()

    def end(self):
        """Prints the totals; returns the exit status for meson (77: all was skipped)."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        if self.failed:
            return 1
        return 77 if self.skipped and not self.passed else 0


class Native(Driver):
    """The same with the vcr of this host: the one in build/, or $VCR_NATIVE."""

    def __init__(self, arguments, name):
        super().__init__(arguments, name)
        top = os.path.dirname(os.path.dirname(HERE))
        self.vcr = os.environ.get("VCR_NATIVE", os.path.join(top, "build", "tools", "vcr"))
        self.runner, self.windows = [], False

    def missing(self, other):
        """None, or why the two cannot be compared."""
        if not os.path.exists(self.vcr):
            return f"no {self.vcr} to compare with (ninja -C build)"
        here, there = self.run("--version").out, other.run("--version").out
        return None if here == there else f"{self.vcr} is {here.strip()}, not {there.strip()} (ninja -C build)"


def arguments_parser(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--vcr", required=True, help="the command under test")
    parser.add_argument("--guests", required=True, help="where the built guests are")
    parser.add_argument("--work", required=True, help="where to leave traces and output")
    return parser


class Guest:
    """One section of guests.cfg."""

    def __init__(self, name, section):
        self.name = name
        self.groups = section["groups"].split()
        self.exit = int(section["exit"])
        self.timeout = int(section["timeout"])
        self.file = name + (".bin" if section["firmware"] else ".elf")
        self.options = section["options"].split()
        self.append, self.modules = section["append"], section["modules"]
        self.stdin = section["stdin"].encode().decode("unicode_escape")
        self.firmware = section["firmware"]
        self.kvm, self.tsc = section["kvm"], bool(section["tsc"])
        self.expected = os.path.join(GUESTS, "expected", name + ".txt")

    @staticmethod
    def variables(driver):
        """The file of a chip for variables as it is before the first start."""
        path = driver.path("variables.fd")
        with open(path, "wb") as f:
            f.write(b"a store for variables\n\0".ljust(0x10000, b"\x55"))
        return path

    def command(self, driver):
        """The words that make vcr run it."""
        option = "-" + (self.firmware or "kernel")
        words = [option, driver.guest(self.file)]
        if self.firmware == "pflash":
            words += [option, self.variables(driver)]
        if self.append:
            words += ["-append", self.append]
        if self.modules:
            parts = [os.path.join(GUESTS, part) for part in self.modules.split(",")]
            words += ["-initrd", ",".join(parts)]
        return words + self.options


def guests_load():
    config = configparser.ConfigParser(interpolation=None)
    with open(os.path.join(GUESTS, "guests.cfg"), encoding="utf-8") as f:
        config.read_file(f)
    return {name: Guest(name, config[name]) for name in config.sections()}
