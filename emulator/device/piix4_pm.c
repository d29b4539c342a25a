/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The power management function of a PIIX4 (82371AB data sheet, order number 290562, chapter 7),
 * as firmware looks for it on PCI. The registers themselves are acpi_pm.c; this only says where
 * they are. PMBASE is fixed to that place, which is also where SeaBIOS puts it, and decoding is
 * always on. There is no SMBus, so its registers read as zeros.
 *
 * DEVACTB says that SMIs upon writes to B2h are enabled: what their handler would do is done
 * without one, and firmware that sees the bit leaves SMM alone.
 */
#include "emulator/bus/pci.h"
#include "emulator/device/acpi_pm.h"
#include "emulator/device/device.h"

#define PMBASE         0x40u
#define DEVACTB        0x58u
#define DEVACTB_APMC   0x02u /* APMC_EN is bit 25 */
#define PMREGMISC      0x80u
#define PMREGMISC_IOSE 0x01u

static const struct pci_register piix4_pm_registers[] = {
    {.offset = PMBASE, .count = 1, .reset = (ACPI_PM_BASE & 0xff) | 1},
    {.offset = PMBASE + 1, .count = 1, .reset = ACPI_PM_BASE >> 8},
    {.offset = DEVACTB, .count = 3, .writable = 0xff},
    {.offset = DEVACTB + 3, .count = 1, .reset = DEVACTB_APMC},
    {.offset = PMREGMISC, .count = 1, .reset = PMREGMISC_IOSE},
    {.count = 0},
};

static const struct pci_class piix4_pm_pci = {
    .vendor = 0x8086,
    .device = 0x7113,
    .revision = 3,
    .class_code = PCI_CLASS_OTHER_BRIDGE,
    .interrupt_pin = 1,
    .command_writable = PCI_COMMAND_IO | PCI_COMMAND_MASTER,
    .status = 0x0280,
    .registers = piix4_pm_registers,
};

const struct device_class piix4_pm_class = {
    .name = "piix4-pm",
    .description = "PCI function that says where the ACPI registers are",
    .state_size = sizeof(struct pci_function),
    .realize = pci_attach,
    .reset = pci_reset,
    .restored = pci_restored,
    .pci = &piix4_pm_pci,
};
