#include "unicode.h"

#include "simd/bytepair.h"

#include <utf8proc.h>

struct uni_norm {
    utf8proc_option_t options;
    bool compose;
    uint64_t *unsafe;       /* bit cp: may change, or be changed by what is before it */
    uint64_t *mark_only;    /* of these: changes nothing when the marks are in order */
    struct bytepair places; /* the first two bytes of unsafe code points, and some others */
};

/* ---- the bitmap of code points that need a closer look ---- */

static void mark(struct uni_norm *n, uint32_t cp)
{
    n->unsafe[cp >> 6] |= (uint64_t)1 << (cp & 63);
    n->mark_only[cp >> 6] &= ~((uint64_t)1 << (cp & 63));
}

/* A combining mark that neither decomposes nor composes, unless mark() says otherwise too. */
static void mark_combining(struct uni_norm *n, uint32_t cp)
{
    bool known = n->unsafe[cp >> 6] >> (cp & 63) & 1;

    mark(n, cp);
    if (!known)
        n->mark_only[cp >> 6] |= (uint64_t)1 << (cp & 63);
}

static bool is_unsafe(const struct uni_norm *n, uint32_t cp)
{
    return n->unsafe[cp >> 6] >> (cp & 63) & 1;
}

/* A code point that decomposes is safe only when composing gives it back; what stands behind the
 * first place of a decomposition may compose with what comes before it in a text. */
static void mark_code_point(struct uni_norm *n, uint32_t cp)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    utf8proc_int32_t parts[32];
    int bound = 0;

    if (p->combining_class)
        mark_combining(n, cp);
    if (p->decomp_seqindex == UINT16_MAX)
        return;
    utf8proc_ssize_t count =
        utf8proc_decompose_char((utf8proc_int32_t)cp, parts, countof(parts), n->options, &bound);
    ASSERT(count > 0 && count <= countof(parts));
    bool same = count == 1 && parts[0] == (utf8proc_int32_t)cp;
    if (!n->compose) {
        if (!same)
            mark(n, cp);
        return;
    }
    if (p->decomp_type == 0)
        for (utf8proc_ssize_t i = 1; i < count; i++)
            mark(n, (uint32_t)parts[i]);
    count = utf8proc_normalize_utf32(parts, count, n->options);
    if (count != 1 || parts[0] != (utf8proc_int32_t)cp)
        mark(n, cp);
}

/* ---- the pre-filter: the first two bytes of UTF-8 ---- */

#define LEADS 64 /* 0xC0 .. 0xFF */

struct lead_group {
    uint64_t leads, seconds; /* bit b & 63 */
};

/* Leads that many texts are full of: a false stop there costs most. */
static int lead_weight(int lead)
{
    return lead == 0xC3 || lead == 0xD0 || lead == 0xD1 || (lead >= 0xE3 && lead <= 0xED) ? 50 : 1;
}

/* Pairs that would be stopped at without need if both were one class. */
static int join_cost(const struct lead_group *a, const struct lead_group *b)
{
    int cost = 0;

    for (int i = 0; i < LEADS; i++) {
        if (a->leads >> i & 1)
            cost += lead_weight(0xC0 + i) * __builtin_popcountll(b->seconds & ~a->seconds);
        if (b->leads >> i & 1)
            cost += lead_weight(0xC0 + i) * __builtin_popcountll(a->seconds & ~b->seconds);
    }
    return cost;
}

/* A byte pair scan has 8 classes: the cheapest two groups become one until that is enough. */
static int join_groups(struct lead_group *groups, int count)
{
    while (count > 8) {
        int best = INT_MAX, at = 0, with = 1;
        for (int i = 0; i < count; i++)
            for (int j = i + 1; j < count; j++) {
                int cost = join_cost(&groups[i], &groups[j]);
                if (cost < best) {
                    best = cost;
                    at = i;
                    with = j;
                }
            }
        groups[at].leads |= groups[with].leads;
        groups[at].seconds |= groups[with].seconds;
        groups[with] = groups[--count];
    }
    return count;
}

