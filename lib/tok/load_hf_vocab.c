#include "tok_private.h"

#include "../json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* Ids may have gaps, but a table of ids must not be larger than the file deserves. */
#define FREE_IDS (1 << 22)

/* Walks over text that is known to be valid JSON. */
struct cursor {
    const char *p;
    struct arena *arena;
};

static void skip_space(struct cursor *c)
{
    while (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t')
        c->p++;
}

/* White space, then one of the characters; which one. */
static char take(struct cursor *c)
{
    skip_space(c);
    return *c->p++;
}

/* The string at p, decoded; false: a lone surrogate, which no text can hold. */
static bool take_string(struct cursor *c, slice *out)
{
    const char *start = ++c->p;
    bool escaped = false;

    for (; *c->p != '"'; c->p++)
        if (*c->p == '\\') {
            escaped = true;
            c->p++;
        }
    *out = slice_make(start, c->p++ - start);
    if (!escaped)
        return true;
    struct json_fault fault;
    char *dst = arena_alloc_raw(c->arena, out->len, 1);
    out->len = json_unescape(*out, dst, JSON_SURROGATE_FAIL, NULL, &fault);
    out->ptr = dst;
    return out->len >= 0;
}

/* A plain integer below `limit`; what follows must end the number. */
static bool take_id(struct cursor *c, uint32_t limit, uint32_t *id)
{
    uint64_t n = 0;
    const char *start = c->p;

    for (; *c->p >= '0' && *c->p <= '9' && n < limit; c->p++)
        n = n * 10 + (uint64_t)(*c->p - '0');
    *id = (uint32_t)n;
    return c->p > start && n < limit && *c->p != '.' && *c->p != 'e' && *c->p != 'E' &&
           !(*c->p >= '0' && *c->p <= '9');
}

struct entry {
    slice text;
    uint32_t id;
    double score;
};
struct entry_list {
    struct entry *items;
    ptrdiff_t count, cap;
};

static struct entry *entry_push(struct entry_list *list)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, 1024);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    return &list->items[list->count++];
}

static bool read_entries(struct cursor *c, struct entry_list *list, struct err *err)
{
    char quoted[96];

    c->p++;
    skip_space(c);
    if (*c->p == '}')
        return true;
    do {
        struct entry *e = entry_push(list);
        skip_space(c);
        if (!take_string(c, &e->text))
            return err_set(err, ERR_CONFIG, "$.model.vocab: a lone surrogate in a token");
        take(c); /* the colon */
        skip_space(c);
        if (!take_id(c, VOCAB_MAX_ID, &e->id))
            return err_set(err, ERR_CONFIG, "$.model.vocab: the id of %s is not a number below %u",
                           err_quote(quoted, sizeof quoted, e->text), VOCAB_MAX_ID);
    } while (take(c) == ',');
    return true;
}

/* significand * 10^exponent, as serde_json computes it: not correctly rounded, and ties between paths
 * depend on it. */
