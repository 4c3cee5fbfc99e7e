#include "load_files.h"

#include "base64.h"
#include "bytelevel.h"
#include "patterns.h"

#include <stdlib.h>

/* One line: base64, blanks, decimal rank. */
static bool take_line(slice *rest, slice *text, uint32_t *rank)
{
    ptrdiff_t end = slice_find(*rest, '\n'), blank;
    slice line = slice_make(rest->ptr, end < 0 ? rest->len : end);
    uint64_t n = 0;

    *rest = slice_from(*rest, end < 0 ? rest->len : end + 1);
    while (line.len && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == ' '))
        line.len--;
    *text = (slice){ "", 0 };
    if (line.len == 0)
        return true;
    blank = slice_find(line, ' ');
    if (blank <= 0 || blank + 1 == line.len)
        return false;
    for (ptrdiff_t i = blank + 1; i < line.len; i++) {
        if (line.ptr[i] < '0' || line.ptr[i] > '9' || n > VOCAB_MAX_ID)
            return false;
        n = n * 10 + (uint64_t)(line.ptr[i] - '0');
    }
    *text = slice_make(line.ptr, blank);
    *rank = (uint32_t)n;
    return n <= VOCAB_MAX_ID;
}

bool looks_like_tiktoken(slice bytes)
{
    struct arena work = { 0 };
    slice text, decoded;
    uint32_t rank;
    int lines = 0;
    bool ok = true;

    while (ok && lines < 8 && bytes.len > 0) {
        ok = take_line(&bytes, &text, &rank) && text.len && text.len % 4 == 0 &&
             base64_decode(text, &work, &decoded);
        lines += ok;
    }
    arena_release(&work);
    return ok && lines > 0;
}

static int by_bytes(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    return (x->rank > y->rank) - (x->rank < y->rank);
}

void add_special(struct tok *t, slice content, uint32_t id)
{
    struct added_token *a = &t->added[t->added_count];

    *a = (struct added_token){ .content = content, .id = id, .special = true };
    if (vocab_add(&t->added_index, content, (uint32_t)t->added_count))
        t->added_count++;
}

/* ---- merges: tiktoken joins what is a token, by its rank ---- */

struct merge {
    uint32_t left, right, id;
};

struct merge_list {
    struct merge *items;
    ptrdiff_t count, cap;
};

static void push_merge(struct merge_list *list, struct merge m)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, 4096);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    list->items[list->count++] = m;
}

/* Every way to cut a token into two tokens is a merge of its rank. `raw` holds the bytes by id. */
static void find_merges(const struct vocab *raw, uint32_t id, struct merge_list *list)
{
    slice text = raw->text[id];

    for (ptrdiff_t cut = 1; cut < text.len; cut++) {
        int64_t right = vocab_find(raw, slice_from(text, cut));
        int64_t left = right < 0 ? -1 : vocab_find(raw, slice_make(text.ptr, cut));
        if (left >= 0)
            push_merge(list, (struct merge){ (uint32_t)left, (uint32_t)right, id });
    }
}

static bool check_bytes(const struct vocab *raw, struct err *err)
{
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        if (vocab_find(raw, slice_make(&byte, 1)) < 0)
            return err_set(err, ERR_CONFIG, "no token for the byte 0x%02X", (unsigned)b);
    }
    return true;
}

static bool set_pipeline(struct tok *t, slice pattern, struct err *err)
{
    struct pretok_stage *stage = &t->pretok.stage[0];

    *stage = (struct pretok_stage){ .kind = PRETOK_RULE, .behavior = PRETOK_ISOLATED };
    stage->literal = arena_dup(t->arena, pattern);
    stage->rule = pieces_find(pattern, PIECES_TIKTOKEN);
    if (!stage->rule) {
        stage->kind = PRETOK_PATTERN;
        stage->pattern = pattern_new_as(stage->literal, PATTERN_FANCY, t->arena, err);
        if (!stage->pattern)
            return false;
    }
    t->pretok.stage[1] = (struct pretok_stage){ .kind = PRETOK_BYTES, .behavior = PRETOK_ISOLATED };
    t->pretok.count = 2;
    t->decoder = DECODER_BYTES;
    return true;
}

