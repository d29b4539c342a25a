/* SPDX-License-Identifier: Apache-2.0 */
/* `-device NAME,property=value,...` */
#ifndef VCR_DEVICE_OPTIONS_H
#define VCR_DEVICE_OPTIONS_H

#include <stdint.h>

#include "emulator/device/device.h"

/*
 * Finds the class that `text` names and the values of its properties (the defaults for those
 * that are not given). Numbers are decimal, or hexadecimal after 0x. Returns 0, or -1 with an
 * ERROR_USAGE that lists what is known.
 */
int device_options_parse(const char *text, const struct device_class **class,
			 uint64_t property[DEVICE_PROPERTIES], struct error *e);

#endif
