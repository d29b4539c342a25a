/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded before vcr (LD_PRELOAD), makes one KVM_RUN fail: the one whose number, from 1, is in
 * the environment variable FAIL_RUN. Those of measure.c do not count: its vCPU has no filter for
 * MSRs.
 */
#include <dlfcn.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdlib.h>

int ioctl(int fd, unsigned long request, ...);

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	static int runs, counting;
	const char *fail = getenv("FAIL_RUN");
	void *argument;
	va_list list;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	counting |= request == KVM_X86_SET_MSR_FILTER;
	counting &= request != KVM_CREATE_VCPU;
	if (request == KVM_RUN && fail && counting && ++runs == atoi(fail)) {
		errno = EIO;
		return -1;
	}
	return real(fd, request, argument);
}
