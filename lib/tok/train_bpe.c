#include "train_bpe.h"

#include "../buf.h"
#include "../unicode.h"
#include "bytelevel.h"
#include "vocab.h"

#include <stdlib.h>

#define BEHIND (1u << 31) /* a symbol that is not the first of its word, when there is a prefix */

struct word {
    ptrdiff_t start; /* in symbols */
    ptrdiff_t len;
    int64_t count;
};

struct list { /* of words */
    uint32_t *items;
    ptrdiff_t count, cap;
};

struct pair {
    uint64_t key; /* left << 32 | right; UINT64_MAX: empty slot */
    int64_t count;
    struct list words; /* that this step changed */
};

struct entry { /* of the heap: what a step found out about a pair */
    int64_t count;
    uint64_t key;
    struct list words;
};

struct train {
    struct train_conf conf;
    uint32_t *symbols; /* code points while words come in, ids later */
    ptrdiff_t symbol_count, symbol_cap;
    struct word *words;
    ptrdiff_t word_count, word_cap;
    int64_t total; /* of counts times symbols */
    struct pair *pairs;
    ptrdiff_t pair_count, pair_slots;
    struct entry *heap;
    ptrdiff_t heap_count, heap_cap;
    uint64_t *touched; /* pairs of this step */
    ptrdiff_t touched_count, touched_cap;
    struct vocab vocab;
    struct arena *arena;
};

static void *resize(void *old, ptrdiff_t count, size_t size)
{
    void *p = realloc(old, (size_t)count * size);

    if (!p)
        mem_oom();
    return p;
}

#define ROOM(array, count, cap)                                                                    \
    do {                                                                                           \
        if ((count) == (cap)) {                                                                    \
            (cap) = MAX(16, 2 * (cap));                                                            \
            (array) = resize((array), (cap), sizeof *(array));                                     \
        }                                                                                          \
    } while (0)

struct train *train_new(const struct train_conf *conf)
{
    struct train *t = calloc(1, sizeof *t);

    if (!t)
        mem_oom();
    t->conf = *conf;
    return t;
}

void train_free(struct train *t)
{
    if (!t)
        return;
    for (ptrdiff_t i = 0; i < t->heap_count; i++)
        free(t->heap[i].words.items);
    for (ptrdiff_t i = 0; i < t->pair_slots; i++)
        free(t->pairs[i].words.items);
    free(t->heap);
    free(t->pairs);
    free(t->touched);
    free(t->symbols);
    free(t->words);
    free(t);
}

bool train_word(struct train *t, slice word, uint64_t count, struct err *err)
{
    ptrdiff_t start = t->symbol_count;
    int64_t weight;

    if (count == 0 || word.len == 0)
        return true;
    for (ptrdiff_t at = 0; at < word.len;) {
        uint32_t cp = 0;
        if (t->conf.byte_level)
            cp = bytelevel_char((unsigned char)word.ptr[at++]);
        else
            at += uni_decode(word.ptr + at, &cp);
        if (*t->conf.prefix && t->symbol_count > start)
            cp |= BEHIND;
        ROOM(t->symbols, t->symbol_count, t->symbol_cap);
        t->symbols[t->symbol_count++] = cp;
    }
    if (count > INT64_MAX || __builtin_mul_overflow((int64_t)count, word.len, &weight) ||
        __builtin_add_overflow(t->total, weight, &t->total) || t->word_count == INT32_MAX)
        return err_set(err, ERR_DATA, "the counts are too large together");
    ROOM(t->words, t->word_count, t->word_cap);
    t->words[t->word_count++] = (struct word){ start, t->symbol_count - start, (int64_t)count };
    return true;
}

/* ---- the alphabet ---- */

