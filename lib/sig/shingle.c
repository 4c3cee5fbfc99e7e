#include "shingle.h"

#include "key.h"

#include <inttypes.h>
#include <stdlib.h>

/* Odd constants with half of their bits set (the fractions of e, pi and the golden ratio). */
#define KEY_LOW  0xB7E151628AED2A6Bu
#define KEY_HIGH 0x243F6A8885A308D3u
#define BASE     0x9E3779B97F4A7C15u
#define TOPS     0x8080808080808080u
#define FOLD     0x2020202020202020u

enum { SEPARATOR, WORD, SINGLE }; /* classes of code points */

static inline uint64_t fold_product(uint64_t a, uint64_t b)
{
    unsigned __int128 p = (unsigned __int128)a * b;
    return (uint64_t)p ^ (uint64_t)(p >> 64);
}

/* ---- rolling ---- */

struct roll {
    const struct shingler *s;
    struct shingle_sink *sink;
    uint64_t hash;
    uint64_t old[SHINGLE_UNITS_MAX];       /* ring of hash * BASE^n */
    const char *starts[SHINGLE_UNITS_MAX]; /* of the units in the ring */
    int at;
    int64_t units, shingles;
};

static inline void emit(struct roll *r, uint64_t hash, const char *start, const char *end)
{
    struct shingle_sink *k = r->sink;

    if (UNLIKELY(k->spans != NULL))
        k->spans[k->count] = (struct shingle_span){ start - k->text.ptr, end - k->text.ptr };
    k->hash[k->count++] = hash;
    r->shingles++;
    if (UNLIKELY(k->count == SHINGLE_BLOCK)) {
        k->flush(k);
        k->count = 0;
    }
}

static inline void unit(struct roll *r, uint64_t hash, const char *start, const char *end)
{
    uint64_t out = r->old[r->at];

    r->old[r->at] = hash * r->s->drop;
    r->starts[r->at] = start;
    r->at = r->at + 1 == r->s->n ? 0 : r->at + 1;
    r->hash = r->hash * BASE + hash - out;
    if (LIKELY(++r->units >= r->s->n))
        emit(r, r->hash, r->starts[r->at], end);
}

static int64_t finish(struct roll *r)
{
    slice text = r->sink->text; /* empty where there are no spans */

    if (r->units && r->units < r->s->n)
        emit(r, r->hash, r->starts[0], text.len ? text.ptr + text.len : NULL);
    if (r->sink->count)
        r->sink->flush(r->sink);
    r->sink->count = 0;
    return r->shingles;
}

/* ---- words ---- */

/* The hash of a folded word: 16 bytes at a time, the last step knows the length. */
static inline uint64_t word_step(uint64_t h, uint64_t low, uint64_t high)
{
    return fold_product(low ^ KEY_LOW ^ h, high ^ KEY_HIGH);
}

static inline uint64_t byte_mask(ptrdiff_t len) /* len may be < 0 or > 8 */
{
    return len <= 0 ? 0 : len >= 8 ? ~(uint64_t)0 : ~(uint64_t)0 >> (64 - 8 * len);
}

/* Of a word of ASCII letters and digits; false when it holds another byte. Reads up to 15 bytes
 * beyond the end. */
static inline bool ascii_word(const char *p, ptrdiff_t len, uint64_t *hash)
{
    uint64_t h = 0, any = 0;
    ptrdiff_t left = len;

    for (; UNLIKELY(left > 16); left -= 16, p += 16) {
        uint64_t low = load_u64(p), high = load_u64(p + 8);
        any |= low | high;
        h = word_step(h, low | FOLD, high | FOLD);
    }
    uint64_t low_mask = byte_mask(left), high_mask = byte_mask(left - 8);
    uint64_t low = load_u64(p) & low_mask, high = load_u64(p + 8) & high_mask;
    any |= low | high;
    *hash = word_step(h, low | (FOLD & low_mask), (high | (FOLD & high_mask)) ^ (uint64_t)len);
    return !(any & TOPS);
}

/* The same hash of bytes that come one character at a time. */
struct word {
    const char *start;
    char bytes[16 + 4 + 8];
    int fill;
    ptrdiff_t len;
    uint64_t hash;
};

static void word_add(struct word *w, uint32_t cp)
{
    if (w->fill >= 16) {
        w->hash = word_step(w->hash, load_u64(w->bytes), load_u64(w->bytes + 8));
        w->fill -= 16;
        memcpy(w->bytes, w->bytes + 16, 4);
    }
    int n = uni_encode(w->bytes + w->fill, cp);
    w->fill += n;
    w->len += n;
}

