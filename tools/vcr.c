/* SPDX-License-Identifier: Apache-2.0 */
/* vcr, the vCPU recorder: finds the command and runs it. */
#include <stdio.h>
#include <string.h>

#include "emulator/host/os.h"
#include "tools/command.h"

static const struct command *const commands[] = {
    &cmd_record,  &cmd_run,    &cmd_replay, &cmd_dump,         &cmd_stat,     &cmd_diff,
    &cmd_compare, &cmd_verify, &cmd_accel,  &cmd_capabilities,
#ifdef VCR_FUZZ
    &cmd_repro,   &cmd_import, &cmd_export, &cmd_qtest,        &cmd_minimise, &cmd_fuzz,
#endif
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(FILE *f)
{
	fputs("vcr, the vCPU recorder: runs an x86-64 guest, records everything that crosses the\n"
	      "edge of its vCPU and devices, and replays it exactly.\n\n"
	      "usage: vcr COMMAND [OPTIONS]\n\n",
	      f);
	for (size_t i = 0; i < COMMANDS; i++)
		fprintf(f, "  %-12s %s\n", commands[i]->name, commands[i]->summary);
	fputs("\n  vcr COMMAND --help says more; so does the manual page, vcr(1).\n\n"
	      "Record and replay a Linux boot:\n"
	      "  vcr record -m 512 -kernel vmlinuz -initrd initrd.gz -append console=ttyS0 -o "
	      "boot.vcr\n"
	      "  vcr replay boot.vcr\n\n"
	      "Exit status: 0 success, 1 a replay or comparison differs, 2 usage, 3 bad trace,\n"
	      "4 host failure; record and run: the guest's own where isa-debug-exit gave one.\n",
	      f);
	return 0;
}

static bool is_help(const char *word)
{
	return !strcmp(word, "--help") || !strcmp(word, "-help") || !strcmp(word, "-h");
}

int main(int argc, char **argv)
{
	if (os_start(&argc, &argv)) {
		fprintf(stderr, "vcr: cannot start: %s\n", os_error());
		return ERROR_HOST;
	}
	if (argc < 2) {
		help(stderr);
		return ERROR_USAGE;
	}
	if (is_help(argv[1]) || !strcmp(argv[1], "help"))
		return help(stdout);
	if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-version")) {
		puts("vcr " VCR_VERSION);
		return 0;
	}
	for (size_t i = 0; i < COMMANDS; i++) {
		int status;

		if (strcmp(argv[1], commands[i]->name))
			continue;
		for (int a = 2; a < argc; a++) {
			if (is_help(argv[a])) {
				fputs(commands[i]->help, stdout);
				return 0;
			}
		}
		status = commands[i]->run(argc - 1, argv + 1);
		if (fflush(stdout) && !status) {
			fputs("vcr: cannot write the output (is the disk full, or the pipe "
			      "closed?)\n",
			      stderr);
			return ERROR_HOST;
		}
		return status;
	}
	fprintf(stderr, "vcr: unknown command '%s' (vcr --help lists them)\n", argv[1]);
	return ERROR_USAGE;
}
