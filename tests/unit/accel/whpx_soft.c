/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The software hypervisor platform keeps to what Microsoft's documentation says of WinHvPlatform
 * and WinHvEmulation; where that says nothing, to emulator/accel/README.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/accel/whpx/platform.h"
#include "emulator/host/os.h"

#define PAGES 4
#define PAGE  4096u
#define CODE  0x1000u /* guests are put there, in real mode */

static struct whpx_platform p;
static whv_partition partition;
static uint8_t *memory; /* PAGES at guest-physical 0 */
static struct whv_exit_context x;

static int load(void **state)
{
	return whpx_platform_load(&p, WHPX_SOFTWARE) ? -1 : 0;
}

static int unload(void **state)
{
	whpx_platform_unload(&p);
	return 0;
}

/* ---- a guest ---- */

static void set(uint32_t name, uint64_t value)
{
	union whv_value v = {.reg = value};

	assert_int_equal(p.WHvSetVirtualProcessorRegisters(partition, 0, &name, 1, &v), WHV_OK);
}

static uint64_t get(uint32_t name)
{
	union whv_value v;

	assert_int_equal(p.WHvGetVirtualProcessorRegisters(partition, 0, &name, 1, &v), WHV_OK);
	return v.reg;
}

static void run(uint32_t reason)
{
	assert_int_equal(p.WHvRunVirtualProcessor(partition, 0, &x, sizeof(x)), WHV_OK);
	assert_int_equal(x.reason, reason);
}

static void property(uint32_t code, uint64_t value, uint32_t size)
{
	assert_int_equal(p.WHvSetPartitionProperty(partition, code, &value, size), WHV_OK);
}

static int guest_open(void **state)
{
	const uint32_t cs = WHV_CS;
	union whv_value flat = {.segment = {0, 0xffff, 0, 0x9b}};

	memory = os_memory_map(PAGES * PAGE);
	assert_non_null(memory);
	assert_int_equal(p.WHvCreatePartition(&partition), WHV_OK);
	property(WHV_PROPERTY_PROCESSOR_COUNT, 1, 4);
	property(WHV_PROPERTY_EXTENDED_EXITS, WHV_EXTENDED_CPUID | WHV_EXTENDED_RDTSC, 8);
	assert_int_equal(p.WHvSetupPartition(partition), WHV_OK);
	assert_int_equal(
	    p.WHvMapGpaRange(partition, memory, 0, PAGES * PAGE,
			     WHV_MAP_READ | WHV_MAP_WRITE | WHV_MAP_EXECUTE | WHV_MAP_TRACK_DIRTY),
	    WHV_OK);
	assert_int_equal(p.WHvCreateVirtualProcessor(partition, 0, 0), WHV_OK);
	assert_int_equal(p.WHvSetVirtualProcessorRegisters(partition, 0, &cs, 1, &flat), WHV_OK);
	set(WHV_RIP, CODE);
	set(WHV_RSP, 0x800);
	return 0;
}

static int guest_close(void **state)
{
	assert_int_equal(p.WHvDeleteVirtualProcessor(partition, 0), WHV_OK);
	assert_int_equal(p.WHvDeletePartition(partition), WHV_OK);
	os_memory_unmap(memory, PAGES * PAGE);
	return 0;
}

#define PUT(...)                                                                                   \
	do {                                                                                       \
		const uint8_t code[] = {__VA_ARGS__};                                              \
                                                                                                   \
		memcpy(memory + CODE, code, sizeof(code));                                         \
	} while (0)

/* ---- the order of calls ---- */

