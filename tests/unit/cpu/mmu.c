/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paging and memory access, by Intel SDM vol. 3A chapter 4: each kind of paging, each permission
 * with its error code, accessed and dirty bits, the TLB, and accesses that cross pages or leave
 * RAM. Segment checks are in segment.c.
 */
#include "tests/unit/cpu/system_test.h"

#include <string.h>

/* Tables of a test's own, and the linear address that they map: slot 1 of the PML4. */
#define PDPT   (SYSTEM_FREE + 0x0000)
#define PD     (SYSTEM_FREE + 0x1000)
#define PT     (SYSTEM_FREE + 0x2000)
#define FRAME  (SYSTEM_FREE + 0x8000)
#define LINEAR 0x8000000000ull

enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX (1ull << 63)

static void map64(uint64_t pml4e, uint64_t pdpte, uint64_t pde, uint64_t pte)
{
	fixture_poke(f, 0x100008, 8, PDPT | pml4e);
	fixture_poke(f, PDPT, 8, PD | pdpte);
	fixture_poke(f, PD, 8, PT | pde);
	for (unsigned n = 0; n < 4; n++)
		fixture_poke(f, PT + 8 * n, 8, (FRAME + n * 0x1000) | pte);
	tlb_flush(&f->v, true);
}

static int setup_mapped64(void **state)
{
	setup64(state);
	f->c->efer |= EFER_NXE;
	f->c->cr0 |= CR0_WP;
	cpu_update_mode(&f->v);
	map64(P | W | U, P | W | U, P | W | U, P | W | U);
	return 0;
}

static void set_cpl(unsigned cpl)
{
	f->c->seg[SEG_SS].attr = (uint16_t)((f->c->seg[SEG_SS].attr & ~0x60u) | cpl << 5);
	cpu_update_mode(&f->v);
}

static int load(uint64_t at)
{
	int vector;

	TRY(f, vector, mem_read32(&f->v, SEG_FLAT, at));
	return vector;
}

static int store(uint64_t at)
{
	int vector;

	TRY(f, vector, mem_write32(&f->v, SEG_FLAT, at, 0x12345678));
	return vector;
}

static int fetch(uint64_t at)
{
	int vector;

	TRY(f, vector, mem_fetch_page(&f->v, at));
	return vector;
}

/* A page fault at exactly that address with exactly that error code (SDM vol. 3A 4.7). */
static void expect_page_fault(int vector, uint64_t address, uint32_t error)
{
	assert_int_equal(vector, EXC_PF);
	assert_int_equal(f->v.fault_error, error);
	assert_true(f->v.fault_has_error);
	assert_int_equal(f->c->cr2, address);
}

static void test_translate(void **state)
{
	fixture_poke(f, FRAME + 0x1234, 4, 0xcafef00d);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, LINEAR + 0x1234), 0xcafef00d);
	assert_int_equal(store(LINEAR + 0x2008), -1);
	assert_int_equal(fixture_peek(f, FRAME + 0x2008, 4), 0x12345678);
}

static void test_not_present(void **state)
{
	map64(P | W | U, P | W | U, P | W | U, W | U);
	expect_page_fault(load(LINEAR + 4), LINEAR + 4, 0);
	expect_page_fault(store(LINEAR + 4), LINEAR + 4, 2);
	expect_page_fault(fetch(LINEAR + 4), LINEAR + 4, 0x10);
	set_cpl(3);
	expect_page_fault(load(LINEAR + 4), LINEAR + 4, 4);
	expect_page_fault(load(0x10000000000), 0x10000000000, 4);
}

/* SDM vol. 3A 4.6.1: every entry must allow; which one forbids is not told. */
static void test_rights(void **state)
{
	for (unsigned level = 0; level < 4; level++) {
		uint64_t e[4] = {P | W | U, P | W | U, P | W | U, P | W | U};

		e[level] = P | W;
		map64(e[0], e[1], e[2], e[3]);
		set_cpl(3);
		expect_page_fault(load(LINEAR), LINEAR, 5);
		set_cpl(0);
		assert_int_equal(load(LINEAR), -1);
		e[level] = P | U;
		map64(e[0], e[1], e[2], e[3]);
		expect_page_fault(store(LINEAR), LINEAR, 3);
		set_cpl(3);
		expect_page_fault(store(LINEAR), LINEAR, 7);
		set_cpl(0);
		e[level] = P | W | U | NX;
		map64(e[0], e[1], e[2], e[3]);
		expect_page_fault(fetch(LINEAR), LINEAR, 0x11);
		assert_int_equal(store(LINEAR), -1);
	}
}