static void word_end(struct word *w, struct roll *r, const char *end)
{
    if (!w->len)
        return;
    if (w->fill > 16) {
        w->hash = word_step(w->hash, load_u64(w->bytes), load_u64(w->bytes + 8));
        w->fill -= 16;
        memcpy(w->bytes, w->bytes + 16, 4);
    }
    uint64_t low = load_u64(w->bytes) & byte_mask(w->fill);
    uint64_t high = load_u64(w->bytes + 8) & byte_mask(w->fill - 8);
    unit(r, word_step(w->hash, low, high ^ (uint64_t)w->len), w->start, end);
    w->fill = 0;
    w->len = 0;
    w->hash = 0;
}

/* Scripts that put no spaces between words. */
static bool is_unspaced(uint32_t cp)
{
    return (cp >= 0x0E00 && cp < 0x1100) || (cp >= 0x1780 && cp < 0x1800) ||
           (cp >= 0x3040 && cp < 0x3100) || (cp >= 0x31F0 && cp < 0x3200) ||
           (cp >= 0x3400 && cp < 0xA000) || (cp >= 0xF900 && cp < 0xFB00) ||
           (cp >= 0x1B000 && cp < 0x1B170) || (cp >= 0x20000 && cp < 0x40000);
}

static uint32_t classify(uint32_t cp)
{
    int major = uni_category(cp) >> 8;

    if (major == 'M')
        return (uint32_t)WORD << 24 | cp;
    if (major != 'L' && major != 'N')
        return (uint32_t)SEPARATOR << 24;
    return (uint32_t)(major == 'L' && is_unspaced(cp) ? SINGLE : WORD) << 24 | uni_lower(cp);
}

/* A run without ASCII separators, of which some bytes are not ASCII. */
static void wide_run(struct roll *r, const char *p, const char *end)
{
    struct word w = { .fill = 0 };

    while (p < end) {
        const char *at = p;
        uint32_t cp;
        p += uni_decode(p, &cp);
        uint32_t c = cp < 0x10000 ? r->s->classes[cp] : classify(cp);
        if (c >> 24 != WORD)
            word_end(&w, r, at);
        if (c >> 24 == SEPARATOR)
            continue;
        if (!w.len)
            w.start = at;
        word_add(&w, c & 0xFFFFFF);
        if (c >> 24 == SINGLE)
            word_end(&w, r, p);
    }
    word_end(&w, r, end);
}

static inline void run(struct roll *r, const char *start, const char *end)
{
    uint64_t hash;

    if (LIKELY(ascii_word(start, end - start, &hash)))
        unit(r, hash, start, end);
    else
        wide_run(r, start, end);
}

/* Edges of the mask of word bytes are starts and ends in turn. */
static void words(struct roll *r, slice text)
{
    enum { BLOCKS = 32 };
    struct textmask masks[BLOCKS];
    uint64_t before = 0; /* was the last byte one of a word? */
    const char *start = NULL;

    for (ptrdiff_t at = 0; at < text.len;) {
        ptrdiff_t left = text.len - at, blocks = MIN(BLOCKS, (left + 63) / 64);
        r->s->masks(text.ptr + at, blocks, masks);
        for (ptrdiff_t b = 0; b < blocks; b++, at += 64) {
            const char *base = text.ptr + at;
            uint64_t in = masks[b].letter | masks[b].digit | masks[b].high;
            if (text.len - at < 64)
                in &= ~(uint64_t)0 >> (64 - (text.len - at));
            uint64_t edges = in ^ (in << 1 | before);
            before = in >> 63;
            if (start && edges) {
                run(r, start, base + __builtin_ctzll(edges));
                start = NULL;
                edges &= edges - 1;
            }
            while (edges) {
                const char *s = base + __builtin_ctzll(edges);
                edges &= edges - 1;
                if (!edges) {
                    start = s;
                    break;
                }
                run(r, s, base + __builtin_ctzll(edges));
                edges &= edges - 1;
            }
        }
    }
    if (start)
        run(r, start, text.ptr + text.len);
}

/* ---- tokens, chars, ids ---- */