static void test_order(void **state)
{
	whv_partition q;
	uint64_t value = 1;
	uint32_t written, name = 0x1234;
	union whv_value v;

	assert_int_equal(p.WHvGetCapability(0xffff, &value, 8, &written), WHV_UNKNOWN_CAPABILITY);
	assert_int_equal(p.WHvGetCapability(WHV_CAP_FEATURES, &value, 4, &written),
			 WHV_INSUFFICIENT_BUFFER);
	assert_int_equal(p.WHvCreatePartition(&q), WHV_OK);
	assert_int_equal(p.WHvSetupPartition(q), WHV_INVALID_PARTITION_CONFIG);
	assert_int_equal(p.WHvCreateVirtualProcessor(q, 0, 0), WHV_INVALID_PARTITION_CONFIG);
	assert_int_equal(p.WHvMapGpaRange(q, memory, 0, PAGE, WHV_MAP_READ),
			 WHV_INVALID_PARTITION_CONFIG);
	assert_int_equal(p.WHvSetPartitionProperty(q, 0x9999, &value, 8), WHV_UNKNOWN_PROPERTY);
	value = WHV_APIC_XAPIC;
	assert_int_equal(p.WHvSetPartitionProperty(q, WHV_PROPERTY_LOCAL_APIC, &value, 4),
			 WHV_INVALID_ARGUMENT);
	assert_int_equal(p.WHvDeletePartition(q), WHV_OK);
	assert_int_equal(p.WHvCreateVirtualProcessor(partition, 0, 0), WHV_VP_ALREADY_EXISTS);
	assert_int_equal(
	    p.WHvSetPartitionProperty(partition, WHV_PROPERTY_PROCESSOR_COUNT, &value, 4),
	    WHV_INVALID_PARTITION_CONFIG);
	assert_int_equal(p.WHvGetVirtualProcessorRegisters(partition, 0, &name, 1, &v),
			 WHV_INVALID_VP_REGISTER_NAME);
	assert_int_equal(p.WHvRunVirtualProcessor(partition, 1, &x, sizeof(x)),
			 WHV_VP_DOES_NOT_EXIST);
	assert_int_equal(p.WHvRunVirtualProcessor(partition, 0, &x, 8), WHV_INSUFFICIENT_BUFFER);
	assert_int_equal(p.WHvUnmapGpaRange(partition, 0x100000, PAGE), WHV_GPA_RANGE_NOT_FOUND);
	assert_int_equal(p.WHvMapGpaRange(partition, memory, 1, PAGE, WHV_MAP_READ),
			 WHV_INVALID_ARGUMENT);
}

/* ---- exits: the instruction is not done ---- */

static void test_io(void **state)
{
	const uint8_t out[] = {0xe6, 0x80};

	PUT(0xb0, 0x5a, 0xe6, 0x80); /* mov al, 5ah; out 80h, al */
	run(WHV_EXIT_IO);
	assert_int_equal(x.vp.rip, CODE + 2);
	assert_int_equal(x.vp.length_cr8 & 15, 2);
	assert_int_equal(x.io.port, 0x80);
	assert_int_equal(x.io.info, WHV_IO_WRITE | 1u << WHV_IO_SIZE_SHIFT);
	assert_int_equal(x.io.rax & 0xff, 0x5a);
	assert_int_equal(x.io.insn_length, 2);
	assert_memory_equal(x.io.insn, out, sizeof(out));
	assert_int_equal(get(WHV_RIP), CODE + 2);
	run(WHV_EXIT_IO); /* once more, for nobody did it */
}

static void test_permissions(void **state)
{
	const uint32_t rx = WHV_MAP_READ | WHV_MAP_EXECUTE;

	PUT(0xa2, 0x00, 0x20,  /* mov [2000h], al */
	    0xa2, 0x00, 0x50,  /* mov [5000h], al */
	    0xe9, 0xf7, 0x1f); /* jmp 3000h */
	assert_int_equal(p.WHvMapGpaRange(partition, memory + 0x2000, 0x2000, PAGE, rx), WHV_OK);
	assert_int_equal(p.WHvMapGpaRange(partition, memory + 0x3000, 0x3000, PAGE,
					  WHV_MAP_READ | WHV_MAP_WRITE),
			 WHV_OK);
	run(WHV_EXIT_MEMORY);
	assert_int_equal(x.memory.gpa, 0x2000);
	assert_int_equal(x.memory.info & ~WHV_ACCESS_GVA_VALID, WHV_ACCESS_WRITE);
	set(WHV_RIP, CODE + 3);
	run(WHV_EXIT_MEMORY);
	assert_int_equal(x.memory.gpa, 0x5000);
	assert_int_equal(x.memory.info & ~WHV_ACCESS_GVA_VALID,
			 WHV_ACCESS_WRITE | WHV_ACCESS_UNMAPPED);
	set(WHV_RIP, CODE + 6);
	run(WHV_EXIT_MEMORY);
	assert_int_equal(x.memory.gpa, 0x3000);
	assert_int_equal(x.memory.info & WHV_ACCESS_TYPE_MASK, WHV_ACCESS_EXECUTE);
	assert_int_equal(x.memory.insn_length, 0);
	assert_int_equal(get(WHV_RIP), 0x3000);
}

