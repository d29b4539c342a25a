/* SPDX-License-Identifier: Apache-2.0 */
/* The options that describe a machine and its outside; see options.h. */
#include "tools/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "emulator/accel/accel.h"
#include "emulator/host/file.h"
#include "emulator/host/os.h"
#include "tools/command.h"

#define IMAGE_MAX (2ull << 30)

enum option_code {
	OPT_MACHINE = 1000,
	OPT_ACCEL,
	OPT_CPU,
	OPT_MEMORY,
	OPT_DEVICE,
	OPT_NO_REBOOT,
	OPT_KERNEL,
	OPT_INITRD,
	OPT_APPEND,
	OPT_BIOS,
	OPT_PFLASH,
	OPT_DRIVE,
	OPT_SERIAL,
	OPT_DEBUGCON,
	OPT_RTC,
	OPT_TIMEOUT,
	OPT_MAX_INSNS,
	OPT_OUTPUT,
	OPT_LOG,
	OPT_LOG_FILE,
	OPT_PERFMAP,
	OPT_NOTHING, /* QEMU's, without meaning here */
	OPT_NOTHING_VALUE,
};

static const struct option options[] = {
    {"machine", required_argument, NULL, OPT_MACHINE},
    {"M", required_argument, NULL, OPT_MACHINE},
    {"accel", required_argument, NULL, OPT_ACCEL},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"m", required_argument, NULL, OPT_MEMORY},
    {"device", required_argument, NULL, OPT_DEVICE},
    {"no-reboot", no_argument, NULL, OPT_NO_REBOOT},
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"initrd", required_argument, NULL, OPT_INITRD},
    {"append", required_argument, NULL, OPT_APPEND},
    {"bios", required_argument, NULL, OPT_BIOS},
    {"pflash", required_argument, NULL, OPT_PFLASH},
    {"drive", required_argument, NULL, OPT_DRIVE},
    {"serial", required_argument, NULL, OPT_SERIAL},
    {"debugcon", required_argument, NULL, OPT_DEBUGCON},
    {"rtc", required_argument, NULL, OPT_RTC},
    {"timeout", required_argument, NULL, OPT_TIMEOUT},
    {"max-insns", required_argument, NULL, OPT_MAX_INSNS},
    {"o", required_argument, NULL, OPT_OUTPUT},
    {"output", required_argument, NULL, OPT_OUTPUT},
    {"d", required_argument, NULL, OPT_LOG},
    {"D", required_argument, NULL, OPT_LOG_FILE},
    {"perfmap", no_argument, NULL, OPT_PERFMAP},
    {"nographic", no_argument, NULL, OPT_NOTHING},
    {"nodefaults", no_argument, NULL, OPT_NOTHING},
    {"display", required_argument, NULL, OPT_NOTHING_VALUE},
    {"monitor", required_argument, NULL, OPT_NOTHING_VALUE},
    {"vga", required_argument, NULL, OPT_NOTHING_VALUE},
    {"net", required_argument, NULL, OPT_NOTHING_VALUE},
    {NULL, 0, NULL, 0},
};

#define SERIAL_CHANNELS  2
#define DEBUGCON_CHANNEL 2

/* Names of input files, read when all options are known. */
struct images {
	const char *kernel, *initrd, *bios;
	const char *pflash[MACHINE_PFLASH]; /* by unit */
	bool pflash_writable[MACHINE_PFLASH];
	unsigned serials;
};

static int replace(char **string, const char *value, struct error *e)
{
	free(*string);
	*string = strdup(value);
	return *string ? 0 : error_set(e, ERROR_HOST, "out of memory");
}

/* Splits "a,b,c" in place: returns the part and moves on; NULL at the end. */
static char *next_part(char **rest)
{
	char *part = *rest;

	if (!part)
		return NULL;
	*rest = strchr(part, ',');
	if (*rest)
		*(*rest)++ = 0;
	return part;
}

/* ---- -machine, -accel, -cpu, -device: with lists ---- */

static void list_boards(void)
{
	for (unsigned i = 0; board_classes[i]; i++)
		printf("%-12s %s\n", board_classes[i]->name, board_classes[i]->description);
}

