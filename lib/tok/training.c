#include "training.h"

#include "train_write.h"
#include "wordcount.h"

#include <stdlib.h>

enum { FIELD_TEXT, FIELD_WORD, FIELD_COUNT, FIELDS };
#define EMIT_BYTES (1 << 20)

struct training {
    const struct training_conf *conf;
    struct wordcount *counts;
    struct flow *flow;
    int64_t words, distinct; /* occurrences, and lines or words that came out */
    struct train *train;
    struct train_result result;
    struct arena arena;
    struct buf lines;
    int64_t line_count;
};

/* From work to commit: a text with the ends of its words, or one word with its count. */
struct found {
    slice text;
    const uint32_t *end;
    ptrdiff_t count;
    uint64_t times;
};

/* ---- a record ---- */

static bool bad(struct flow_verdict *v, const char *reason, ptrdiff_t at)
{
    *v = (struct flow_verdict){ .action = FLOW_BAD, .reason = reason, .at = at };
    return true;
}

static bool read_count(slice number, uint64_t *count)
{
    *count = 0;
    for (ptrdiff_t i = 0; i < number.len; i++)
        if (number.ptr[i] < '0' || number.ptr[i] > '9' ||
            __builtin_mul_overflow(*count, 10, count) ||
            __builtin_add_overflow(*count, (uint64_t)(number.ptr[i] - '0'), count))
            return false;
    return number.len > 0 && *count > 0;
}

/* Cuts a text; ends are 32 bits wide, as records are shorter. */
static void cut(const struct training *w, slice text, struct pieces_window *window,
                struct arena *arena, struct found *f)
{
    uint32_t *end = arena_alloc_raw(arena, (text.len + 1) * (ptrdiff_t)sizeof *end, 4);
    ptrdiff_t n = 0;

    for (ptrdiff_t pos = 0; pos < text.len;) {
        ptrdiff_t next = pieces_window(w->conf->split, text, pos, window);
        for (ptrdiff_t i = 0; i < window->count; i++)
            end[n++] = (uint32_t)pos + window->end[i];
        pos = next;
    }
    arena_trim(arena, end + n);
    *f = (struct found){ text, end, n, 1 };
}

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *v, struct err *err)
{
    const struct training *w = arg;
    const struct json_span *s = rec->spans;
    struct found *f = arena_new(arena, struct found, 1);
    bool counted = w->conf->mode == TRAINING_MERGE ||
                   (w->conf->mode == TRAINING_LEARN && !s[FIELD_TEXT].count);
    slice text;

    (void)err;
    *v = (struct flow_verdict){ .out = SLICE(""), .out_records = -1, .data = f, .at = -1 };
    if (counted && (!s[FIELD_WORD].count || !s[FIELD_COUNT].count)) {
        return bad(v,
                   w->conf->mode == TRAINING_MERGE ? "no members 'word' and 'count'"
                                                   : "no text, and no members 'word' and 'count'",
                   -1);
    }
    if (!flow_text(rec, counted ? FIELD_WORD : FIELD_TEXT, arena, &text, v))
        return true;
    v->out = SLICE("");
    if (!counted) {
        cut(w, text, scratch, arena, f);
        return true;
    }
    slice number = slice_make(rec->raw.ptr + s[FIELD_COUNT].start, s[FIELD_COUNT].len);
    f->text = text;
    if (!read_count(number, &f->times))
        return bad(v, "the count is not an integer from 1 to 2^64 - 1", s[FIELD_COUNT].start);
    return true;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *v, struct err *err)
{
    struct training *w = arg;
    const struct found *f = v->data;

    (void)rec, (void)arena;
    if (v->action != FLOW_KEEP)
        return true;
    w->words += f->end ? f->count : 1;
    if (!f->end)
        return wordcount_add(w->counts, f->text, f->times, err);
    for (ptrdiff_t i = 0, at = 0; i < f->count; at = f->end[i++])
        if (!wordcount_add(w->counts, slice_make(f->text.ptr + at, f->end[i] - at), 1, err))
            return false;
    return true;
}

/* ---- the end ---- */

static bool emit(struct training *w, struct err *err)
{
    bool ok = flow_emit(w->flow, buf_slice(&w->lines), w->line_count, err);

    buf_clear(&w->lines);
    w->line_count = 0;
    return ok;
}

static bool print_word(void *arg, slice word, uint64_t count, struct err *err)
{
    struct training *w = arg;

    buf_append(&w->lines, SLICE("{\"word\":"));
    json_append_string(&w->lines, word);
    buf_append(&w->lines, SLICE(",\"count\":"));
    buf_append_u64(&w->lines, count);
    buf_append(&w->lines, SLICE("}\n"));
    w->distinct++;
    w->line_count++;
    return w->lines.len < EMIT_BYTES || emit(w, err);
}