static void test_write_protect(void **state)
{
	map64(P | W | U, P | W | U, P | W | U, P | U);
	f->c->cr0 &= ~(uint64_t)CR0_WP;
	tlb_flush(&f->v, true);
	assert_int_equal(store(LINEAR), -1);
	set_cpl(3);
	expect_page_fault(store(LINEAR), LINEAR, 7);
}

static void test_smep_smap(void **state)
{
	int vector;

	f->c->cr4 |= CR4_SMEP | CR4_SMAP;
	cpu_update_mode(&f->v);
	expect_page_fault(fetch(LINEAR), LINEAR, 0x11);
	expect_page_fault(load(LINEAR), LINEAR, 1);
	expect_page_fault(store(LINEAR), LINEAR, 3);
	/* EFLAGS.AC lifts SMAP for explicit accesses, not for implicit ones. */
	f->c->rflags |= FLAG_AC;
	cpu_update_mode(&f->v);
	assert_int_equal(load(LINEAR), -1);
	assert_int_equal(store(LINEAR), -1);
	TRY(f, vector, mem_read_system(&f->v, LINEAR, 4));
	expect_page_fault(vector, LINEAR, 1);
	/* And at CPL 3 neither matters; what the kernel saw must not be what the user sees. */
	f->c->rflags &= ~(uint64_t)FLAG_AC;
	set_cpl(3);
	assert_int_equal(load(LINEAR), -1);
	assert_int_equal(fetch(LINEAR), -1);
}

/* Without NXE or SMEP the I/D bit of the error code stays 0, and NX is a reserved bit. */
static void test_reserved(void **state)
{
	map64(P | W | U, P | W | U, P | W | U, P | W | U | 1ull << 40);
	expect_page_fault(load(LINEAR), LINEAR, 9);
	map64(P | W | U | PS, P | W | U, P | W | U, P | W | U);
	expect_page_fault(store(LINEAR), LINEAR, 0xb);
	map64(P | W | U, P | W | U, P | W | U | PS | 0x2000, P | W | U);
	expect_page_fault(load(LINEAR), LINEAR, 9);
	map64(P | W | U, P | W | U, P | W | U, P | W | U | NX);
	f->c->efer &= ~(uint64_t)EFER_NXE;
	set_cpl(3);
	expect_page_fault(fetch(LINEAR), LINEAR, 0xd);
	/* Bits 52..58 are ignored in 4-level paging. */
	map64(P | W | U, P | W | U, P | W | U, P | W | U | 0x7full << 52);
	assert_int_equal(load(LINEAR), -1);
}

/* SDM vol. 3A 4.8. */
static void test_accessed_dirty(void **state)
{
	assert_int_equal(load(LINEAR), -1);
	assert_int_equal(fixture_peek(f, 0x100008, 1) & (A | D), A);
	assert_int_equal(fixture_peek(f, PDPT, 1) & (A | D), A);
	assert_int_equal(fixture_peek(f, PD, 1) & (A | D), A);
	assert_int_equal(fixture_peek(f, PT, 1) & (A | D), A);
	/* The first write after a read still finds D clear, though the TLB has the page. */
	assert_int_equal(store(LINEAR), -1);
	assert_int_equal(fixture_peek(f, PT, 1) & (A | D), A | D);
	/* A refused access marks tables on its way, and not the page. */
	map64(P | W | U, P | W | U, P | W | U, P | U);
	assert_int_equal(store(LINEAR), EXC_PF);
	assert_int_equal(fixture_peek(f, PD, 1) & A, A);
	assert_int_equal(fixture_peek(f, PT, 1) & (A | D), 0);
}

static void test_large_pages(void **state)
{
	fixture_poke(f, PD, 8, P | W | U | PS | 0x200000);
	fixture_poke(f, PDPT + 8, 8, P | W | U | PS);
	tlb_flush(&f->v, true);
	assert_int_equal(store(LINEAR + (FRAME - 0x200000) + 0x5004), -1);
	assert_int_equal(fixture_peek(f, FRAME + 0x5004, 4), 0x12345678);
	assert_int_equal(fixture_peek(f, PD, 1) & (A | D), A | D);
	fixture_poke(f, FRAME + 0x6000, 4, 0xabcd);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, LINEAR + 0x40000000 + FRAME + 0x6000), 0xabcd);
}

