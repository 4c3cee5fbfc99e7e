/* Signals of RedPajama-Data (app/src/core/quality_signals at 6d2cee9d), compared with the limits of
 * the Gopher example of its data card, and with those of Gopher where that has none. Values are
 * rounded to eight decimals there; here they are not. */
#include "quality_private.h"

/* Without ASCII punctuation, in lower case (sigma at the end of a word, dotted I), in NFD. */
static slice normalize(const struct measuring *m, slice text)
{
    char *out = arena_alloc_raw(&m->s->temp, 2 * text.len + RECORD_PADDING, 1), *p = out;
    bool in_word = false;

    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp, next = ' ';
        int width = uni_decode(text.ptr + i, &cp);
        i += width;
        if (cp < 0x80 && (char_class(m->q->classes, cp) & (CHAR_LETTER | CHAR_DIGIT)) == 0 &&
            cp > 0x20 && cp < 0x7F)
            continue;
        if (cp < 0x80) {
            *p++ = (char)(cp >= 'A' && cp <= 'Z' ? cp + 32 : cp);
        } else if (cp == 0x3A3) {
            if (i < text.len)
                uni_decode(text.ptr + i, &next);
            p += uni_encode(p, in_word && uni_category(next) >> 8 != 'L' ? 0x3C2 : 0x3C3);
        } else if (cp == 0x130) {
            p += uni_encode(p, 'i');
            p += uni_encode(p, 0x307);
        } else {
            p += uni_encode(p, uni_lower(cp));
        }
        in_word = char_class(m->q->classes, cp) & CHAR_LETTER;
    }
    memset(p, 0, RECORD_PADDING);
    return uni_normalize(m->q->peers->nfd, slice_make(out, p - out), &m->s->temp);
}

static bool is_word_char(const struct char_classes *c, uint32_t cp)
{
    if (cp < 0x80)
        return (char_class(c, cp) & (CHAR_LETTER | CHAR_DIGIT)) || cp == '_';
    int major = uni_category(cp) >> 8;
    return major == 'L' || major == 'N';
}

/* Runs of word characters and runs of others between white space: \w+|[^\w\s]+ */
static void raw_words(const struct measuring *m, int64_t *all, int64_t *alpha)
{
    enum { SPACE, WORD, MARK } last = SPACE, kind;
    const struct char_classes *c = m->q->classes;
    slice text = m->r->text;
    bool has_alpha = false;

    *all = *alpha = 0;
    for (ptrdiff_t i = 0; i < text.len; last = kind) {
        uint32_t cp;
        i += uni_decode(text.ptr + i, &cp);
        kind = char_class(c, cp) & CHAR_SPACE ? SPACE : is_word_char(c, cp) ? WORD : MARK;
        if (kind != last) {
            *all += kind != SPACE;
            has_alpha = false;
        }
        if (!has_alpha && (cp | 32) >= 'a' && (cp | 32) <= 'z') {
            has_alpha = true;
            ++*alpha;
        }
    }
}

static const char *const bullets[] = { "\u2022", "\u2023", "\u25B6", "\u25C0", "\u25E6",
                                       "\u25A0", "\u25A1", "\u25AA", "\u25AB", "\u2013" };

struct lines {
    int64_t all, bullets, ellipses;
};

/* A line feed ends a line; there is none behind the last. */
static struct lines count_lines(const struct measuring *m)
{
    struct line_cursor c = { .how = LINES_LF };
    struct lines n = { 0 };

    for (slice line; line_next(&c, m->q->classes, m->r->text, &line);) {
        if (c.ended && line.len == 0)
            break;
        slice left = line_strip_left(m->q->classes, line);
        slice right = line_strip_right(m->q->classes, line);
        n.all++;
        for (int i = 0, hit = 0; i < countof(bullets) && !hit; i++)
            n.bullets += hit = slice_starts(left, slice_of(bullets[i]));
        n.ellipses += slice_ends(right, SLICE("...")) || slice_ends(right, SLICE("\u2026"));
    }
    return n;
}

static int64_t gram_chars(const struct ngrams *g, ptrdiff_t i)
{
    int64_t chars = 0;

    for (int k = 0; k < g->n; k++)
        chars += g->words[i + k].chars;
    return chars;
}

/* Of words in n-grams that occur more than once, all copies. */
static int64_t covered_chars(const struct ngrams *g)
{
    ptrdiff_t covered = 0;
    int64_t chars = 0;

    for (ptrdiff_t k = 0; k < g->candidate_count; k++)
        for (covered = MAX(covered, (ptrdiff_t)g->candidates[k]); covered < g->candidates[k] + g->n;
             covered++)
            chars += g->words[covered].chars;
    return chars;
}

static bool ngram_rules(struct measuring *m, slice text, int64_t chars)
{
    struct ngrams g;

    ngrams_init(&g, &m->s->table, text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_RP_TOP_2; rule <= RULE_RP_DUP_10; rule++) {
        int64_t part = 0;
        ngrams_next_tuples(&g);
        if (g.n > NGRAM_TOP_MAX)
            part = covered_chars(&g);
        else if (g.top.count > 1)
            part = gram_chars(&g, g.top.first) * g.top.count;
        if (quality_fails(m, (enum quality_rule_id)rule, quality_ratio(part, chars)))
            return false;
    }
    return true;
}

void quality_redpajama(struct measuring *m)
{
    slice text = normalize(m, m->r->text);
    int64_t chars = 0, raw, alpha, hashes, ellipses;

    quality_split(m, text, &m->words);
    for (ptrdiff_t i = 0; i < m->words.count; i++)
        chars += m->words.at[i].chars;
    raw_words(m, &raw, &alpha);
    quality_count_marks(m->q, m->r->text, &hashes, &ellipses);
    struct lines lines = count_lines(m);
    double mean = quality_ratio(chars, m->words.count);
    if (quality_fails(m, RULE_RP_SHORT_DOC, (double)m->words.count) ||
        quality_fails(m, RULE_RP_LONG_DOC, (double)m->words.count) ||
        quality_fails(m, RULE_RP_SHORT_WORDS, mean) || quality_fails(m, RULE_RP_LONG_WORDS, mean) ||
        quality_fails(m, RULE_RP_SYMBOLS, quality_ratio(hashes + ellipses, raw)) ||
        quality_fails(m, RULE_RP_BULLETS, quality_ratio(lines.bullets, lines.all)) ||
        !ngram_rules(m, text, chars))
        return;
    if (!quality_fails(m, RULE_RP_ELLIPSIS, quality_ratio(lines.ellipses, lines.all)))
        quality_fails(m, RULE_RP_NO_ALPHA, raw ? 1 - quality_ratio(alpha, raw) : 0);
}
