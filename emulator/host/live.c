/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The live door; see live.h.
 *
 * A thread reads standard input into a queue, so that asking for input costs the machine no
 * system call. Ctrl-A is the console's escape, as in QEMU: x ends the session, a second Ctrl-A
 * sends one; p presses the power button. On a terminal an end and a press take effect at once; from
 * a pipe, after what was before them.
 * Output is collected and written at the next poll, so that a byte costs no system call either; so
 * are changes of flash that continue one another.
 */
#include "emulator/host/live.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emulator/host/os.h"

#define ESCAPE      0x01 /* Ctrl-A */
#define QUEUE_SIZE  4096
#define OUTPUT_SIZE 8192
#define STORE_SIZE  4096

struct output {
	os_file file; /* OS_FILE_NONE: nothing connected */
	size_t used;
	uint8_t bytes[OUTPUT_SIZE];
};

/* What has still to be written to a store's file. */
struct store {
	os_file file; /* OS_FILE_NONE: nothing connected */
	uint64_t offset;
	size_t used;
	uint8_t bytes[STORE_SIZE];
};

struct live {
	struct host host;
	struct live_options options;
	struct output output[HOST_CHANNELS];
	struct store store[HOST_STORES];
	int input_channel; /* which channel standard input feeds, -1: none */
	uint64_t started;  /* monotonic ns */
	struct error failure;

	/* Under the lock: what the reader thread has for the machine. */
	pthread_t thread;
	bool thread_runs;
	struct os_input *input;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint8_t queue[QUEUE_SIZE];
	size_t head, count;
	uint64_t arrivals;     /* bytes ever queued */
	uint64_t offered;      /* how many of them the machine had a chance to take */
	bool asked;            /* it asked since the last poll's end: its device has room */
	bool quit_after_queue; /* Ctrl-A x from a pipe */
	uint64_t press_after;  /* the button is pressed when so many bytes were taken */
	atomic_bool pressed;   /* it is to be */
	bool input_ended;
	atomic_bool any; /* count > 0 or a quit waits: look under the lock */
	atomic_bool quit;
	void (*wake)(void *opaque); /* who wants to know at once that something came, or NULL */
	void *wake_opaque;
};

static struct live *live(struct host *h)
{
	return (struct live *)h;
}

/* ---- output ---- */

