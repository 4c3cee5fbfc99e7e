/* The tagger gopher_v1 of Dolma: python/dolma/taggers/gopher.py at 669f5348. */
#include "quality_private.h"

/* The median of word lengths by counting; mean of the two in the middle. */
static double median_length(const struct words *w, struct arena *arena)
{
    uint32_t longest = 0;

    if (w->count == 0)
        return 0;
    for (ptrdiff_t i = 0; i < w->count; i++)
        longest = MAX(longest, w->at[i].chars);
    int64_t *of = arena_new(arena, int64_t, (ptrdiff_t)longest + 1), seen = 0;
    for (ptrdiff_t i = 0; i < w->count; i++)
        of[w->at[i].chars]++;
    double low = -1;
    for (uint32_t len = 0; len <= longest; len++) {
        seen += of[len];
        if (low < 0 && seen * 2 >= w->count)
            low = len;
        if (seen * 2 > w->count)
            return (low + len) / 2;
    }
    return longest;
}

static bool words_of(struct measuring *m, int64_t *chars)
{
    slice text = m->r->text;
    int64_t symbols = 0, letters = 0, required = 0;
    const struct words *w = &m->words;

    for (ptrdiff_t i = 0; i < w->count; i++) {
        slice word = word_slice(text, &w->at[i]);
        *chars += w->at[i].chars;
        letters += (w->at[i].classes & CHAR_LETTER) != 0;
        required += quality_stop_word(text, &w->at[i]) >= 0;
        symbols += slice_find(word, '#') >= 0 || memmem(word.ptr, (size_t)word.len, "\u2026", 3);
    }
    double median = median_length(w, &m->s->temp);
    return !(quality_fails(m, RULE_DOLMA_SHORT_DOC, (double)w->count) ||
             quality_fails(m, RULE_DOLMA_LONG_DOC, (double)w->count) ||
             quality_fails(m, RULE_DOLMA_SHORT_WORDS, median) ||
             quality_fails(m, RULE_DOLMA_LONG_WORDS, median) ||
             quality_fails(m, RULE_DOLMA_SYMBOLS, quality_ratio(symbols, w->count)) ||
             quality_fails(m, RULE_DOLMA_ALPHA, quality_ratio(letters, w->count)) ||
             quality_fails(m, RULE_DOLMA_STOP_WORDS, (double)required));
}

static bool lines_of(struct measuring *m, int64_t chars)
{
    struct line_cursor c = { .how = LINES_LF };
    int64_t lines = 0, bullets = 0, ends = 0, copies = 0, copy_chars = 0;
    slice text = m->r->text;

    line_set_clear(&m->s->lines);
    for (slice line; text.len && line_next(&c, m->q->classes, text, &line); lines++) {
        bullets += slice_starts(line, SLICE("*")) || slice_starts(line, SLICE("-"));
        ends += slice_ends(line, SLICE("\u2026"));
        line_set_add(&m->s->lines, line);
    }
    line_set_repeats(&m->s->lines, &copies, &copy_chars, true);
    return !(quality_fails(m, RULE_DOLMA_BULLETS, quality_ratio(bullets, lines)) ||
             quality_fails(m, RULE_DOLMA_ELLIPSIS, quality_ratio(ends, lines)) ||
             quality_fails(m, RULE_DOLMA_DUP_LINES, quality_ratio(copies, lines)) ||
             quality_fails(m, RULE_DOLMA_DUP_LINE_CHARS, quality_ratio(copy_chars, MAX(chars, 1))));
}

static int64_t gram_chars(const struct ngrams *g, ptrdiff_t i)
{
    int64_t chars = 0;

    for (int k = 0; k < g->n; k++)
        chars += g->words[i + k].chars;
    return chars;
}

void quality_dolma(struct measuring *m)
{
    struct ngrams g;
    int64_t chars = 0;

    quality_split(m, m->r->text, &m->words);
    if (!words_of(m, &chars) || !lines_of(m, chars))
        return;
    ngrams_init(&g, &m->s->table, m->r->text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_DOLMA_TOP_2; rule <= RULE_DOLMA_DUP_10; rule++) {
        int64_t part = 0, all = chars;
        ngrams_next_tuples(&g);
        if (g.count < g.n) {
            all = 0;
        } else if (g.n <= NGRAM_TOP_MAX) {
            part = gram_chars(&g, g.top.first) * g.top.count;
        } else {
            all = 0;
            for (ptrdiff_t i = 0; i + g.n <= g.count; i++)
                all += gram_chars(&g, i);
            for (ptrdiff_t k = 0; k < g.candidate_count; k++)
                part += gram_chars(&g, g.candidates[k]);
        }
        if (quality_fails(m, (enum quality_rule_id)rule, quality_ratio(part, all)))
            return;
    }
}
