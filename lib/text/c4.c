#include "c4.h"

#include "../unicode.h"

#define LONG_WORD 1000
#define MIN_WORDS 3

/* ---- phrases ---- */

enum phrase { PHRASE_LOREM = 1, PHRASE_JAVASCRIPT = 2, PHRASE_POLICY = 4, PHRASE_KELVIN = 8 };

/* Found by two of their letters that seldom stand together; `at` is where these are. */
static const struct {
    const char *text;
    int at;
    enum phrase kind;
} phrases[] = {
    { "lorem ipsum", 7, PHRASE_LOREM },      { "javascript", 0, PHRASE_JAVASCRIPT },
    { "terms of use", 3, PHRASE_POLICY },    { "privacy policy", 5, PHRASE_POLICY },
    { "cookie policy", 3, PHRASE_POLICY },   { "uses cookies", 8, PHRASE_POLICY },
    { "use of cookies", 10, PHRASE_POLICY }, { "use cookies", 7, PHRASE_POLICY },
};

void c4_phrases_ready(struct bytepair *p)
{
    bytepair_add(p, 0, SLICE("pP"), SLICE("sS"));
    bytepair_add(p, 1, SLICE("jJ"), SLICE("aA"));
    bytepair_add(p, 2, SLICE("mM"), SLICE("sS"));
    bytepair_add(p, 3, SLICE("cC"), SLICE("yY"));
    bytepair_add(p, 4, SLICE("kK"), SLICE("iI"));
    bytepair_add(p, 5, SLICE("\xE2"), SLICE("\x84"));
    bytepair_ready(p);
}

static bool same_letters(slice text, ptrdiff_t at, const char *lower)
{
    ptrdiff_t len = (ptrdiff_t)strlen(lower);

    if (at < 0 || at + len > text.len)
        return false;
    for (ptrdiff_t i = 0; i < len; i++) {
        char c = text.ptr[at + i];
        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != lower[i])
            return false;
    }
    return true;
}

static unsigned phrases_in(const struct bytepair *pairs, slice line)
{
    unsigned found = 0;

    for (ptrdiff_t i = 0; (i = bytepair_find(pairs, line, i)) < line.len; i++) {
        if (line.ptr[i] == '\xE2') {
            if (i + 2 < line.len && line.ptr[i + 2] == '\xAA')
                found |= PHRASE_KELVIN;
            continue;
        }
        for (int k = 0; k < countof(phrases); k++)
            if (same_letters(line, i - phrases[k].at, phrases[k].text))
                found |= phrases[k].kind;
    }
    return found;
}

/* With the Kelvin sign as k, for the rare line that has one. */
static slice without_kelvin(slice line, struct arena *arena)
{
    char *out = arena_alloc_raw(arena, line.len + RECORD_PADDING, 1), *p = out;

    for (ptrdiff_t i = 0; i < line.len; i++) {
        if (i + 2 < line.len && memcmp(line.ptr + i, "\xE2\x84\xAA", 3) == 0) {
            *p++ = 'k';
            i += 2;
        } else {
            *p++ = line.ptr[i];
        }
    }
    memset(p, 0, RECORD_PADDING);
    return slice_make(out, p - out);
}

/* ---- words, citations, ends ---- */

/* False when a word has more than LONG_WORD characters; *words is counted up to MIN_WORDS. */
static bool words_fit(const struct char_classes *c, slice line, int *words)
{
    ptrdiff_t chars = 0;
    bool may_be_long = line.len > LONG_WORD;

    *words = 0;
    for (ptrdiff_t i = 0; i < line.len && (may_be_long || *words < MIN_WORDS);) {
        uint32_t cp;
        i += uni_decode(line.ptr + i, &cp);
        if (char_class(c, cp) & CHAR_SPACE) {
            chars = 0;
            continue;
        }
        *words += chars == 0 && *words < MIN_WORDS;
        if (++chars > LONG_WORD)
            return false;
    }
    return true;
}

/* Length of the citation at s, or 0. */
static ptrdiff_t citation(const struct char_classes *c, slice s)
{
    static const char *const words[] = { "[edit]", "[citation needed]" };

    for (int i = 0; i < countof(words); i++)
        if (slice_starts(s, slice_of(words[i])))
            return (ptrdiff_t)strlen(words[i]);
    ptrdiff_t at = 1;
    while (at < s.len) {
        uint32_t cp;
        int width = uni_decode(s.ptr + at, &cp);
        if (cp == ']')
            return at + 1;
        if (!(char_class(c, cp) & CHAR_DIGIT))
            break;
        at += width;
    }
    return 0;
}

static slice without_citations(const struct char_classes *c, slice line, struct arena *arena)
{
    char *out = NULL, *p = NULL;
    ptrdiff_t copied = 0;

    for (ptrdiff_t at = 0; at < line.len;) {
        ptrdiff_t hit = slice_find(slice_from(line, at), '[');
        if (hit < 0)
            break;
        at += hit;
        ptrdiff_t len = citation(c, slice_from(line, at));
        if (!len) {
            at++;
            continue;
        }
        if (!out)
            out = p = arena_alloc(arena, line.len + RECORD_PADDING, 1, 1);
        memcpy(p, line.ptr + copied, (size_t)(at - copied));
        p += at - copied;
        copied = at += len;
    }
    if (!out)
        return line;
    memcpy(p, line.ptr + copied, (size_t)(line.len - copied));
    p += line.len - copied;
    return slice_make(out, p - out);
}

static bool ends_in_terminal(slice line)
{
    char last = line.len ? line.ptr[line.len - 1] : '\0';

    return last && strchr(".?!\"'", last) && !slice_ends(line, SLICE("..."));
}

/* ---- the page ---- */

/* Whether the line stays; *page_ends when it condemned the page. */
static bool line_stays(const struct c4_conf *c, slice line, int words, bool *page_ends,
                       struct c4_result *r, struct arena *arena)
{
    unsigned found;

    if (c->terminal_lines && !ends_in_terminal(line))
        return false;
    if (words < MIN_WORDS)
        return false;
    found = phrases_in(c->phrases, line);
    if (found & PHRASE_KELVIN)
        found |= phrases_in(c->phrases, without_kelvin(line, arena));
    if (found & PHRASE_LOREM && c->look_for_lorem && !*page_ends)
        r->lorem = *page_ends = true;
    if (found & PHRASE_JAVASCRIPT)
        return false;
    if (c->look_for_curly && !*page_ends && slice_find(line, '{') >= 0)
        r->curly = *page_ends = true;
    return !(found & PHRASE_POLICY);
}

void c4_lines(const struct c4_conf *c, slice text, struct arena *arena, struct c4_result *r)
{
    struct line_cursor cursor = { .how = LINES_PYTHON };
    char *out = arena_alloc_raw(arena, text.len + 1 + RECORD_PADDING, 1), *p = out;
    bool page_ends = false;
    slice line;

    *r = (struct c4_result){ 0 };
    while (line_next(&cursor, c->classes, text, &line)) {
        int words;
        line = line_strip(c->classes, line);
        if (!words_fit(c->classes, line, &words))
            continue;
        line = without_citations(c->classes, line, arena);
        if (!line_stays(c, line, words, &page_ends, r, arena))
            continue;
        c->line(c->arg, line);
        if (p > out)
            *p++ = '\n';
        if (line.len)
            memcpy(p, line.ptr, (size_t)line.len);
        p += line.len;
    }
    r->text = line_strip(c->classes, slice_make(out, p - out));
    if (slice_eq(r->text, text))
        r->text = text;
}
