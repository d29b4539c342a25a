/* SPDX-License-Identifier: Apache-2.0 */
/* The host's clock that only goes forward; for what lies outside a machine (host.h is for those).
 */
#ifndef VCR_HOST_CLOCK_H
#define VCR_HOST_CLOCK_H

#include <stdint.h>

uint64_t host_clock_ns(void);

#endif
