/* SPDX-License-Identifier: Apache-2.0 */
/* The ISA bridge: what boards and their ACPI tables name. */
#ifndef VCR_PIIX3_H
#define VCR_PIIX3_H

#define PIIX3_PIRQS      4u
#define PIIX3_ISA        16u   /* the input pin of ISA interrupt 0; see piix3.c */
#define PIIX3_PIRQ       0x60u /* routing registers in configuration space */
#define PIIX3_RESET_PORT 0xcf9u
#define PIIX3_RESET      0x06u /* the value that resets */

#endif
