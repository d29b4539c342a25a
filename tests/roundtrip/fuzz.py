#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""vcr fuzz up to the engine and from it on: a checkout whose tools are scripts. (The engines themselves
need a build of many minutes: run "vcr fuzz i8254 --time 1m" for that.)"""

import os
import shutil
import sys

import driver

# What meson, ninja and the target do. The target, as an engine does, leaves findings; given a file, it
# fails in one of two ways, or not.
MESON = """#!/bin/sh
[ "$CC" = clang ] || exit 1
mkdir -p "$3/fuzz" && touch "$3/build.ninja"
cp "$4/target.sh" "$3/fuzz/fuzz_i8254"
cp "$4/target.sh" "$3/fuzz/afl_i8254"
"""
NINJA = """#!/bin/sh
[ "$3" = fuzz/fuzz_i8254 ] || [ "$3" = fuzz/afl_i8254 ] && exit
echo "ninja: error: unknown target '$3'" >&2
exit 1
"""
TARGET = """#!/bin/bash
case "$1" in
-max_total_time=3)
	found=${2#-artifact_prefix=}
	printf '\\xe3\\x35\\x00\\xe0\\x11\\xe0\\x22' >"${found}crash-1"
	printf '\\xe3\\x36\\x00\\xe0\\x11' >"${found}crash-2"
	printf '\\xe0\\x12\\xe3\\x36\\x00\\xe0\\x22' >"${found}crash-3"
	printf '\\xe0\\x12' >"${found}crash-4"
	echo "artifact_prefix='$found'; Test unit written to ${found}crash-4" >&2
	sleep 1.1
	echo "#5: cov: 6 exec/s 7"
	exit 77
	;;
-max_total_time=*)
	exit 0
	;;
