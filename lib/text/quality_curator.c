/* NeMo Curator's filters for English, in the order of its pipeline: stages/text/filters/heuristic
 * and config/text/heuristic_filter_english_pipeline.yaml at 1e2e4275. Where the most frequent n-gram
 * depends on the order of a set there, here it is the first seen. A quotient by nothing is 0; of an
 * empty text, characters / characters is 1 as there. */
#include "quality_private.h"

/* Without phrases that hold another one of the list. */
static const char *const policies[] = {
    "terms of use",
    "privacy policy",
    "cookie policy",
    "uses cookies",
    "privacy overview",
    "use of cookies",
    "use cookies",
    "privacy & cookies policy",
    "privacy and cookies policy",
    ("necessary cookies are absolutely essential for the website to function properly. this "
     "category "
     "only includes cookies that ensures basic functionalities and security features of the "
     "website. "
     "these cookies do not store any personal information."),
    ("any cookies that may not be particularly necessary for the website to function and is used "
     "specifically to collect user personal data via analytics, ads, other embedded contents are "
     "termed as non-necessary cookies. it is mandatory to procure user consent prior to running "
     "these "
     "cookies on your website."),
    ("if you continue to browse this site without changing your cookie settings, you agree to this "
     "use. acceptread more"),
};
static const char *const bullets[] = { "\u2022", "\u2023", "\u2043", "\u204C", "\u204D", "\u2219",
                                       "\u25CB", "\u25CF", "\u25D8", "\u25E6", "\u29BE", "\u29BF" };
static const char *const ellipses[] = { "...",      "[...]",   "\u2026",      "(...)",
                                        "[\u2026]", "-\u00BB", "read more..", "read more" };

/* ASCII letters in lower case, and the Kelvin sign, whose lower case is k. */
static slice lower(slice text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len + RECORD_PADDING, 1, 1), *p = out;

    for (ptrdiff_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '\xE2' && slice_starts(slice_from(text, i), SLICE("\u212A"))) {
            *p++ = 'k';
            i += 2;
        } else {
            *p++ = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        }
    }
    return slice_make(out, p - out);
}

static bool contains(slice text, const char *what)
{
    return text.len && memmem(text.ptr, (size_t)text.len, what, strlen(what));
}

/* Of an empty text all is nothing: 1. */
static double share(int64_t part, int64_t chars)
{
    return chars ? (double)part / (double)chars : 1;
}

struct counts {
    int64_t chars, alnum, digits, space, parens;
};

static struct counts count_chars(const struct measuring *m)
{
    struct counts n = { 0 };
    slice text = m->r->text;

    for (ptrdiff_t i = 0; i < text.len; n.chars++) {
        uint32_t cp;
        i += uni_decode(text.ptr + i, &cp);
        bool letter = (cp | 32) >= 'a' && (cp | 32) <= 'z';
        n.alnum += letter || (cp >= '0' && cp <= '9') || cp == '\n' || cp == '?' || cp == '!' ||
                   cp == ',' || cp == '.';
        n.digits += (char_class(m->q->classes, cp) & CHAR_DIGIT) != 0;
        n.space += cp == '\t' || cp == '\n' || cp == '\r' || cp == '\b' || cp == ' ';
        n.parens += cp == '{' || cp == '}' || cp == '[' || cp == ']' || cp == '(' || cp == ')' ||
                    cp == 0x27E8 || cp == 0x27E9;
    }
    return n;
}

static int64_t url_chars(const struct measuring *m)
{
    slice text = m->r->text;
    int64_t chars = 0;
    ptrdiff_t at = 0;

    while (at < text.len && regex_find(m->q->peers->url, m->s->regex, text, at, 0) == REGEX_MATCH) {
        struct regex_span u = regex_group(m->s->regex, 0);
        chars += uni_count(slice_make(text.ptr + u.start, u.end - u.start));
        at = u.end;
    }
    return chars;
}

static double symbol_words(const struct measuring *m)
{
    int64_t symbols = 0;

    for (ptrdiff_t i = 0; i < m->words.count; i++) {
        slice w = word_slice(m->r->text, &m->words.at[i]);
        int64_t runs = 0;
        bool is_symbol = false;
        for (ptrdiff_t k = 0; k < w.len; k++)
            runs += w.ptr[k] == '#' && (k == 0 || w.ptr[k - 1] != '#');
        for (int k = 0; k < countof(ellipses); k++)
            is_symbol |= slice_eq(w, slice_of(ellipses[k]));
        symbols += is_symbol || quality_ratio(runs, m->words.at[i].chars) > 0.5;
    }
    return quality_ratio(symbols, m->words.count);
}

