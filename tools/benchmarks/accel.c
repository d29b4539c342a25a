/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exit costs on KVM: the least that a program can do, which answers each exit with ones and
 * enters the guest again; the same with the registers that KVM shows on demand, which have the
 * RIP that a trace needs; a session of vcr; and one that is recorded.
 *
 * The contestants are processes that run one at a time, a piece of some milliseconds each in turn:
 * so that whatever else the host does meets all of them, and is in few pieces only.
 *
 *   accel ROM TRACE PIECES EXITS: runs a ROM of 64 KiB at the reset vector, which makes exits
 * without end. For each piece a line: contestant, and by exit the nanoseconds that passed, that the
 * thread with the vCPU was run, and that other threads of the process were run.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "emulator/host/live.h"
#include "emulator/machine.h"
#include "replay/record.h"

#define RAM_SIZE 0xa0000u
#define ROM_SIZE 0x10000u
#define WARM     50 /* exits before a piece, after others had the caches */

struct piece {
	double real, vcpu, others;
};

static const char *const contestant_name[] = {"bare", "bare with RIP", "run", "record"};
enum { BARE, BARE_RIP, RUN, RECORD, CONTESTANTS };

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* ---- the bare loop ---- */

struct bare {
	int vcpu;
	struct kvm_run *run;
};

static void *map(size_t size, int flags, int fd)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		fail("mmap");
	return at;
}

static void set_slot(int vm, unsigned slot, uint64_t gpa, const void *at, uint64_t size)
{
	struct kvm_userspace_memory_region r = {.slot = slot,
						.guest_phys_addr = gpa,
						.memory_size = size,
						.userspace_addr = (uintptr_t)at};

	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &r))
		fail("KVM_SET_USER_MEMORY_REGION");
}

static struct bare bare_open(const uint8_t *rom, bool shows_rip)
{
	int device = open("/dev/kvm", O_RDWR), vm, size;
	struct bare b;

	if (device < 0)
		fail("/dev/kvm");
	vm = ioctl(device, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_SET_TSS_ADDR, 0xfeffd000ul))
		fail("KVM_CREATE_VM");
	set_slot(vm, 0, 0, map(RAM_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1), RAM_SIZE);
	set_slot(vm, 1, 0x100000 - ROM_SIZE, rom, ROM_SIZE);
	set_slot(vm, 2, 0x100000000 - ROM_SIZE, rom, ROM_SIZE);
	b.vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (b.vcpu < 0 || size <= 0)
		fail("KVM_CREATE_VCPU");
	b.run = map((size_t)size, MAP_SHARED, b.vcpu);
	b.run->kvm_valid_regs = shows_rip ? KVM_SYNC_X86_REGS : 0;
	return b;
}

static void answer(struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset((uint8_t *)run + run->io.data_offset, 0xff,
			       (size_t)run->io.size * run->io.count);
		break;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, run->mmio.len);
		break;
	default:
		fprintf(stderr, "exit reason %u\n", run->exit_reason);
		exit(1);
	}
}

static void bare_run(struct bare *b, unsigned exits)
{
	while (exits--) {
		if (ioctl(b->vcpu, KVM_RUN, 0))
			fail("KVM_RUN");
		answer(b->run);
	}
}

/* ---- vcr ---- */

static struct machine *machine_make(const uint8_t *rom, const char *trace)
{
	struct live_options options = {.pace_real = true};
	struct error e = {0};
	struct host *host = live_open(&options, &e);
	struct recorder *r = host && trace ? recorder_new(host) : NULL;
	struct machine_config config;
	struct machine *m;