static void list_accels(void)
{
	for (unsigned i = 0; accel_classes[i]; i++) {
		const char *why = accel_classes[i]->probe();
		char values[192];

		printf("%-12s %s; %s%s\n", accel_classes[i]->name, accel_classes[i]->description,
		       why ? "not usable here: " : "usable here", why ? why : "");
		for (const struct accel_property *p = accel_classes[i]->properties; p && p->name;
		     p++)
			printf("    %s=%s\n", p->name,
			       accel_property_values(p, values, sizeof(values)));
	}
	for (const struct accel_absent *a = accel_absent; a->name; a++)
		printf("%-12s not built in: %s\n", a->name, a->why);
}

static void list_cpus(void)
{
	for (const char *const *name = cpu_model_names(); *name; name++)
		puts(*name);
}

static void list_devices(void)
{
	for (unsigned i = 0; device_classes[i]; i++) {
		const struct device_class *d = device_classes[i];

		if (!d->user)
			continue;
		printf("%-16s %s\n", d->name, d->description);
		for (const struct device_property *p = d->properties; p && p->name; p++)
			printf("    %s=0x%llx  %s\n", p->name, (unsigned long long)p->value,
			       p->help);
	}
}

static bool wants_list(struct session_options *o, const char *value, void (*list)(void))
{
	if (strcmp(value, "help") && strcmp(value, "?"))
		return false;
	list();
	o->listed = true;
	return true;
}

/* The first -accel replaces the default; one more is one more to try after those before. */
static int accel_add(struct session_options *o, const char *list, struct error *e)
{
	char *both;

	if (!o->accel_given) {
		o->accel_given = true;
		return replace(&o->accel, list, e);
	}
	if (asprintf(&both, "%s:%s", o->accel, list) < 0)
		return error_set(e, ERROR_HOST, "out of memory");
	free(o->accel);
	o->accel = both;
	return 0;
}

static int parse_machine(struct session_options *o, char *value, struct error *e)
{
	char *rest = value, *part;

	if (wants_list(o, value, list_boards))
		return 0;
	while ((part = next_part(&rest))) {
		if (!strncmp(part, "accel=", 6)) {
			if (wants_list(o, part + 6, list_accels))
				return 0;
			if (accel_add(o, part + 6, e))
				return -1;
		} else if (!strncmp(part, "kernel-irqchip=", 15)) {
			/* As in QEMU, a property of the accelerator that may be given here. */
			if (accel_property_check("kernel-irqchip", part + 15, e))
				return -1;
		} else if (!strcmp(part, "rom-device=on") || !strcmp(part, "rom-device=off")) {
			o->machine.rom_exits = !strcmp(part + 11, "off");
		} else if (!strncmp(part, "type=", 5) || (!strchr(part, '=') && part == value)) {
			if (replace(&o->machine.board, part + (strncmp(part, "type=", 5) ? 0 : 5),
				    e))
				return -1;
		} else {
			return error_set(e, ERROR_USAGE,
					 "-machine: unknown property '%s' (NAME[,accel=ACCELERATOR]"
					 "[,rom-device=on|off])",
					 part);
		}
	}
	return 0;
}

static int parse_accel(struct session_options *o, const char *value, struct error *e)
{
	if (wants_list(o, value, list_accels))
		return 0;
	return accel_add(o, strncmp(value, "accel=", 6) ? value : value + 6, e);
}

static int parse_log(struct session_options *o, const char *value, struct error *e)
{
	int status = log_items_parse(&o->machine.log, value, e);

	if (status > 0)
		o->listed = true;
	return status < 0 ? -1 : 0;
}

static int parse_device(struct session_options *o, const char *value, struct error *e)
{
	if (wants_list(o, value, list_devices))
		return 0;
	if (o->machine.devices == MACHINE_DEVICES)
		return error_set(e, ERROR_USAGE, "-device: at most %d", MACHINE_DEVICES);
	o->machine.device[o->machine.devices] = strdup(value);
	if (!o->machine.device[o->machine.devices])
		return error_set(e, ERROR_HOST, "out of memory");
	o->machine.devices++;
	return 0;
}

/* ---- flash ---- */

static int pflash_add(struct images *i, unsigned unit, const char *path, bool writable,
		      struct error *e)
{
	if (unit >= MACHINE_PFLASH)
		return error_set(e, ERROR_USAGE, "%s: the board has %d flash chips, unit 0 and 1",
				 path, MACHINE_PFLASH);
	if (i->pflash[unit])
		return error_set(e, ERROR_USAGE, "%s: flash chip %u is %s already", path, unit,
				 i->pflash[unit]);
	i->pflash[unit] = path;
	i->pflash_writable[unit] = writable;
	return 0;
}

