/* SPDX-License-Identifier: Apache-2.0 */
/* ACPI fixed hardware: the addresses and values that the ACPI tables name. */
#ifndef VCR_ACPI_PM_H
#define VCR_ACPI_PM_H

#define ACPI_PM_BASE     0x600u /* PM1a event block, 4 bytes */
#define ACPI_PM_CONTROL  0x604u /* PM1a control block, 2 bytes */
#define ACPI_PM_TIMER    0x608u /* 4 bytes */
#define ACPI_PM_SIZE     12u
#define ACPI_PM_SMI_PORT 0xb2u
#define ACPI_PM_ENABLE   0xf1u /* at the SMI port */
#define ACPI_PM_DISABLE  0xf0u
#define ACPI_PM_S5_TYPE  0u /* SLP_TYP of soft-off */

#endif