esac
at() {
	echo "==1==ERROR: AddressSanitizer: SEGV on unknown address 0x$RANDOM" >&2
	echo "    #0 0x$RANDOM in $1 /x/i8254.c:1" >&2
	exit 1
}
hex=$(od -An -v -tx1 "$1" | tr -d ' \\n')
case "$hex" in
*e022*) at counter_read ;;
*e011*) at counter_write ;;
esac
"""


# afl-fuzz, which refuses what it would not set itself.
AFL = """#!/bin/bash
[ -z "$ASAN_OPTIONS$UBSAN_OPTIONS" ] || { echo "[-] PROGRAM ABORT : Custom ASAN_OPTIONS"; exit 1; }
[ "$1 $3 $5 $6" = "-i -o -V 3" ] && [ -s "$2/empty" ] || exit 1
[ "$AFL_FAIL" ] && { echo "[-] PROGRAM ABORT : no luck"; exit 1; }
mkdir -p "$4/${10}/crashes" "$4/${10}/queue"
printf 'execs_done        : 12\\n' >"$4/${10}/fuzzer_stats"
printf '\\xe3\\x35\\x00\\xe0\\x11\\xe0\\x22' >"$4/${10}/crashes/id:000000,sig:06"
printf '\\xe0\\x22' >"$4/${10}/queue/id:000000"
"""


def write(path, text, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    os.chmod(path, mode)


def main():
    d = driver.Driver(driver.arguments_parser(__doc__.split("\n", maxsplit=1)[0]).parse_args(), "fuzz")
    source, path = d.path("source"), os.environ["PATH"]
    shutil.rmtree(source, ignore_errors=True)
    write(os.path.join(source, "fuzz/target/device.c"), "")
    os.makedirs(os.path.join(source, "corpora/crashes"))
    write(os.path.join(source, "target.sh"), TARGET, 0o755)
    for name, text in (("meson", MESON), ("ninja", NINJA), ("clang", "#!/bin/sh\n"), ("afl-fuzz", AFL)):
        write(os.path.join(source, "bin", name), text, 0o755)

    command = ["fuzz", "i8254", "--time", "3", "--source", source]
    os.environ["PATH"] = d.work
    done = d.run(*command)
    d.expect("no meson", done, driver.HOST, 1)
    d.check("no meson: what to do", "there is no meson" in done.err and "apt-get" in done.err, done)
    os.environ["PATH"] = os.path.join(source, "bin") + ":" + path

    done = d.run(*command)
    d.expect("findings", done, driver.DIVERGED)
    folder = os.path.join(source, "corpora/crashes/i8254")
    kept = []
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            kept.append(f.read())
    d.check("one for each stack, minimised", sorted(kept) == [b"\xe0\x11", b"\xe0\x22"], done, str(kept))
    d.check("what is said", "SEGV in counter_read" in done.out
            and "does not fail when it is run alone" in done.out, done)
    done = d.run(*command)
    d.expect("nothing new", done, driver.OK, 0)
    d.check("nothing new is said", "nothing fails that is not known" in done.out, done)
    d.check("what is known is said", done.out.count("still fails: SEGV in counter_") == 2, done)
    passed = os.path.join(source, "build-fuzz-libfuzzer/passed-i8254")
    d.check("what is known is no seed", not os.listdir(passed), done)
    write(os.path.join(folder, "fixed"), "\xe0\x12")
    done = d.run(*command)
    d.check("what does not fail any more is a seed", os.listdir(passed) == ["fixed"], done)
    done = d.run("fuzz", "i8254", "--time", "3", cwd=os.path.join(source, "corpora"))
    d.expect("from within the checkout", done, driver.OK, 0)

    # No place for findings: a file where their folder would be, or, at the end, no room.
    shutil.rmtree(folder)
    crashes = os.path.dirname(folder)
    os.rename(crashes, crashes + ".aside")
    write(crashes, "")
    done = d.run(*command)
    d.expect("no folder for findings", done, driver.HOST, 1)
    d.check("no folder for findings: which", crashes in done.err, done)
    os.unlink(crashes)
    os.rename(crashes + ".aside", crashes)
    write(folder, "")
    done = d.run(*command)
    d.expect("no folder for these findings", done, driver.HOST, 1)
    d.check("no folder for these findings: which", folder in done.err, done)
    os.unlink(folder)

    done = d.run(*command, "--engine", "afl", "--jobs", "2")
    d.expect("afl", done, driver.DIVERGED, 0)
    d.check("afl: one of the same stack, minimised", len(os.listdir(folder)) == 1, done)
    d.check("afl: what is said", "ran afl-fuzz: execs_done 12" in done.out, done)
    done = d.run(*command, "--engine", "afl", "--jobs", "2")
    d.check("afl: what is known is said once", done.out.count("still fails") == 1, done)
    os.environ["AFL_FAIL"] = "1"
    done = d.run(*command, "--engine", "afl")
    d.expect("afl fails", done, driver.HOST, 1)
    d.check("afl fails: why", "afl-fuzz: no luck" in done.err, done)
    write(os.path.join(source, "build-fuzz-libfuzzer/fuzz/fuzz_i8254"), "#!/bin/sh\n[ $# = 1 ] || exit 9\n", 0o755)
    done = d.run(*command)
    d.expect("a target that does not start", done, driver.HOST, 1)
    d.check("a target that does not start: what to do", "ends at once" in done.err, done)

    done = d.run("fuzz", "i9999", "--time", "3", "--source", source)
    d.expect("no such target", done, driver.USAGE, 1)
    d.check("no such target: why", "i9999: is no fuzz target" in done.err, done)
    write(os.path.join(source, "emulator/device/i9999.c"), "")
    done = d.run("fuzz", "i9999", "--time", "3", "--source", source)
    d.expect("a target that does not build", done, driver.HOST)
    d.check("a target that does not build: why", "unknown target 'fuzz/fuzz_i9999'" in done.err, done)
    for words, status in ((["fuzz"], 2), (["fuzz", "../x"], 2), (["fuzz", "i8254", "--time", "soon"], 2),
                          (["fuzz", "i8254", "--jobs", "0"], 2), (["fuzz", "i8254", "--jobs", "2x"], 2), (["fuzz", "i8254", "--engine", "x"], 2),
                          (["fuzz", "i8254", "--source", d.work + "/no"], 2)):
        d.expect(" ".join(words), d.run(*words), status, 1)
    return d.end()


if __name__ == "__main__":
    sys.exit(main())