/* The first is the code, which is not to change, the second one the variables. */
static int parse_pflash(struct images *i, const char *value, struct error *e)
{
	unsigned unit = 0;

	while (unit < MACHINE_PFLASH && i->pflash[unit])
		unit++;
	return pflash_add(i, unit, value, unit > 0, e);
}

static bool is_switch(const char *part, const char *name, bool *on)
{
	size_t length = strlen(name);

	if (strncmp(part, name, length))
		return false;
	if (strcmp(part + length, "=on") && strcmp(part + length, "=off") && part[length])
		return false;
	*on = strcmp(part + length, "=off") != 0;
	return true;
}

/* QEMU's way to say the same: if=pflash[,unit=N][,readonly=on],file=FILE. */
static int parse_drive(struct images *i, char *value, struct error *e)
{
	bool flash = false, read_only = false;
	unsigned unit = 0;
	const char *path = NULL, *number = NULL;
	char *part;

	while ((part = next_part(&value))) {
		if (!strcmp(part, "if=pflash"))
			flash = true;
		else if (!strncmp(part, "file=", 5))
			path = part + 5;
		else if (!strcmp(part, "unit=0") || !strcmp(part, "unit=1"))
			number = part + 5;
		else if (strcmp(part, "format=raw") && !is_switch(part, "readonly", &read_only) &&
			 !is_switch(part, "read-only", &read_only))
			return error_set(e, ERROR_USAGE,
					 "-drive: '%s' is not possible here (if=pflash,format=raw,"
					 "unit=0|1,readonly=on|off,file=FILE)",
					 part);
	}
	if (!flash || !path || !*path)
		return error_set(e, ERROR_USAGE,
				 "-drive: only flash can be given so (if=pflash,file=FILE)");
	if (number)
		unit = *number == '1';
	else if (i->pflash[0])
		unit = 1;
	return pflash_add(i, unit, path, !read_only, e);
}

/* ---- numbers and dates ---- */

