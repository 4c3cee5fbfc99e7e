#include "units.h"

#include "exact.h"
#include "key.h"

static void unit_add(struct units *u, ptrdiff_t start, ptrdiff_t end, struct arena *arena)
{
    if (u->count == u->cap) {
        ptrdiff_t size = (ptrdiff_t)sizeof *u->at, cap = MAX(16, 2 * u->cap);
        u->at = arena_grow(arena, u->at, u->cap * size, cap * size, _Alignof(struct units_span));
        u->cap = cap;
    }
    u->at[u->count++] = (struct units_span){ start, end };
}

static void cut_lines(struct units *u, struct arena *arena)
{
    for (ptrdiff_t start = 0;;) {
        ptrdiff_t n = slice_find(slice_from(u->text, start), '\n');
        unit_add(u, start, n < 0 ? u->text.len : start + n, arena);
        if (n < 0)
            return;
        start += n + 1;
    }
}

static void cut_paragraphs(struct units *u, struct arena *arena)
{
    const char *p = u->text.ptr;

    for (ptrdiff_t start = 0, at = 0;;) {
        ptrdiff_t n = slice_find(slice_from(u->text, at), '\n');
        if (n < 0) {
            unit_add(u, start, u->text.len, arena);
            return;
        }
        ptrdiff_t end = at + n;
        at = end + 1;
        while (at < u->text.len && p[at] == '\n')
            at++;
        if (at - end < 2)
            continue;
        unit_add(u, start, end, arena);
        start = at;
    }
}

/* ---- sentences ---- */

enum { PLAIN, STOP, WIDE_STOP, CLOSER };

static int stop_class(uint32_t cp)
{
    switch (cp) {
    case '.':
    case '!':
    case '?':
    case 0x203C: /* two exclamation marks, and mixed with a question mark */
    case 0x2047:
    case 0x2048:
    case 0x2049:
    case 0x2026: /* ellipsis */
    case 0x0589: /* Armenian */
    case 0x061F: /* Arabic */
    case 0x06D4:
    case 0x0964: /* danda */
    case 0x0965:
    case 0x104A: /* Myanmar */
    case 0x104B:
    case 0x1362: /* Ethiopic */
    case 0x1367:
    case 0x17D4: /* Khmer */
        return STOP;
    case 0x3002:
    case 0xFF01:
    case 0xFF0E:
    case 0xFF1F:
    case 0xFF61:
        return WIDE_STOP;
    case '"':
    case '\'':
    case ')':
    case ']':
    case '}':
    case 0xBB:
    case 0x2019:
    case 0x201D:
    case 0x203A:
    case 0x300D:
    case 0x300F:
    case 0x3011:
    case 0xFF09:
        return CLOSER;
    default:
        return PLAIN;
    }
}

/* Skips white space; *blank says whether a blank line was in it. */
static ptrdiff_t skip_space(slice s, ptrdiff_t at, bool *blank)
{
    int feeds = 0;
    uint32_t cp;

    for (; at < s.len;) {
        int w = uni_decode(s.ptr + at, &cp);
        if (!uni_is_space_python(cp))
            break;
        feeds += cp == '\n';
        at += w;
    }
    *blank = feeds >= 2;
    return at;
}

static void cut_sentences(struct units *u, struct arena *arena)
{
    slice s = u->text;
    uint32_t cp;
    bool blank;
    ptrdiff_t at = skip_space(s, 0, &blank), start = at, end = at; /* end: behind the last mark */

    while (at < s.len) {
        unsigned char c = (unsigned char)s.ptr[at];
        if (c > '?' && c < 0x7F) { /* letters, mostly */
            end = ++at;
            continue;
        }
        int w = uni_decode(s.ptr + at, &cp);
        if (uni_is_space_python(cp)) {
            at = skip_space(s, at, &blank);
            if (blank && end > start) {
                unit_add(u, start, end, arena);
                start = at;
            }
            continue;
        }
        at += w;
        end = at;
        int class = stop_class(cp);
        if (class != STOP && class != WIDE_STOP)
            continue;
        bool wide = class == WIDE_STOP;
        while (at < s.len) {
            w = uni_decode(s.ptr + at, &cp);
            class = stop_class(cp);
            if (class == PLAIN)
                break;
            wide |= class == WIDE_STOP;
            at += w;
        }
        end = at;
        ptrdiff_t next = skip_space(s, at, &blank);
        if (!wide && next == at && at < s.len)
            continue;
        unit_add(u, start, end, arena);
        start = end = at = next;
    }
    if (end > start)
        unit_add(u, start, end, arena);
}

