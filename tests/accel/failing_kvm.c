/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loaded before vcr (LD_PRELOAD), makes KVM fail as the environment variable FAIL_KVM says,
 * "WHAT:NUMBER:ERRNO":
 *
 *   open::ERRNO         /dev/kvm cannot be opened
 *   version:N:          it has API version N
 *   capability:N:       it lacks capability N
 *   slot:N:ERRNO        the Nth memory slot, from 1, is refused
 *   run:N:ERRNO         the Nth KVM_RUN of the session, from 1, fails
 *   measure:N:ERRNO     the Nth KVM_RUN of measure.c does; its vCPU has no filter for MSRs
 *
 * For the first three there need not be a KVM: /dev/null stands in for it, which is all right as
 * long as nobody gets beyond these questions.
 */
#undef _FILE_OFFSET_BITS /* which makes one symbol of open() and open64() */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int ioctl(int fd, unsigned long request, ...);
int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);

/* Is this what has to fail? Its two numbers then. */
static bool fails(const char *what, int *number, int *error)
{
	const char *text = getenv("FAIL_KVM");
	size_t length = strlen(what);

	if (!text || strncmp(text, what, length) || text[length] != ':')
		return false;
	*number = atoi(text + length + 1);
	text = strchr(text + length + 1, ':');
	*error = text ? atoi(text + 1) : 0;
	return true;
}

static int open_really(const char *path, int flags, int mode)
{
	static int (*real)(const char *, int, ...);
	int number, error;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "open64");
	if (!strcmp(path, "/dev/kvm")) {
		if (fails("open", &number, &error)) {
			errno = error;
			return -1;
		}
		if (fails("version", &number, &error) || fails("capability", &number, &error))
			path = "/dev/null";
	}
	return real(path, flags, mode);
}

#define OPEN(name)                                                                                 \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list list;                                                                      \
		int mode = 0;                                                                      \
                                                                                                   \
		va_start(list, flags);                                                             \
		if (flags & (O_CREAT | __O_TMPFILE))                                               \
			mode = va_arg(list, int);                                                  \
		va_end(list);                                                                      \
		return open_really(path, flags, mode);                                             \
	}
OPEN(open)
OPEN(open64)

/* Counts what may fail; true when this one does. */
static bool counted(const char *what, int *count)
{
	int number, error;

	if (!fails(what, &number, &error) || ++*count != number)
		return false;
	errno = error;
	return true;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*real)(int, unsigned long, ...);
	static int runs, measured, slots;
	static bool session;
	int number, error;
	void *argument;
	va_list list;

	va_start(list, request);
	argument = va_arg(list, void *);
	va_end(list);
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	if (fails("version", &number, &error) && request == KVM_GET_API_VERSION)
		return number;
	if (fails("capability", &number, &error)) {
		if (request == KVM_GET_API_VERSION)
			return KVM_API_VERSION;
		if (request == KVM_CHECK_EXTENSION)
			return number != (int)(long)argument;
	}
	session |= request == KVM_X86_SET_MSR_FILTER;
	session &= request != KVM_CREATE_VCPU;
	if (request == KVM_SET_USER_MEMORY_REGION && counted("slot", &slots))
		return -1;
	if (request == KVM_RUN && counted(session ? "run" : "measure", session ? &runs : &measured))
		return -1;
	return real(fd, request, argument);
}