static int parse_memory(struct session_options *o, const char *value, struct error *e)
{
	const char *number = strncmp(value, "size=", 5) ? value : value + 5;
	unsigned shift = 20;
	char *end;
	uint64_t n;

	errno = 0;
	n = strtoull(number, &end, 10);
	if (*end && strchr("kKmMgG", *end)) {
		shift = strchr("kK", *end) ? 10 : strchr("mM", *end) ? 20 : 30;
		end++;
	}
	if (end == number || *end || errno || *number == '-' || n > (UINT64_MAX >> shift))
		return error_set(e, ERROR_USAGE, "-m %s: is no size (MiB, or with suffix M or G)",
				 value);
	o->machine.ram_size = n << shift;
	return 0;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar; January and February end a year. */
static int64_t days_since_1970(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1;
	int m = month > 2 ? month - 3 : month + 9;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

/* YYYY-MM-DD, with THH:MM:SS or without, into nanoseconds since 1970 UTC. */
static bool parse_date(const char *text, int64_t *ns)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, hour = 0, minute = 0, second = 0, used = 0;
	bool leap;

	if (strspn(text, "0123456789-T:") != strlen(text) ||
	    sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3)
		return false;
	text += used;
	used = 0;
	if (*text && sscanf(text, "T%2d:%2d:%2d%n", &hour, &minute, &second, &used) != 3)
		return false;
	leap = (year % 4 == 0 && year % 100) || year % 400 == 0;
	if (text[used] || year < 1 || month < 1 || month > 12 || day < 1 ||
	    day > days[month - 1] + (leap && month == 2) || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 59)
		return false;
	/* 64 bits of nanoseconds reach from 1678 to 2261. */
	if (year < 1678 || year > 2261)
		return false;
	*ns = (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) *
	      1000000000;
	return true;
}

static int parse_rtc_base(struct session_options *o, const char *value, struct error *e)
{
	o->live.base_fixed = o->live.local_time = false;
	if (!strcmp(value, "utc"))
		return 0;
	if (!strcmp(value, "localtime")) {
		o->live.local_time = true;
		return 0;
	}
	if (!parse_date(value, &o->live.base_ns))
		return error_set(
		    e, ERROR_USAGE,
		    "-rtc base=%s: is neither utc, localtime nor YYYY-MM-DD[THH:MM:SS] "
		    "(years 1678 to 2261)",
		    value);
	o->live.base_fixed = true;
	return 0;
}

static int parse_rtc(struct session_options *o, char *value, struct error *e)
{
	char *part;

	while ((part = next_part(&value))) {
		if (!strncmp(part, "base=", 5)) {
			if (parse_rtc_base(o, part + 5, e))
				return -1;
		} else if (!strcmp(part, "pace=real") || !strcmp(part, "pace=virtual")) {
			o->live.pace_real = part[5] == 'r';
		} else {
			return error_set(e, ERROR_USAGE,
					 "-rtc: unknown '%s' (base=..., pace=virtual|real)", part);
		}
	}
	return 0;
}

static int parse_timeout(struct session_options *o, const char *value, struct error *e)
{
	char *end;

	o->live.timeout = strtod(value, &end);
	if (end == value || *end || !(o->live.timeout > 0 && o->live.timeout < 1e9))
		return error_set(e, ERROR_USAGE, "--timeout %s: is no number of seconds above 0",
				 value);
	return 0;
}

/* ---- images ---- */

static int add_image(struct session_options *o, const char *option, enum image_role role,
		     const char *path, const char *name, struct error *e)
{
	struct image *i = &o->machine.image[o->machine.images];

	if (o->machine.images == MACHINE_IMAGES)
		return error_set(e, ERROR_USAGE, "%s: at most %d images", option, MACHINE_IMAGES);
	if (file_read(option, path, IMAGE_MAX, &i->data, &i->size, e))
		return -1;
	i->role = role;
	i->name = strdup(name);
	o->machine.images++;
	return i->name ? 0 : error_set(e, ERROR_HOST, "out of memory");
}

static bool file_is_there(const char *path)
{
	os_file f = os_file_open(path, false);

	if (f != OS_FILE_NONE)
		os_file_close(f);
	return f != OS_FILE_NONE;
}

/* Ends "FILE ARGS" behind FILE: the longest start, up to a space, that is a file's name. */
static void cut_arguments(char *part)
{
	char *end = part + strlen(part);

	while (!file_is_there(part)) {
		char *space = strrchr(part, ' ');

		if (!space) {
			/* There is none: the message is to have the first word, as it mostly is. */
			*end = 0;
			return;
		}
		*space = 0;
		end = space;
	}
}

/* "FILE", or for multiboot "FILE ARGS,FILE ARGS"; a file whose name has a space or comma wins. */
static int add_initrds(struct session_options *o, const char *value, struct error *e)
{
	char *copy, *rest, *part;
	int result = 0;

	if (file_is_there(value))
		return add_image(o, "-initrd", IMAGE_INITRD, value, value, e);
	copy = rest = strdup(value);
	if (!copy)
		return error_set(e, ERROR_HOST, "out of memory");
	while (!result && (part = next_part(&rest))) {
		char *name = strdup(part);

		cut_arguments(part);
		result = name ? add_image(o, "-initrd", IMAGE_INITRD, part, name, e)
			      : error_set(e, ERROR_HOST, "out of memory");
		free(name);
	}
	free(copy);
	return result;
}

static int add_pflashes(struct session_options *o, const struct images *i, struct error *e)
{
	for (unsigned unit = 0; unit < MACHINE_PFLASH && i->pflash[unit]; unit++) {
		const char *path = i->pflash[unit];

		if (add_image(o, "-pflash", IMAGE_PFLASH, path, path, e))
			return -1;
		o->machine.pflash[o->machine.pflashes++] =
		    i->pflash_writable[unit] ? PFLASH_WRITABLE : PFLASH_READ_ONLY;
		o->live.store[unit] = i->pflash_writable[unit] ? path : NULL;
	}
	return 0;
}

static int read_images(struct session_options *o, const struct images *i, struct error *e)
{
	if (i->pflash[1] && !i->pflash[0])
		return error_set(e, ERROR_USAGE,
				 "%s: flash chip 1 needs chip 0, where the vCPU starts",
				 i->pflash[1]);
	if (!i->kernel && !i->bios && !i->pflash[0])
		return error_set(e, ERROR_USAGE,
				 "nothing to run: give -kernel FILE, -bios FILE or -pflash FILE");
	if (i->initrd && !i->kernel)
		return error_set(e, ERROR_USAGE, "-initrd needs -kernel");
	if (o->machine.append && !i->kernel)
		return error_set(e, ERROR_USAGE, "-append needs -kernel");
	if (i->kernel && add_image(o, "-kernel", IMAGE_KERNEL, i->kernel, i->kernel, e))
		return -1;
	if (i->initrd && add_initrds(o, i->initrd, e))
		return -1;
	if (i->bios && add_image(o, "-bios", IMAGE_BIOS, i->bios, i->bios, e))
		return -1;
	return add_pflashes(o, i, e);
}

/* ---- the command line ---- */

static int parse_one(struct session_options *o, struct images *i, int option, char *value,
		     struct error *e)
{
	switch (option) {
	case OPT_MACHINE:
		return parse_machine(o, value, e);
	case OPT_ACCEL:
		return parse_accel(o, value, e);
	case OPT_CPU:
		return wants_list(o, value, list_cpus) ? 0 : replace(&o->machine.cpu, value, e);
	case OPT_MEMORY:
		return parse_memory(o, value, e);
	case OPT_DEVICE:
		return parse_device(o, value, e);
	case OPT_LOG:
		return parse_log(o, value, e);
	case OPT_LOG_FILE:
		return log_output_file(&o->log, value, e);
	case OPT_PERFMAP:
		return log_output_perfmap(&o->log, &o->machine.log, e);
	case OPT_NO_REBOOT:
		o->machine.no_reboot = true;
		return 0;
	case OPT_KERNEL:
		i->kernel = value;
		return 0;
	case OPT_INITRD:
		i->initrd = value;
		return 0;
	case OPT_APPEND:
		return replace(&o->machine.append, value, e);
	case OPT_BIOS:
		i->bios = value;
		return 0;
	case OPT_PFLASH:
		return parse_pflash(i, value, e);
	case OPT_DRIVE:
		return parse_drive(i, value, e);
	case OPT_SERIAL:
		if (i->serials == SERIAL_CHANNELS)
			return error_set(e, ERROR_USAGE, "-serial: the board has %d ports",
					 SERIAL_CHANNELS);
		return live_channel_parse(&o->live, i->serials++, value, e);
	case OPT_DEBUGCON:
		return live_channel_parse(&o->live, DEBUGCON_CHANNEL, value, e);
	case OPT_RTC:
		return parse_rtc(o, value, e);
	case OPT_TIMEOUT:
		return parse_timeout(o, value, e);
	case OPT_MAX_INSNS:
		return position_parse(value, &o->max_insns) && o->max_insns
			   ? 0
			   : error_set(e, ERROR_USAGE, "--max-insns %s: is no number above 0",
				       value);
	case OPT_OUTPUT:
		o->output = value;
		return 0;
	default:
		return 0;
	}
}

int options_parse(struct session_options *o, int argc, char **argv, struct error *e)
{
	struct images images = {0};

	memset(o, 0, sizeof(*o));
	machine_config_init(&o->machine);
	o->accel = strdup("tcg");
	o->max_insns = UINT64_MAX;
	o->live.channel[0].kind = LIVE_STDIO;
	o->machine.log.write = log_output_write;
	o->machine.log.opaque = &o->log;
	opterr = 0;
	optind = 0; /* from the start, whatever was parsed before */
	for (;;) {
		int option = getopt_long_only(argc, argv, ":", options, NULL);

		if (option == -1)
			break;
		if (option == ':')
			return error_set(e, ERROR_USAGE, "option %s needs a value",
					 argv[optind - 1]);
		if (option == '?')
			return error_set(e, ERROR_USAGE,
					 "unknown option %s (vcr %s --help lists them)",
					 argv[optind - 1], argv[0]);
		if (parse_one(o, &images, option, optarg, e))
			return -1;
		if (o->listed)
			return 0;
	}
	if (optind < argc)
		return error_set(e, ERROR_USAGE,
				 "what is '%s' for? (vcr %s --help; images are given with -kernel, "
				 "-bios or -pflash)",
				 argv[optind], argv[0]);
	return read_images(o, &images, e);
}

void options_free(struct session_options *o)
{
	machine_config_free(&o->machine);
	log_output_close(&o->log);
	free(o->accel);
}