/* INVLPG drops all of a large page, also where another address of it is named. */
static void test_invlpg_large(void **state)
{
	fixture_poke(f, PD, 8, P | W | U | PS | 0x200000);
	tlb_flush(&f->v, true);
	assert_int_equal(load(LINEAR + 0x100000), -1);
	fixture_poke(f, PD, 8, 0);
	assert_int_equal(load(LINEAR + 0x100000), -1); /* still cached */
	tlb_flush_page(&f->v, LINEAR + 0x3000);
	assert_int_equal(load(LINEAR + 0x100000), EXC_PF);
}

/* Large pages in both halves of the address space, and small ones that lie outside of them. */
static void test_invlpg_halves(void **state)
{
	fixture_poke(f, PD, 8, P | W | U | PS | 0x200000);
	fixture_poke(f, PD + 8, 8, (PT) | P | W | U);
	fixture_poke(f, 0x100ff8, 8, PDPT | P | W);
	tlb_flush(&f->v, true);
	assert_int_equal(load(LINEAR + 0x100000), -1);
	assert_int_equal(load(0xffffff8000110000), -1);
	assert_int_equal(load(LINEAR + 0x201000), -1);
	fixture_poke(f, PD, 8, 0);
	fixture_poke(f, PD + 8, 8, 0);
	tlb_flush_page(&f->v, LINEAR + 0x201008);
	assert_int_equal(load(LINEAR + 0x201000), EXC_PF);
	assert_int_equal(load(LINEAR + 0x100000), -1);
	tlb_flush_page(&f->v, 0xffffff80001ff000);
	assert_int_equal(load(0xffffff8000110000), EXC_PF);
	assert_int_equal(load(LINEAR + 0x100000), -1);
	tlb_flush_page(&f->v, LINEAR + 0x1ff000);
	assert_int_equal(load(LINEAR + 0x100000), EXC_PF);
}

static void test_global(void **state)
{
	f->c->cr4 |= CR4_PGE;
	map64(P | W | U, P | W | U, P | W | U, P | W | U | G);
	assert_int_equal(load(LINEAR), -1);
	assert_int_equal(fetch(LINEAR), -1);
	fixture_poke(f, PT, 8, 0);
	tlb_flush(&f->v, false);
	assert_int_equal(load(LINEAR), -1);
	assert_int_equal(fetch(LINEAR), -1);
	tlb_flush_page(&f->v, LINEAR);
	assert_int_equal(load(LINEAR), EXC_PF);
	assert_int_equal(fetch(LINEAR), EXC_PF);
}

/* A write that crosses into a page it may not have leaves the first page alone. */
static void test_crossing(void **state)
{
	fixture_poke(f, PT + 8, 8, (FRAME + 0x1000) | P | U);
	tlb_flush(&f->v, true);
	expect_page_fault(store(LINEAR + 0xffe), LINEAR + 0x1000, 3);
	assert_int_equal(fixture_peek(f, FRAME + 0xffe, 2), 0);
	fixture_poke(f, PT + 8, 8, (FRAME + 0x3000) | P | W | U);
	tlb_flush(&f->v, true);
	assert_int_equal(store(LINEAR + 0xffe), -1);
	assert_int_equal(fixture_peek(f, FRAME + 0xffe, 2), 0x5678);
	assert_int_equal(fixture_peek(f, FRAME + 0x3000, 2), 0x1234);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, LINEAR + 0xffe), 0x12345678);
}

static void test_noncanonical(void **state)
{
	int vector;

	assert_int_equal(load(0x800000000000), EXC_GP);
	assert_int_equal(f->v.fault_error, 0);
	assert_int_equal(store(0x7ffffffffffe), EXC_GP);
	TRY(f, vector, mem_read64(&f->v, SEG_STACK, 0x800000000000));
	assert_int_equal(vector, EXC_SS);
	TRY(f, vector, mem_fetch_raise(&f->v, 0x800000000000));
	assert_int_equal(vector, EXC_GP);
}

