#include "spacy_chunk.h"

#include "../unicode.h"

#include <stdlib.h>

#include "spacy_en_table.inc"

/* Suffixes are short but for runs of dots: a search looks at this many bytes and such a run. */
#define SUFFIX_WINDOW 64
/* Of ASCII a suffix needs no more than this: "mbar" and the digit before it. */
#define SUFFIX_ASCII 5

enum ascii_class {
    ASCII_UPPER = 1,
    ASCII_LOWER = 2,
    ASCII_DIGIT = 4,
    ASCII_MARK = 8,       /* a prefix and a suffix by itself */
    ASCII_DOT_AFTER = 16, /* a dot after it is a suffix */
    ASCII_QUOTE = 32,
    ASCII_INFIX = 64, /* may begin an infix */
};

static void add_piece(struct pieces *p, ptrdiff_t start, ptrdiff_t len)
{
    if (p->count == p->cap) {
        p->cap = MAX(64, 2 * p->cap);
        p->at = realloc(p->at, (size_t)p->cap * sizeof *p->at);
        if (!p->at)
            mem_oom();
    }
    p->at[p->count++] = (struct piece){ (uint32_t)start, (uint32_t)len };
}

static unsigned ascii_of(const struct spacy_en *en, char c)
{
    return (unsigned char)c < 0x80 ? en->ascii[(unsigned char)c] : 0;
}

/* ---- special cases ---- */

const struct special *spacy_find_special(const struct spacy_en *en, slice text)
{
    uint64_t at = (shorthash(text.ptr, text.len) >> 13) % SPECIAL_SLOTS;

    while (en->slots[at].text.ptr && !slice_eq(en->slots[at].text, text))
        at = (at + 1) % SPECIAL_SLOTS;
    return en->slots[at].text.ptr ? &en->slots[at] : NULL;
}

void spacy_add_special(struct pieces *out, const struct special *x, ptrdiff_t at)
{
    for (int i = 0; i < x->count; i++) {
        add_piece(out, at, x->len[i]);
        at += x->len[i];
    }
}

/* ---- prefixes: bytes, 0 for none ---- */

static ptrdiff_t dots_at(slice text, ptrdiff_t i)
{
    ptrdiff_t n = 0;

    while (i + n < text.len && text.ptr[i + n] == '.')
        n++;
    return n;
}

static ptrdiff_t ascii_prefix(const struct spacy_en *en, slice text)
{
    char c = text.ptr[0];

    if (en->ascii[(unsigned char)c] & ASCII_MARK || c == '%' || c == '=' || c == '$')
        return 1;
    if (c == '+')
        return !(text.len > 1 && ascii_of(en, text.ptr[1]) & ASCII_DIGIT);
    if (c == '.') {
        ptrdiff_t n = dots_at(text, 0);
        return n > 1 ? n : 0;
    }
    if (c == 'U' && slice_starts(text, SLICE("US$")))
        return 3;
    return (c == 'C' || c == 'A') && text.len > 1 && text.ptr[1] == '$' ? 2 : 0;
}

static ptrdiff_t find_prefix(const struct spacy_en *en, struct spacy_scratch *s, slice text)
{
    if ((unsigned char)text.ptr[0] < 0x80 && !en->by_pattern)
        return ascii_prefix(en, text);
    if (regex_find(en->prefix, s->regex, text, 0, 0) != REGEX_MATCH)
        return 0;
    return regex_group(s->regex, 0).end;
}

/* ---- suffixes ---- */

static bool is_unit(slice s)
{
    static const char *const units[] = {
        "km", "m",  "dm", "cm", "mm",  "ha",   "nm",  "yd",  "in",  "ft", "kg",   "g",
        "mg", "t",  "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa", "Pa", "mbar", "mb",
        "MB", "kb", "KB", "gb", "GB",  "tb",   "TB",  "T",   "G",   "M",  "K",    "%",
    };

    for (int i = 0; i < countof(units); i++)
        if (slice_eq(s, slice_of(units[i])))
            return true;
    return false;
}