/* Paragraphs between two line feeds each. */
static bool next_paragraph(slice text, ptrdiff_t *at, slice *p)
{
    if (*at > text.len)
        return false;
    slice rest = slice_from(text, *at);
    const char *end = rest.len ? memmem(rest.ptr, (size_t)rest.len, "\n\n", 2) : NULL;
    *p = slice_make(rest.ptr, end ? end - rest.ptr : rest.len);
    *at = end ? *at + p->len + 2 : text.len + 1;
    return true;
}

static double boilerplate(const struct measuring *m)
{
    slice text = lower(m->r->text, &m->s->temp), p;
    int64_t all = 0, hits = 0;

    for (ptrdiff_t at = 0; next_paragraph(text, &at, &p); all++) {
        bool hit = false;
        if (contains(p, "lorem ipsum"))
            return 1;
        for (int i = 0; i < countof(policies) && !hit; i++)
            hit = contains(p, policies[i]);
        hits += hit;
    }
    return quality_ratio(hits, all);
}

struct lines {
    int64_t all, chars, different, different_chars, unended, ellipses, bullets;
};

static void add_different(struct measuring *m, struct lines *n, slice line)
{
    int64_t chars = uni_count(line);

    n->all++;
    n->chars += chars;
    if (!line_set_add(&m->s->lines, line)) {
        n->different++;
        n->different_chars += chars;
    }
}

static struct lines count_lines(struct measuring *m)
{
    struct line_cursor c = { .how = LINES_LF };
    const struct char_classes *classes = m->q->classes;
    struct lines n = { 0 };

    line_set_clear(&m->s->lines);
    for (slice line; line_next(&c, classes, m->r->text, &line);) {
        slice bare = line_strip(classes, line);
        if (!bare.len)
            continue;
        add_different(m, &n, line);
        n.unended += !strchr(".?!\"'", bare.ptr[bare.len - 1]);
        slice end = bare.len > 16 ? slice_from(bare, bare.len - 16) : bare;
        char low[17] = { 0 };
        for (ptrdiff_t i = 0; i < end.len; i++)
            low[i] = end.ptr[i] >= 'A' && end.ptr[i] <= 'Z' ? (char)(end.ptr[i] + 32) : end.ptr[i];
        for (int i = 0, hit = 0; i < countof(ellipses) && !hit; i++)
            n.ellipses += hit = slice_ends(slice_make(low, end.len), slice_of(ellipses[i]));
        for (int i = 0, hit = 0; i < countof(bullets) && !hit; i++)
            n.bullets += hit = slice_starts(bare, slice_of(bullets[i]));
    }
    return n;
}

static struct lines count_paragraphs(struct measuring *m)
{
    struct lines n = { 0 };
    slice p;

    line_set_clear(&m->s->lines);
    for (ptrdiff_t at = 0; next_paragraph(m->r->text, &at, &p);)
        add_different(m, &n, p);
    return n;
}

static bool word_rules(struct measuring *m, const struct lines *lines)
{
    const struct words *w = &m->words;
    int64_t letters = 0, common = 0, chars = 0, longest = 0;

    for (ptrdiff_t i = 0; i < w->count; i++) {
        letters += (w->at[i].classes & CHAR_LETTER) != 0;
        common += quality_stop_word(m->r->text, &w->at[i]) >= 0;
        chars += w->at[i].chars;
        longest = MAX(longest, (int64_t)w->at[i].chars);
    }
    return !(
        quality_fails(m, RULE_CURATOR_SHORT_DOC, (double)w->count) ||
        quality_fails(m, RULE_CURATOR_LONG_DOC, (double)w->count) ||
        quality_fails(m, RULE_CURATOR_PUNCTUATION, quality_ratio(lines->unended, lines->all)) ||
        quality_fails(m, RULE_CURATOR_ALPHA, quality_ratio(letters, w->count)) ||
        quality_fails(m, RULE_CURATOR_COMMON_WORDS, (double)common) ||
        quality_fails(m, RULE_CURATOR_SHORT_WORDS, quality_ratio(chars, w->count)) ||
        quality_fails(m, RULE_CURATOR_LONG_WORDS, quality_ratio(chars, w->count)) ||
        quality_fails(m, RULE_CURATOR_MAX_WORD, (double)longest) ||
        quality_fails(m, RULE_CURATOR_ELLIPSIS, quality_ratio(lines->ellipses, lines->all)));
}

