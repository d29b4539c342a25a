/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least that a program can do with KVM: enters the guest, answers each exit with ones, and
 * enters again. What vcr costs on top of it is what tools/bench accel measures.
 *
 *   accel ROM: runs a ROM of 64 KiB at the reset vector until the guest writes to port F4h.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM_SIZE 0xa0000u
#define ROM_SIZE 0x10000u
#define END_PORT 0xf4

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

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

static uint8_t *load_rom(const char *path)
{
	uint8_t *rom = map(ROM_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	FILE *f = fopen(path, "rb");

	if (!f || fread(rom, 1, ROM_SIZE, f) != ROM_SIZE)
		fail(path);
	fclose(f);
	return rom;
}

/* One exit; false when it was the last. */
static int answer(struct kvm_run *run)
{
	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset((uint8_t *)run + run->io.data_offset, 0xff,
			       (size_t)run->io.size * run->io.count);
		return run->io.port != END_PORT;
	case KVM_EXIT_MMIO:
		if (!run->mmio.is_write)
			memset(run->mmio.data, 0xff, run->mmio.len);
		return 1;
	default:
		fprintf(stderr, "exit reason %u\n", run->exit_reason);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	int device = open("/dev/kvm", O_RDWR), vm, vcpu, size;
	struct kvm_run *run;
	uint8_t *rom;

	if (argc != 2)
		return 2;
	if (device < 0)
		fail("/dev/kvm");
	vm = ioctl(device, KVM_CREATE_VM, 0);
	if (vm < 0 || ioctl(vm, KVM_SET_TSS_ADDR, 0xfeffd000ul))
		fail("KVM_CREATE_VM");
	rom = load_rom(argv[1]);
	set_slot(vm, 0, 0, map(RAM_SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1), RAM_SIZE);
	set_slot(vm, 1, 0x100000 - ROM_SIZE, rom, ROM_SIZE);
	set_slot(vm, 2, 0x100000000 - ROM_SIZE, rom, ROM_SIZE);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	size = ioctl(device, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vcpu < 0 || size <= 0)
		fail("KVM_CREATE_VCPU");
	run = map((size_t)size, MAP_SHARED, vcpu);
	do {
		if (ioctl(vcpu, KVM_RUN, 0))
			fail("KVM_RUN");
	} while (answer(run));
	return 0;
}
