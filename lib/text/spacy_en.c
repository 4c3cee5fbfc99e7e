#include "spacy_en.h"

#include "../hash.h"
#include "../regex.h"
#include "../unicode.h"

#include <stdlib.h>

#include "spacy_en_table.inc"

#define SPECIAL_SLOTS  4096 /* more than twice the special cases */
#define SPECIAL_PIECES 8
#define CACHE_SLOTS    (1 << 15)
#define CACHE_KEY      48 /* longer chunks are not cached */
#define CACHE_PIECES   14
/* Suffixes are short but for runs of dots: a search looks at this many bytes and such a run. */
#define SUFFIX_WINDOW 64

struct special {
    slice text; /* ptr NULL: free slot */
    uint8_t count, len[SPECIAL_PIECES];
    /* As affixes and infixes cut it, when they do: such a run of pieces becomes the special case.
     * */
    uint8_t cut_count, cut[SPECIAL_PIECES];
};

struct spacy_en {
    struct regex *prefix, *suffix, *infix, *url;
    struct special slots[SPECIAL_SLOTS];
    ptrdiff_t longest; /* bytes of the longest special case that is put together */
};

struct piece {
    uint32_t start, len;
};

struct pieces {
    struct piece *at;
    ptrdiff_t count, cap;
};

struct cached {
    uint8_t key_len, count; /* key_len 0: free */
    uint8_t len[CACHE_PIECES];
    char key[CACHE_KEY];
};