static slice bytes_of(uint64_t set, int base, char out[64])
{
    ptrdiff_t n = 0;

    for (int i = 0; i < 64; i++)
        if (set >> i & 1)
            out[n++] = (char)(base + i);
    return slice_make(out, n);
}

static void ready_places(struct uni_norm *n)
{
    struct lead_group groups[LEADS];
    int count = 0;

    memset(groups, 0, sizeof groups);
    for (uint32_t word = 2; word < UNI_LIMIT / 64; word++) {
        char bytes[4];
        if (!n->unsafe[word] || (word >= 0xD800 / 64 && word < 0xE000 / 64))
            continue;
        /* 64 code points share all bytes but the last; of two bytes the last is the second. */
        uni_encode(bytes, word * 64);
        struct lead_group *g = &groups[(unsigned char)bytes[0] - 0xC0];
        g->leads = (uint64_t)1 << ((unsigned char)bytes[0] - 0xC0);
        g->seconds |= word < 0x800 / 64 ? n->unsafe[word] : (uint64_t)1 << (bytes[1] & 63);
    }
    for (int i = 0; i < LEADS; i++)
        if (groups[i].leads)
            groups[count++] = groups[i];
    count = join_groups(groups, count);
    for (int i = 0; i < count; i++) {
        char leads[64], seconds[64];
        bytepair_add(&n->places, i, bytes_of(groups[i].leads, 0xC0, leads),
                     bytes_of(groups[i].seconds, 0x80, seconds));
    }
    bytepair_ready(&n->places);
}

struct uni_norm *uni_norm_new(enum uni_form form, struct arena *arena)
{
    /* The planes that hold characters with decompositions or combining classes. */
    static const struct {
        uint32_t first, end;
    } ranges[] = { { 0x80, 0x3400 },    { 0xA000, 0xAC00 },   { 0xD7B0, 0xD800 },
                   { 0xE000, 0x20000 }, { 0x2F800, 0x30000 }, { 0xE0000, 0xE1000 } };
    struct uni_norm *n = arena_new(arena, struct uni_norm, 1);

    n->compose = form == UNI_NFC || form == UNI_NFKC;
    n->options = UTF8PROC_STABLE | (n->compose ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE);
    if (form == UNI_NFKC || form == UNI_NFKD)
        n->options |= UTF8PROC_COMPAT;
    n->unsafe = arena_new(arena, uint64_t, UNI_LIMIT / 64);
    n->mark_only = arena_new(arena, uint64_t, UNI_LIMIT / 64);
    for (int r = 0; r < countof(ranges); r++)
        for (uint32_t cp = ranges[r].first; cp < ranges[r].end; cp++)
            mark_code_point(n, cp);
    /* Hangul is arithmetic, not in the tables: the second and third jamo compose; without
     * composition every syllable decomposes. */
    for (uint32_t cp = 0x1161; cp <= 0x11C2; cp++)
        mark(n, cp);
    if (!n->compose)
        for (uint32_t cp = 0xAC00; cp <= 0xD7A3; cp++)
            mark(n, cp);
    ready_places(n);
    return n;
}

/* ---- one segment ---- */

struct code_points {
    utf8proc_int32_t *ptr, local[512];
    ptrdiff_t len, cap;
};

static void decompose(const struct uni_norm *n, slice s, struct code_points *c, struct arena *arena)
{
    for (ptrdiff_t i = 0; i < s.len;) {
        uint32_t cp;
        int bound = 0;
        i += uni_decode(s.ptr + i, &cp);
        if (c->cap - c->len < 32) {
            utf8proc_int32_t *more = arena_alloc_raw(arena, c->cap * 8, 4);
            memcpy(more, c->ptr, (size_t)c->len * 4);
            c->ptr = more;
            c->cap *= 2;
        }
        utf8proc_ssize_t got = utf8proc_decompose_char((utf8proc_int32_t)cp, c->ptr + c->len,
                                                       c->cap - c->len, n->options, &bound);
        ASSERT(got >= 0 && got <= c->cap - c->len);
        c->len += got;
    }
}