/* Exits of at most 8 bytes, in one page each, ascending (exit.h). */
static void test_mmio(void **state)
{
	static const uint8_t data[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
	uint8_t back[16];

	f->answer = 0x1122334455667788;
	assert_int_equal(mem_read16(&f->v, SEG_FLAT, FIXTURE_MMIO + 0x10), 0x7788);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(f->exits[0].kind, EXIT_MMIO);
	assert_int_equal(f->exits[0].address, FIXTURE_MMIO + 0x10);
	assert_int_equal(f->exits[0].size, 2);
	f->exit_count = 0;
	mem_write_bytes(&f->v, SEG_FLAT, FIXTURE_MMIO + 0xffa, data, 16);
	assert_int_equal(f->exit_count, 3);
	assert_int_equal(f->exits[0].size, 6);
	assert_int_equal(f->exits[0].data, 0x060504030201);
	assert_int_equal(f->exits[1].address, FIXTURE_MMIO + 0x1000);
	assert_int_equal(f->exits[1].size, 8);
	assert_int_equal(f->exits[2].size, 2);
	assert_int_equal(f->exits[2].data, 0x100f);
	mem_read_bytes(&f->v, SEG_FLAT, FIXTURE_MMIO, back, 16);
	assert_int_equal(back[8], 0x88);
	assert_true(f->exits[2].is_write);
	assert_false(f->exits[3].is_write);
}

/* What leads out of RAM is cached like the rest: until INVLPG the old entry is used. */
static void test_mmio_cached(void **state)
{
	fixture_poke(f, PT, 8, FIXTURE_MMIO | P);
	tlb_flush(&f->v, true);
	assert_int_equal(load(LINEAR + 8), -1);
	assert_int_equal(f->exits[0].address, FIXTURE_MMIO + 8);
	assert_int_equal(fixture_peek(f, PT, 8) & 0xfff, P | A);
	expect_page_fault(store(LINEAR), LINEAR, 3);
	set_cpl(3);
	expect_page_fault(load(LINEAR), LINEAR, 5);
	set_cpl(0);
	fixture_poke(f, PT, 8, (FIXTURE_MMIO + 0x1000) | P | W);
	assert_int_equal(load(LINEAR + 8), -1);
	assert_int_equal(f->exits[1].address, FIXTURE_MMIO + 8);
	tlb_flush_page(&f->v, LINEAR + 0x10);
	assert_int_equal(load(LINEAR + 8), -1);
	assert_int_equal(f->exits[2].address, FIXTURE_MMIO + 0x1008);
	assert_int_equal(fixture_peek(f, PT, 8) & 0xfff, P | W | A);
	assert_int_equal(store(LINEAR + 4), -1);
	assert_int_equal(store(LINEAR + 4), -1);
	assert_int_equal(f->exits[4].address, FIXTURE_MMIO + 0x1004);
	assert_int_equal(fixture_peek(f, PT, 8) & 0xfff, P | W | A | D);
	assert_int_equal(f->exit_count, 5);
	fixture_poke(f, PT, 8, FRAME | P | W);
	tlb_flush(&f->v, false);
	assert_int_equal(store(LINEAR), -1);
	assert_int_equal(fixture_peek(f, FRAME, 4), 0x12345678);
	assert_int_equal(f->exit_count, 5);
}

static uint64_t page_with_rom(struct machine *m, uint64_t gpa, bool *writable)
{
	*writable = gpa != FRAME;
	return gpa < FIXTURE_RAM ? gpa : UINT64_MAX;
}

static void test_rom(void **state)
{
	struct vcpu_ops ops = *f->v.ops;
	const struct vcpu_ops *before = f->v.ops;

	ops.ram_page = page_with_rom;
	f->v.ops = &ops;
	fixture_poke(f, FRAME, 4, 0x600df00d);
	assert_int_equal(store(LINEAR), -1);
	assert_int_equal(f->exit_count, 1);
	assert_true(f->exits[0].is_write);
	assert_int_equal(f->exits[0].address, FRAME);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, LINEAR), 0x600df00d);
	assert_int_equal(mem_read_rmw32(&f->v, SEG_FLAT, LINEAR), 0x600df00d);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(store(LINEAR), -1);
	assert_int_equal(f->exit_count, 2);
	f->v.ops = before;
}

/* Page tables where there is no memory read as all ones: reserved bits are set. */
static void test_tables_outside(void **state)
{
	map64(P | W | U, P | W | U, P | W | U, P | W | U);
	fixture_poke(f, PD, 8, FIXTURE_MMIO | P | W | U);
	tlb_flush(&f->v, true);
	expect_page_fault(load(LINEAR), LINEAR, 9);
	assert_int_equal(f->exit_count, 0);
}

