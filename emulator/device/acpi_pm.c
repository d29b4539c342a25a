/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACPI fixed hardware (ACPI 6.3, 4.8.3) where a PIIX4 has it: the PM1a event and control blocks
 * and the power management timer at 600h, and the SMI command port at B2h.
 *
 *	600h  PM1_STS  status, write 1 to clear		B2h  SMI command: ACPI on and off
 *	602h  PM1_EN   which status bits raise SCI	B3h  SMI status: a scratch register
 *	604h  PM1_CNT  SCI_EN, sleep type and enable
 *	608h  PM_TMR   24 bits at 3.579545 MHz
 *
 * The timer is a function of virtual time, and so is its status bit: bit 23 has changed since
 * the bit was last cleared. There is no SMM; what its handler would do on F1h and F0h at B2h
 * (set and clear SCI_EN) is done here. Soft-off is sleep type 0.
 *
 * out[0] is SCI. The power button is a character channel: each byte that arrives is a press. The
 * chip set's override, a press of four seconds that switches off, is left out: the host can always
 * end the session.
 */
#include "emulator/device/acpi_pm.h"

#include "emulator/device/device.h"
#include "emulator/device/ticks.h"

#define TIMER_HZ    3579545u
#define TIMER_MASK  0xffffffu
#define CARRY_TICKS 0x800000ull /* bit 23 changes this often */

#define STS_TMR    (1u << 0)
#define STS_GBL    (1u << 5)
#define STS_PWRBTN (1u << 8)
#define STS_RTC    (1u << 10)
#define EN_MASK    (STS_TMR | STS_GBL | STS_PWRBTN | STS_RTC)

#define CNT_SCI_EN     (1u << 0)
#define CNT_WRITABLE   0x1c02u /* BM_RLD and SLP_TYP; SCI_EN belongs to the hardware */
#define CNT_SLP_TYP(c) ((c) >> 10 & 7)
#define CNT_SLP_EN     (1u << 13)

struct acpi_pm {
	uint64_t carries; /* changes of bit 23 that had been seen when TMR_STS was last cleared */
	uint16_t sts;     /* the status bits other than TMR_STS */
	uint16_t en, cnt;
	uint8_t smi_command, smi_status;
	uint8_t reserved[8];
};

static uint16_t acpi_pm_sts(const struct device *d)
{
	const struct acpi_pm *s = device_state(d);
	uint64_t carries = ticks_at(device_now(d), TIMER_HZ) / CARRY_TICKS;

	return s->sts | (carries != s->carries ? STS_TMR : 0);
}

/* Drives SCI, and wakes up for the next carry if that would raise it. */
static void acpi_pm_update(struct device *d)
{
	const struct acpi_pm *s = device_state(d);
	uint16_t sts = acpi_pm_sts(d);

	irq_set(d->out[0], (s->cnt & CNT_SCI_EN) && (sts & s->en));
	if ((s->en & STS_TMR) && !(sts & STS_TMR))
		device_timer_set(d, 0, ticks_time((s->carries + 1) * CARRY_TICKS, TIMER_HZ));
	else
		device_timer_cancel(d, 0);
}

static void acpi_pm_timer(struct device *d, unsigned index)
{
	acpi_pm_update(d);
}

/* ---- PM1 and the timer: bytes of one little-endian block ---- */

static uint64_t acpi_pm_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct acpi_pm *s = device_state(d);
	uint32_t word[4] = {
	    acpi_pm_sts(d) | (uint32_t)s->en << 16,
	    s->cnt,
	    ticks_at(device_now(d), TIMER_HZ) & TIMER_MASK,
	    0,
	};
	uint64_t pair = word[offset / 4] | (uint64_t)word[offset / 4 + 1] << 32;

	return pair >> offset % 4 * 8;
}

static void acpi_pm_clear_sts(struct device *d, uint16_t bits)
{
	struct acpi_pm *s = device_state(d);

	s->sts &= ~bits;
	if (bits & STS_TMR)
		s->carries = ticks_at(device_now(d), TIMER_HZ) / CARRY_TICKS;
}