bool finish_ranks(struct tok *t, const struct ranked *tokens, ptrdiff_t count, slice pattern,
                  uint32_t first_id, struct err *err)
{
    struct arena work = { 0 };
    struct merge_list merges = { 0 };
    struct vocab raw;
    ptrdiff_t size = count ? (ptrdiff_t)tokens[count - 1].rank + first_id + 1 : 0;
    bool ok = size <= MAX(count * 4, (ptrdiff_t)1 << 22) && size <= VOCAB_MAX_ID;

    if (!ok)
        err_set(err, ERR_CONFIG, "rank %td among %td tokens", size - 1, count);
    vocab_init(&raw, count, ok ? size : 1, &work);
    vocab_init(&t->bpe.vocab, count, ok ? size : 1, t->arena);
    for (ptrdiff_t i = 0; i < count && ok; i++) {
        uint32_t id = tokens[i].rank + first_id;
        char *dst = arena_alloc_raw(t->arena, 2 * tokens[i].bytes.len + 1, 1);
        slice text = slice_make(dst, bytelevel_encode(tokens[i].bytes, dst));
        ok = tokens[i].bytes.len > 0 && vocab_add(&raw, tokens[i].bytes, id) &&
             vocab_add(&t->bpe.vocab, text, id);
        if (!ok)
            err_set(err, ERR_CONFIG, "rank %u: an empty token, or its text or rank is there twice",
                    tokens[i].rank);
    }
    ok = ok && check_bytes(&raw, err);
    for (ptrdiff_t i = 0; i < count && ok; i++)
        find_merges(&raw, tokens[i].rank + first_id, &merges);
    if (ok) {
        uint32_t rank = 0;
        merges_init(&t->bpe.merges, merges.count, t->arena);
        for (ptrdiff_t i = 0; i < merges.count; i++) {
            const struct merge *m = &merges.items[i];
            rank += i > 0 && m->id != m[-1].id; /* by result: all of a token have one rank */
            merges_add(&t->bpe.merges, m->left, m->right, rank, m->id);
        }
        t->bpe.merges.count = merges.count ? (ptrdiff_t)rank + 1 : 0;
        t->bpe.ignore_merges = true;
        t->bpe.unk = -1;
    }
    free(merges.items);
    arena_release(&work);
    return ok && set_pipeline(t, pattern, err);
}

static bool read_ranks(struct tok *t, slice bytes, struct ranked *tokens, ptrdiff_t *count,
                       struct err *err)
{
    slice text;

    for (ptrdiff_t line = 1; bytes.len > 0; line++) {
        struct ranked *r = &tokens[*count];
        if (!take_line(&bytes, &text, &r->rank) ||
            (text.len && !base64_decode(text, t->arena, &r->bytes)))
            return err_set(err, ERR_CONFIG, "line %td: not base64 and a rank", line);
        *count += text.len > 0;
    }
    qsort(tokens, (size_t)*count, sizeof *tokens, by_bytes);
    return true;
}

bool load_tiktoken(struct tok *t, const struct tok_conf *conf, slice bytes, struct err *err)
{
    struct arena work = { 0 };
    struct named_pattern pattern;
    ptrdiff_t count = 0, lines = 1;

    for (ptrdiff_t i = 0; i < bytes.len; i++)
        lines += bytes.ptr[i] == '\n';
    struct ranked *tokens = arena_new(&work, struct ranked, lines);
    bool ok = patterns_choose(conf, bytes, &pattern, &work, err) &&
              read_ranks(t, bytes, tokens, &count, err) &&
              finish_ranks(t, tokens, count, pattern.pattern, 0, err);
    if (ok) {
        vocab_init(&t->added_index, pattern.special_count, pattern.special_count, t->arena);
        t->added = arena_new(t->arena, struct added_token, pattern.special_count);
        for (ptrdiff_t i = 0; i < pattern.special_count; i++)
            add_special(t, arena_dup(t->arena, pattern.specials[i].text), pattern.specials[i].id);
        ok = check_specials(t, err) && tok_finish(t, err);
    }
    arena_release(&work);
    return ok;
}

bool check_specials(const struct tok *t, struct err *err)
{
    for (ptrdiff_t i = 0; i < t->added_count; i++)
        if ((ptrdiff_t)t->added[i].id < t->bpe.vocab.size &&
            t->bpe.vocab.text[t->added[i].id].ptr &&
            !slice_eq(t->bpe.vocab.text[t->added[i].id], t->added[i].content))
            return err_set(err, ERR_CONFIG, "the special token %s has the id %u of another token",
                           ERR_QUOTE(t->added[i].content), t->added[i].id);
    return true;
}