static void test_rdtsc_and_hlt(void **state)
{
	PUT(0x0f, 0x31, 0xf4); /* rdtsc; hlt */
	run(WHV_EXIT_RDTSC);
	assert_int_equal(x.vp.rip, CODE);
	assert_int_equal(x.vp.length_cr8 & 15, 2);
	set(WHV_RIP, CODE + 2);
	run(WHV_EXIT_HALT);
	assert_int_equal(x.vp.rip, CODE + 3);
}

/* What the user of the platform writes to memory is what runs, with no call in between. */
static void test_written_code(void **state)
{
	PUT(0xe6, 0x80);
	run(WHV_EXIT_IO);
	PUT(0xf4);
	run(WHV_EXIT_HALT);
}

/* ---- events ---- */

static void test_cancel(void **state)
{
	PUT(0xeb, 0xfe); /* jmp . */
	assert_int_equal(p.WHvCancelRunVirtualProcessor(partition, 0, 0), WHV_OK);
	run(WHV_EXIT_CANCELED);
	assert_int_equal(x.vp.rip, CODE);
	PUT(0xf4);
	run(WHV_EXIT_HALT); /* it held for one run */
}

static void test_window(void **state)
{
	PUT(0x90, 0xfb, 0x90, 0x90, 0xf4); /* nop; sti; nop; nop; hlt */
	set(WHV_DELIVERABILITY, WHV_NOTIFY_INTERRUPT);
	run(WHV_EXIT_INTERRUPT_WINDOW);
	assert_int_equal(x.vp.rip, CODE + 3); /* behind the shadow of STI */
	assert_int_equal(x.window_type, WHV_EVENT_INTERRUPT);
	run(WHV_EXIT_HALT); /* told once */
}

static void test_priority_window(void **state)
{
	const uint64_t class_4 = WHV_NOTIFY_INTERRUPT | 4ull << WHV_NOTIFY_PRIORITY_SHIFT;

	PUT(0xfb, 0x90, 0x90, 0xf4); /* sti; nop; nop; hlt */
	set(WHV_CR8, 4);
	set(WHV_DELIVERABILITY, class_4);
	run(WHV_EXIT_HALT);
	set(WHV_CR8, 3);
	run(WHV_EXIT_INTERRUPT_WINDOW);
	assert_int_equal(x.window_type, WHV_EVENT_INTERRUPT);
	set(WHV_RIP, CODE);
	run(WHV_EXIT_HALT); /* told once */
}

static void test_injection(void **state)
{
	const uint64_t interrupt = WHV_PENDING | 0x20ull << WHV_PENDING_VECTOR_SHIFT;

	PUT(0xfb, 0x90, 0xf4, [0x100] = 0xe6, [0x101] = 0x80); /* handler at CODE + 100h */
	memcpy(memory + 0x20 * 4, (const uint16_t[]){CODE + 0x100, 0}, 4);
	set(WHV_PENDING_INTERRUPTION, interrupt);
	run(WHV_EXIT_INVALID_REGISTER); /* interrupts are off */
	set(WHV_PENDING_INTERRUPTION, 0);
	set(WHV_RFLAGS, 0x202);
	set(WHV_PENDING_INTERRUPTION, interrupt);
	assert_int_equal(p.WHvCancelRunVirtualProcessor(partition, 0, 0), WHV_OK);
	run(WHV_EXIT_CANCELED);
	assert_true(x.vp.state & WHV_VP_INTERRUPTION_PENDING);
	run(WHV_EXIT_IO);
	assert_int_equal(x.vp.rip, CODE + 0x100);
	assert_false(x.vp.state & WHV_VP_INTERRUPTION_PENDING);
	assert_int_equal(get(WHV_RSP), 0x800 - 6);
}

static void test_triple_fault(void **state)
{
	const uint32_t idtr = WHV_IDTR;
	union whv_value none = {.table = {.limit = 0}};

	PUT(0x0f, 0x0b); /* ud2 */
	assert_int_equal(p.WHvSetVirtualProcessorRegisters(partition, 0, &idtr, 1, &none), WHV_OK);
	run(WHV_EXIT_UNRECOVERABLE_EXCEPTION);
}

