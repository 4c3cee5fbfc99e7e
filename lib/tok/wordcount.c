#include "wordcount.h"

#include "../buf.h"
#include "../hash.h"
#include "../os.h"

#include <stdlib.h>

#define SLOTS_MIN  1024
#define READ_BYTES (256 << 10) /* of a run at a time */
#define RUN_HEAD   12          /* in front of a word in a run: u32 length, u64 count */
#define TEMP_NAME  "temporary file of words"

struct word {
    uint64_t hash, count;
    uint64_t at; /* in text */
    uint32_t len;
};

struct run { /* a part of the temporary file, while it is merged */
    int64_t at, end;
    char *bytes;
    ptrdiff_t have, pos, cap;
    slice word; /* the next one */
    uint64_t count;
    bool done;
};

struct wordcount {
    int64_t memory_bytes;
    struct word *words;
    ptrdiff_t count, cap;
    uint32_t *slots; /* index + 1; 0: empty */
    ptrdiff_t slot_count;
    struct buf text;
    int fd;
    bool open;
    int64_t file_len;
    struct run *runs;
    ptrdiff_t run_count, read_bytes;
};

static void *resize(void *old, ptrdiff_t count, size_t size)
{
    void *p = realloc(old, (size_t)count * size);

    if (!p)
        mem_oom();
    return p;
}

struct wordcount *wordcount_new(int64_t memory_bytes)
{
    struct wordcount *w = calloc(1, sizeof *w);

    if (!w)
        mem_oom();
    w->memory_bytes = memory_bytes;
    return w;
}

void wordcount_free(struct wordcount *w)
{
    if (!w)
        return;
    for (ptrdiff_t i = 0; i < w->run_count; i++)
        free(w->runs[i].bytes);
    if (w->open)
        os_close_quiet(w->fd);
    free(w->runs);
    free(w->words);
    free(w->slots);
    buf_release(&w->text);
    free(w);
}

int64_t wordcount_on_disk(const struct wordcount *w)
{
    return w->file_len;
}

static slice text_of(const struct wordcount *w, const struct word *word)
{
    return slice_make(w->text.ptr + word->at, word->len);
}

static bool overflow(slice word, struct err *err)
{
    char quoted[96];

    return err_set(err, ERR_DATA, "the count of %s is above 2^64 - 1",
                   err_quote(quoted, sizeof quoted, word));
}

static void grow_slots(struct wordcount *w)
{
    w->slot_count = MAX(SLOTS_MIN, w->slot_count * 2);
    free(w->slots);
    w->slots = calloc((size_t)w->slot_count, sizeof *w->slots);
    if (!w->slots)
        mem_oom();
    for (ptrdiff_t i = 0; i < w->count; i++) {
        uint64_t at = w->words[i].hash & (uint64_t)(w->slot_count - 1);
        while (w->slots[at])
            at = (at + 1) & (uint64_t)(w->slot_count - 1);
        w->slots[at] = (uint32_t)i + 1;
    }
}

/* ---- runs ---- */

