/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz inputs as qtest commands and as C; see fuzz_export.h. */
#include "tools/fuzz_export.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/forked.h"
#include "tools/qtest.h"

/* Answers that a test checks: as many as an input has reads, but for long strings. */
#define ANSWERS_MAX 8192u

struct export
{
	struct harness_watch watch;
	const struct fuzz_input *in;
	struct harness *h;
	FILE *f;
	uint64_t told; /* virtual ns */
	struct answers {
		uint32_t count;
		uint64_t data[ANSWERS_MAX];
	} * answers; /* shared */
};

static struct export *of_watch(struct harness_watch *w)
{
	return (struct export *)(void *)w;
}

/* ---- qtest ---- */

static void qtest_op(struct harness_watch *w, const struct op *op)
{
	static char command[QTEST_COMMAND];
	struct export *x = of_watch(w);

	if (qtest_of_fill(x->h, op, command))
		fprintf(x->f, "%s\n", command);
}

static void qtest_exit(struct harness_watch *w, const struct exit *e)
{
	struct export *x = of_watch(w);
	uint64_t now = machine_now(harness_machine(x->h));
	char command[128];

	if (!qtest_of_exit(e, command, sizeof(command)))
		return;
	if (now > x->told)
		fprintf(x->f, "clock_step %" PRIu64 "\n", now - x->told);
	x->told = now;
	fprintf(x->f, "%s\n", command);
	/* The next one may end the process. */
	fflush(x->f);
}

static int qtest_work(void *opaque)
{
	struct export *x = opaque;
	const struct harness_options plain = {.plain = true};
	struct error e = {0};
	struct op *ops = NULL;
	uint8_t *data = NULL;
	size_t size;
	unsigned count;

	x->h = harness_open(x->in->target, &plain, &e);
	if (x->h)
		ops = fuzz_input_ops(x->in->data, x->in->size, &count);
	if (ops)
		data = fuzz_ops_encode(ops, qtest_filter(x->h, ops, count, true), &size);
	if (data) {
		x->watch = (struct harness_watch){.op = qtest_op, .exit = qtest_exit};
		harness_set_watch(x->h, &x->watch);
		harness_run(x->h, data, size);
	}
	free(ops);
	harness_close(x->h);
	free(data);
	return data ? 0 : ERROR_HOST;
}

static int run_forked(int (*work)(void *), struct export *x, struct error *e)
{
	struct forked_end end;

	fflush(x->f);
	if (forked_run(work, x, &end, e))
		return -1;
	if (end.alive && end.status)
		return error_set(e, ERROR_HOST, "the input cannot be carried out");
	return 0;
}

int export_qtest(const struct fuzz_input *in, FILE *f, struct error *e)
{
	struct export x = {.in = in, .f = f};

	return run_forked(qtest_work, &x, e);
}

/* ---- C ---- */

static void c_exit(struct harness_watch *w, const struct exit *e)
{
	struct answers *a = of_watch(w)->answers;

	if (!e->is_write && e->kind != EXIT_HLT && a->count < ANSWERS_MAX)
		a->data[a->count++] = e->data;
}

static int c_work(void *opaque)
{
	struct export *x = opaque;
	struct error e = {0};

	x->h = harness_open(x->in->target, NULL, &e);
	if (!x->h)
		return ERROR_HOST;
	x->watch = (struct harness_watch){.exit = c_exit};
	harness_set_watch(x->h, &x->watch);
	harness_run(x->h, x->in->data, x->in->size);
	harness_close(x->h);
	return 0;
}

static void print_head(FILE *f, const char *target, const char *path)
{
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;

	fprintf(
	    f,
	    "/* SPDX-License-Identifier: Apache-2.0 */\n"
	    "/*\n"
	    " * Regression test of the fuzz target %s, made by vcr export --c of the input\n * ",
	    target);
	for (const char *c = name; *c; c++)
		fputc(*c > 0x20 && *c < 0x7f && *c != '/' && *c != '*' ? *c : '_', f);
	fputs(
	    ". The operations are carried out in turn; what they read is\n"
	    " * compared with what it was then: correct an answer that the data sheet has "
	    "otherwise.\n"
	    " * As tests/unit/fuzz/NAME.c, with 'fuzz/NAME' in the list of meson.build there, it "
	    "is run by\n"
	    " * meson test -C build fuzz_NAME.\n"
	    " */\n"
	    "#include \"fuzz/harness.h\"\n\n"
	    "#include <setjmp.h>\n#include <stdarg.h>\n#include <stdio.h>\n#include <string.h>\n\n"
	    "#include <cmocka.h>\n\n"
	    "#include \"fuzz/judge.h\"\n\n",
	    f);
}

