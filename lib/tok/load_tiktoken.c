#include "load_files.h"

#include "base64.h"
#include "bytelevel.h"
#include "patterns.h"

#include <stdlib.h>

#define TOKEN_MAX 4096 /* bytes */

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

/* ---- merges ---- */

/* tiktoken joins neighbours whose bytes together are a token, the lowest rank first. What it leaves of the
 * bytes of a token before the last step is the only pair that ever becomes this token: so one merge
 * per token says the same as all ranks. */
struct symbols {
    uint32_t *id;
    uint32_t *end; /* bytes of the token up to here */
    ptrdiff_t count;
};

static void join(struct symbols *y, ptrdiff_t at, uint32_t id)
{
    ptrdiff_t behind = y->count - at - 2;

    y->id[at] = id;
    y->end[at] = y->end[at + 1];
    memmove(y->id + at + 1, y->id + at + 2, (size_t)behind * sizeof *y->id);
    memmove(y->end + at + 1, y->end + at + 2, (size_t)behind * sizeof *y->end);
    y->count--;
}

/* With the merges of lower ranks, which are there. */
static void join_by_merges(const struct merges *m, struct symbols *y)
{
    while (y->count > 2) {
        uint64_t least = MERGE_NONE;
        ptrdiff_t best = 0;
        for (ptrdiff_t i = 0; i + 1 < y->count; i++) {
            uint64_t value = merges_find(m, y->id[i], y->id[i + 1]);
            if (value < least)
                least = value, best = i;
        }
        if (least == MERGE_NONE)
            break;
        join(y, best, (uint32_t)least);
    }
}

/* And where none of them is left, with any rank: parts may have higher ones than the token. */
static void join_by_text(const struct vocab *raw, slice text, struct symbols *y)
{
    while (y->count > 2) {
        int64_t least = INT64_MAX;
        ptrdiff_t best = 0;
        for (ptrdiff_t i = 0; i + 1 < y->count; i++) {
            ptrdiff_t start = i ? y->end[i - 1] : 0;
            int64_t id = vocab_find(raw, slice_make(text.ptr + start, y->end[i + 1] - start));
            if (id >= 0 && id < least)
                least = id, best = i;
        }
        if (least == INT64_MAX)
            break;
        join(y, best, (uint32_t)least);
    }
}

/* tokens by rank; a token that its bytes do not lead to is only found as a whole piece. */
static bool find_merges(struct tok *t, const struct vocab *raw, const struct ranked *tokens,
                        ptrdiff_t count, uint32_t first_id, struct arena *work, struct err *err)
{
    struct merges *m = &t->bpe.merges;
    uint32_t bytes[256], rank = 0;
    struct symbols y = { arena_new(work, uint32_t, raw->longest + 1),
                         arena_new(work, uint32_t, raw->longest + 1), 0 };

    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        bytes[b] = (uint32_t)vocab_find(raw, slice_make(&byte, 1));
    }
    if (raw->longest > TOKEN_MAX)
        return err_set(err, ERR_CONFIG, "a token of %td bytes", raw->longest);
    merges_init(m, count, t->arena);
    for (ptrdiff_t i = 0; i < count; i++) {
        slice text = tokens[i].bytes;
        for (ptrdiff_t k = 0; k < text.len; k++) {
            y.id[k] = bytes[(unsigned char)text.ptr[k]];
            y.end[k] = (uint32_t)k + 1;
        }
        y.count = text.len;
        join_by_merges(m, &y);
        join_by_text(raw, text, &y);
        if (y.count == 2)
            merges_add(m, y.id[0], y.id[1], rank++, tokens[i].rank + first_id);
        else if (y.count > 2) /* found as a whole piece only */
            t->bpe.ignore_merges = true;
    }
    m->count = rank;
    return true;
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
    ok = ok && find_merges(t, &raw, tokens, count, first_id, &work, err);
    t->bpe.unk = -1;
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