	machine_config_init(&config);
	config.image[0] = (struct image){IMAGE_BIOS, strdup("rom"), malloc(ROM_SIZE), ROM_SIZE};
	config.images = 1;
	if (!host || (trace && !r) || !config.image[0].data || !config.image[0].name)
		fail(e.kind ? e.text : "vcr");
	memcpy(config.image[0].data, rom, ROM_SIZE);
	m = machine_open(&config, "kvm", r ? recorder_host(r) : host, r ? recorder_tap(r) : NULL,
			 &e);
	if (!m || (r && recorder_start(r, m, trace, &e))) {
		fprintf(stderr, "%s\n", e.text);
		exit(1);
	}
	return m;
}

static void machine_exits(struct machine *m, unsigned exits)
{
	m->until = machine_count(m) + exits;
	if (machine_run(m) != STOP_PAUSED) {
		fprintf(stderr, "the session ended: %s\n", m->failure.text);
		exit(1);
	}
}

/* ---- taking turns ---- */

struct turn {
	int go[2], done[2];
};

static void contestant(unsigned who, const uint8_t *rom, const char *trace, unsigned exits,
		       const struct turn *turn)
{
	struct bare b = {.vcpu = -1};
	struct machine *m = NULL;
	char go;

	if (who == BARE || who == BARE_RIP)
		b = bare_open(rom, who == BARE_RIP);
	else
		m = machine_make(rom, who == RECORD ? trace : NULL);
	for (;;) {
		struct piece p;
		double real, vcpu, all;
		ssize_t n;

		do /* vcr's alarm may come */
			n = read(turn->go[0], &go, 1);
		while (n < 0 && errno == EINTR);
		if (n != 1)
			break;

		m ? machine_exits(m, WARM) : bare_run(&b, WARM);
		real = now_ns(CLOCK_MONOTONIC);
		vcpu = now_ns(CLOCK_THREAD_CPUTIME_ID);
		all = now_ns(CLOCK_PROCESS_CPUTIME_ID);
		m ? machine_exits(m, exits) : bare_run(&b, exits);
		p.others = now_ns(CLOCK_PROCESS_CPUTIME_ID) - all;
		p.vcpu = now_ns(CLOCK_THREAD_CPUTIME_ID) - vcpu;
		p.real = now_ns(CLOCK_MONOTONIC) - real;
		p.others = p.others > p.vcpu ? p.others - p.vcpu : 0;
		if (write(turn->done[1], &p, sizeof(p)) != sizeof(p))
			break;
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	uint8_t *rom = map(ROM_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	struct turn turn[CONTESTANTS];
	unsigned pieces, exits;
	FILE *f;

	if (argc != 5)
		return 2;
	f = fopen(argv[1], "rb");
	if (!f || fread(rom, 1, ROM_SIZE, f) != ROM_SIZE)
		fail(argv[1]);
	fclose(f);
	pieces = (unsigned)strtoul(argv[3], NULL, 10);
	exits = (unsigned)strtoul(argv[4], NULL, 10);
	for (unsigned who = 0; who < CONTESTANTS; who++) {
		if (pipe(turn[who].go) || pipe(turn[who].done))
			fail("pipe");
		switch (fork()) {
		case -1:
			fail("fork");
			break;
		case 0:
			/* Its end of those before it would keep them waiting. */
			for (unsigned i = 0; i <= who; i++)
				close(turn[i].go[1]);
			close(turn[who].done[0]);
			contestant(who, rom, argv[2], exits, &turn[who]);
		}
		close(turn[who].done[1]);
	}
	for (unsigned i = 0; i < pieces * CONTESTANTS; i++) {
		/* Forwards and backwards: nobody always comes behind the same one. */
		unsigned at = i % CONTESTANTS,
			 who = i / CONTESTANTS % 2 ? CONTESTANTS - 1 - at : at;
		struct piece p;

		if (write(turn[who].go[1], "", 1) != 1 ||
		    read(turn[who].done[0], &p, sizeof(p)) != sizeof(p))
			return 1;
		printf("%s\t%.1f\t%.1f\t%.1f\n", contestant_name[who], p.real / exits,
		       p.vcpu / exits, p.others / exits);
	}
	return 0;
}
