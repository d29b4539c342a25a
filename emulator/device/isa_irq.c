/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sixteen interrupt lines of an ISA bus, each led to two interrupt controllers, as on every
 * PC with an I/O APIC: input pin n drives out[n] (the 8259 pair) and out[16 + n] (the I/O APIC).
 */
#include "emulator/device/device.h"

static void isa_irq_set_irq(struct device *d, unsigned pin, bool level)
{
	if (pin < 16) {
		irq_set(d->out[pin], level);
		irq_set(d->out[16 + pin], level);
	}
}

static bool isa_irq_get_irq(const struct device *d, unsigned pin)
{
	return pin < 16 && irq_get(d->out[pin]);
}

const struct device_class isa_irq_class = {
    .name = "isa-irq",
    .description = "ISA interrupt lines, led to both interrupt controllers",
    .set_irq = isa_irq_set_irq,
    .get_irq = isa_irq_get_irq,
};
