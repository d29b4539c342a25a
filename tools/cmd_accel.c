/* SPDX-License-Identifier: Apache-2.0 */
/* vcr accel: what accelerators there are, whether they work here, and what each can do. */
#include <stdio.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "tools/command.h"

#define LABEL   22
#define COLUMN  17
#define COLUMNS 8

/* One accelerator, built in or not: a column of the table. */
struct column {
	const char *name, *platform;
	const struct accel_class *class; /* NULL: not built in */
	const char *why;                 /* it cannot be used here; NULL: it can */
};

static unsigned columns_collect(struct column c[COLUMNS])
{
	unsigned n = 0;

	for (unsigned i = 0; accel_classes[i] && n < COLUMNS; i++, n++)
		c[n] = (struct column){accel_classes[i]->name, accel_classes[i]->platform,
				       accel_classes[i], accel_classes[i]->probe()};
	for (const struct accel_absent *a = accel_absent; a->name && n < COLUMNS; a++, n++)
		c[n] = (struct column){a->name, a->platform, NULL, a->why};
	return n;
}

static void cell(const struct column *c, const struct column *end, const char *text)
{
	if (c + 1 == end)
		puts(text);
	else
		printf("%-*s", COLUMN, text);
}

static void table_print(const struct column *c, const struct column *end)
{
	const struct column *i;

	printf("%-*s", LABEL, "");
	for (i = c; i < end; i++)
		cell(i, end, i->name);
	printf("%-*s", LABEL, "platform");
	for (i = c; i < end; i++)
		cell(i, end, i->platform);
	printf("%-*s", LABEL, "built in");
	for (i = c; i < end; i++)
		cell(i, end, i->class ? "yes" : "no");
	printf("%-*s", LABEL, "usable here");
	for (i = c; i < end; i++)
		cell(i, end, i->why ? "no" : "yes");
	for (const struct accel_capability *a = accel_capabilities; a->name; a++) {
		printf("%-*s", LABEL, a->name);
		for (i = c; i < end; i++)
			cell(i, end, !i->class ? "-" : i->class->flags & a->flag ? "yes" : "no");
	}
}

static void remarks_print(const struct column *c, const struct column *end)
{
	for (; c < end; c++) {
		const char *remark =
		    c->class && !c->why && c->class->remark ? c->class->remark() : NULL;

		putchar('\n');
		if (c->class)
			printf("%s: %s\n", c->name, c->class->description);
		if (c->why)
			printf("%s: %s: %s\n", c->name,
			       c->class ? "not usable here" : "not built in", c->why);
		if (remark)
			printf("%s: %s\n", c->name, remark);
		if (c->class)
			printf("%s: tested by %s\n", c->name, c->class->tested);
	}
}

static int run_accel(int argc, char **argv)
{
	struct column column[COLUMNS];
	unsigned n;

	if (argc > 1)
		return command_usage("accel", "what is '%s' for?", argv[1]);
	n = columns_collect(column);
	table_print(column, column + n);
	remarks_print(column, column + n);
	return 0;
}

const struct command cmd_accel = {
    .name = "accel",
    .summary = "show accelerators, and what each can do here",
    .help = "usage: vcr accel\n\n"
	    "Prints a table of the accelerators that -accel takes.\n\n"
	    "  counts instructions  positions and virtual time are counted in instructions;\n"
	    "                       otherwise positions are exits and time is the host's clock\n"
	    "  single-step          a position between two exits can be reached\n"
	    "  read-only memory     ROM is mapped, and only writes to it exit\n"
	    "  dirty log            which pages the guest wrote is known\n"
	    "  MSR exits            MSRs are answered by vcr\n"
	    "  RDTSC exits          so is the time stamp counter\n"
	    "  sets boot registers  the hypervisor does, and vcr leaves them alone\n",
    .run = run_accel,
};
