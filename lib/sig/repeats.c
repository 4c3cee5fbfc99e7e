#include "repeats.h"

#include "../unicode.h"

#include <stdlib.h>

slice repeats_words(slice text, struct arena *arena, struct repeats_word *words, ptrdiff_t *count)
{
    char *out = arena_alloc_raw(arena, text.len + 1 + RECORD_PADDING, 1), *p = out;
    ptrdiff_t n = 0;
    uint32_t cp;

    for (ptrdiff_t i = 0; i < text.len;) {
        int w = uni_decode(text.ptr + i, &cp);
        if (cp == 0 || uni_is_space_python(cp)) {
            i += w;
            continue;
        }
        ptrdiff_t start = i;
        while (i < text.len && (w = uni_decode(text.ptr + i, &cp), cp) && !uni_is_space_python(cp))
            i += w;
        memcpy(p, text.ptr + start, (size_t)(i - start));
        p += i - start;
        *p++ = '\0';
        if (words)
            words[n] = (struct repeats_word){ start, i };
        n++;
    }
    if (count)
        *count = n;
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

bool repeats_add(struct repeats *r, slice text, struct err *err)
{
    int64_t at, end;

    if (r->text_count++ == 0) {
        r->texts.memory_bytes = r->memory_bytes / 16 & -(int64_t)SPILL_BLOCK;
        r->ends.memory_bytes = r->ranges.memory_bytes =
            r->memory_bytes / 32 & -(int64_t)SPILL_BLOCK;
    }
    if (!spill_append(&r->texts, text, &at, err))
        return false;
    end = r->texts.len;
    return spill_append(&r->ends, slice_make((const char *)&end, sizeof end), &at, err);
}

bool repeats_next_range(struct repeats *r, struct repeats_range *range, struct err *err)
{
    *range = (struct repeats_range){ 0 };
    if (r->range_at == r->range_count)
        return true;
    return spill_read(&r->ranges, r->range_at++ * (int64_t)sizeof *range, (char *)range,
                      sizeof *range, err);
}

void repeats_release(struct repeats *r)
{
    spill_release(&r->texts);
    spill_release(&r->ends);
    spill_release(&r->ranges);
    spill_release(&r->flags);
}

#ifdef HAVE_LIBDIVSUFSORT
#include <divsufsort.h>

#define PART_MAX    ((int64_t)1 << 30)
#define PART_MIN    ((int64_t)64 << 10)
#define CHUNK       ((int64_t)1 << 20) /* of what is read to be looked up */
#define ENDS        1024               /* that are read at once */
#define LOOKUP      256                /* windows whose hashes are at hand */
#define BASE        0x9E3779B97F4A7C15u
#define BASE_INVERS 0xF1DE83E19937733Du

_Static_assert((uint64_t)(BASE *BASE_INVERS) == 1, "BASE_INVERS takes a factor BASE away");

const bool repeats_available = true;

/* ---- a piece of the collection, and the windows that begin in it ---- */

struct piece {
    unsigned char *t; /* bytes lo .. hi of all texts */
    int64_t *ends;    /* of the texts that lie in them, and of the one that reaches beyond */
    int64_t lo, hi, first, last; /* windows begin at first .. last-1 */
    ptrdiff_t end_count, t_cap, end_cap;
};

struct window {
    int64_t at; /* in all texts */
    ptrdiff_t len;
    uint64_t hash;
};

/* A window slides over a piece: bytes from `at` to `to` are in it, `count` units, and in the hash. */
struct slide {
    const struct repeats *r;
    const struct piece *p;
    ptrdiff_t text; /* index into ends */
    int64_t at, to, count;
    uint64_t hash, power; /* power: BASE^(to - at) */
    bool started;
};

static unsigned char byte_at(const struct piece *p, int64_t at)
{
    return p->t[at - p->lo];
}

/* The first text that ends behind `at`, by bisection. */
static bool find_text(struct repeats *r, int64_t at, int64_t *index, struct err *err)
{
    int64_t low = 0, high = r->text_count, end;

    while (low < high) {
        int64_t mid = low + (high - low) / 2;
        if (!spill_read(&r->ends, mid * 8, (char *)&end, sizeof end, err))
            return false;
        if (end > at)
            high = mid;
        else
            low = mid + 1;
    }
    *index = low;
    return true;
}

static bool piece_load(struct repeats *r, struct piece *p, int64_t first, int64_t last,
                       struct err *err)
{
    int64_t overlap = r->unit == REPEATS_BYTES ? r->n : REPEATS_WINDOW_MAX, index, end = 0;

    p->first = first;
    p->last = last;
    p->lo = MAX(0, first - 1); /* does a word begin here? */
    p->hi = MIN(r->texts.len, last + overlap);
    if (p->t_cap < p->hi - p->lo) {
        p->t_cap = (ptrdiff_t)(p->hi - p->lo);
        free(p->t);
        p->t = malloc((size_t)p->t_cap);
        if (!p->t)
            mem_oom();
    }
    if (!spill_read(&r->texts, p->lo, (char *)p->t, (ptrdiff_t)(p->hi - p->lo), err) ||
        !find_text(r, first, &index, err))
        return false;
    p->end_count = 0;
    while (end < p->hi && index < r->text_count) {
        int64_t n = MIN(ENDS, r->text_count - index);
        if (p->end_count + n > p->end_cap) {
            p->end_cap = MAX(p->end_count + ENDS, 2 * p->end_cap);
            p->ends = realloc(p->ends, (size_t)p->end_cap * sizeof *p->ends);
            if (!p->ends)
                mem_oom();
        }
        if (!spill_read(&r->ends, index * 8, (char *)(p->ends + p->end_count), n * 8, err))
            return false;
        p->end_count += n;
        index += n;
        end = p->ends[p->end_count - 1];
    }
    return true;
}

static void piece_release(struct piece *p)
{
    free(p->t);
    free(p->ends);
}

static void slide_pop(struct slide *s)
{
    s->power *= BASE_INVERS;
    s->hash -= (byte_at(s->p, s->at++) + 1u) * s->power;
}

/* Adds bytes until the window is full; false when it does not get full before `limit`. */
static bool slide_fill(struct slide *s, int64_t limit)
{
    const unsigned char *t = s->p->t - s->p->lo;
    uint64_t hash = s->hash, power = s->power;
    int64_t to = s->to, n = s->r->n;

    while (s->count < n && to < limit) {
        unsigned char c = t[to++];
        hash = hash * BASE + c + 1;
        power *= BASE;
        if (s->r->unit == REPEATS_WORDS)
            s->count += c == 0;
        else if (s->r->unit == REPEATS_BYTES || to == limit || (t[to] & 0xC0) != 0x80)
            s->count++;
    }
    s->to = to;
    s->hash = hash;
    s->power = power;
    return s->count == n;
}

/* Takes the first unit out. */
static void slide_step(struct slide *s)
{
    bool last;

    do {
        last = byte_at(s->p, s->at) == 0;
        slide_pop(s);
    } while (s->at < s->to && (s->r->unit == REPEATS_WORDS   ? !last
                               : s->r->unit == REPEATS_CHARS ? (byte_at(s->p, s->at) & 0xC0) == 0x80
                                                             : false));
    s->count--;
}

static bool slide_next(struct slide *s, struct window *w)
{
    const struct piece *p = s->p;

    if (!s->started) {
        s->started = true;
        s->at = s->to = p->first;
        s->power = 1;
        /* In the middle of a word or of a code point: that one is not ours. */
        if (s->r->unit == REPEATS_WORDS && s->at > p->lo)
            while (s->at < p->hi && byte_at(p, s->at - 1) != 0)
                s->at++;
        if (s->r->unit == REPEATS_CHARS)
            while (s->at < p->hi && (byte_at(p, s->at) & 0xC0) == 0x80)
                s->at++;
        s->to = s->at;
    } else {
        slide_step(s);
    }
    while (s->at < p->last) {
        bool fresh = false;
        while (s->text < p->end_count && p->ends[s->text] <= s->at) {
            s->text++;
            fresh = true;
        }
        if (fresh) { /* nothing of the text before */
            s->to = s->at;
            s->count = 0;
            s->hash = 0;
            s->power = 1;
        }
        int64_t end = s->text < p->end_count ? p->ends[s->text] : p->hi;
        bool full = slide_fill(s, MIN(end, p->hi));
        if (full && s->to - s->at <= REPEATS_WINDOW_MAX) {
            *w = (struct window){ s->at, (ptrdiff_t)(s->to - s->at), s->hash };
            return true;
        }
        if (full || s->to < end) {
            slide_step(s);
            continue;
        }
        s->at = s->to = end; /* the rest of this text is too short */
        s->count = 0;
        s->hash = 0;
        s->power = 1;
    }
    return false;
}

/* ---- one part ---- */

struct part {
    struct piece piece;
    uint32_t *lens;        /* of the window that begins there; 0: none. By place - piece.lo */
    unsigned char *repeat; /* bits: that window repeats */
    int64_t windows, staying;
    unsigned char *tags; /* of the table of windows that stay: 8 bits of the hash, 0: empty */
    int32_t *slots;      /* their places */
    int64_t slot_count;
    unsigned char *filter; /* bits: the hash of some of them */
    uint64_t filter_bits;
};

static bool is_repeat(const struct part *p, int64_t i)
{
    return p->repeat[i / 8] >> (i % 8) & 1;
}

static void set_repeat(struct part *p, int64_t i)
{
    p->staying -= !is_repeat(p, i);
    p->repeat[i / 8] |= (unsigned char)(1 << (i % 8));
}

/* Windows in the order of the suffix array: those of one group are one behind the other. */
static void settle_group(struct repeats *r, struct part *p, const int32_t *sa, int64_t from,
                         int64_t to, int64_t members)
{
    int64_t first = INT64_MAX, len = 0;

    if (members < 2)
        return;
    for (int64_t i = from; i < to; i++)
        if (p->lens[sa[i]] && sa[i] < first) {
            first = sa[i];
            len = p->lens[first];
        }
    for (int64_t i = from; i < to; i++)
        if (p->lens[sa[i]] && (r->all || first + len <= sa[i]))
            set_repeat(p, sa[i]);
}

static void find_inside(struct repeats *r, struct part *p)
{
    int64_t n = p->piece.hi - p->piece.lo, from = 0, members = 0, before = -1;
    const unsigned char *t = p->piece.t;
    int32_t *sa = malloc((size_t)n * sizeof *sa);

    if (!sa || divsufsort(t, sa, (saidx_t)n) != 0)
        mem_oom();
    for (int64_t i = 0; i < n; i++) {
        if (i + 16 < n) {
            __builtin_prefetch(t + sa[i + 16]);
            __builtin_prefetch(p->lens + sa[i + 16]);
        }
        int64_t at = sa[i];
        if (!p->lens[at])
            continue;
        if (before >= 0 && p->lens[before] == p->lens[at] &&
            memcmp(t + before, t + at, p->lens[at]) == 0) {
            members++;
        } else {
            settle_group(r, p, sa, from, i, members);
            from = i;
            members = 1;
        }
        before = at;
    }
    settle_group(r, p, sa, from, n, members);
    free(sa);
}

static uint64_t mixed(uint64_t hash)
{
    hash ^= hash >> 32;
    hash *= 0xD6E8FEB86659FD93u;
    return hash ^ hash >> 32;
}

static int64_t slot_of(const struct part *p, uint64_t mix)
{
    return (int64_t)((unsigned __int128)mix * (uint64_t)p->slot_count >> 64);
}

static unsigned char tag_of(uint64_t mix)
{
    return (unsigned char)(mix | 1);
}

static uint64_t filter_of(const struct part *p, uint64_t mix)
{
    return (uint64_t)((unsigned __int128)(mix * BASE) * p->filter_bits >> 64);
}

/* The next windows of a piece with their hashes, and where they lead in the table, asked for ahead. */
struct batch {
    struct window w[LOOKUP];
    uint64_t mix[LOOKUP];
    int count;
};

static bool batch_next(struct slide *s, const struct part *p, struct batch *b)
{
    bool more = true;

    b->count = 0;
    while (b->count < LOOKUP && (more = slide_next(s, &b->w[b->count]))) {
        uint64_t mix = b->mix[b->count] = mixed(b->w[b->count].hash);
        __builtin_prefetch(p->filter + filter_of(p, mix) / 8);
        b->count++;
    }
    return more;
}

static void batch_prefetch_table(const struct part *p, uint64_t mix)
{
    int64_t at = slot_of(p, mix);

    __builtin_prefetch(p->tags + at);
    __builtin_prefetch(p->slots + at);
}

static void build_table(struct repeats *r, struct part *p)
{
    struct slide s = { .r = r, .p = &p->piece };
    struct batch b;

    p->slot_count = p->staying + p->staying / 2 + 16;
    p->filter_bits = (uint64_t)p->staying * 8 + 64;
    p->slots = calloc((size_t)p->slot_count, sizeof *p->slots);
    p->tags = calloc((size_t)p->slot_count, 1);
    p->filter = calloc((size_t)p->filter_bits / 8 + 1, 1);
    if (!p->slots || !p->tags || !p->filter)
        mem_oom();
    for (bool more = true; more;) {
        more = batch_next(&s, p, &b);
        for (int k = 0; k < b.count; k++)
            batch_prefetch_table(p, b.mix[k]);
        for (int k = 0; k < b.count; k++) {
            int64_t i = b.w[k].at - p->piece.lo, at = slot_of(p, b.mix[k]);
            uint64_t bit = filter_of(p, b.mix[k]);
            if (is_repeat(p, i))
                continue;
            p->filter[bit / 8] |= (unsigned char)(1 << (bit % 8));
            while (p->tags[at])
                at = at + 1 == p->slot_count ? 0 : at + 1;
            p->tags[at] = tag_of(b.mix[k]);
            p->slots[at] = (int32_t)i;
        }
    }
}

/* Windows of the part that are equal to w, which lies in `piece`, repeat. */
static void look_up(struct repeats *r, struct part *p, const struct piece *piece,
                    const struct window *w, uint64_t mix)
{
    const unsigned char *bytes = piece->t + (w->at - piece->lo);
    unsigned char tag = tag_of(mix);

    for (int64_t at = slot_of(p, mix); p->tags[at]; at = at + 1 == p->slot_count ? 0 : at + 1) {
        if (p->tags[at] != tag)
            continue;
        int64_t i = p->slots[at], place = i + p->piece.lo;
        if (p->lens[i] != (uint32_t)w->len || place == w->at || is_repeat(p, i))
            continue;
        if (!r->all && w->at + w->len > place)
            continue;
        if (memcmp(p->piece.t + i, bytes, (size_t)w->len) == 0)
            set_repeat(p, i);
    }
}

/* Which windows of first .. last repeat an earlier one: what they have, that one has too. */
static bool read_known(const struct repeats *r, int64_t first, int64_t last, unsigned char *known,
                       struct err *err)
{
    ASSERT(first % 8 == 0);
    return spill_read(&r->flags, first / 8, (char *)known, (ptrdiff_t)(last - first + 7) / 8, err);
}

/* Reads first .. last of the collection and looks its windows up. */
static bool find_outside(struct repeats *r, struct part *p, int64_t first, int64_t last,
                         struct err *err)
{
    struct piece piece = { 0 };
    struct batch b;
    unsigned char *known = r->all ? NULL : calloc(CHUNK / 8, 1);
    bool ok = true;

    for (int64_t at = first; ok && at < last && p->staying > 0; at += CHUNK) {
        int64_t to = MIN(last, at + CHUNK);
        ok = piece_load(r, &piece, at, to, err) && (!known || read_known(r, at, to, known, err));
        struct slide s = { .r = r, .p = &piece };
        for (bool more = ok; more;) {
            int hits[LOOKUP], n = 0;
            more = batch_next(&s, p, &b);
            for (int k = 0; k < b.count; k++) {
                uint64_t bit = filter_of(p, b.mix[k]), i = (uint64_t)(b.w[k].at - at);
                if (!(p->filter[bit / 8] >> (bit % 8) & 1) ||
                    (known && known[i / 8] >> (i % 8) & 1))
                    continue;
                hits[n++] = k;
                batch_prefetch_table(p, b.mix[k]);
            }
            for (int k = 0; k < n; k++)
                look_up(r, p, &piece, &b.w[hits[k]], b.mix[hits[k]]);
        }
    }
    free(known);
    piece_release(&piece);
    return ok;
}

static bool close_range(struct repeats *r, struct err *err)
{
    int64_t at;

    if (r->open.end == 0)
        return true;
    r->range_count++;
    bool ok =
        spill_append(&r->ranges, slice_make((const char *)&r->open, sizeof r->open), &at, err);
    r->open = (struct repeats_range){ 0 };
    return ok;
}

static bool write_ranges(struct repeats *r, struct part *p, struct err *err)
{
    int64_t n = p->piece.hi - p->piece.lo;

    for (int64_t i = 0; i < n; i++) {
        if (!p->repeat[i / 8] && i % 8 == 0) {
            i += 7;
            continue;
        }
        if (!is_repeat(p, i))
            continue;
        int64_t start = p->piece.lo + i, end = start + p->lens[i];
        if (r->open.end && start <= r->open.end) {
            r->open.end = MAX(r->open.end, end);
            continue;
        }
        if (!close_range(r, err))
            return false;
        r->open = (struct repeats_range){ start, end };
    }
    return true;
}

/* For the parts that follow. */
static bool write_flags(struct repeats *r, const struct part *p, struct err *err)
{
    int64_t skip = p->piece.first - p->piece.lo, at;
    unsigned char block[4096];

    for (int64_t i = p->piece.first; i < p->piece.last;) {
        ptrdiff_t n = 0;
        memset(block, 0, sizeof block);
        for (; n < (ptrdiff_t)sizeof block * 8 && i < p->piece.last; n++, i++)
            block[n / 8] |= (unsigned char)(is_repeat(p, i - p->piece.first + skip) << (n % 8));
        if (!spill_append(&r->flags, slice_make((const char *)block, (n + 7) / 8), &at, err))
            return false;
    }
    return true;
}

static bool find_part(struct repeats *r, int64_t first, int64_t last, struct err *err)
{
    struct part p = { 0 };
    struct window w;
    bool ok = piece_load(r, &p.piece, first, last, err);
    size_t n = ok ? (size_t)(p.piece.hi - p.piece.lo) : 0;

    p.lens = calloc(n + 1, sizeof *p.lens);
    p.repeat = calloc(n / 8 + 1, 1);
    if (!p.lens || !p.repeat)
        mem_oom();
    struct slide s = { .r = r, .p = &p.piece };
    while (ok && slide_next(&s, &w)) {
        p.lens[w.at - p.piece.lo] = (uint32_t)w.len;
        p.windows++;
    }
    p.staying = p.windows;
    r->windows += p.windows;
    if (ok && p.windows)
        find_inside(r, &p);
    int64_t behind = r->all ? r->texts.len : last;
    if (ok && p.staying && (first > 0 || behind > last)) {
        build_table(r, &p);
        ok = find_outside(r, &p, 0, first, err) && find_outside(r, &p, last, behind, err);
    }
    ok = ok && write_ranges(r, &p, err) && write_flags(r, &p, err);
    free(p.lens);
    free(p.repeat);
    free(p.slots);
    free(p.tags);
    free(p.filter);
    piece_release(&p.piece);
    return ok;
}

bool repeats_find(struct repeats *r, struct err *err)
{
    int64_t size = MIN(MAX(r->memory_bytes / 15, PART_MIN), PART_MAX), total = r->texts.len;
    int64_t parts = (total + size - 1) / size;
    int64_t step =
        parts ? ALIGN_UP((total + parts - 1) / parts, (int64_t)8) : 0; /* whole bytes of flags */

    for (int64_t i = 0; i < parts; i++)
        if (!find_part(r, MIN(total, step * i), MIN(total, step * (i + 1)), err))
            return false;
    r->part_count = parts;
    return close_range(r, err);
}

#else

const bool repeats_available = false;

bool repeats_find(struct repeats *r, struct err *err)
{
    (void)r;
    return err_set(err, ERR_USAGE,
                   "this build has no --substring: it was made without libdivsufsort "
                   "(libdivsufsort-dev)");
}
#endif