struct spacy_scratch {
    struct regex_scratch *regex;
    struct pieces pieces, suffixes, joined;
    struct cached *cache;
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

/* ---- special cases ---- */

static const struct special *find_special(const struct spacy_en *en, slice text)
{
    uint64_t at = hash64_of(text, 0) % SPECIAL_SLOTS;

    while (en->slots[at].text.ptr && !slice_eq(en->slots[at].text, text))
        at = (at + 1) % SPECIAL_SLOTS;
    return en->slots[at].text.ptr ? &en->slots[at] : NULL;
}

/* ---- one chunk ---- */

static bool is_letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_alnum(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9');
}

/* The patterns are asked only where they can match: a prefix that begins with a letter is a
 * currency with a dollar sign; a suffix that ends with a letter is a unit after a digit or an s
 * after an apostrophe; infixes and URLs hold something that is neither letter nor digit. */
static bool may_have_prefix(slice text)
{
    return !is_alnum(text.ptr[0]) || slice_find(text, '$') >= 0;
}

static bool may_have_suffix(slice text)
{
    ptrdiff_t i = text.len - 1;

    if (!is_letter(text.ptr[i]))
        return true;
    while (i >= 0 && is_letter(text.ptr[i]))
        i--;
    return i >= 0 && (text.ptr[i] & 0x80 || text.ptr[i] == '\'' ||
                      (text.ptr[i] >= '0' && text.ptr[i] <= '9'));
}

static bool only_alnum(slice text)
{
    for (ptrdiff_t i = 0; i < text.len; i++)
        if (!is_alnum(text.ptr[i]))
            return false;
    return true;
}

static ptrdiff_t find_prefix(const struct spacy_en *en, struct spacy_scratch *s, slice text)
{
    if (!may_have_prefix(text) ||
        regex_find(en->prefix, s->regex, text, 0, REGEX_ANCHORED_HERE) != REGEX_MATCH)
        return 0;
    return regex_group(s->regex, 0).end;
}

static ptrdiff_t find_suffix(const struct spacy_en *en, struct spacy_scratch *s, slice text)
{
    ptrdiff_t from = MAX(0, text.len - SUFFIX_WINDOW);

    if (!may_have_suffix(text))
        return 0;
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

static void add_special(struct pieces *out, const struct special *x, ptrdiff_t at)
{
    for (int i = 0; i < x->count; i++) {
        add_piece(out, at, x->len[i]);
        at += x->len[i];
    }
}

static void split_infixes(const struct spacy_en *en, struct spacy_scratch *s, slice text,
                          ptrdiff_t at)
{
    ptrdiff_t start = 0, from = 0;
    unsigned flags = 0;

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

static void split_chunk(const struct spacy_en *en, struct spacy_scratch *s, slice chunk,
                        bool specials)
{
    const struct special *x = specials ? find_special(en, chunk) : NULL;
    ptrdiff_t at = 0;

    s->pieces.count = s->suffixes.count = 0;
    if (x) {
        add_special(&s->pieces, x, 0);
        return;
    }
    slice rest = split_affixes(en, s, chunk, &at, specials);
    if (rest.len) {
        x = specials ? find_special(en, rest) : NULL;
        if (x)
            add_special(&s->pieces, x, at);
        else if (only_alnum(rest) ||
                 regex_find(en->url, s->regex, rest, 0, REGEX_ANCHORED_HERE) == REGEX_MATCH)
            add_piece(&s->pieces, at, rest.len);
        else
            split_infixes(en, s, rest, at);
    }
    while (s->suffixes.count) {
        struct piece p = s->suffixes.at[--s->suffixes.count];
        add_piece(&s->pieces, p.start, p.len);
    }
}

/* ---- special cases over several pieces ---- */

/* The special case whose own cut is pieces i to i + count, or NULL. */
static const struct special *joined_special(const struct spacy_en *en, const struct pieces *p,
                                            slice chunk, ptrdiff_t i, ptrdiff_t count)
{
    struct piece last = p->at[i + count - 1];
    ptrdiff_t start = p->at[i].start, len = last.start + last.len - start;
    const struct special *x;

    if (len > en->longest || !(x = find_special(en, slice_make(chunk.ptr + start, len))) ||
        x->cut_count != count)
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
            add_special(&s->joined, found[i], p->at[i].start);
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

/* ---- the cache ---- */

static struct cached *cache_slot(struct spacy_scratch *s, slice chunk, bool *hit)
{
    struct cached *c = &s->cache[hash64_of(chunk, 0) % CACHE_SLOTS];

    *hit = c->key_len == chunk.len && memcmp(c->key, chunk.ptr, (size_t)chunk.len) == 0;
    return c;
}

static void cache_fill(struct cached *c, slice chunk, const struct pieces *p)
{
    if (p->count > CACHE_PIECES)
        return;
    c->key_len = (uint8_t)chunk.len;
    c->count = (uint8_t)p->count;
    memcpy(c->key, chunk.ptr, (size_t)chunk.len);
    for (ptrdiff_t i = 0; i < p->count; i++)
        c->len[i] = (uint8_t)p->at[i].len;
}

static bool only_letters(slice chunk)
{
    for (ptrdiff_t i = 0; i < chunk.len; i++)
        if (!is_letter(chunk.ptr[i]))
            return false;
    return true;
}

/* The pieces of a chunk in s->pieces, in order and without gaps. */
static void chunk_pieces(const struct spacy_en *en, struct spacy_scratch *s, slice chunk)
{
    struct cached *c = NULL;
    bool hit = false;

    if (only_letters(chunk)) {
        const struct special *x = find_special(en, chunk);
        s->pieces.count = 0;
        if (x)
            add_special(&s->pieces, x, 0);
        else
            add_piece(&s->pieces, 0, chunk.len);
        return;
    }
    if (chunk.len <= CACHE_KEY)
        c = cache_slot(s, chunk, &hit);
    if (hit) {
        s->pieces.count = 0;
        for (ptrdiff_t i = 0, at = 0; i < c->count; at += c->len[i++])
            add_piece(&s->pieces, at, c->len[i]);
        return;
    }
    split_chunk(en, s, chunk, true);
    join_specials(en, s, chunk);
    if (c)
        cache_fill(c, chunk, &s->pieces);
}

/* ---- a text ---- */

static void add_word(struct words *w, const struct char_classes *c, slice text, ptrdiff_t start,
                     ptrdiff_t len, struct arena *arena)
{
    uint32_t chars = 0, classes = 0;

    for (ptrdiff_t i = start; i < start + len; chars++) {
        uint32_t cp;
        i += uni_decode(text.ptr + i, &cp);
        classes |= char_class(c, cp);
    }
    words_add(w, (struct word){ (uint32_t)start, (uint32_t)len, chars, classes }, arena);
}

void spacy_en_split(const struct spacy_en *en, struct spacy_scratch *s,
                    const struct char_classes *c, slice text, struct words *w, struct arena *arena)
{
    ASSERT(text.len <= WORDS_TEXT_MAX);
    w->count = 0;
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t start = i;
        uint32_t cp;
        int width = 0;
        while (i < text.len) {
            width = uni_decode(text.ptr + i, &cp);
            if (char_class(c, cp) & CHAR_SPACE)
                break;
            i += width;
        }
        if (i > start) {
            chunk_pieces(en, s, slice_make(text.ptr + start, i - start));
            for (ptrdiff_t k = 0; k < s->pieces.count; k++)
                add_word(w, c, text, start + s->pieces.at[k].start, s->pieces.at[k].len, arena);
        }
        if (i < text.len)
            i += width;
    }
}

/* ---- sentences ---- */

static bool is_sentence_mark(slice token)
{
    uint32_t cp;
    ptrdiff_t low = 0, high = countof(sentence_marks);

    if (token.len > 4 || uni_decode(token.ptr, &cp) != token.len)
        return false;
    while (low < high) {
        ptrdiff_t middle = (low + high) / 2;
        if (sentence_marks[middle] < cp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < countof(sentence_marks) && sentence_marks[low] == cp;
}

static bool is_punctuation(slice token)
{
    for (ptrdiff_t i = 0; i < token.len;) {
        uint32_t cp;
        i += uni_decode(token.ptr + i, &cp);
        if (is_alnum((char)cp) && cp < 0x80)
            return false;
        if (uni_category(cp) >> 8 != 'P')
            return false;
    }
    return true;
}

struct sentences {
    int64_t count;
    bool has_text, mark_seen;
};

static void sentence_token(struct sentences *n, slice token, bool is_space)
{
    bool mark = !is_space && is_sentence_mark(token);

    if (n->mark_seen && !mark && (is_space || !is_punctuation(token))) {
        n->count += n->has_text;
        n->has_text = n->mark_seen = false;
    } else if (mark) {
        n->mark_seen = true;
    }
    n->has_text |= !is_space;
}

int64_t spacy_en_sentences(const struct spacy_en *en, struct spacy_scratch *s,
                           const struct char_classes *c, slice text)
{
    struct sentences n = { 0 };

    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t start = i;
        uint32_t cp;
        int width;
        for (; i < text.len; i += width) {
            width = uni_decode(text.ptr + i, &cp);
            if (!(char_class(c, cp) & CHAR_SPACE))
                break;
        }
        /* One blank between tokens is none itself. */
        slice gap = slice_make(text.ptr + start, i - start);
        if (gap.len && (start == 0 || !slice_eq(gap, SLICE(" "))))
            sentence_token(&n, gap, true);
        start = i;
        for (; i < text.len; i += width) {
            width = uni_decode(text.ptr + i, &cp);
            if (char_class(c, cp) & CHAR_SPACE)
                break;
        }
        if (i == start)
            continue;
        chunk_pieces(en, s, slice_make(text.ptr + start, i - start));
        for (ptrdiff_t k = 0; k < s->pieces.count; k++)
            sentence_token(
                &n, slice_make(text.ptr + start + s->pieces.at[k].start, s->pieces.at[k].len),
                false);
    }
    return n.count + n.has_text;
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
    uint64_t at = hash64_of(x.text, 0) % SPECIAL_SLOTS;
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
    }
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
    for (int i = 0; i < countof(special_cases); i++)
        add_case(en, special_cases[i], arena);
    struct spacy_scratch *s = spacy_scratch_new();
    find_cuts(en, s);
    spacy_scratch_free(s);
    return en;
}

struct spacy_scratch *spacy_scratch_new(void)
{
    struct spacy_scratch *s = calloc(1, sizeof *s);

    if (!s || !(s->cache = calloc(CACHE_SLOTS, sizeof *s->cache)))
        mem_oom();
    s->regex = regex_scratch_new();
    return s;
}

void spacy_scratch_free(struct spacy_scratch *s)
{
    regex_scratch_free(s->regex);
    free(s->pieces.at);
    free(s->suffixes.at);
    free(s->joined.at);
    free(s->cache);
    free(s);
}
