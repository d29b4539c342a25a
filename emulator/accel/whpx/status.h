/* SPDX-License-Identifier: Apache-2.0 */
/* The platform's words for what its emulator did not do; for traces too, wherever they are read. */
#ifndef VCR_WHPX_STATUS_H
#define VCR_WHPX_STATUS_H

#include <stddef.h>
#include <stdint.h>

/* The names of the bits of an EmulatorReturnStatus, "InternalEmulationFailure, ...". */
const char *whpx_status_text(uint32_t status, char *text, size_t size);

#endif