static int combining_class(utf8proc_int32_t cp)
{
    return cp < 0x300 ? 0 : utf8proc_get_property(cp)->combining_class;
}

/* Stable by class; classes are at most 254. */
static void sort_marks(utf8proc_int32_t *v, ptrdiff_t count, struct arena *arena)
{
    if (count <= 16) {
        for (ptrdiff_t i = 1; i < count; i++) {
            utf8proc_int32_t cp = v[i];
            int class = combining_class(cp);
            ptrdiff_t j = i;
            for (; j > 0 && combining_class(v[j - 1]) > class; j--)
                v[j] = v[j - 1];
            v[j] = cp;
        }
        return;
    }
    ptrdiff_t start[257] = { 0 };
    utf8proc_int32_t *sorted = arena_alloc_raw(arena, count * 4, 4);
    for (ptrdiff_t i = 0; i < count; i++)
        start[combining_class(v[i]) + 1]++;
    for (int i = 1; i < countof(start); i++)
        start[i] += start[i - 1];
    for (ptrdiff_t i = 0; i < count; i++)
        sorted[start[combining_class(v[i])]++] = v[i];
    memcpy(v, sorted, (size_t)count * 4);
}

static void normalize_segment(const struct uni_norm *n, slice s, struct code_points *c,
                              struct arena *arena)
{
    *c = (struct code_points){ .ptr = c->local, .cap = countof(c->local) };
    decompose(n, s, c, arena);
    for (ptrdiff_t i = 0; i < c->len;) {
        ptrdiff_t end = i;
        while (end < c->len && combining_class(c->ptr[end]))
            end++;
        if (end - i > 1)
            sort_marks(c->ptr + i, end - i, arena);
        i = end + 1;
    }
    if (n->compose && c->len)
        c->len = utf8proc_normalize_utf32(c->ptr, c->len, n->options);
}

/* ---- a text ---- */

/* Length of a run of marks at `at` that stays as it is, or 0: their classes ascend, none composes.
 * */
static ptrdiff_t ordered_marks(const struct uni_norm *n, slice text, ptrdiff_t at)
{
    ptrdiff_t start = at;
    int last = 0;

    while (at < text.len) {
        uint32_t cp;
        int width = uni_decode(text.ptr + at, &cp);
        if (cp < 0x80 || !is_unsafe(n, cp))
            break;
        int class =
            n->mark_only[cp >> 6] >> (cp & 63) & 1 ? combining_class((utf8proc_int32_t)cp) : 0;
        if (class < last || class == 0)
            return 0;
        last = class;
        at += width;
    }
    return at - start;
}

/* Offset of the first place at or after `at` that needs work, or the length; *safe is the start of
 * the code point before it (or `at`). */
static ptrdiff_t find_unsafe(const struct uni_norm *n, slice text, ptrdiff_t at, ptrdiff_t *safe)
{
    ptrdiff_t i = at;
    uint32_t cp;

    while ((i = bytepair_find(&n->places, text, i)) < text.len) {
        int width = uni_decode(text.ptr + i, &cp);
        if (is_unsafe(n, cp)) {
            width = (int)MIN(ordered_marks(n, text, i), INT_MAX);
            if (!width)
                break;
        }
        i += width;
    }
    *safe = i > at && i < text.len ? i - uni_decode_back(text.ptr + at, text.ptr + i, &cp) : i;
    return i;
}

static ptrdiff_t segment_end(const struct uni_norm *n, slice text, ptrdiff_t at)
{
    while (at < text.len) {
        uint32_t cp;
        int width = uni_decode(text.ptr + at, &cp);
        if (cp < 0x80 || !is_unsafe(n, cp))
            break;
        at += width;
    }
    return at;
}

