#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Choosing an accelerator on the command line, and what `vcr accel` and `vcr capabilities` say; the
latter against libvirt's own schema, where its package can be had."""

import os
import re
import shutil
import subprocess
import sys

import driver



def built_in(d):
    """The accelerators that -accel help lists, each with whether it is usable."""
    done = d.run("run", "-accel", "help")
    d.expect("-accel help", done, driver.OK, 0)
    lines = re.findall(r"^(\w+) +(.*)$", done.out, re.M)
    d.check("-accel help lists all that there are",
            {name for name, _ in lines} == {"kvm", "tcg", "whpx"}, done)
    d.check("-accel help gives reasons", all(
        "usable here" in text or "not built in: " in text for _, text in lines), done)
    same = d.run("run", "-machine", "accel=help")
    d.check("-machine accel=help is the same", same.out == done.out, same)
    return {name: text for name, text in lines}


def choice(d, accels):
    hello = ["-kernel", d.guest("hello.elf")] + driver.DEBUG_EXIT
    done = d.run("run", "-accel", "tcg", *hello)
    d.expect("the first one says nothing", done, 33, 1)
    absent = [name for name, text in accels.items() if "not built in" in text]
    for words in (["-accel", "{}:tcg"], ["-machine", "pc,accel={}:tcg"],
                  ["-accel", "{}", "-accel", "tcg"]):
        for name in absent:
            words = [word.format(name) for word in words]
            done = d.run("run", *words, *hello)
            d.expect(" ".join(words), done, 33, 2)
            d.check(f"{' '.join(words)}: says why", done.err.startswith(
                f"vcr: using -accel tcg, because {name}: not built in: "), done)
    table = [
        ("steam", driver.USAGE, "steam: there is no such accelerator"),
        ("", driver.USAGE, "a name is missing"),
        ("tcg:", driver.USAGE, "a name is missing"),
        ("steam::tcg", driver.USAGE, "a name is missing"),
        ("tcg,thread", driver.USAGE, "thread needs a value (thread=single)"),
        ("tcg,thread=multi", driver.USAGE, "use thread=single"),
        ("tcg,colour=blue", driver.USAGE, "known: thread=single"),
    ]
    if "not built in" not in accels["kvm"]:
        table += [("kvm,kernel-irqchip=on:tcg", driver.USAGE, "cannot be recorded"),
                  ("kvm,kernel-irqchip=split:tcg", driver.USAGE, "local APIC cannot be recorded")]
        done = d.run("run", "-accel", "kvm,kernel-irqchip=off:tcg", *hello)
        d.expect("kernel-irqchip=off", done, 33)
        done = d.run("run", "-machine", "pc,kernel-irqchip=split", *hello)
        d.expect("-machine kernel-irqchip=split", done, driver.USAGE, 1)
        if "not usable" in accels["kvm"]:
            table.append(("kvm", driver.HOST, "/dev/kvm"))
    for name, status, words in table:
        done = d.run("run", "-accel", name, *hello)
        if d.expect(f"-accel {name}", done, status, 1):
            d.check(f"-accel {name}: says why", words in done.err, done, f"no '{words}'")


def accel_table(d, accels):
    done = d.run("accel")
    d.expect("vcr accel", done, driver.OK, 0)
    rows = {line[:22].strip(): line[22:].split("  ") for line in done.out.split("\n\n")[0].split("\n")}
    cells = {name: [cell.strip() for cell in row if cell.strip()] for name, row in rows.items()}
    d.check("vcr accel: a column for each", cells[""] == list(accels), done)
    d.check("vcr accel: every row is whole",
            all(len(row) == len(accels) for row in cells.values()), done)
    usable = ["no" if "not " in text else "yes" for text in accels.values()]
    d.check("vcr accel: usable as -accel help says", cells["usable here"] == usable, done)
    d.check("vcr accel: tcg counts instructions", cells["counts instructions"][
        list(accels).index("tcg")] == "yes", done)
    for name in accels:
        d.check(f"vcr accel: {name} is tested, or says why not", re.search(
            rf"^{name}: (tested by|not built in: ).", done.out, re.M), done)
    d.expect("vcr accel with a word", d.run("accel", "kvm"), driver.USAGE, 1)


def capabilities(d, accels):
    done = d.run("capabilities")
    d.expect("vcr capabilities", done, driver.OK, 0)
    kvm = "not " not in accels["kvm"]
    d.check("a domain type for tcg", "<domain type='qemu'/>" in done.out, done)
    d.check("and for kvm, where it is usable", ("<domain type='kvm'/>" in done.out) == kvm, done)
    path = os.path.realpath(d.vcr)
    if d.windows:
        path = path.replace("/", "\\")
    d.check("the emulator's path", f"{path}</emulator>" in done.out, done)
    odd = d.path("a & b's vcr.exe" if d.windows else "a & <b>'s vcr")
    shutil.copy(d.vcr, odd)
    vcr, d.vcr = d.vcr, odd
    strange = d.run("capabilities")
    d.vcr = vcr
    os.unlink(odd)
    d.check("a path with special characters",
            ("a &amp; b&apos;s vcr" if d.windows else "a &amp; &lt;b&gt;&apos;s vcr") in strange.out,
            strange)
    d.expect("vcr capabilities with a word", d.run("capabilities", "all"), driver.USAGE, 1)
    if not shutil.which("xmllint"):
        d.skip("no xmllint here (Debian package libxml2-utils)")
        return
    made = d.packages("--schemas")
    if not made:
        return
    schema = os.path.join(made[0], "capability.rng")
    for name, text in (("capabilities", done.out), ("special characters", strange.out),
                       ("nonsense", done.out.replace("<os_type>hvm", "<os_type>vm"))):
        lint = subprocess.run(["xmllint", "--noout", "--relaxng", schema, "-"], input=text,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        d.check(f"{name}: libvirt's schema", (lint.returncode == 0) == (name != "nonsense"),
                driver.Done(lint.args, "", lint.returncode, text, lint.stdout))


def main():
    arguments = driver.arguments_parser(__doc__).parse_args()
    d = driver.Driver(arguments, "selection")
    accels = built_in(d)
    choice(d, accels)
    accel_table(d, accels)
    capabilities(d, accels)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