/* Bytes of the dot at the end, by what stands before it. */
static ptrdiff_t dot_suffix(const struct spacy_en *en, slice text)
{
    ptrdiff_t n = text.len, run = 1;

    while (run < n && text.ptr[n - run - 1] == '.')
        run++;
    if (run > 1)
        return run;
    if (n < 2)
        return 0;
    if (ascii_of(en, text.ptr[n - 2]) & ASCII_DOT_AFTER)
        return 1;
    return n > 2 && ascii_of(en, text.ptr[n - 2]) & ascii_of(en, text.ptr[n - 3]) & ASCII_UPPER;
}

/* The last SUFFIX_ASCII bytes are ASCII. */
static ptrdiff_t ascii_suffix(const struct spacy_en *en, slice text)
{
    char last = text.ptr[text.len - 1];
    ptrdiff_t n = text.len;

    if (en->ascii[(unsigned char)last] & ASCII_MARK)
        return 1;
    if (last == '.')
        return dot_suffix(en, text);
    bool digit_before = n > 1 && ascii_of(en, text.ptr[n - 2]) & ASCII_DIGIT;
    if (last == '+')
        return digit_before;
    if (last == '$') {
        if (digit_before)
            return 1;
        if (n > 2 && (text.ptr[n - 2] == 'C' || text.ptr[n - 2] == 'A') &&
            ascii_of(en, text.ptr[n - 3]) & ASCII_DIGIT)
            return 2;
        return n > 3 && text.ptr[n - 2] == 'S' && text.ptr[n - 3] == 'U' &&
                       ascii_of(en, text.ptr[n - 4]) & ASCII_DIGIT
                   ? 3
                   : 0;
    }
    if ((last == 's' || last == 'S') && n > 1 && text.ptr[n - 2] == '\'')
        return 2;
    for (ptrdiff_t unit = 1; unit <= 4 && unit < n; unit++)
        if (ascii_of(en, text.ptr[n - unit - 1]) & ASCII_DIGIT)
            return is_unit(slice_from(text, n - unit)) ? unit : 0;
    return 0;
}

static bool ends_in_ascii(slice text)
{
    for (ptrdiff_t i = MAX(0, text.len - SUFFIX_ASCII); i < text.len; i++)
        if (text.ptr[i] & 0x80)
            return false;
    return true;
}

static ptrdiff_t find_suffix(const struct spacy_en *en, struct spacy_scratch *s, slice text)
{
    ptrdiff_t from = MAX(0, text.len - SUFFIX_WINDOW);

    if (!en->by_pattern && ends_in_ascii(text))
        return ascii_suffix(en, text);
    while (from > 0 &&
           (text.ptr[from - 1] == '.' || ((unsigned char)text.ptr[from] & 0xC0) == 0x80))
        from--;
    if (regex_find(en->suffix, s->regex, text, from, 0) != REGEX_MATCH)
        return 0;
    return text.len - regex_group(s->regex, 0).start;
}

/* Takes affixes off `text` (which begins at `at` in its chunk); prefixes go to s->pieces, suffixes
 * to s->suffixes. Returns what remains, and moves *at to it. */
static slice split_affixes(const struct spacy_en *en, struct spacy_scratch *s, slice text,
                           ptrdiff_t *at, bool specials)
{
    ptrdiff_t last = -1;

    while (text.len && text.len != last) {
        if (specials && find_special(en, text))
            break;
        last = text.len;
        ptrdiff_t pre = find_prefix(en, s, text);
        if (pre && pre < text.len && specials && find_special(en, slice_from(text, pre))) {
            add_piece(&s->pieces, *at, pre);
            *at += pre;
            return slice_from(text, pre);
        }
        ptrdiff_t suf = pre < text.len ? find_suffix(en, s, slice_from(text, pre)) : 0;
        slice without = slice_make(text.ptr, text.len - suf);
        if (suf && without.len && specials && find_special(en, without)) {
            add_piece(&s->suffixes, *at + without.len, suf);
            return without;
        }
        if (pre)
            add_piece(&s->pieces, *at, pre);
        if (suf)
            add_piece(&s->suffixes, *at + text.len - suf, suf);
        *at += pre;
        text = slice_make(text.ptr + pre, text.len - pre - suf);
    }
    return text;
}

/* ---- infixes ---- */