static bool learn_word(void *arg, slice word, uint64_t count, struct err *err)
{
    struct training *w = arg;

    w->distinct++;
    return train_word(w->train, word, count, err);
}

static bool ends_with(slice s, slice end)
{
    return s.len >= end.len && memcmp(s.ptr + s.len - end.len, end.ptr, (size_t)end.len) == 0;
}

static bool write_file(const struct training *w, const char *path, const struct buf *bytes,
                       struct err *err)
{
    struct out *out = out_open(&(struct out_conf){ .path = path, .force = w->conf->force }, err);

    if (!out)
        return false;
    if (out_write(out, buf_slice(bytes), err))
        return out_commit(out, err);
    out_abort(out);
    return false;
}

static bool write_tokenizer(struct training *w, struct err *err)
{
    const struct training_conf *c = w->conf;
    slice name = slice_of(c->output ? c->output : "");
    ptrdiff_t special = c->train.special_count;
    struct buf out = { 0 };
    bool ok = true;

    if (ends_with(name, SLICE(".tiktoken"))) {
        train_write_tiktoken(&w->result, special, &out);
    } else if (ends_with(name, SLICE("merges.txt"))) {
        slice vocab = arena_printf(&w->arena, "%.*svocab.json", (int)name.len - 10, name.ptr);
        train_write_vocab(&w->result, &out);
        buf_append_byte(&out, '\n');
        ok = write_file(w, vocab.ptr, &out, err);
        buf_clear(&out);
        train_write_merges(&w->result, &out);
    } else {
        train_write_json(&w->result, c->pattern, special, &out);
    }
    ok = ok && write_file(w, c->output, &out, err);
    buf_release(&out);
    return ok;
}

static bool finish(void *arg, struct flow *flow, struct err *err)
{
    struct training *w = arg;

    w->flow = flow;
    if (w->conf->mode != TRAINING_LEARN)
        return wordcount_each(w->counts, print_word, w, err) && emit(w, err);
    w->train = train_new(&w->conf->train);
    return wordcount_each(w->counts, learn_word, w, err) &&
           train_run(w->train, &w->result, &w->arena, err) && write_tokenizer(w, err);
}

static void *scratch_new(void *arg)
{
    struct pieces_window *window = calloc(1, sizeof *window);

    (void)arg;
    if (!window)
        mem_oom();
    window->classify = textmask_pick();
    return window;
}

static void scratch_free(void *arg, void *scratch)
{
    (void)arg;
    free(scratch);
}

bool training_run(const struct training_conf *conf, const struct flow_conf *flow,
                  struct report *report, struct progress *progress, struct err *err)
{
    static const struct flow_filter filter = { work, commit, finish, scratch_new, scratch_free };
    struct training w = { .conf = conf, .counts = wordcount_new(conf->memory_bytes) };
    const struct flow_field fields[FIELDS] = {
        { conf->text_field, conf->mode == TRAINING_WORDS, FLOW_STRING },
        { "word", false, conf->mode == TRAINING_WORDS ? 0 : FLOW_STRING },
        { "count", false, conf->mode == TRAINING_WORDS ? 0 : FLOW_TYPE(JSON_NUMBER) },
    };
    struct flow_conf fc = *flow;

    fc.fields = fields;
    fc.field_count = conf->mode == TRAINING_WORDS ? 1 : FIELDS;
    if (conf->mode == TRAINING_LEARN) {
        fc.no_output = true;
        fc.output = NULL;
    }
    struct flow *f = flow_open(&fc, report, progress, err);
    bool ok = f && flow_filter_run(f, &filter, &w, err);
    if (f && !ok)
        flow_abort(f);
    ok = ok && flow_close(f, err);
    report_int(report, "words_total", w.words, "words of all texts, or counts that were read");
    report_int(report, "distinct_words_total", w.distinct, "of them, different ones");
    report_int(report, "spilled_bytes_total", wordcount_on_disk(w.counts),
               "written to a temporary");
    if (conf->mode == TRAINING_LEARN) {
        report_int(report, "vocab_size", w.result.count, "tokens of the new tokenizer");
        report_int(report, "merges_total", w.result.merge_count, "merges of the new tokenizer");
    }
    wordcount_free(w.counts);
    train_free(w.train);
    buf_release(&w.lines);
    arena_release(&w.arena);
    return ok;
}