/* ---- keys ---- */

/* The punctuation that cc_net deletes. ASCII punctuation stays. */
static bool ccnet_deletes(uint32_t cp)
{
    static const uint16_t marks[] = {
        0x00AB, 0x00B4, 0x00BB, 0x2013, 0x2014, 0x2018, 0x2019, 0x201C, 0x201D,
        0x201E, 0x2026, 0x2236, 0x2501, 0x25BA, 0x3001, 0x3002, 0x3008, 0x3009,
        0x300A, 0x300B, 0x300C, 0x300D, 0x3010, 0x3011, 0xFF01, 0xFF05, 0xFF08,
        0xFF09, 0xFF0C, 0xFF0E, 0xFF11, 0xFF1A, 0xFF1B, 0xFF1F, 0xFF5E,
    };

    if (cp < 32 || (cp >= 127 && cp <= 159))
        return true;
    if (cp < 0xAB)
        return false;
    for (int i = 0; i < (int)countof(marks); i++)
        if (marks[i] == cp)
            return true;
    return false;
}

static slice key_ccnet(slice s, struct arena *arena)
{
    uint32_t cp;
    int w;

    for (; s.len > 0 && (w = uni_decode(s.ptr, &cp), uni_is_space_python(cp)); s = slice_from(s, w))
        continue;
    for (; s.len > 0 && (w = uni_decode_back(s.ptr, s.ptr + s.len, &cp), uni_is_space_python(cp));)
        s.len -= w;
    char *out = arena_alloc_raw(arena, s.len + s.len / 2 + 4 + RECORD_PADDING, 1), *p = out;
    for (ptrdiff_t i = 0; i < s.len; i += w) {
        w = uni_decode(s.ptr + i, &cp);
        if (ccnet_deletes(cp))
            continue;
        if (cp < 0x80 ? cp >= '0' && cp <= '9' : uni_category(cp) == UNI_CATEGORY('N', 'd'))
            cp = '0';
        p += uni_encode(p, uni_lower(cp));
    }
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

static slice unit_key(const struct units_conf *c, slice s, struct arena *arena)
{
    ptrdiff_t tokens;

    if (c->key == UNITS_CCNET)
        return key_ccnet(s, arena);
    if (c->key == UNITS_DATATROVE)
        return peerfold_text(c->folded, s, &tokens, arena);
    return c->key == UNITS_NORMALIZED ? key_normalized(c->nfc, s, arena) : s;
}

static bool is_short(slice s, int64_t min_chars)
{
    return s.len < min_chars || (s.len < 4 * min_chars && uni_count(s) < min_chars);
}

static void item_add(const struct units_conf *c, struct units *u, ptrdiff_t unit, slice key)
{
    struct hash128 h = hash128_of(key);

    if (c->hash_bits)
        h = exact_weaken(h, c->hash_bits);
    u->items[u->item_count] = (struct later_item){ .hash = h, .key = key };
    u->item_unit[u->item_count++] = unit;
}

/* All sentences' keys in one run of bytes: a window is a part of it. */
static void add_windows(const struct units_conf *c, struct units *u, struct arena *arena)
{
    struct units_span *at = arena_new(arena, struct units_span, u->count);
    struct buf b = { 0 };

    for (ptrdiff_t i = 0; i < u->count; i++) {
        slice s = slice_make(u->text.ptr + u->at[i].start, u->at[i].end - u->at[i].start);
        if (i)
            buf_append_byte(&b, ' ');
        at[i].start = b.len;
        buf_append(&b, unit_key(c, s, arena));
        at[i].end = b.len;
    }
    slice all = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    for (ptrdiff_t i = 0; i + c->window <= u->count; i++) {
        slice key = slice_make(all.ptr + at[i].start, at[i + c->window - 1].end - at[i].start);
        if (key.len > c->window - 1 && !is_short(key, c->min_chars))
            item_add(c, u, i, key);
    }
}

void units_cut(const struct units_conf *c, slice text, struct arena *arena, struct units *u)
{
    *u = (struct units){ .text = text, .window = c->window };
    if (c->kind == UNITS_LINE)
        cut_lines(u, arena);
    else if (c->kind == UNITS_PARAGRAPH)
        cut_paragraphs(u, arena);
    else
        cut_sentences(u, arena);
    u->items = arena_alloc_raw(arena, u->count * (ptrdiff_t)sizeof *u->items, 16);
    u->item_unit = arena_alloc_raw(arena, u->count * (ptrdiff_t)sizeof *u->item_unit, 8);
    if (c->kind == UNITS_SENTENCES) {
        add_windows(c, u, arena);
        return;
    }
    for (ptrdiff_t i = 0; i < u->count; i++) {
        slice s = slice_make(text.ptr + u->at[i].start, u->at[i].end - u->at[i].start);
        if (!is_short(s, c->min_chars))
            item_add(c, u, i, unit_key(c, s, arena));
    }
}

void units_find_repeats(struct units *u, struct arena *arena)
{
    ptrdiff_t cap = 16;

    while (cap < 2 * u->item_count)
        cap *= 2;
    ptrdiff_t *slots = arena_new(arena, ptrdiff_t, cap); /* item + 1 */
    for (ptrdiff_t i = 0; i < u->item_count; i++) {
        struct later_item *it = &u->items[i];
        ptrdiff_t at = (ptrdiff_t)(it->hash.low >> 8) & (cap - 1);
        for (; slots[at] && !it->known; at = (at + 1) & (cap - 1))
            it->known = slice_eq(u->items[slots[at] - 1].key, it->key);
        if (!it->known)
            slots[at] = i + 1;
    }
}

slice units_join(const struct units *u, const bool *removed, struct arena *arena)
{
    char *out = arena_alloc_raw(arena, u->text.len + RECORD_PADDING, 1), *p = out;
    ptrdiff_t before = 0; /* where the separator of the next unit starts */
    bool any = false;

    for (ptrdiff_t i = 0; i < u->count; i++) {
        const struct units_span *s = &u->at[i];
        if (!removed[i]) {
            /* What stands before the first unit is not a separator. */
            ptrdiff_t from = any || i == 0 ? before : s->start;
            memcpy(p, u->text.ptr + from, (size_t)(s->end - from));
            p += s->end - from;
            any = true;
        }
        before = s->end;
    }
    if (any && u->count && !removed[u->count - 1]) { /* white space behind the last sentence */
        memcpy(p, u->text.ptr + before, (size_t)(u->text.len - before));
        p += u->text.len - before;
    }
    return slice_make(out, p - out);
}

bool units_is_blank(slice text)
{
    uint32_t cp;

    for (ptrdiff_t i = 0; i < text.len;) {
        i += uni_decode(text.ptr + i, &cp);
        if (!uni_is_space_python(cp))
            return false;
    }
    return true;
}

void units_ranges_json(struct buf *b, const char *kind, slice text, const struct units_span *spans,
                       ptrdiff_t count)
{
    ptrdiff_t at = 0, chars = 0;

    buf_printf(b, "{\"unit\":\"%s\",\"bytes\":[", kind);
    for (ptrdiff_t i = 0; i < count; i++)
        buf_printf(b, "%s[%td,%td]", i ? "," : "", spans[i].start, spans[i].end);
    buf_append(b, SLICE("],\"chars\":["));
    for (ptrdiff_t i = 0; i < count; i++) {
        chars += uni_count(slice_make(text.ptr + at, spans[i].start - at));
        ptrdiff_t from = chars;
        at = spans[i].end;
        chars += uni_count(slice_make(text.ptr + spans[i].start, at - spans[i].start));
        buf_printf(b, "%s[%td,%td]", i ? "," : "", from, chars);
    }
    buf_append(b, SLICE("]}"));
}