/* Characters of the most frequent n-gram, joined by blanks, wherever that string stands. */
static int64_t top_chars(const struct ngrams *g, slice text, struct arena *arena)
{
    struct word first = g->words[g->top.first], last = g->words[g->top.first + (uint32_t)g->n - 1];
    char *gram = arena_alloc_raw(arena, last.start + last.len - first.start + 1, 1), *p = gram;
    int64_t count = 0, chars = g->n - 1;

    for (int k = 0; k < g->n; k++) {
        const struct word *w = &g->words[g->top.first + (uint32_t)k];
        if (k)
            *p++ = ' ';
        memcpy(p, text.ptr + w->start, w->len);
        p += w->len;
        chars += w->chars;
    }
    const char *at = text.ptr, *end = text.ptr + text.len;
    for (; (at = memmem(at, (size_t)(end - at), gram, (size_t)(p - gram))); at += p - gram)
        count++;
    return count * chars;
}

/* Characters, with the blanks between, of n-grams that came before; overlaps count once. */
static int64_t duplicate_chars(const struct ngrams *g)
{
    int64_t chars = 0;
    ptrdiff_t covered = 0; /* up to this word */

    for (ptrdiff_t k = 0; k < g->candidate_count; k++) {
        ptrdiff_t i = g->candidates[k];
        if (ngrams_at(g, k).first == i)
            continue;
        ptrdiff_t overlap = MAX(0, covered - i);
        for (ptrdiff_t j = i + overlap; j < i + g->n; j++)
            chars += g->words[j].chars;
        chars += MIN(g->n - overlap, g->n - 1);
        covered = i + g->n;
    }
    return chars;
}

static bool ngram_rules(struct measuring *m, int64_t chars)
{
    struct ngrams g;

    ngrams_init(&g, &m->s->table, m->r->text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_CURATOR_TOP_2; rule <= RULE_CURATOR_DUP_10; rule++) {
        double value = 1;
        ngrams_next_tuples(&g);
        if (g.count >= g.n && g.n <= NGRAM_TOP_MAX)
            value = share(top_chars(&g, m->r->text, &m->s->temp), chars);
        else if (g.count >= g.n)
            value = share(duplicate_chars(&g), chars);
        if (quality_fails(m, (enum quality_rule_id)rule, value))
            return false;
    }
    return true;
}

void quality_curator(struct measuring *m)
{
    struct counts n = count_chars(m);

    quality_split(m, m->r->text, &m->words);
    if (quality_fails(m, RULE_CURATOR_NON_ALNUM, share(n.chars - n.alnum, n.chars)) ||
        quality_fails(m, RULE_CURATOR_SYMBOLS, symbol_words(m)) ||
        quality_fails(m, RULE_CURATOR_NUMBERS, share(n.digits, n.chars)) ||
        quality_fails(m, RULE_CURATOR_URLS, share(url_chars(m), n.chars)) ||
        quality_fails(m, RULE_CURATOR_WHITE_SPACE, share(n.space, n.chars)) ||
        quality_fails(m, RULE_CURATOR_PARENS, share(n.parens, n.chars)) ||
        quality_fails(m, RULE_CURATOR_BOILERPLATE, boilerplate(m)))
        return;
    struct lines paragraphs = count_paragraphs(m), lines = count_lines(m);
    if (quality_fails(m, RULE_CURATOR_LINES, quality_ratio(lines.different, lines.all)) ||
        quality_fails(m, RULE_CURATOR_PARAS, quality_ratio(paragraphs.different, paragraphs.all)) ||
        quality_fails(m, RULE_CURATOR_LINE_CHARS,
                      quality_ratio(lines.different_chars, lines.chars)) ||
        quality_fails(m, RULE_CURATOR_PARA_CHARS,
                      quality_ratio(paragraphs.different_chars, paragraphs.chars)) ||
        !word_rules(m, &lines) || !ngram_rules(m, n.chars))
        return;
    quality_fails(m, RULE_CURATOR_BULLETS, quality_ratio(lines.bullets, lines.all));
}
