/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Going back in a replay. A mark is a snapshot of the machine and the number of the event that
 * comes next; returning to it restores the one and moves the reader to the other.
 */
#include <stdlib.h>

#include "emulator/snapshot.h"
#include "replay/session.h"

struct replay_mark {
	struct snapshot *snapshot;
	uint64_t checked; /* events before it */
};

struct replay_mark *replay_mark_take(struct replay *r, struct error *e)
{
	struct replay_mark *mark = calloc(1, sizeof(*mark));

	if (!mark) {
		error_set(e, ERROR_HOST, "out of memory");
		return NULL;
	}
	mark->checked = r->checked;
	mark->snapshot = snapshot_take(r->machine, e);
	if (!mark->snapshot) {
		free(mark);
		return NULL;
	}
	return mark;
}

int replay_mark_return(struct replay *r, const struct replay_mark *mark, struct error *e)
{
	const struct event *next;

	snapshot_restore(r->machine, mark->snapshot);
	r->machine->mark = digest_next_mark(r->machine);
	r->machine->max_insns = UINT64_MAX;
	r->diverged = r->astray = false;
	r->endless.from = UINT64_MAX;
	r->end.kind = 0;
	session_drop_queue(r);
	if (trace_seek(r->reader, snapshot_insns(mark->snapshot), e))
		return -1;
	next = session_peek(r, 0);
	/* Events at one position: the mark may lie among them, so go by number. */
	if (next && next->number > mark->checked) {
		session_drop_queue(r);
		trace_rewind(r->reader);
		next = session_peek(r, 0);
	}
	while (next && next->number < mark->checked) {
		session_skip(r);
		next = session_peek(r, 0);
	}
	r->checked = mark->checked;
	if (r->error.kind) {
		*e = r->error;
		return -1;
	}
	session_look_ahead(r);
	return 0;
}

void replay_mark_free(struct replay_mark *mark)
{
	if (!mark)
		return;
	snapshot_free(mark->snapshot);
	free(mark);
}
