# SPDX-License-Identifier: Apache-2.0
"""The Debian boot: recording, replaying, and QEMU doing the same.

Says what recording costs over running, what an event costs in the trace, and how QEMU's own
record and replay (rr) compares.
"""
import json
import os
import shutil
import subprocess
import sys

import common
from common import VCR


def run(table, options, directory):
    common.build("tools/vcr")
    guest = common.debian_guest()
    if not guest:
        print("bench: no Debian kernel to be had, so no boot is measured", file=sys.stderr)
        return
    kernel, initrd = guest
    trace, rr = os.path.join(directory, "boot.vcr"), os.path.join(directory, "boot.rr")
    boot = ["-m", "512", "-kernel", kernel, "-initrd", initrd, "-append", "console=ttyS0"]
    qemu = shutil.which("qemu-system-x86_64")
    contestants = {
        "run": [VCR, "run", "-rtc", "base=2026-01-01"] + boot,
        "record": [VCR, "record", "-rtc", "base=2026-01-01", "-o", trace] + boot,
        "replay": [VCR, "replay", trace],
        "replay --devices": [VCR, "replay", "--devices", trace],
        "replay --cpu": [VCR, "replay", "--cpu", trace],
    }
    if qemu:
        qemu_boot = [qemu, "-nographic", "-no-reboot", "-net", "none"] + boot
        icount = "shift=1,rrfile=" + rr
        contestants["qemu"] = qemu_boot + ["-accel", "tcg,thread=single"]
        contestants["qemu rr=record"] = qemu_boot + ["-icount", icount + ",rr=record"]
        contestants["qemu rr=replay"] = qemu_boot + ["-icount", icount + ",rr=replay"]
    times = common.alternate(contestants, options.runs)
    stat = json.loads(subprocess.run([VCR, "stat", "--json", trace], check=True,
                                     stdout=subprocess.PIPE).stdout)
    event_bytes = stat["file_bytes"] - stat["head_bytes"]
    record = times["record"]
    table.row("boot, not recording", f"{times['run'].real:.2f} s")
    table.times("boot, recording", record, times["run"], "not recording", "at most 1.05")
    table.times("replay", times["replay"], record, "recording", "at most 1.0")
    for mode in ("replay --devices", "replay --cpu"):
        table.times(mode, times[mode], record, "recording")
    table.row("instructions a second, recording", f"{stat['insns'] / record.real / 1e6:.1f} M",
              aim="at least 60 M")
    table.row("instructions a cpu second", f"{stat['insns'] / record.cpu / 1e6:.1f} M")
    table.row("events", f"{stat['events']:,}")
    table.row("trace without images", f"{event_bytes:,} B")
    table.row("bytes per event", f"{event_bytes / stat['events']:.3f}", aim="at most 1.0")
    if qemu:
        table.times("boot, QEMU TCG, one thread", times["qemu"], record, "our recording")
        table.times("boot, QEMU rr=record", times["qemu rr=record"], record, "our recording")
        table.times("boot, QEMU rr=replay", times["qemu rr=replay"], times["replay"], "our replay")
        table.row("QEMU's rr log", f"{os.path.getsize(rr):,} B", os.path.getsize(rr) / event_bytes,
                  to="our events")