static int compare_words(const void *a, const void *b, void *arg)
{
    const struct word *x = a, *y = b;
    const char *text = arg;
    int c = memcmp(text + x->at, text + y->at, MIN(x->len, y->len));

    return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

static void sort_words(struct wordcount *w)
{
    if (w->count)
        qsort_r(w->words, (size_t)w->count, sizeof *w->words, compare_words, w->text.ptr);
}

static bool write_run(struct wordcount *w, struct err *err)
{
    struct buf out = { 0 };
    bool ok = true;
    int64_t start = w->file_len;

    if (!w->open && (w->fd = os_temp_anonymous(err)) < 0)
        return false;
    w->open = true;
    sort_words(w);
    for (ptrdiff_t i = 0; i < w->count && ok; i++) {
        const struct word *word = &w->words[i];
        buf_append(&out, slice_make((const char *)&word->len, 4));
        buf_append(&out, slice_make((const char *)&word->count, 8));
        buf_append(&out, text_of(w, word));
        if (out.len >= READ_BYTES || i + 1 == w->count) {
            ok = os_pwrite_all(w->fd, TEMP_NAME, buf_slice(&out), w->file_len, err);
            w->file_len += out.len;
            buf_clear(&out);
        }
    }
    buf_release(&out);
    w->runs = resize(w->runs, w->run_count + 1, sizeof *w->runs);
    w->runs[w->run_count++] = (struct run){ .at = start, .end = w->file_len };
    w->count = 0;
    if (w->slots)
        memset(w->slots, 0, (size_t)w->slot_count * sizeof *w->slots);
    buf_clear(&w->text);
    return ok;
}

/* The next word of a run, or done. */
static bool next_word(struct wordcount *w, struct run *r, struct err *err)
{
    for (;;) {
        const char *p = r->bytes + r->pos;
        ptrdiff_t left = r->have - r->pos, need = RUN_HEAD;
        if (left >= RUN_HEAD && left >= (need = RUN_HEAD + (ptrdiff_t)load_u32(p))) {
            r->word = slice_make(p + RUN_HEAD, need - RUN_HEAD);
            r->count = load_u64(p + 4);
            r->pos += need;
            return true;
        }
        ptrdiff_t more = (ptrdiff_t)MIN(r->end - r->at, MAX(w->read_bytes, need - left));
        if (more == 0) {
            r->done = true;
            return true;
        }
        if (left + more > r->cap) {
            char *grown = malloc((size_t)(left + more));
            if (!grown)
                mem_oom();
            if (left)
                memcpy(grown, p, (size_t)left);
            free(r->bytes);
            r->bytes = grown;
            r->cap = left + more;
        } else if (left) {
            memmove(r->bytes, p, (size_t)left);
        }
        if (!os_pread_full(w->fd, TEMP_NAME, r->bytes + left, more, r->at, err))
            return false;
        r->at += more;
        r->have = left + more;
        r->pos = 0;
    }
}

static int compare_slices(slice a, slice b)
{
    int c = memcmp(a.ptr, b.ptr, (size_t)MIN(a.len, b.len));

    return c ? c : a.len < b.len ? -1 : a.len > b.len;
}

/* All runs at once; equal words are next to each other. */
static bool merge_runs(struct wordcount *w, wordcount_fn *fn, void *arg, struct err *err)
{
    struct buf word = { 0 };
    uint64_t count = 0;
    bool ok = true, have = false;

    w->read_bytes = MIN(READ_BYTES, MAX(4096, w->memory_bytes / w->run_count));
    for (ptrdiff_t i = 0; i < w->run_count && ok; i++)
        ok = next_word(w, &w->runs[i], err);
    while (ok) {
        struct run *least = NULL;
        for (ptrdiff_t i = 0; i < w->run_count; i++)
            if (!w->runs[i].done && (!least || compare_slices(w->runs[i].word, least->word) < 0))
                least = &w->runs[i];
        if (have && (!least || compare_slices(least->word, buf_slice(&word)) != 0)) {
            ok = fn(arg, buf_slice(&word), count, err);
            count = 0;
        }
        if (!least)
            break;
        have = true;
        buf_clear(&word);
        buf_append(&word, least->word);
        if (__builtin_add_overflow(count, least->count, &count))
            ok = overflow(least->word, err);
        ok = ok && next_word(w, least, err);
    }
    buf_release(&word);
    return ok;
}

/* ---- public ---- */

bool wordcount_add(struct wordcount *w, slice word, uint64_t count, struct err *err)
{
    uint64_t hash = hash64_of(word, 0), mask, at;

    if (w->count * 2 >= w->slot_count)
        grow_slots(w);
    mask = (uint64_t)(w->slot_count - 1);
    for (at = hash & mask; w->slots[at]; at = (at + 1) & mask) {
        struct word *known = &w->words[w->slots[at] - 1];
        if (known->hash == hash && slice_eq(text_of(w, known), word))
            return !__builtin_add_overflow(known->count, count, &known->count) ||
                   overflow(word, err);
    }
    if (w->count == w->cap) {
        w->cap = MAX(1024, w->cap * 2);
        w->words = resize(w->words, w->cap, sizeof *w->words);
    }
    if (word.len > UINT32_MAX || w->count == INT32_MAX)
        return err_set(err, ERR_DATA, "a word of more than 4 GiB");
    w->words[w->count++] = (struct word){ hash, count, (uint64_t)w->text.len, (uint32_t)word.len };
    w->slots[at] = (uint32_t)w->count;
    buf_append(&w->text, word);
    /* Twice what is used: arrays grow by doubling, slots are at most half full. */
    int64_t held =
        2 * (w->count * (int64_t)(sizeof *w->words + 2 * sizeof *w->slots) + w->text.len);
    return held < w->memory_bytes || write_run(w, err);
}

bool wordcount_each(struct wordcount *w, wordcount_fn *fn, void *arg, struct err *err)
{
    if (w->run_count)
        return (w->count == 0 || write_run(w, err)) && merge_runs(w, fn, arg, err);
    sort_words(w);
    for (ptrdiff_t i = 0; i < w->count; i++)
        if (!fn(arg, text_of(w, &w->words[i]), w->words[i].count, err))
            return false;
    return true;
}