static void output_flush(struct live *l, struct output *o)
{
	size_t done = 0;

	while (done < o->used) {
		ptrdiff_t n = os_file_write(o->file, o->bytes + done, o->used - done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (os_stop_requested())
			break;
		if (n < 0) {
			if (!l->failure.kind)
				error_set(&l->failure, ERROR_HOST,
					  "cannot write the guest's output: %s", os_error());
			break;
		}
	}
	o->used = 0;
}

static void output_flush_all(struct live *l)
{
	for (int i = 0; i < HOST_CHANNELS; i++) {
		if (l->output[i].used)
			output_flush(l, &l->output[i]);
	}
}

/* ---- stores ---- */

static void store_flush(struct live *l, unsigned unit)
{
	struct store *s = &l->store[unit];
	size_t done = 0;

	while (done < s->used) {
		ptrdiff_t n =
		    os_file_write_at(s->file, s->bytes + done, s->used - done, s->offset + done);

		if (n < 0) {
			if (!l->failure.kind)
				error_set(&l->failure, ERROR_HOST,
					  "cannot write %s: %s (the guest's changes are lost)",
					  l->options.store[unit], os_error());
			break;
		}
		done += (size_t)n;
	}
	s->used = 0;
}

static void store_flush_all(struct live *l)
{
	for (unsigned i = 0; i < HOST_STORES; i++) {
		if (l->store[i].used)
			store_flush(l, i);
	}
}

static void live_store(struct host *h, unsigned unit, uint64_t offset, const void *bytes,
		       size_t size)
{
	struct live *l = live(h);
	struct store *s = &l->store[unit % HOST_STORES];
	const uint8_t *from = bytes;

	if (s->file == OS_FILE_NONE)
		return;
	while (size) {
		size_t n;

		if (s->used && (s->used == STORE_SIZE || offset != s->offset + s->used))
			store_flush(l, unit % HOST_STORES);
		if (!s->used)
			s->offset = offset;
		n = STORE_SIZE - s->used < size ? STORE_SIZE - s->used : size;
		memcpy(s->bytes + s->used, from, n);
		s->used += n;
		offset += n;
		from += n;
		size -= n;
	}
}

static void live_char_write(struct host *h, unsigned channel, const uint8_t *buffer, size_t size)
{
	struct live *l = live(h);
	struct output *o = &l->output[channel % HOST_CHANNELS];

	if (o->file == OS_FILE_NONE)
		return;
	while (size) {
		size_t n = OUTPUT_SIZE - o->used;

		n = n < size ? n : size;
		memcpy(o->bytes + o->used, buffer, n);
		o->used += n;
		buffer += n;
		size -= n;
		if (o->used == OUTPUT_SIZE)
			output_flush(l, o);
	}
}

/* ---- input ---- */

static void enqueue(struct live *l, uint8_t byte)
{
	while (l->count == QUEUE_SIZE && !atomic_load(&l->quit))
		pthread_cond_wait(&l->changed, &l->lock);
	if (l->count == QUEUE_SIZE)
		return;
	l->queue[(l->head + l->count++) % QUEUE_SIZE] = byte;
	l->arrivals++;
	atomic_store(&l->any, true);
}

static void press(struct live *l)
{
	while (atomic_load(&l->pressed) && !atomic_load(&l->quit))
		pthread_cond_wait(&l->changed, &l->lock);
	l->press_after = os_input_is_terminal(l->input) ? 0 : l->arrivals;
	atomic_store(&l->pressed, true);
}

/* Under the lock. */
static bool press_is_due(struct live *l)
{
	return atomic_load(&l->pressed) && l->arrivals - l->count >= l->press_after;
}

static size_t take_press(struct live *l, uint8_t *buffer)
{
	bool due;

	if (!atomic_load_explicit(&l->pressed, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&l->lock);
	due = press_is_due(l);
	if (due) {
		*buffer = 1;
		atomic_store(&l->pressed, false);
		pthread_cond_broadcast(&l->changed);
	}
	pthread_mutex_unlock(&l->lock);
	return due;
}

static void input_bytes(struct live *l, const uint8_t *bytes, size_t size, bool *escaped)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; i < size; i++) {
		if (!*escaped && bytes[i] == ESCAPE) {
			*escaped = true;
			continue;
		}
		if (*escaped && (bytes[i] == 'x' || bytes[i] == 'X')) {
			if (os_input_is_terminal(l->input))
				atomic_store(&l->quit, true);
			else
				l->quit_after_queue = true;
			atomic_store(&l->any, true);
		} else if (*escaped && (bytes[i] == 'p' || bytes[i] == 'P')) {
			press(l);
		} else if (!*escaped || bytes[i] == ESCAPE || bytes[i] == 'a') {
			enqueue(l, *escaped ? ESCAPE : bytes[i]);
		}
		*escaped = false;
	}
	pthread_cond_broadcast(&l->changed);
	if (l->wake)
		l->wake(l->wake_opaque);
	pthread_mutex_unlock(&l->lock);
}

static void *input_thread(void *opaque)
{
	struct live *l = opaque;
	uint8_t bytes[512];
	bool escaped = false;
	size_t n;

	while ((n = os_input_read(l->input, bytes, sizeof(bytes))))
		input_bytes(l, bytes, n, &escaped);
	pthread_mutex_lock(&l->lock);
	l->input_ended = true;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return NULL;
}

static size_t live_char_read(struct host *h, unsigned channel, uint8_t *buffer, size_t max)
{
	struct live *l = live(h);
	size_t n = 0;

	if (channel == HOST_CHANNEL_BUTTON)
		return max ? take_press(l, buffer) : 0;
	if ((int)channel != l->input_channel)
		return 0;
	l->asked = true;
	if (!atomic_load_explicit(&l->any, memory_order_relaxed))
		return 0;
	pthread_mutex_lock(&l->lock);
	l->offered = l->arrivals;
	while (n < max && l->count) {
		buffer[n++] = l->queue[l->head];
		l->head = (l->head + 1) % QUEUE_SIZE;
		l->count--;
	}
	if (!l->count) {
		if (l->quit_after_queue && !n)
			atomic_store(&l->quit, true);
		atomic_store(&l->any, l->quit_after_queue);
	}
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
	return n;
}

/* ---- time ---- */

static int64_t live_wall_clock(struct host *h)
{
	struct live *l = live(h);
	int64_t ns;

	if (l->options.base_fixed)
		return l->options.base_ns;
	ns = os_wall_ns();
	if (l->options.local_time)
		ns += os_local_offset_ns(ns);
	return ns;
}

static uint64_t timeout_left(const struct live *l)
{
	uint64_t limit, used;

	if (l->options.timeout <= 0)
		return UINT64_MAX;
	limit = (uint64_t)(l->options.timeout * 1e9);
	used = os_monotonic_ns() - l->started;
	return used < limit ? limit - used : 0;
}

static enum host_stop live_stop(struct host *h)
{
	struct live *l = live(h);