/* Address bit 20 off: the second megabyte's pages are the first's. Paging off, so tables stay. */
static void test_a20(void **state)
{
	f->c->cr0 &= ~(uint64_t)CR0_PG;
	f->c->efer = 0;
	cpu_update_mode(&f->v);
	tlb_flush(&f->v, true);
	fixture_poke(f, 0x234000, 4, 0x22222222);
	fixture_poke(f, 0x334000, 4, 0x33333333);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, 0x334000), 0x33333333);
	vcpu_set_a20(&f->v, false);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, 0x334000), 0x22222222);
	assert_int_equal(mem_fetch_page(&f->v, 0x334000), 0x234000);
	assert_int_equal(f->v.limit, 0);
	vcpu_set_a20(&f->v, true);
	assert_int_equal(mem_read32(&f->v, SEG_FLAT, 0x334000), 0x33333333);
}

static void test_rmw_faults_as_write(void **state)
{
	int vector;

	map64(P | W | U, P | W | U, P | W | U, P | U);
	TRY(f, vector, mem_read_rmw32(&f->v, SEG_FLAT, LINEAR));
	expect_page_fault(vector, LINEAR, 3);
	TRY(f, vector, mem_probe_write(&f->v, SEG_FLAT, LINEAR, 4));
	expect_page_fault(vector, LINEAR, 3);
}

/* SDM vol. 3A 6.15 "Interrupt 17": CR0.AM, EFLAGS.AC, CPL 3. */
static void test_alignment(void **state)
{
	uint8_t bytes[28];
	int vector;

	f->c->cr0 |= CR0_AM;
	f->c->rflags |= FLAG_AC;
	cpu_update_mode(&f->v);
	assert_int_equal(load(LINEAR + 1), -1);
	set_cpl(3);
	assert_int_equal(load(LINEAR + 1), EXC_AC);
	assert_int_equal(f->v.fault_error, 0);
	assert_int_equal(load(LINEAR + 4), -1);
	assert_int_equal(store(LINEAR + 2), EXC_AC);
	TRY(f, vector, mem_read_bytes(&f->v, SEG_FLAT, LINEAR + 8, bytes, 10));
	assert_int_equal(vector, -1);
	/* An x87 environment of 16 and of 32 bits. */
	TRY(f, vector, mem_read_bytes(&f->v, SEG_FLAT, LINEAR + 2, bytes, 14));
	assert_int_equal(vector, -1);
	TRY(f, vector, mem_read_bytes(&f->v, SEG_FLAT, LINEAR + 1, bytes, 14));
	assert_int_equal(vector, EXC_AC);
	TRY(f, vector, mem_read_bytes(&f->v, SEG_FLAT, LINEAR + 2, bytes, 28));
	assert_int_equal(vector, EXC_AC);
	TRY(f, vector, mem_read8(&f->v, SEG_FLAT, LINEAR + 1));
	assert_int_equal(vector, -1);
	f->c->rflags &= ~(uint64_t)FLAG_AC;
	cpu_update_mode(&f->v);
	assert_int_equal(load(LINEAR + 1), -1);
}

static void test_host_range(void **state)
{
	uint64_t length = 0x2000;

	assert_null(mem_host_range(&f->v, SEG_FLAT, LINEAR + 0x800, true, &length));
	assert_int_equal(load(LINEAR + 0x800), -1);
	assert_null(mem_host_range(&f->v, SEG_FLAT, LINEAR + 0x800, true, &length));
	assert_ptr_equal(mem_host_range(&f->v, SEG_FLAT, LINEAR + 0x800, false, &length),
			 f->ram + FRAME + 0x800);
	assert_int_equal(length, 0x800);
	assert_int_equal(store(LINEAR + 0x800), -1);
	length = 16;
	f->v.guard[FRAME >> 12] = GUARD_CLEAN;
	f->dirty_pages = 0;
	assert_ptr_equal(mem_host_range(&f->v, SEG_FLAT, LINEAR + 0x800, true, &length),
			 f->ram + FRAME + 0x800);
	assert_int_equal(length, 16);
	assert_int_equal(f->dirty_pages, 1);
}

static void test_debug_translate(void **state)
{
	uint64_t gpa = 0;

	assert_true(mem_debug_translate(&f->v, LINEAR + 0x1abc, &gpa));
	assert_int_equal(gpa, FRAME + 0x1abc);
	assert_int_equal(fixture_peek(f, PD, 1) & A, 0);
	assert_false(mem_debug_translate(&f->v, LINEAR + 0x40000000, &gpa));
}