static double from_parts(uint64_t significand, int exponent)
{
    static const double pow10[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
    double f = (double)significand;
    char text[16];

    while (exponent < -308 && f != 0) {
        f /= 1e308;
        exponent += 308;
    }
    if (exponent < -308 || f == 0)
        return f;
    if (exponent > 308)
        return INFINITY;
    int n = abs(exponent);
    snprintf(text, sizeof text, "1e%d", n);
    double pow = n < countof(pow10) ? pow10[n] : strtod(text, NULL);
    return exponent < 0 ? f / pow : f * pow;
}

/* A number in valid JSON. */
static double take_number(struct cursor *c)
{
    bool negative = *c->p == '-', full = false, fraction = false, down;
    uint64_t significand = 0, more;
    int exponent = 0, given = 0;

    for (c->p += negative; (*c->p >= '0' && *c->p <= '9') || *c->p == '.'; c->p++) {
        if (*c->p == '.') {
            fraction = true;
            continue;
        }
        full = full || __builtin_mul_overflow(significand, 10, &more) ||
               __builtin_add_overflow(more, (uint64_t)(*c->p - '0'), &more);
        if (!full)
            significand = more;
        exponent += full ? !fraction : -fraction;
    }
    if ((*c->p | 0x20) == 'e') {
        c->p++;
        down = *c->p == '-';
        c->p += *c->p == '-' || *c->p == '+';
        for (; *c->p >= '0' && *c->p <= '9'; c->p++)
            given = MIN(given * 10 + (*c->p - '0'), 100000);
        exponent += down ? -given : given;
    }
    double f = from_parts(significand, exponent);
    return negative ? -f : f;
}

static bool read_scores(struct cursor *c, struct entry_list *list, struct err *err)
{
    c->p++;
    skip_space(c);
    if (*c->p == ']')
        return true;
    do {
        struct entry *e = entry_push(list);
        bool ok = take(c) == '[';
        skip_space(c);
        ok = ok && *c->p == '"' && take_string(c, &e->text) && take(c) == ',';
        skip_space(c);
        ok = ok && (*c->p == '-' || (*c->p >= '0' && *c->p <= '9'));
        if (ok)
            e->score = take_number(c);
        if (!ok || !isfinite(e->score) || take(c) != ']')
            return err_set(err, ERR_CONFIG, "$.model.vocab[%td]: not [text, score]",
                           list->count - 1);
    } while (take(c) == ',');
    return true;
}

bool load_scores(struct tok *t, slice text, const struct json_span *vocab, struct err *err)
{
    struct cursor c = { .p = text.ptr + vocab->start, .arena = t->arena };
    struct entry_list list = { 0 };
    bool ok = read_scores(&c, &list, err);
    struct vocab *v = &t->bpe.vocab;

    if (ok && list.count > VOCAB_MAX_ID)
        ok = err_set(err, ERR_CONFIG, "$.model.vocab: too many entries");
    if (ok) {
        vocab_init(v, list.count, list.count, t->arena);
        t->unigram.size = list.count;
        t->unigram.score = arena_new(t->arena, double, list.count);
        /* From the last, which is the one that is found when a text is there twice. */
        for (ptrdiff_t id = list.count; id-- > 0;) {
            t->unigram.score[id] = list.items[id].score;
            if (!vocab_add(v, list.items[id].text, (uint32_t)id)) {
                v->text[id] = list.items[id].text;
                v->count++;
            }
        }
        t->unigram.text = v->text;
    }
    free(list.items);
    return ok;
}

static bool fill_vocab(struct tok *t, const struct entry_list *list, struct err *err)
{
    char quoted[96];
    ptrdiff_t size = 0, most = MAX((ptrdiff_t)FREE_IDS, list->count * 4);

    for (ptrdiff_t i = 0; i < list->count; i++)
        size = MAX(size, (ptrdiff_t)list->items[i].id + 1);
    if (size > most)
        return err_set(err, ERR_CONFIG, "$.model.vocab: id %td in a vocabulary of %td entries",
                       size - 1, list->count);
    vocab_init(&t->bpe.vocab, list->count, size, t->arena);
    for (ptrdiff_t i = 0; i < list->count; i++) {
        const struct entry *e = &list->items[i];
        if (vocab_add(&t->bpe.vocab, e->text, e->id))
            continue;
        bool text_taken = vocab_find(&t->bpe.vocab, e->text) >= 0;
        err_quote(quoted, sizeof quoted, e->text);
        return text_taken
                   ? err_set(err, ERR_CONFIG, "$.model.vocab: %s is there twice", quoted)
                   : err_set(err, ERR_CONFIG, "$.model.vocab: %s has the id %u of another token",
                             quoted, e->id);
    }
    return true;
}

bool load_vocab(struct tok *t, slice text, const struct json_span *vocab, struct err *err)
{
    struct cursor c = { .p = text.ptr + vocab->start, .arena = t->arena };
    struct entry_list list = { 0 };

    if (t->image) {
        mrt_vocab(t);
        return true;
    }
    bool ok = read_entries(&c, &list, err) && fill_vocab(t, &list, err);

    free(list.items);
    return ok;
}

struct pair {
    slice left, right;
};
struct pair_list {
    struct pair *items;
    ptrdiff_t count, cap;
};

static void pair_push(struct pair_list *list, struct pair pair)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, 1024);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    list->items[list->count++] = pair;
}

/* "a b": exactly one blank. */
static bool cut_pair(slice s, struct pair *pair)
{
    ptrdiff_t blank = slice_find(s, ' ');

    if (blank < 0 || slice_find(slice_from(s, blank + 1), ' ') >= 0)
        return false;
    *pair = (struct pair){ slice_make(s.ptr, blank), slice_from(s, blank + 1) };
    return true;
}

