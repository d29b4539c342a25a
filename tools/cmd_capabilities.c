/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vcr capabilities: what this host and this program can do, as XML in libvirt's vocabulary
 * (capability.rng), for programs that choose where to run a guest.
 *
 * libvirt names a software processor "qemu" whoever made it, and has no word for whpx.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/host/os.h"
#include "emulator/machine.h"
#include "tools/command.h"
#include "tools/host_cpu.h"

/* Character data or the value of an attribute in single quotes (XML 1.0, 2.4). */
static void put_text(const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", stdout);
			break;
		case '<':
			fputs("&lt;", stdout);
			break;
		case '>':
			fputs("&gt;", stdout);
			break;
		case '\'':
			fputs("&apos;", stdout);
			break;
		default:
			/* Other control characters cannot be in XML at all. */
			putchar((unsigned char)*text < ' ' && *text != '\t' ? '?' : *text);
			break;
		}
	}
}

static void put_element(const char *indent, const char *name, const char *text)
{
	printf("%s<%s>", indent, name);
	put_text(text);
	printf("</%s>\n", name);
}

static void put_host(void)
{
	struct host_cpu c;

	host_cpu_read(&c);
	puts("  <host>\n    <cpu>");
	put_element("      ", "arch", c.arch);
	if (c.model)
		put_element("      ", "model", c.model);
	if (c.vendor)
		put_element("      ", "vendor", c.vendor);
	for (unsigned i = 0; c.feature[i]; i++)
		printf("      <feature name='%s'/>\n", c.feature[i]);
	puts("    </cpu>\n  </host>");
}

static void put_domains(void)
{
	static const struct {
		const char *accel, *type;
	} types[] = {{"kvm", "kvm"}, {"tcg", "qemu"}};

	for (unsigned i = 0; accel_classes[i]; i++) {
		if (accel_classes[i]->probe())
			continue;
		for (size_t n = 0; n < sizeof(types) / sizeof(types[0]); n++) {
			if (!strcmp(accel_classes[i]->name, types[n].accel))
				printf("      <domain type='%s'/>\n", types[n].type);
		}
	}
}

static void put_guest(const char *emulator)
{
	puts("  <guest>\n    <os_type>hvm</os_type>\n    <arch name='x86_64'>");
	puts("      <wordsize>64</wordsize>");
	put_element("      ", "emulator", emulator);
	for (unsigned i = 0; board_classes[i]; i++) {
		fputs("      <machine maxCpus='1'>", stdout);
		put_text(board_classes[i]->name);
		puts("</machine>");
	}
	put_domains();
	puts("    </arch>\n    <features>\n      <cpuselection/>\n"
	     "      <acpi default='on' toggle='no'/>\n      <apic default='on' toggle='no'/>\n"
	     "    </features>\n  </guest>");
}

static int run_capabilities(int argc, char **argv)
{
	char emulator[PATH_MAX];
	struct error e = {0};

	if (argc > 1)
		return command_usage("capabilities", "what is '%s' for?", argv[1]);
	if (os_program_path(emulator, sizeof(emulator))) {
		error_set(&e, ERROR_HOST, "cannot find out where vcr is: %s", os_error());
		return command_fail(&e);
	}
	puts("<capabilities>");
	put_host();
	put_guest(emulator);
	puts("</capabilities>");
	return 0;
}

const struct command cmd_capabilities = {
    .name = "capabilities",
    .summary = "print what host and guests can be, as libvirt's XML",
    .help = "usage: vcr capabilities\n\n"
	    "Prints XML that libvirt's capability.rng describes: the host's processor, and for\n"
	    "guests the path of vcr, its boards, and a domain type for each accelerator that is\n"
	    "usable here: qemu stands for tcg, kvm for kvm; whpx has none in that schema.\n",
    .run = run_capabilities,
};
