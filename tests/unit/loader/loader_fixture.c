/* SPDX-License-Identifier: Apache-2.0 */
/* The machine for loader tests: see loader_fixture.h. */
#include "tests/unit/loader/loader_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATTERN 0xa5

static struct fixture *current;

/* ---- what loaders call ---- */

uint8_t *machine_ram_at(struct machine *m, uint64_t gpa, uint64_t size)
{
	const struct slot *s = bus_find_slot(&m->bus, gpa);

	if (!s || size > s->size - (gpa - s->gpa))
		return NULL;
	return m->ram.base + s->ram_offset + (gpa - s->gpa);
}

bool machine_load_bytes(struct machine *m, uint64_t gpa, const void *data, uint64_t size)
{
	uint8_t *to = size ? machine_ram_at(m, gpa, size) : NULL;

	if (to)
		memcpy(to, data, size);
	return to || !size;
}

void cpu_get_regs(const struct cpu *c, struct cpu_regs *r)
{
	memset(r, PATTERN, sizeof(*r));
}

void cpu_set_regs(struct vcpu *v, const struct cpu_regs *r)
{
	current->regs = *r;
	current->entered = true;
}

void vcpu_set_a20(struct vcpu *v, bool enabled)
{
	assert_true(enabled);
}

/* ---- memory ---- */

static void memory_open(struct fixture *f, uint64_t ram_size)
{
	struct machine *m = &f->m;

	memset(&m->bus, 0, sizeof(m->bus));
	assert_int_equal(ram_open(&m->ram, ram_size + FIXTURE_ROM, NULL), 0);
	memset(m->ram.base, PATTERN, m->ram.size);
	assert_int_equal(bus_add_slot(&m->bus, 0, 0xa0000, 0, false, NULL), 0);
	assert_int_equal(bus_add_slot(&m->bus, 0xc0000, 0x40000, 0xc0000, false, NULL), 0);
	if (ram_size > MEMORY_MIB)
		assert_int_equal(bus_add_slot(&m->bus, MEMORY_MIB, ram_size - MEMORY_MIB,
					      MEMORY_MIB, false, NULL),
				 0);
	assert_int_equal(
	    bus_add_slot(&m->bus, 0x100000000ull - FIXTURE_ROM, FIXTURE_ROM, ram_size, true, NULL),
	    0);
}

void fixture_open(struct fixture *f, uint64_t ram_size)
{
	current = f;
	memset(f, 0, sizeof(*f));
	machine_config_init(&f->m.config);
	f->m.config.ram_size = ram_size;
	memory_open(f, ram_size);
	f->map = (struct memory_map){
	    .range = {{0, 0x9fc00, MEMORY_RAM},
		      {0x9fc00, 0x400, MEMORY_RESERVED},
		      {MEMORY_MIB, ram_size - MEMORY_MIB, MEMORY_RAM}},
	    .ranges = 3,
	    .low_end = 0x9fc00,
	    .high_end = ram_size,
	    .rsdp = FIXTURE_RSDP,
	};
}

void fixture_close(struct fixture *f)
{
	ram_close(&f->m.ram);
	machine_config_free(&f->m.config);
}

uint8_t *fixture_at(struct fixture *f, uint64_t gpa, uint64_t size)
{
	uint8_t *p = machine_ram_at(&f->m, gpa, size);

	if (!p)
		fail_msg("%#llx is no RAM", (unsigned long long)gpa);
	return p;
}

uint32_t fixture_get32(struct fixture *f, uint64_t gpa)
{
	return loader_get32(fixture_at(f, gpa, 4));
}

uint64_t fixture_get64(struct fixture *f, uint64_t gpa)
{
	return loader_get64(fixture_at(f, gpa, 8));
}

/* ---- images ---- */

static void *copy_of(const void *data, size_t size)
{
	void *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	if (size)
		memcpy(copy, data, size);
	return copy;
}

void fixture_image(struct fixture *f, enum image_role role, const char *name, const void *data,
		   size_t size)
{
	struct machine_config *c = &f->m.config;

	assert_true(c->images < MACHINE_IMAGES);
	c->image[c->images++] = (struct image){role, strdup(name), copy_of(data, size), size};
}

void fixture_kernel(struct fixture *f, const void *data, size_t size)
{
	struct machine_config *c = &f->m.config;

	for (unsigned i = 0; i < c->images; i++) {
		if (c->image[i].role == IMAGE_KERNEL) {
			free(c->image[i].data);
			c->image[i].data = copy_of(data, size);
			c->image[i].size = size;
			return;
		}
	}
	fixture_image(f, IMAGE_KERNEL, "kernel", data, size);
}

void fixture_append(struct fixture *f, const char *text)
{
	free(f->m.config.append);
	f->m.config.append = strdup(text);
}

/* ---- running the loader ---- */

int fixture_boot(struct fixture *f)
{
	int result;

	f->entered = false;
	memset(&f->error, 0, sizeof(f->error));
	result = loader_boot(&f->m, &f->map, &f->error);
	if (result) {
		assert_int_equal(result, -1);
		assert_int_equal(f->error.kind, ERROR_USAGE);
		assert_true(strlen(f->error.text) > 10);
		assert_null(strchr(f->error.text, '\n'));
		assert_false(f->entered);
	} else {
		assert_true(f->entered);
	}
	return result;
}

void fixture_boots(struct fixture *f)
{
	if (fixture_boot(f))
		fail_msg("%s", f->error.text);
}

void fixture_refuses(struct fixture *f, const char *what)
{
	if (!fixture_boot(f))
		fail_msg("booted in spite of: %s", what);
	if (!strstr(f->error.text, what))
		fail_msg("expected '%s' in: %s", what, f->error.text);
}

void fixture_check_protected_mode(struct fixture *f, uint16_t code, uint16_t data)
{
	const struct cpu_regs *r = &f->regs;

	assert_int_equal(r->cr0 & (CR0_PE | CR0_PG), CR0_PE);
	assert_int_equal(r->rflags, 2); /* interrupts off, direction up */
	assert_true(r->gdt_limit >= code + 7u && r->gdt_limit >= data + 7u);
	for (unsigned i = SEG_ES; i <= SEG_GS; i++) {
		assert_int_equal(r->seg[i].selector, i == SEG_CS ? code : data);
		assert_int_equal(r->seg[i].base, 0);
		assert_int_equal(r->seg[i].limit, 0xffffffff);
		assert_int_equal(r->seg[i].attr, i == SEG_CS ? 0xc09b : 0xc093);
	}
	assert_true(fixture_get64(f, r->gdt_base + code) == 0x00cf9b000000ffffull);
	assert_true(fixture_get64(f, r->gdt_base + data) == 0x00cf93000000ffffull);
}