/* Length of the infix at i > 0 of an ASCII text, 0 for none. */
static ptrdiff_t ascii_infix(const struct spacy_en *en, slice text, ptrdiff_t i)
{
    const unsigned alpha = ASCII_UPPER | ASCII_LOWER;
    char c = text.ptr[i];
    unsigned before = i ? en->ascii[(unsigned char)text.ptr[i - 1]] : 0;
    unsigned after = i + 1 < text.len ? en->ascii[(unsigned char)text.ptr[i + 1]] : 0;

    switch (c) {
    case '.':
        if (i + 1 < text.len && text.ptr[i + 1] == '.')
            return dots_at(text, i);
        return before & (ASCII_LOWER | ASCII_QUOTE) && after & (ASCII_UPPER | ASCII_QUOTE);
    case ',':
        return before & alpha && after & alpha;
    case ':':
    case '<':
    case '>':
    case '=':
    case '/':
    case '~':
        return before & (alpha | ASCII_DIGIT) && after & alpha;
    }
    /* + - * ^ */
    if (before & ASCII_DIGIT && (after & ASCII_DIGIT || (after && text.ptr[i + 1] == '-')))
        return 1;
    if (c == '-' && before & (alpha | ASCII_DIGIT))
        for (ptrdiff_t n = 1; n <= 3 && i + n < text.len; n++) {
            if (en->ascii[(unsigned char)text.ptr[i + n]] & alpha)
                return n;
            if (text.ptr[i + n] != '-')
                break;
        }
    return 0;
}

static void ascii_infixes(const struct spacy_en *en, struct spacy_scratch *s, slice text,
                          ptrdiff_t at)
{
    ptrdiff_t start = 0;

    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t n =
            en->ascii[(unsigned char)text.ptr[i]] & ASCII_INFIX ? ascii_infix(en, text, i) : 0;
        if (!n) {
            i++;
            continue;
        }
        if (i > 0) {
            if (i > start)
                add_piece(&s->pieces, at + start, i - start);
            add_piece(&s->pieces, at + i, n);
            start = i + n;
        }
        i += n;
    }
    if (start < text.len)
        add_piece(&s->pieces, at + start, text.len - start);
}

static bool is_ascii(slice text)
{
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (text.ptr[i] & 0x80)
            return false;
    return true;
}

static void split_infixes(const struct spacy_en *en, struct spacy_scratch *s, slice text,
                          ptrdiff_t at)
{
    ptrdiff_t start = 0, from = 0;
    unsigned flags = 0;

    if (!en->by_pattern && is_ascii(text)) {
        ascii_infixes(en, s, text, at);
        return;
    }
    while (from <= text.len && regex_find(en->infix, s->regex, text, from, flags) == REGEX_MATCH) {
        struct regex_span m = regex_group(s->regex, 0);
        from = m.end;
        flags = m.end == m.start ? REGEX_NOT_EMPTY_HERE : 0;
        if (m.start == 0)
            continue;
        if (m.start != start)
            add_piece(&s->pieces, at + start, m.start - start);
        if (m.end != m.start)
            add_piece(&s->pieces, at + m.start, m.end - m.start);
        start = m.end;
    }
    if (start < text.len)
        add_piece(&s->pieces, at + start, text.len - start);
}

/* ---- URLs ---- */

/* A URL has a dot in front of two letters of a top-level domain, or the dots of an address. */
static bool may_be_url(const struct spacy_en *en, slice text)
{
    ptrdiff_t number_dots = 0;

    for (ptrdiff_t i = 1; i + 1 < text.len; i++) {
        if (text.ptr[i] != '.')
            continue;
        char a = text.ptr[i + 1], b = i + 2 < text.len ? text.ptr[i + 2] : '.';
        bool first = a & 0x80 || ascii_of(en, a) & ASCII_LOWER;
        if (first && (b & 0x80 || ascii_of(en, b) & ASCII_LOWER))
            return true;
        number_dots += ascii_of(en, a) & ASCII_DIGIT ? 1 : 0;
    }
    return number_dots >= 3;
}

