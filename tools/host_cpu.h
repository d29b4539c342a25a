/* SPDX-License-Identifier: Apache-2.0 */
/* The host's processor in libvirt's words. Only told to people and programs, never to a guest. */
#ifndef VCR_HOST_CPU_H
#define VCR_HOST_CPU_H

#include <stdbool.h>

#define HOST_CPU_FEATURES 96

struct host_cpu {
	char arch[32];                          /* as uname says: "x86_64" */
	const char *model;                      /* of libvirt's CPU map, or NULL */
	const char *vendor;                     /* "Intel", "AMD" or NULL */
	const char *feature[HOST_CPU_FEATURES]; /* beyond the model's; ends with NULL */
};

void host_cpu_read(struct host_cpu *c);

#endif