/* ["a","b"], p behind the opening bracket. */
static bool take_pair(struct cursor *c, struct pair *pair)
{
    for (int k = 0; k < 2; k++) {
        skip_space(c);
        if (*c->p != '"' || !take_string(c, k ? &pair->right : &pair->left))
            return false;
        if (take(c) != (k ? ']' : ','))
            return false;
    }
    return true;
}

static bool read_pairs(struct cursor *c, struct pair_list *list, struct err *err)
{
    c->p++;
    skip_space(c);
    if (*c->p == ']')
        return true;
    do {
        struct pair pair;
        slice text;
        bool ok = false, skip = false;
        skip_space(c);
        if (*c->p == '[') {
            c->p++;
            ok = take_pair(c, &pair);
        } else if (*c->p == '"' && take_string(c, &text)) {
            skip = slice_starts(text, SLICE("#version"));
            ok = skip || cut_pair(text, &pair);
        }
        if (!ok)
            return err_set(err, ERR_CONFIG, "$.model.merges[%td]: not two tokens", list->count);
        if (!skip)
            pair_push(list, pair);
    } while (take(c) == ',');
    return true;
}

static bool load_found(struct tok *t, const struct pair *p, uint32_t rank, int64_t a, int64_t b,
                       char *space, struct err *err)
{
    char quoted[96];
    const struct vocab *v = &t->bpe.vocab;
    int64_t joined = -1, next = rank ? t->bpe.merges.last + 1 : -1;
    /* The prefix of continuing tokens is not part of the result, whatever stands there. */
    slice tail = slice_from(p->right, MIN(t->bpe_text.prefix.len, p->right.len));

    if (vocab_is_joined(v, next, p->left, tail)) /* ids usually go up with ranks */
        joined = next;
    else if (p->left.len + tail.len <= v->longest)
        joined = vocab_find_joined(v, p->left, tail, space);
    if (a < 0 || b < 0)
        return err_set(err, ERR_CONFIG, "$.model.merges[%u]: %s is not in the vocabulary", rank,
                       err_quote(quoted, sizeof quoted, a < 0 ? p->left : p->right));
    if (joined < 0)
        return err_set(err, ERR_CONFIG,
                       "$.model.merges[%u]: the vocabulary does not hold what %s is joined to",
                       rank, err_quote(quoted, sizeof quoted, p->left));
    merges_add(&t->bpe.merges, (uint32_t)a, (uint32_t)b, rank, (uint32_t)joined);
    return true;
}

bool load_merge(struct tok *t, slice left, slice right, uint32_t rank, char *space, struct err *err)
{
    const struct vocab *v = &t->bpe.vocab;

    return load_found(t, &(struct pair){ left, right }, rank, vocab_find(v, left),
                      vocab_find(v, right), space, err);
}

/* In batches, so that the look-ups of many merges wait for memory together. */
static bool load_pairs(struct tok *t, const struct pair_list *list, struct err *err)
{
    enum { BATCH = 16 };
    const struct vocab *v = &t->bpe.vocab;
    char *space = arena_alloc_raw(t->arena, v->longest + 1, 1);

    merges_init(&t->bpe.merges, list->count, t->arena);
    for (ptrdiff_t i = 0; i < list->count; i += BATCH) {
        const struct pair *p = list->items + i;
        ptrdiff_t n = MIN(list->count - i, BATCH);
        uint64_t hash[BATCH][2];
        for (ptrdiff_t k = 0; k < n; k++) {
            hash[k][0] = vocab_prefetch(v, p[k].left);
            hash[k][1] = vocab_prefetch(v, p[k].right);
        }
        for (ptrdiff_t k = 0; k < n; k++)
            if (!load_found(t, &p[k], (uint32_t)(i + k),
                            vocab_find_hashed(v, p[k].left, hash[k][0]),
                            vocab_find_hashed(v, p[k].right, hash[k][1]), space, err))
                return false;
    }
    return true;
}

bool load_merges(struct tok *t, slice text, const struct json_span *merges, struct err *err)
{
    struct cursor c = { .p = text.ptr + merges->start, .arena = t->arena };
    struct pair_list list = { 0 };

    if (t->image) {
        mrt_merges(t);
        return true;
    }
    bool ok = read_pairs(&c, &list, err);

    ok = ok && load_pairs(t, &list, err);
    free(list.items);
    return ok;
}