static void print_tables(FILE *f, struct export *x, const struct region_table *regions)
{
	struct op_reader r = op_reader_start(x->in->data, x->in->size);
	char text[OP_TEXT];
	struct op op;

	fputs("static const char *const operations[] = {\n", f);
	while (op_next(&r, &op))
		fprintf(f, "    \"%s\",\n", op_text(&op, regions, text, sizeof(text)));
	fputs("};\n\n/* Of the reads, in turn. */\nstatic const uint64_t answers[] = {\n", f);
	for (uint32_t i = 0; i < x->answers->count; i++)
		fprintf(f, "    0x%" PRIx64 ",\n", x->answers->data[i]);
	if (!x->answers->count)
		fputs("    0, /* there are none */\n", f);
	fprintf(f, "};\nstatic const unsigned answer_count = %u;\n\n", x->answers->count);
}

static void print_test(FILE *f, const char *target)
{
	fputs("static unsigned reads;\n\n"
	      "static void watch_exit(struct harness_watch *w, const struct exit *e)\n{\n"
	      "\tif (e->is_write || e->kind == EXIT_HLT)\n\t\treturn;\n"
	      "\tif (reads < answer_count && e->data != answers[reads])\n"
	      "\t\tfail_msg(\"read %u: 0x%llx, not 0x%llx\", reads, (unsigned long long)e->data,\n"
	      "\t\t\t (unsigned long long)answers[reads]);\n"
	      "\treads++;\n}\n\n"
	      "static void objection(void *opaque, const char *text)\n{\n"
	      "\tfail_msg(\"%s\", text);\n}\n\n"
	      "static void test_operations(void **state)\n{\n"
	      "\tstatic uint8_t input[sizeof(operations) / sizeof(*operations) * OP_ENCODED];\n"
	      "\tstruct harness_watch watch = {.exit = watch_exit};\n"
	      "\tstruct error e = {0};\n",
	      f);
	fprintf(f, "\tstruct harness *h = harness_open(\"%s\", NULL, &e);\n", target);
	fputs("\tsize_t size = 0;\n\n"
	      "\tif (!h)\n\t\tfail_msg(\"%s\", e.text);\n"
	      "\tjudge_set_objection(objection, NULL);\n"
	      "\tfor (unsigned i = 0; i < sizeof(operations) / sizeof(*operations); i++) {\n"
	      "\t\tstruct op op;\n\n"
	      "\t\tif (op_parse(operations[i], harness_regions(h), &op, &e) < 0)\n"
	      "\t\t\tfail_msg(\"%s\", e.text);\n"
	      "\t\tsize += op_encode(&op, input + size);\n"
	      "\t}\n"
	      "\tharness_set_watch(h, &watch);\n"
	      "\tharness_run(h, input, size);\n"
	      "\tassert_true(reads >= answer_count);\n"
	      "\tjudge_set_objection(NULL, NULL);\n"
	      "\tharness_close(h);\n}\n\n"
	      "int main(void)\n{\n"
	      "\tconst struct CMUnitTest tests[] = {cmocka_unit_test(test_operations)};\n\n"
	      "\treturn cmocka_run_group_tests(tests, NULL, NULL);\n}\n",
	      f);
}

int export_c(const struct fuzz_input *in, const char *path, FILE *f, struct error *e)
{
	struct export x = {.in = in, .f = f};
	struct harness *names;

	x.answers = forked_memory(sizeof(*x.answers));
	if (!x.answers)
		return error_set(e, ERROR_HOST, "out of memory");
	if (run_forked(c_work, &x, e))
		return -1;
	names = harness_open(in->target, NULL, e);
	if (!names)
		return -1;
	print_head(f, in->target, path);
	print_tables(f, &x, harness_regions(names));
	print_test(f, in->target);
	harness_close(names);
	return 0;
}
