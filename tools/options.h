/* SPDX-License-Identifier: Apache-2.0 */
/* The options that describe a machine and its outside, as QEMU users know them. */
#ifndef VCR_OPTIONS_H
#define VCR_OPTIONS_H

#include <stdbool.h>

#include "emulator/error.h"
#include "emulator/host/live.h"
#include "emulator/machine.h"
#include "tools/log_output.h"

struct session_options {
	struct machine_config machine;
	struct live_options live;
	struct log_output log;
	char *accel;        /* "a:b,key=value:c" (accel.h) */
	bool accel_given;   /* it is not the default */
	const char *output; /* -o, or NULL */
	uint64_t max_insns; /* UINT64_MAX: no limit */
	bool listed;        /* an option was "help": the list is printed, nothing to do */
};

/* The text about them, for --help. */
#define OPTIONS_HELP                                                                               \
	"The machine:\n"                                                                           \
	"  -machine NAME[,accel=A]  board: pc (-machine help lists them)\n"                        \
	"  -accel A[,KEY=V][:B...]  accelerator, the first usable one of tcg (default), kvm, "     \
	"whpx\n"                                                                                   \
	"                           (-accel help; vcr accel says what each can do)\n"              \
	"  -cpu MODEL[,+F,-F]       x86-64 (default), x86-64-v2, max (-cpu help)\n"                \
	"  -m SIZE                  memory, in MiB or with suffix M or G (default 128)\n"          \
	"  -device NAME[,KEY=VALUE] add a device: isa-debug-exit,iobase=0xf4,iosize=4 (-device "   \
	"help)\n"                                                                                  \
	"  -no-reboot               a reset ends the session\n"                                    \
	"What it runs:\n"                                                                          \
	"  -kernel FILE             a Linux bzImage or a multiboot 1 image\n"                      \
	"  -initrd FILE             its initrd; for multiboot: modules, \"FILE ARGS,FILE ARGS\"\n" \
	"  -append TEXT             its command line\n"                                            \
	"  -bios FILE               firmware, starts at the reset vector\n"                        \
	"  -pflash FILE             the same in flash, read-only; a second time a flash chip "     \
	"for\n"                                                                                    \
	"                           its variables, whose changes are written to FILE\n"            \
	"  -drive if=pflash,unit=0|1,readonly=on|off,file=FILE  a flash chip as QEMU has it\n"     \
	"Its outside:\n"                                                                           \
	"  -serial stdio|file:PATH|none  the first, a second time the second serial port\n"        \
	"  -debugcon stdio|file:PATH|none  the debug console at port 0x402\n"                      \
	"  -rtc base=utc|localtime|YYYY-MM-DD[THH:MM:SS]  what the clock shows at the start\n"     \
	"  -rtc pace=virtual|real   a halted guest jumps to its next timer, or waits for it\n"     \
	"  --timeout SECONDS        end the session after so much real time\n"                     \
	"  --max-insns N            end it after so many instructions\n"                           \
	"  -d ITEM[,ITEM...]        tell what the translator does (-d help lists the items)\n"     \
	"  -D FILE                  into a file, not on the standard error\n"                      \
	"  -perfmap                 name translated blocks for perf, in /tmp/perf-PID.map\n"       \
	"On the console Ctrl-A x ends the session, Ctrl-A p presses the power button,\n"           \
	"Ctrl-A Ctrl-A sends a Ctrl-A.\n"

/* Reads the command line and the image files. Returns 0, or -1 with e filled in. */
int options_parse(struct session_options *o, int argc, char **argv, struct error *e);
void options_free(struct session_options *o);

#endif