static bool is_url(const struct spacy_en *en, struct spacy_scratch *s, slice text)
{
    return (en->by_pattern || may_be_url(en, text)) &&
           regex_find(en->url, s->regex, text, 0, 0) == REGEX_MATCH;
}

/* ---- a chunk ---- */

static void split_chunk(const struct spacy_en *en, struct spacy_scratch *s, slice chunk,
                        bool specials)
{
    const struct special *x = specials ? find_special(en, chunk) : NULL;
    ptrdiff_t at = 0;

    s->pieces.count = s->suffixes.count = 0;
    if (x) {
        spacy_add_special(&s->pieces, x, 0);
        return;
    }
    slice rest = split_affixes(en, s, chunk, &at, specials);
    if (rest.len) {
        x = specials ? find_special(en, rest) : NULL;
        if (x)
            spacy_add_special(&s->pieces, x, at);
        else if (is_url(en, s, rest))
            add_piece(&s->pieces, at, rest.len);
        else
            split_infixes(en, s, rest, at);
    }
    while (s->suffixes.count) {
        struct piece p = s->suffixes.at[--s->suffixes.count];
        add_piece(&s->pieces, p.start, p.len);
    }
}

/* The special case whose own cut is pieces i to i + count, or NULL. */
static const struct special *joined_special(const struct spacy_en *en, const struct pieces *p,
                                            slice chunk, ptrdiff_t i, ptrdiff_t count)
{
    struct piece last = p->at[i + count - 1];
    ptrdiff_t start = p->at[i].start, len = last.start + last.len - start;
    const struct special *x;

    if (len > en->longest || !en->may_join[(unsigned char)chunk.ptr[start]] ||
        !(x = find_special(en, slice_make(chunk.ptr + start, len))) || x->cut_count != count)
        return NULL;
    for (ptrdiff_t k = 0; k < count; k++)
        if (p->at[i + k].len != x->cut[k])
            return NULL;
    return x;
}

/* Longest first, then from the left; one whose first or last piece is taken does not count. */
static void join_specials(const struct spacy_en *en, struct spacy_scratch *s, slice chunk)
{
    struct pieces *p = &s->pieces;
    const struct special *found[64] = { NULL };
    bool taken[64] = { false }, any = false;

    if (p->count > countof(found))
        return; /* no text of words: a chunk of more pieces than any special case could matter in */
    for (ptrdiff_t count = MIN(p->count, SPECIAL_PIECES); count >= 1; count--)
        for (ptrdiff_t i = 0; i + count <= p->count; i++) {
            const struct special *x = joined_special(en, p, chunk, i, count);
            if (!x)
                continue;
            if (!taken[i] && !taken[i + count - 1]) {
                found[i] = x;
                any = true;
            }
            for (ptrdiff_t k = i; k < i + count; k++)
                taken[k] = true;
        }
    if (!any)
        return;
    s->joined.count = 0;
    for (ptrdiff_t i = 0; i < p->count;) {
        if (found[i]) {
            spacy_add_special(&s->joined, found[i], p->at[i].start);
            i += found[i]->cut_count;
        } else {
            add_piece(&s->joined, p->at[i].start, p->at[i].len);
            i++;
        }
    }
    struct pieces swap = s->pieces;
    s->pieces = s->joined;
    s->joined = swap;
}

void spacy_chunk_split(const struct spacy_en *en, struct spacy_scratch *s, slice chunk)
{
    split_chunk(en, s, chunk, true);
    join_specials(en, s, chunk);
}

/* ---- building ---- */

static void add_case(struct spacy_en *en, const char *pieces, struct arena *arena)
{
    slice text = slice_of(pieces);
    char *out = arena_alloc(arena, text.len + RECORD_PADDING, 1, 1);
    struct special x = { .text = { out, 0 } };

    x.count = 1;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\x01') {
            x.count++;
            ASSERT(x.count <= SPECIAL_PIECES);
            continue;
        }
        out[x.text.len++] = text.ptr[i];
        x.len[x.count - 1]++;
    }
    uint64_t hash = shorthash(x.text.ptr, x.text.len), at = (hash >> 13) % SPECIAL_SLOTS;
    unsigned bit = (unsigned)(hash & (SPECIAL_BITS - 1));
    en->special_bits[bit / 64] |= (uint64_t)1 << bit % 64;
    while (en->slots[at].text.ptr)
        at = (at + 1) % SPECIAL_SLOTS;
    en->slots[at] = x;
}

