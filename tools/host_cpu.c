/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's processor; see host_cpu.h. Bits are those of CPUID (Intel SDM vol. 2A, CPUID), names
 * those of libvirt's cpu_map/x86_features.xml, without the dots that its schema does not allow.
 * The model is the plainest 64-bit one of that map that the host has all features of.
 */
#include "tools/host_cpu.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "emulator/host/os.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>

enum { EBX, ECX, EDX, REGISTERS };

static const struct feature {
	uint32_t leaf;
	uint8_t reg, bit;
	const char *name;
} features[] = {
    {1, EDX, 0, "fpu"},
    {1, EDX, 1, "vme"},
    {1, EDX, 2, "de"},
    {1, EDX, 3, "pse"},
    {1, EDX, 4, "tsc"},
    {1, EDX, 5, "msr"},
    {1, EDX, 6, "pae"},
    {1, EDX, 7, "mce"},
    {1, EDX, 8, "cx8"},
    {1, EDX, 9, "apic"},
    {1, EDX, 11, "sep"},
    {1, EDX, 12, "mtrr"},
    {1, EDX, 13, "pge"},
    {1, EDX, 14, "mca"},
    {1, EDX, 15, "cmov"},
    {1, EDX, 16, "pat"},
    {1, EDX, 17, "pse36"},
    {1, EDX, 19, "clflush"},
    {1, EDX, 23, "mmx"},
    {1, EDX, 24, "fxsr"},
    {1, EDX, 25, "sse"},
    {1, EDX, 26, "sse2"},
    {1, EDX, 27, "ss"},
    {1, EDX, 28, "ht"},
    {1, ECX, 0, "pni"},
    {1, ECX, 1, "pclmuldq"},
    {1, ECX, 3, "monitor"},
    {1, ECX, 5, "vmx"},
    {1, ECX, 9, "ssse3"},
    {1, ECX, 12, "fma"},
    {1, ECX, 13, "cx16"},
    {1, ECX, 17, "pcid"},
    {1, ECX, 19, "sse4_1"},
    {1, ECX, 20, "sse4_2"},
    {1, ECX, 21, "x2apic"},
    {1, ECX, 22, "movbe"},
    {1, ECX, 23, "popcnt"},
    {1, ECX, 24, "tsc-deadline"},
    {1, ECX, 25, "aes"},
    {1, ECX, 26, "xsave"},
    {1, ECX, 28, "avx"},
    {1, ECX, 29, "f16c"},
    {1, ECX, 30, "rdrand"},
    {1, ECX, 31, "hypervisor"},
    {7, EBX, 0, "fsgsbase"},
    {7, EBX, 1, "tsc_adjust"},
    {7, EBX, 3, "bmi1"},
    {7, EBX, 5, "avx2"},
    {7, EBX, 7, "smep"},
    {7, EBX, 8, "bmi2"},
    {7, EBX, 9, "erms"},
    {7, EBX, 10, "invpcid"},
    {7, EBX, 16, "avx512f"},
    {7, EBX, 17, "avx512dq"},
    {7, EBX, 18, "rdseed"},
    {7, EBX, 19, "adx"},
    {7, EBX, 20, "smap"},
    {7, EBX, 23, "clflushopt"},
    {7, EBX, 24, "clwb"},
    {7, EBX, 28, "avx512cd"},
    {7, EBX, 29, "sha-ni"},
    {7, EBX, 30, "avx512bw"},
    {7, EBX, 31, "avx512vl"},
    {7, ECX, 1, "avx512vbmi"},
    {7, ECX, 2, "umip"},
    {7, ECX, 3, "pku"},
    {7, ECX, 8, "gfni"},
    {7, ECX, 9, "vaes"},
    {7, ECX, 10, "vpclmulqdq"},
    {7, ECX, 16, "la57"},
    {7, ECX, 22, "rdpid"},
    {0x80000001, EDX, 11, "syscall"},
    {0x80000001, EDX, 20, "nx"},
    {0x80000001, EDX, 26, "pdpe1gb"},
    {0x80000001, EDX, 27, "rdtscp"},
    {0x80000001, EDX, 29, "lm"},
    {0x80000001, ECX, 0, "lahf_lm"},
    {0x80000001, ECX, 2, "svm"},
    {0x80000001, ECX, 5, "abm"},
    {0x80000001, ECX, 6, "sse4a"},
    {0x80000001, ECX, 8, "3dnowprefetch"},
};

#define FEATURES (sizeof(features) / sizeof(features[0]))

_Static_assert(FEATURES < HOST_CPU_FEATURES, "all features fit");

/* libvirt's "kvm64" is made of these. */
static const char *const base_features[] = {
    "apic", "clflush", "cmov",  "cx16", "cx8",  "de",   "fpu",     "fxsr", "lm",
    "mca",  "mce",     "mmx",   "msr",  "mtrr", "nx",   "pae",     "pat",  "pge",
    "pni",  "pse",     "pse36", "sep",  "sse",  "sse2", "syscall", "tsc"};

#define BASE_FEATURES (sizeof(base_features) / sizeof(base_features[0]))

static bool feature_is_there(const struct feature *f)
{
	uint32_t eax, reg[REGISTERS];

	return __get_cpuid_count(f->leaf, 0, &eax, &reg[EBX], &reg[ECX], &reg[EDX]) &&
	       (reg[f->reg] >> f->bit & 1);
}

static bool is_base(const char *name)
{
	for (size_t i = 0; i < BASE_FEATURES; i++) {
		if (!strcmp(base_features[i], name))
			return true;
	}
	return false;
}

static const char *vendor(void)
{
	uint32_t eax, ebx, ecx, edx;

	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx))
		return NULL;
	if (ebx == signature_INTEL_ebx && ecx == signature_INTEL_ecx)
		return "Intel";
	return ebx == signature_AMD_ebx && ecx == signature_AMD_ecx ? "AMD" : NULL;
}

static void read_cpuid(struct host_cpu *c)
{
	size_t base = 0, n = 0;

	for (size_t i = 0; i < FEATURES; i++)
		base += is_base(features[i].name) && feature_is_there(&features[i]);
	c->model = base == BASE_FEATURES ? "kvm64" : NULL;
	c->vendor = vendor();
	for (size_t i = 0; i < FEATURES; i++) {
		if (feature_is_there(&features[i]) && !(c->model && is_base(features[i].name)))
			c->feature[n++] = features[i].name;
	}
}
#else
static void read_cpuid(struct host_cpu *c)
{
}
#endif

void host_cpu_read(struct host_cpu *c)
{
	memset(c, 0, sizeof(*c));
	os_machine_name(c->arch, sizeof(c->arch));
	read_cpuid(c);
}