static void test_dirty(void **state)
{
	uint64_t bitmap = 0;

	PUT(0xa2, 0x00, 0x20, 0xf4); /* mov [2000h], al; hlt */
	run(WHV_EXIT_HALT);
	assert_int_equal(p.WHvQueryGpaRangeDirtyBitmap(partition, 0, PAGES * PAGE, &bitmap, 8),
			 WHV_OK);
	assert_int_equal(bitmap, 1u << 2);
	assert_int_equal(p.WHvQueryGpaRangeDirtyBitmap(partition, 0, PAGES * PAGE, &bitmap, 8),
			 WHV_OK);
	assert_int_equal(bitmap, 0);
}

/* ---- the emulator ---- */

static whv_result answer[5]; /* of the callbacks, in the order of struct whv_emulator_callbacks */
static unsigned accesses;

static whv_result on_io(void *context, struct whv_emulator_io *a)
{
	return answer[0];
}

static whv_result on_memory(void *context, struct whv_emulator_memory *a)
{
	accesses++;
	if (!a->is_write)
		memset(a->data, 0x77, a->size);
	return answer[1];
}

static whv_result on_get(void *context, const uint32_t *names, uint32_t count,
			 union whv_value *values)
{
	return answer[2] ? answer[2]
			 : p.WHvGetVirtualProcessorRegisters(partition, 0, names, count, values);
}

static whv_result on_set(void *context, const uint32_t *names, uint32_t count,
			 const union whv_value *values)
{
	return answer[3] ? answer[3]
			 : p.WHvSetVirtualProcessorRegisters(partition, 0, names, count, values);
}

static whv_result on_translate(void *context, uint64_t gva, uint32_t flags, uint32_t *code,
			       uint64_t *gpa)
{
	*code = WHV_TRANSLATED;
	*gpa = gva;
	return answer[4];
}

/* What the emulator says of the exit in x. */
static uint32_t emulate(void)
{
	const struct whv_emulator_callbacks callbacks = {
	    sizeof(callbacks), 0, on_io, on_memory, on_get, on_set, on_translate};
	whv_emulator emulator;
	uint32_t status = 0;

	accesses = 0;
	assert_int_equal(p.WHvEmulatorCreateEmulator(&callbacks, &emulator), WHV_OK);
	assert_int_equal(p.WHvEmulatorTryMmioEmulation(emulator, NULL, &x.vp, &x.memory, &status),
			 WHV_OK);
	assert_int_equal(p.WHvEmulatorDestroyEmulator(emulator), WHV_OK);
	return status;
}

static void test_emulator(void **state)
{
	static const uint32_t failures[5] = {0, WHV_MEMORY_FAILED, WHV_GET_FAILED, WHV_SET_FAILED,
					     WHV_TRANSLATE_FAILED};

	PUT(0xa0, 0x00, 0x50,              /* mov al, [5000h] */
	    0x0f, 0x10, 0x06, 0x00, 0x50); /* movups xmm0, [5000h] */
	run(WHV_EXIT_MEMORY);
	for (unsigned n = 1; n < 5; n++) {
		answer[n] = WHV_FAIL;
		assert_int_equal(emulate(), failures[n]);
		assert_int_equal(get(WHV_RIP), CODE);
		answer[n] = WHV_OK;
	}
	assert_int_equal(emulate(), WHV_EMULATED);
	assert_int_equal(accesses, 1);
	assert_int_equal(get(WHV_RAX) & 0xff, 0x77);
	assert_int_equal(get(WHV_RIP), CODE + 3);
	set(WHV_CR4, 0x200);
	run(WHV_EXIT_MEMORY);
	assert_int_equal(emulate(), WHV_INTERNAL_FAILURE);
	assert_int_equal(accesses, 0);
	assert_int_equal(get(WHV_RIP), CODE + 3);
	x.vp.state |= WHV_VP_INTERRUPTION_PENDING;
	assert_int_equal(emulate(), WHV_INTERRUPT_INTERCEPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, guest_open, guest_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_order),        TEST(test_io),
	    TEST(test_permissions),  TEST(test_rdtsc_and_hlt),
	    TEST(test_written_code), TEST(test_cancel),
	    TEST(test_window),       TEST(test_priority_window),
	    TEST(test_injection),    TEST(test_triple_fault),
	    TEST(test_dirty),        TEST(test_emulator),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