/* Those that affixes or infixes would cut, and how. */
static void find_cuts(struct spacy_en *en, struct spacy_scratch *s)
{
    for (int i = 0; i < SPECIAL_SLOTS; i++) {
        struct special *x = &en->slots[i];
        if (!x->text.ptr)
            continue;
        bool cut = find_prefix(en, s, x->text) || find_suffix(en, s, x->text) ||
                   regex_find(en->infix, s->regex, x->text, 0, 0) == REGEX_MATCH;
        if (!cut)
            continue;
        split_chunk(en, s, x->text, false);
        if (s->pieces.count > SPECIAL_PIECES)
            continue;
        x->cut_count = (uint8_t)s->pieces.count;
        for (int k = 0; k < x->cut_count; k++)
            x->cut[k] = (uint8_t)s->pieces.at[k].len;
        en->longest = MAX(en->longest, x->text.len);
        en->may_join[(unsigned char)x->text.ptr[0]] = true;
    }
}

static void set_class(struct spacy_en *en, const char *chars, enum ascii_class class)
{
    for (; *chars; chars++)
        en->ascii[(unsigned char)*chars] |= (uint8_t) class;
}

static void ready_ascii(struct spacy_en *en)
{
    for (int c = 0; c < 26; c++) {
        en->ascii['A' + c] |= ASCII_UPPER;
        en->ascii['a' + c] |= ASCII_LOWER | ASCII_DOT_AFTER;
    }
    set_class(en, "0123456789", ASCII_DIGIT);
    set_class(en, ",:;!?()[]{}<>_#*&'\"`", ASCII_MARK);
    set_class(en, "0123456789%-+|,:;!?()[]{}<>_#*&'\"`", ASCII_DOT_AFTER);
    set_class(en, "'\"`,", ASCII_QUOTE);
    set_class(en, ".,:<>=/~+-*^", ASCII_INFIX);
}

static void ready_marks(struct spacy_en *en)
{
    bytepair_add_first(&en->marks, 0, SLICE("!.?"));
    for (int i = 0; i < countof(sentence_marks); i++) {
        char utf8[4];
        int len = uni_encode(utf8, sentence_marks[i]);
        /* By lead byte: two, three or four bytes long, and what follows. */
        if (len > 1)
            bytepair_add(&en->marks, 1 + ((unsigned char)utf8[0] & 7) % 7, slice_make(utf8, 1),
                         slice_make(utf8 + 1, 1));
    }
    bytepair_ready(&en->marks);
}

const struct spacy_en *spacy_en_new(struct arena *arena, struct err *err)
{
    struct spacy_en *en = arena_new(arena, struct spacy_en, 1);
    const struct {
        struct regex **re;
        const char *pattern;
    } patterns[] = { { &en->prefix, prefix_pattern },
                     { &en->suffix, suffix_pattern },
                     { &en->infix, infix_pattern },
                     { &en->url, url_pattern } };

    for (int i = 0; i < countof(patterns); i++) {
        *patterns[i].re = regex_new(slice_of(patterns[i].pattern), REGEX_UNICODE, err);
        if (!*patterns[i].re)
            return NULL;
    }
    ready_ascii(en);
    ready_marks(en);
    for (int i = 0; i < countof(special_cases); i++)
        add_case(en, special_cases[i], arena);
    struct spacy_scratch *s = spacy_scratch_new();
    find_cuts(en, s);
    spacy_scratch_free(s);
    return en;
}

bool spacy_en_is_mark(uint32_t cp)
{
    ptrdiff_t low = 0, high = countof(sentence_marks);

    while (low < high) {
        ptrdiff_t middle = (low + high) / 2;
        if (sentence_marks[middle] < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < countof(sentence_marks) && sentence_marks[low] == cp;
}

void spacy_en_by_pattern(struct spacy_en *en)
{
    struct spacy_scratch *s = spacy_scratch_new();

    en->by_pattern = true;
    find_cuts(en, s);
    spacy_scratch_free(s);
}
