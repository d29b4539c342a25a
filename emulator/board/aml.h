/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small emitter of ACPI machine language (ACPI 6.3 chapter 20): it appends terms to a buffer.
 * What holds other terms is opened and closed; closing fills in its PkgLength:
 *
 *	size_t device = aml_open_device(a, "COM1");
 *	aml_name(a, "_UID");
 *	aml_integer(a, 1);
 *	aml_close(a, device);
 *
 * is Device (COM1) { Name (_UID, 1) }. Running out of room sets `overflow` and drops bytes.
 */
#ifndef VCR_AML_H
#define VCR_AML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct aml {
	uint8_t *bytes;
	size_t size, room;
	bool overflow;
};

void aml_bytes(struct aml *a, const void *bytes, size_t size);

/* Scope (name), Device (name), Package (count). */
size_t aml_open_scope(struct aml *a, const char *name);
size_t aml_open_device(struct aml *a, const char *name);
size_t aml_open_package(struct aml *a, uint8_t count);
void aml_close(struct aml *a, size_t mark);

/* Name (name, ...): the object follows. Names have four characters. */
void aml_name(struct aml *a, const char *name);
void aml_integer(struct aml *a, uint32_t value);
void aml_string(struct aml *a, const char *text);
/* EisaId ("PNP0501"). */
void aml_eisa_id(struct aml *a, const char *id);

/* A resource template (6.4): descriptors appended here, emitted as one Buffer. */
struct aml_resources {
	uint8_t bytes[128];
	size_t size;
};
void aml_io(struct aml_resources *r, uint16_t base, uint8_t count);
void aml_irq(struct aml_resources *r, unsigned irq);
/* What a bridge hands down: bus numbers, ports, memory, each from first to last. */
void aml_bus_numbers(struct aml_resources *r, uint8_t first, uint8_t last);
void aml_io_window(struct aml_resources *r, uint16_t first, uint16_t last);
void aml_memory_window(struct aml_resources *r, uint32_t first, uint32_t last);
void aml_resource_template(struct aml *a, struct aml_resources *r);

#endif