static void tokens(struct roll *r, slice text)
{
    for (const char *p = text.ptr, *end = text.ptr + text.len, *next; p < end; p = next + 1) {
        next = memchr(p, ' ', (size_t)(end - p));
        next = next ? next : end;
        uint64_t h = 0;
        const char *q = p;
        for (; next - q > 16; q += 16)
            h = word_step(h, load_u64(q), load_u64(q + 8));
        uint64_t low = load_u64(q) & byte_mask(next - q);
        uint64_t high = load_u64(q + 8) & byte_mask(next - q - 8);
        unit(r, word_step(h, low, high ^ (uint64_t)(next - p)), p, next);
    }
}

static void chars(struct roll *r, slice text)
{
    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        i += uni_decode(text.ptr + i, &cp);
        unit(r, word_step(0, cp, 0), NULL, NULL);
    }
}

static void start_roll(struct roll *r, const struct shingler *s, struct shingle_sink *sink)
{
    r->s = s;
    r->sink = sink;
    r->hash = 0;
    memset(r->old, 0, (size_t)s->n * sizeof *r->old);
    r->at = 0;
    r->units = r->shingles = 0;
    sink->count = 0;
}

int64_t shingle_text(const struct shingler *s, slice text, struct shingle_sink *sink,
                     struct arena *arena)
{
    struct roll r;

    start_roll(&r, s, sink);
    sink->text = s->unit == SHINGLE_TOKENS  ? text
                 : s->unit == SHINGLE_CHARS ? key_normalized(s->nfc, text, arena)
                                            : uni_normalize(s->nfc, text, arena);
    if (s->unit == SHINGLE_TOKENS)
        tokens(&r, sink->text);
    else if (s->unit == SHINGLE_CHARS)
        chars(&r, sink->text);
    else
        words(&r, sink->text);
    return finish(&r);
}

int64_t shingle_ids(const struct shingler *s, slice array, struct shingle_sink *sink, ptrdiff_t *at)
{
    struct roll r;
    ptrdiff_t i = 1;

    start_roll(&r, s, sink);
    for (;; i++) {
        while (array.ptr[i] == ' ' || array.ptr[i] == '\t' || array.ptr[i] == ',' ||
               array.ptr[i] == '\n' || array.ptr[i] == '\r')
            i++;
        if (array.ptr[i] == ']')
            break;
        ptrdiff_t from = i;
        bool negative = array.ptr[i] == '-';
        uint64_t value = 0;
        i += negative;
        ptrdiff_t digits = i;
        while (array.ptr[i] >= '0' && array.ptr[i] <= '9' && i - digits < 19)
            value = value * 10 + (uint64_t)(array.ptr[i++] - '0');
        char next = array.ptr[i];
        if (i == digits || !(next == ',' || next == ']' || next == ' ' || next == '\t' ||
                             next == '\n' || next == '\r')) {
            *at = from;
            return -1;
        }
        unit(&r, word_step(negative, value, 1), NULL, NULL);
        i--;
    }
    return finish(&r);
}

/* ---- lifecycle ---- */

bool shingle_parse(const char *text, struct shingler *s, struct err *err)
{
    static const char *const names[] = { "words:", "chars:", "ids:" };
    char *end = NULL;

    for (int u = 0; u < 3; u++) {
        size_t len = strlen(names[u]);
        if (strncmp(text, names[u], len) != 0 || text[len] < '1' || text[len] > '9')
            continue;
        long n = strtol(text + len, &end, 10);
        if (*end || n > SHINGLE_UNITS_MAX)
            break;
        *s = (struct shingler){ .unit = (enum shingle_unit)u, .n = (int)n };
        return true;
    }
    return err_set(err, ERR_USAGE, "%s is not words:N, chars:N or ids:N with N from 1 to %d",
                   ERR_QUOTE(slice_of(text)), SHINGLE_UNITS_MAX);
}

void shingle_init(struct shingler *s, struct arena *arena)
{
    s->drop = 1;
    for (int i = 0; i < s->n; i++)
        s->drop *= BASE;
    s->masks = textmask_pick();
    if (s->unit == SHINGLE_IDS || s->unit == SHINGLE_TOKENS)
        return;
    s->nfc = uni_norm_new(UNI_NFC, arena);
    if (s->unit == SHINGLE_CHARS)
        return;
    uint32_t *classes = arena_alloc_raw(arena, 0x10000 * 4, 64);
    for (uint32_t cp = 0; cp < 0x10000; cp++)
        classes[cp] = classify(cp);
    s->classes = classes;
}