struct output {
    struct arena *arena;
    char *ptr;
    ptrdiff_t len, cap;
};

static char *output_reserve(struct output *o, ptrdiff_t more)
{
    if (more > o->cap - o->len) {
        ptrdiff_t cap = MAX(o->cap * 2, o->len + more + 256);
        ptrdiff_t old = o->ptr ? o->cap + RECORD_PADDING : 0;
        o->ptr = arena_grow(o->arena, o->ptr, old, cap + RECORD_PADDING, 1);
        o->cap = cap;
    }
    return o->ptr + o->len;
}

static void output_copy(struct output *o, slice s)
{
    if (s.len) {
        memcpy(output_reserve(o, s.len), s.ptr, (size_t)s.len);
        o->len += s.len;
    }
}

static void output_code_points(struct output *o, const struct code_points *c)
{
    char *p = output_reserve(o, c->len * 4);

    for (ptrdiff_t i = 0; i < c->len; i++)
        p += uni_encode(p, (uint32_t)c->ptr[i]);
    o->len = p - o->ptr;
}

static bool same_text(slice s, const struct code_points *c)
{
    ptrdiff_t at = 0;

    for (ptrdiff_t i = 0; i < c->len; i++) {
        uint32_t cp;
        if (at >= s.len)
            return false;
        at += uni_decode(s.ptr + at, &cp);
        if (cp != (uint32_t)c->ptr[i])
            return false;
    }
    return at == s.len;
}

slice uni_normalize(const struct uni_norm *n, slice text, struct arena *arena)
{
    struct output o = { .arena = arena };
    struct code_points c;
    ptrdiff_t copied = 0, at = 0, safe;

    for (;;) {
        ptrdiff_t hit = find_unsafe(n, text, at, &safe);
        if (hit >= text.len)
            break;
        ptrdiff_t end = segment_end(n, text, hit);
        slice segment = slice_make(text.ptr + safe, end - safe);
        normalize_segment(n, segment, &c, arena);
        at = end;
        if (same_text(segment, &c))
            continue;
        if (!o.ptr)
            output_reserve(&o, text.len + 64);
        output_copy(&o, slice_make(text.ptr + copied, safe - copied));
        output_code_points(&o, &c);
        copied = end;
    }
    if (!o.ptr)
        return text;
    output_copy(&o, slice_from(text, copied));
    return slice_make(o.ptr, o.len);
}

/* ---- code points ---- */

const char *uni_version(void)
{
    return utf8proc_unicode_version();
}

int uni_category(uint32_t cp)
{
    const char *name = utf8proc_category_string((utf8proc_int32_t)cp);

    return UNI_CATEGORY(name[0], name[1]);
}

uint32_t uni_lower(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

uint32_t uni_upper(uint32_t cp)
{
    if (cp < 0x80)
        return cp >= 'a' && cp <= 'z' ? cp - 32 : cp;
    return (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
}

ptrdiff_t uni_count(slice text)
{
    ptrdiff_t count = text.len, i = 0;

    /* Continuation bytes are 10xxxxxx: eight at a time, summed before a byte can overflow. */
    while (i + 8 <= text.len) {
        ptrdiff_t stop = MIN(text.len - 7, i + 8 * 255);
        uint64_t sum = 0;
        for (; i < stop; i += 8) {
            uint64_t w = load_u64(text.ptr + i);
            sum += (w >> 7) & (~w >> 6) & 0x0101010101010101u;
        }
        count -= (ptrdiff_t)(((sum & 0x00FF00FF00FF00FFu) + (sum >> 8 & 0x00FF00FF00FF00FFu)) *
                                 0x0001000100010001u >>
                             48);
    }
    for (; i < text.len; i++)
        count -= ((unsigned char)text.ptr[i] & 0xC0) == 0x80;
    return count;
}

bool uni_grapheme_break(uint32_t before, uint32_t after, int32_t *state)
{
    return utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)after,
                                            state);
}