static void acpi_pm_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct acpi_pm *s = device_state(d);
	bool sleep = false;

	for (unsigned i = 0; i < size; i++) {
		uint8_t byte = value >> i * 8;

		switch (offset + i) {
		case 0:
			acpi_pm_clear_sts(d, byte);
			break;
		case 1:
			acpi_pm_clear_sts(d, byte << 8);
			break;
		case 2:
			s->en = ((s->en & 0xff00) | byte) & EN_MASK;
			break;
		case 3:
			s->en = ((s->en & 0x00ff) | byte << 8) & EN_MASK;
			break;
		case 4:
			s->cnt = (s->cnt & ~(CNT_WRITABLE & 0xff)) | (byte & CNT_WRITABLE);
			break;
		case 5:
			s->cnt = (s->cnt & ~(CNT_WRITABLE & 0xff00)) | (byte << 8 & CNT_WRITABLE);
			sleep = byte << 8 & CNT_SLP_EN;
			break;
		default: /* reserved, and the timer, which is read-only */
			break;
		}
	}
	acpi_pm_update(d);
	/* The other sleep states are not in the _Sx objects; asking for them does nothing. */
	if (sleep && CNT_SLP_TYP(s->cnt) == ACPI_PM_S5_TYPE)
		device_request_poweroff(d);
}

/* ---- B2h and B3h ---- */

static uint64_t acpi_pm_smi_read(struct device *d, uint64_t offset, unsigned size)
{
	const struct acpi_pm *s = device_state(d);

	return offset ? s->smi_status : s->smi_command;
}

static void acpi_pm_smi_write(struct device *d, uint64_t offset, uint64_t value, unsigned size)
{
	struct acpi_pm *s = device_state(d);

	if (offset) {
		s->smi_status = value;
		return;
	}
	s->smi_command = value;
	if (s->smi_command == ACPI_PM_ENABLE)
		s->cnt |= CNT_SCI_EN;
	else if (s->smi_command == ACPI_PM_DISABLE)
		s->cnt &= ~CNT_SCI_EN;
	acpi_pm_update(d);
}

/* ---- */

/* However often it was pressed, that is one status bit: presses that wait come at once. */
static size_t acpi_pm_button_room(struct device *d)
{
	return 256;
}

static void acpi_pm_button_pressed(struct device *d, const uint8_t *bytes, size_t size)
{
	struct acpi_pm *s = device_state(d);

	s->sts |= STS_PWRBTN;
	acpi_pm_update(d);
}

static void acpi_pm_reset(struct device *d)
{
	struct acpi_pm *s = device_state(d);

	*s = (struct acpi_pm){.carries = ticks_at(device_now(d), TIMER_HZ) / CARRY_TICKS};
	acpi_pm_update(d);
}

static const struct region_ops acpi_pm_ops = {
    .read = acpi_pm_read,
    .write = acpi_pm_write,
    .max_size = 4,
};

static const struct region_ops acpi_pm_smi_ops = {
    .read = acpi_pm_smi_read,
    .write = acpi_pm_smi_write,
    .max_size = 1,
};

static int acpi_pm_realize(struct device *d, struct error *e)
{
	if (device_add_ports(d, ACPI_PM_BASE, ACPI_PM_SIZE, &acpi_pm_ops, "acpi-pm", e))
		return -1;
	return device_add_ports(d, ACPI_PM_SMI_PORT, 2, &acpi_pm_smi_ops, "acpi-smi", e);
}

const struct device_class acpi_pm_class = {
    .name = "acpi-pm",
    .description = "ACPI fixed hardware: PM1, PM timer, soft-off",
    .state_size = sizeof(struct acpi_pm),
    .timers = 1,
    .realize = acpi_pm_realize,
    .reset = acpi_pm_reset,
    .timer = acpi_pm_timer,
    .char_room = acpi_pm_button_room,
    .char_in = acpi_pm_button_pressed,
};