	output_flush_all(l);
	store_flush_all(l);
	if (!l->asked && atomic_load_explicit(&l->any, memory_order_relaxed)) {
		/* No room for what is there: that is no reason to wake a halted guest. */
		pthread_mutex_lock(&l->lock);
		l->offered = l->arrivals;
		pthread_mutex_unlock(&l->lock);
	}
	l->asked = false;
	if (l->failure.kind)
		return HOST_STOP_FAILED;
	if (os_stop_requested() || atomic_load(&l->quit))
		return HOST_STOP_QUIT;
	return timeout_left(l) ? HOST_STOP_NONE : HOST_STOP_TIMEOUT;
}

/* Sleeps until input arrives, `ns` of real time passed (UINT64_MAX: for ever) or a stop is due.
 * Returns false when nothing can ever arrive and there is no time limit. */
static bool sleep_for_input(struct live *l, uint64_t ns)
{
	uint64_t end = ns == UINT64_MAX ? UINT64_MAX : os_monotonic_ns() + ns;
	bool can_wake = true;

	pthread_mutex_lock(&l->lock);
	while (l->arrivals == l->offered && !l->quit_after_queue && !press_is_due(l) &&
	       !atomic_load(&l->quit) && !os_stop_requested()) {
		uint64_t now = os_monotonic_ns(), left = timeout_left(l), slice = 100000000;
		struct timespec until;

		if (now >= end || !left)
			break;
		if (end == UINT64_MAX && left == UINT64_MAX &&
		    (l->input_ended || !l->thread_runs)) {
			can_wake = false;
			break;
		}
		/* In slices, as a signal does not wake a condition. */
		slice = end - now < slice ? end - now : slice;
		slice = left < slice ? left : slice;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += (long)slice;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&l->changed, &l->lock, &until);
	}
	pthread_mutex_unlock(&l->lock);
	return can_wake;
}

static uint64_t live_wait(struct host *h, uint64_t now, uint64_t deadline)
{
	struct live *l = live(h);
	uint64_t started, elapsed;

	if (deadline != UINT64_MAX && !l->options.pace_real)
		return deadline;
	output_flush_all(l);
	started = os_monotonic_ns();
	if (!sleep_for_input(l, deadline == UINT64_MAX ? UINT64_MAX : deadline - now))
		return UINT64_MAX;
	if (deadline == UINT64_MAX && !l->options.pace_real)
		return now;
	elapsed = os_monotonic_ns() - started;
	return deadline - now < elapsed ? deadline : now + elapsed;
}

/* ---- machines whose time is the host's ---- */

/*
 * The guest is left so often to write out what it sent, and to see whether --timeout is over. Input
 * does not wait for that (live_listen), nor do signals, which end what the machine's thread does.
 */
#define ALARM_NS 40000000

static uint64_t live_clock(struct host *h)
{
	return os_monotonic_ns() - live(h)->started;
}

static uint64_t live_due(struct host *h, uint64_t deadline)
{
	uint64_t now = live_clock(h);

	return now >= deadline ? now : 0;
}

static uint64_t live_idle(struct host *h, uint64_t deadline)
{
	struct live *l = live(h);
	uint64_t now = live_clock(h);

	if (deadline <= now)
		return now;
	output_flush_all(l);
	if (!sleep_for_input(l, deadline == UINT64_MAX ? UINT64_MAX : deadline - now))
		return UINT64_MAX;
	return live_clock(h);
}

static uint64_t live_alarm(struct host *h, uint64_t deadline)
{
	uint64_t now = live_clock(h), ns = deadline > now ? deadline - now : 1;

	return ns < ALARM_NS ? ns : ALARM_NS;
}

static enum host_boundary live_boundary(struct host *h, bool again, struct host_place *place)
{
	return again ? HOST_BOUNDARY_LATER : HOST_BOUNDARY_HERE;
}

static void live_listen(struct host *h, void (*wake)(void *opaque), void *opaque)
{
	struct live *l = live(h);

	pthread_mutex_lock(&l->lock);
	l->wake = wake;
	l->wake_opaque = opaque;
	pthread_mutex_unlock(&l->lock);
}

static void live_entropy(struct host *h, void *buffer, size_t size)
{
	struct live *l = live(h);

	if (os_entropy(buffer, size)) {
		error_set(&l->failure, ERROR_HOST, "no entropy from the host: %s", os_error());
		memset(buffer, 0, size);
	}
}

/* ---- opening and closing ---- */

static const struct host_ops live_ops = {
    .wall_clock = live_wall_clock,
    .entropy = live_entropy,
    .char_read = live_char_read,
    .char_write = live_char_write,
    .wait = live_wait,
    .store = live_store,
    .stop = live_stop,
    .clock = live_clock,
    .tsc = live_clock,
    .due = live_due,
    .idle = live_idle,
    .alarm = live_alarm,
    .boundary = live_boundary,
    .listen = live_listen,
};