static int compare_symbols(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int64_t new_token(struct train *t, slice text)
{
    int64_t known = vocab_find(&t->vocab, text);

    if (known >= 0)
        return known;
    vocab_add(&t->vocab, arena_dup(t->arena, text), (uint32_t)t->vocab.count);
    return t->vocab.count - 1;
}

static int64_t symbol_token(struct train *t, uint32_t symbol)
{
    char text[64];
    ptrdiff_t n = symbol & BEHIND ? (ptrdiff_t)strlen(t->conf.prefix) : 0;

    memcpy(text, t->conf.prefix, (size_t)n);
    return new_token(t, slice_make(text, n + uni_encode(text + n, symbol & ~BEHIND)));
}

/* The distinct symbols, sorted; every character is there without the prefix too. */
static ptrdiff_t distinct(struct train *t, uint32_t **out)
{
    ptrdiff_t n = 0, kept = 0, cap = 2 * t->symbol_count + 256;
    uint32_t *all = resize(NULL, cap, sizeof *all);

    for (ptrdiff_t i = 0; i < t->symbol_count; i++) {
        all[n++] = t->symbols[i];
        if (t->symbols[i] & BEHIND)
            all[n++] = t->symbols[i] & ~BEHIND;
    }
    for (int b = 0; t->conf.byte_level && t->conf.all_bytes && b < 256; b++)
        all[n++] = bytelevel_char((unsigned char)b);
    qsort(all, (size_t)n, sizeof *all, compare_symbols);
    for (ptrdiff_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[i - 1])
            all[kept++] = all[i];
    *out = all;
    return kept;
}

static bool make_alphabet(struct train *t, struct err *err)
{
    uint32_t *symbols, *id;
    ptrdiff_t n = distinct(t, &symbols);
    int64_t size = t->conf.special_count + n + MAX(t->conf.vocab_size, 0);

    vocab_init(&t->vocab, size, size, t->arena);
    for (ptrdiff_t i = 0; i < t->conf.special_count; i++)
        new_token(t, t->conf.special[i]);
    id = resize(NULL, MAX(n, 1), sizeof *id);
    for (ptrdiff_t i = 0; i < n; i++)
        id[i] = (uint32_t)symbol_token(t, symbols[i]);
    for (ptrdiff_t i = 0; i < t->symbol_count; i++) {
        const uint32_t *at =
            bsearch(&t->symbols[i], symbols, (size_t)n, sizeof *symbols, compare_symbols);
        t->symbols[i] = id[at - symbols];
    }
    free(symbols);
    free(id);
    if (t->vocab.count > t->conf.vocab_size)
        return err_set(err, ERR_DATA, "--vocab-size %lld: the alphabet alone has %td tokens",
                       (long long)t->conf.vocab_size, t->vocab.count);
    return true;
}

/* ---- pairs ---- */

static struct pair *find_pair(struct train *t, uint64_t key)
{
    if (t->pair_count * 2 >= t->pair_slots) {
        struct pair *old = t->pairs;
        ptrdiff_t slots = t->pair_slots;
        t->pair_slots = MAX(4096, slots * 2);
        t->pairs = resize(NULL, t->pair_slots, sizeof *t->pairs);
        for (ptrdiff_t i = 0; i < t->pair_slots; i++)
            t->pairs[i] = (struct pair){ .key = UINT64_MAX };
        t->pair_count = 0;
        for (ptrdiff_t i = 0; i < slots; i++)
            if (old[i].key != UINT64_MAX)
                *find_pair(t, old[i].key) = old[i];
        free(old);
    }
    uint64_t mask = (uint64_t)t->pair_slots - 1, at = (key * 0x9E3779B97F4A7C15u) >> 20 & mask;
    while (t->pairs[at].key != key && t->pairs[at].key != UINT64_MAX)
        at = (at + 1) & mask;
    if (t->pairs[at].key == UINT64_MAX) {
        t->pairs[at].key = key;
        t->pair_count++;
    }
    return &t->pairs[at];
}

/* The pair occurs `by` times more (or less) in this word. */
static void change_pair(struct train *t, uint32_t left, uint32_t right, ptrdiff_t word, int by)
{
    uint64_t key = (uint64_t)left << 32 | right;
    struct pair *p = find_pair(t, key);

    p->count += by * t->words[word].count;
    if (by < 0)
        return;
    struct list *l = &p->words;
    if (l->count == 0) {
        ROOM(t->touched, t->touched_count, t->touched_cap);
        t->touched[t->touched_count++] = key;
    } else if (l->items[l->count - 1] == (uint32_t)word) {
        return;
    }
    ROOM(l->items, l->count, l->cap);
    l->items[l->count++] = (uint32_t)word;
}

/* ---- the heap: highest count first, then the lowest ids ---- */

static bool comes_first(const struct entry *a, const struct entry *b)
{
    return a->count != b->count ? a->count > b->count : a->key < b->key;
}

static void heap_push(struct train *t, struct entry e)
{
    ROOM(t->heap, t->heap_count, t->heap_cap);
    ptrdiff_t at = t->heap_count++;
    for (; at > 0 && comes_first(&e, &t->heap[(at - 1) / 2]); at = (at - 1) / 2)
        t->heap[at] = t->heap[(at - 1) / 2];
    t->heap[at] = e;
}

static struct entry heap_pop(struct train *t)
{
    struct entry top = t->heap[0], last = t->heap[--t->heap_count];
    ptrdiff_t at = 0;

    for (ptrdiff_t child; (child = 2 * at + 1) < t->heap_count; at = child) {
        if (child + 1 < t->heap_count && comes_first(&t->heap[child + 1], &t->heap[child]))
            child++;
        if (!comes_first(&t->heap[child], &last))
            break;
        t->heap[at] = t->heap[child];
    }
    if (t->heap_count)
        t->heap[at] = last;
    return top;
}

/* What this step changed goes onto the heap. */
static void push_touched(struct train *t)
{
    for (ptrdiff_t i = 0; i < t->touched_count; i++) {
        struct pair *p = find_pair(t, t->touched[i]);
        struct list words = p->words;
        p->words = (struct list){ 0 };
        if (p->count > 0)
            heap_push(t, (struct entry){ p->count, p->key, words });
        else
            free(words.items);
    }
    t->touched_count = 0;
}

/* ---- merging ---- */

/* As Word::merge of the reference, whose counts of overlapping pairs are part of its order. */
static void merge_word(struct train *t, ptrdiff_t word, uint32_t left, uint32_t right, uint32_t id)
{
    struct word *w = &t->words[word];
    uint32_t *s = t->symbols + w->start;
    ptrdiff_t kept = 0;

    for (ptrdiff_t i = 0; i < w->len; i++) {
        if (s[i] != left || i + 1 == w->len || s[i + 1] != right) {
            s[kept++] = s[i];
            continue;
        }
        if (kept > 0) {
            change_pair(t, s[kept - 1], left, word, -1);
            change_pair(t, s[kept - 1], id, word, 1);
        }
        if (i + 2 < w->len) {
            change_pair(t, right, s[i + 2], word, -1);
            change_pair(t, id, s[i + 2], word, 1);
        }
        s[kept++] = id;
        i++;
    }
    w->len = kept;
}

/* left + right, without the prefix that the right one may have. */
static int64_t join_tokens(struct train *t, uint32_t left, uint32_t right)
{
    slice a = t->vocab.text[left], b = t->vocab.text[right], prefix = slice_of(t->conf.prefix);
    struct buf joined = { 0 };

    if (prefix.len && b.len > prefix.len && memcmp(b.ptr, prefix.ptr, (size_t)prefix.len) == 0)
        b = slice_from(b, prefix.len);
    buf_append(&joined, a);
    buf_append(&joined, b);
    int64_t id = new_token(t, buf_slice(&joined));
    buf_release(&joined);
    return id;
}

static void learn(struct train *t, struct train_result *result, ptrdiff_t *merge_cap)
{
    while (t->vocab.count < t->conf.vocab_size && t->heap_count) {
        struct entry top = heap_pop(t);
        int64_t count = find_pair(t, top.key)->count;
        uint32_t left = (uint32_t)(top.key >> 32), right = (uint32_t)top.key;
        if (count != top.count) {
            top.count = count;
            heap_push(t, top);
            continue;
        }
        if (count < 1 || t->conf.min_frequency > (uint64_t)count) {
            free(top.words.items);
            return;
        }
        int64_t id = join_tokens(t, left, right);
        ROOM(result->merges, result->merge_count, *merge_cap);
        result->merges[result->merge_count][0] = left;
        result->merges[result->merge_count++][1] = right;
        for (ptrdiff_t i = 0; i < top.words.count; i++)
            merge_word(t, top.words.items[i], left, right, (uint32_t)id);
        free(top.words.items);
        push_touched(t);
    }
}

bool train_run(struct train *t, struct train_result *result, struct arena *arena, struct err *err)
{
    ptrdiff_t merge_cap = 0;

    *result = (struct train_result){ 0 };
    t->arena = arena;
    if (t->word_count == 0)
        return err_set(err, ERR_DATA, "no words to learn from");
    if (!make_alphabet(t, err))
        return false;
    for (ptrdiff_t w = 0; w < t->word_count; w++)
        for (ptrdiff_t i = 0; i + 1 < t->words[w].len; i++)
            change_pair(t, t->symbols[t->words[w].start + i], t->symbols[t->words[w].start + i + 1],
                        w, 1);
    push_touched(t);
    learn(t, result, &merge_cap);
    result->tokens = t->vocab.text;
    result->count = t->vocab.count;
    if (result->merge_count) {
        ptrdiff_t bytes = result->merge_count * (ptrdiff_t)sizeof *result->merges;
        void *copy = arena_alloc_raw(arena, bytes, 8);
        memcpy(copy, result->merges, (size_t)bytes);
        free(result->merges);
        result->merges = copy;
    }
    return true;
}