/* ---- 32-bit paging (4.3) and PAE (4.4) ---- */

static int setup_mapped32(void **state)
{
	setup32(state);
	memset(f->ram + SYSTEM_FREE, 0, 0x8000);
	return 0;
}

static void enable(uint64_t cr3, uint64_t cr4)
{
	struct cpu_regs r;

	cpu_get_regs(f->c, &r);
	r.cr0 |= CR0_PG | CR0_WP;
	r.cr3 = cr3;
	r.cr4 |= cr4;
	cpu_set_regs(&f->v, &r);
}

static void test_32bit(void **state)
{
	fixture_poke(f, PD + 4, 4, PT | P | W | U);
	fixture_poke(f, PT + 4, 4, FRAME | P | W | U);
	enable(PD, 0);
	assert_int_equal(store(0x401008), -1);
	assert_int_equal(fixture_peek(f, FRAME + 8, 4), 0x12345678);
	assert_int_equal(fixture_peek(f, PD + 4, 1) & (A | D), A);
	assert_int_equal(fixture_peek(f, PT + 4, 1) & (A | D), A | D);
	expect_page_fault(load(0x800000), 0x800000, 0);
	/* No NX, no SMEP: a fetch looks like a read. */
	expect_page_fault(fetch(0x800000), 0x800000, 0);
}

static void test_pse36(void **state)
{
	/* Bit 13 is bit 32 of the address: beyond RAM. Without PSE the bit is ignored. */
	fixture_poke(f, PD + 4, 4, P | W | U | PS);
	fixture_poke(f, PD + 8, 4, P | W | U | PS | 0x2000);
	fixture_poke(f, PD + 12, 4, P | W | U | PS | 1 << 21);
	enable(PD, CR4_PSE);
	fixture_poke(f, FRAME, 4, 0x5a5a);
	assert_int_equal(mem_read32(&f->v, SEG_DS, 0x400000 + FRAME), 0x5a5a);
	assert_int_equal(load(0x800010), -1);
	assert_int_equal(f->exit_count, 1);
	assert_int_equal(f->exits[0].address, 0x100000010);
	expect_page_fault(load(0xc00000), 0xc00000, 9);
}

static void test_pae(void **state)
{
	fixture_poke(f, PDPT + 8, 8, PD | P);
	fixture_poke(f, PD + 8, 8, PT | P | W | U);
	fixture_poke(f, PT + 8, 8, FRAME | P | W);
	enable(PDPT, CR4_PAE);
	assert_int_equal(store(0x40201004), -1);
	assert_int_equal(fixture_peek(f, FRAME + 4, 4), 0x12345678);
	expect_page_fault(load(0x80000000), 0x80000000, 0);
	/* The pointers were loaded with CR3: changing memory changes nothing. */
	fixture_poke(f, PDPT + 8, 8, 0);
	tlb_flush(&f->v, true);
	assert_int_equal(load(0x40201004), -1);
	/* Bits 62..52 are reserved here. */
	fixture_poke(f, PT + 16, 8, FRAME | P | W | 1ull << 52);
	expect_page_fault(load(0x40202000), 0x40202000, 9);
}

int main(void)
{
#define TEST64(name) cmocka_unit_test_setup_teardown(name, setup_mapped64, teardown)
#define TEST32(name) cmocka_unit_test_setup_teardown(name, setup_mapped32, teardown)
	const struct CMUnitTest tests[] = {
	    TEST64(test_translate),
	    TEST64(test_not_present),
	    TEST64(test_rights),
	    TEST64(test_write_protect),
	    TEST64(test_smep_smap),
	    TEST64(test_reserved),
	    TEST64(test_accessed_dirty),
	    TEST64(test_large_pages),
	    TEST64(test_invlpg_large),
	    TEST64(test_invlpg_halves),
	    TEST64(test_global),
	    TEST64(test_crossing),
	    TEST64(test_noncanonical),
	    TEST64(test_mmio),
	    TEST64(test_mmio_cached),
	    TEST64(test_rom),
	    TEST64(test_tables_outside),
	    TEST64(test_a20),
	    TEST64(test_rmw_faults_as_write),
	    TEST64(test_alignment),
	    TEST64(test_host_range),
	    TEST64(test_debug_translate),
	    TEST32(test_32bit),
	    TEST32(test_pse36),
	    TEST32(test_pae),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