int live_channel_parse(struct live_options *o, unsigned channel, const char *text, struct error *e)
{
	if (channel >= HOST_CHANNEL_BUTTON)
		return error_set(e, ERROR_USAGE, "-serial: at most %d", HOST_CHANNEL_BUTTON);
	if (!strcmp(text, "stdio") || !strcmp(text, "mon:stdio")) {
		o->channel[channel].kind = LIVE_STDIO;
	} else if (!strcmp(text, "none") || !strcmp(text, "null")) {
		o->channel[channel].kind = LIVE_NONE;
	} else if ((!strncmp(text, "file:", 5) || !strncmp(text, "file;", 5)) && text[5]) {
		/* file;C:\x is what the shell of MSYS2 makes of file:/c/x. */
		o->channel[channel].kind = LIVE_FILE;
		o->channel[channel].path = text + 5;
	} else {
		return error_set(e, ERROR_USAGE,
				 "unknown channel '%.200s' (stdio, file:PATH or none)", text);
	}
	return 0;
}

static int open_channels(struct live *l, struct error *e)
{
	for (int i = 0; i < HOST_CHANNELS; i++) {
		const char *path = l->options.channel[i].path;

		if (l->options.channel[i].kind == LIVE_STDIO) {
			l->output[i].file = os_standard_output();
			if (l->input_channel < 0)
				l->input_channel = i;
		} else if (l->options.channel[i].kind == LIVE_FILE) {
			l->output[i].file = os_file_create(path);
			if (l->output[i].file == OS_FILE_NONE)
				return error_set(e, ERROR_HOST, "cannot write %s: %s", path,
						 os_error());
		}
	}
	return 0;
}

/* The files are there: what the chips held was read from them. */
static int open_stores(struct live *l, struct error *e)
{
	for (int i = 0; i < HOST_STORES; i++) {
		const char *path = l->options.store[i];

		if (!path)
			continue;
		l->store[i].file = os_file_open_to_write(path);
		if (l->store[i].file == OS_FILE_NONE)
			return error_set(e, ERROR_USAGE,
					 "-pflash %s: %s (what the guest programs is written to "
					 "it: copy it to a place of your own)",
					 path, os_error());
	}
	return 0;
}

struct host *live_open(const struct live_options *o, struct error *e)
{
	struct live *l = calloc(1, sizeof(*l));

	if (!l) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	l->host.ops = &live_ops;
	l->options = *o;
	l->input_channel = -1;
	l->started = os_monotonic_ns();
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->changed, NULL);
	for (int i = 0; i < HOST_CHANNELS; i++)
		l->output[i].file = OS_FILE_NONE;
	for (int i = 0; i < HOST_STORES; i++)
		l->store[i].file = OS_FILE_NONE;
	os_stop_catch();
	if (open_channels(l, e) || open_stores(l, e))
		goto fail;
	if (l->input_channel >= 0) {
		l->input = os_input_open();
		if (!l->input) {
			error_set(e, ERROR_HOST, "cannot read standard input: %s", os_error());
			goto fail;
		}
		if (os_thread_start(&l->thread, input_thread, l)) {
			error_set(e, ERROR_HOST, "cannot start a thread: %s", os_error());
			goto fail;
		}
		l->thread_runs = true;
	}
	return &l->host;
fail:
	live_close(&l->host);
	return NULL;
}

void live_flush(struct host *h)
{
	output_flush_all(live(h));
	store_flush_all(live(h));
}

const struct error *live_failure(const struct host *h)
{
	return &((const struct live *)h)->failure;
}

void live_close(struct host *h)
{
	struct live *l = live(h);

	if (!h)
		return;
	output_flush_all(l);
	store_flush_all(l);
	if (l->thread_runs) {
		pthread_mutex_lock(&l->lock);
		atomic_store(&l->quit, true);
		pthread_cond_broadcast(&l->changed);
		pthread_mutex_unlock(&l->lock);
		os_input_cancel(l->input);
		pthread_join(l->thread, NULL);
	}
	os_input_close(l->input);
	for (int i = 0; i < HOST_CHANNELS; i++) {
		if (l->output[i].file != OS_FILE_NONE && l->options.channel[i].kind == LIVE_FILE)
			os_file_close(l->output[i].file);
	}
	for (int i = 0; i < HOST_STORES; i++) {
		if (l->store[i].file != OS_FILE_NONE)
			os_file_close(l->store[i].file);
	}
	os_stop_release();
	pthread_mutex_destroy(&l->lock);
	pthread_cond_destroy(&l->changed);
	free(l);
}
