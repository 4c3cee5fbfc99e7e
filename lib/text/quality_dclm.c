/* DCLM's rules as datamap-rs runs them: src/map_fxn.rs at f7717942 with the keys of
 * configs/dclm/dclm_config.yaml that it reads ("max_length" and "regex_string" are not among them).
 * The URL lists and the language model of that file are options of their own. Lengths are bytes
 * there, and quotients and limits single precision; so they are here. */
#include "quality_private.h"

static double ratio(int64_t a, int64_t b)
{
    return b ? (double)((float)a / (float)b) : 0;
}

/* ---- edits: what takes out lines ---- */

/* "\n" * 3 and more -> "\n" * 2 */
static slice limit_newlines(slice text, struct arena *arena)
{
    if (!text.len || !memmem(text.ptr, (size_t)text.len, "\n\n\n", 3))
        return text;
    char *out = arena_alloc(arena, text.len + RECORD_PADDING, 1, 1), *p = out;
    int run = 0;
    for (ptrdiff_t i = 0; i < text.len; i++) {
        run = text.ptr[i] == '\n' ? run + 1 : 0;
        if (run <= 2)
            *p++ = text.ptr[i];
    }
    memset(p, 0, (size_t)(out + text.len - p));
    return slice_make(out, p - out);
}

static bool is_upper(uint32_t cp)
{
    return cp < 0x80 ? cp >= 'A' && cp <= 'Z' : uni_category(cp) == UNI_CATEGORY('L', 'u');
}

/* More than half upper case, all digits, a counter of likes, or fewer than two words. */
static bool line_goes(struct measuring *m, slice line)
{
    int64_t upper = 0, digits = 0;

    if (line.len == 0)
        return false;
    for (ptrdiff_t i = 0; i < line.len;) {
        uint32_t cp;
        i += uni_decode(line.ptr + i, &cp);
        upper += is_upper(cp);
        digits += cp >= '0' && cp <= '9';
    }
    if ((float)upper / (float)line.len > 0.5f || (float)digits / (float)line.len > 0.999999f)
        return true;
    if (digits && regex_find(m->q->peers->counter, m->s->regex, line, 0, 0) == REGEX_MATCH)
        return true;
    wordbreak_split(m->q->wordbreak, m->q->classes, line, &m->line_words, &m->s->temp);
    return m->line_words.count < 2;
}

/* Replaces every match; `line` itself without one. */
static slice replace_all(struct measuring *m, const struct regex *re, slice line, const char *with)
{
    char *out = NULL, *p = NULL;
    ptrdiff_t at = 0, done = 0, len = (ptrdiff_t)strlen(with);

    while (at <= line.len && regex_find(re, m->s->regex, line, at, 0) == REGEX_MATCH) {
        struct regex_span hit = regex_group(m->s->regex, 0);
        if (!out)
            out = p = arena_alloc(&m->s->temp, line.len + RECORD_PADDING, 1, 1);
        memcpy(p, line.ptr + done, (size_t)(hit.start - done));
        p += hit.start - done;
        memcpy(p, with, (size_t)len);
        p += len;
        at = done = hit.end;
    }
    if (!out)
        return line;
    memcpy(p, line.ptr + done, (size_t)(line.len - done));
    return slice_make(out, p + line.len - done - out);
}

static bool is_blank(slice s)
{
    for (ptrdiff_t i = 0; i < s.len;) {
        uint32_t cp;
        i += uni_decode(s.ptr + i, &cp);
        if (!uni_is_space(cp))
            return false;
    }
    return true;
}

/* "items in cart" anywhere, "Read more..." at the end, "Sign-in" in front; a line that is blank
 * after one of them goes. False: it goes. */
static bool trim_line(struct measuring *m, slice *line)
{
    const struct {
        const struct regex *re;
        const char *with;
    } steps[] = { { m->q->peers->cart, " " },
                  { m->q->peers->more, "" },
                  { m->q->peers->sign, "" } };

    for (int i = 0; i < countof(steps) && line->len; i++) {
        *line = replace_all(m, steps[i].re, *line, steps[i].with);
        if (is_blank(*line))
            return false;
    }
    return true;
}

/* The edits of lines; *bytes of the lines that stay before substrings are taken out. */
static slice edit_lines(struct measuring *m, slice text, int64_t *bytes, struct arena *arena)
{
    struct line_cursor c = { .how = LINES_LF };
    char *out = arena_alloc(arena, text.len + RECORD_PADDING, 1, 1), *p = out;

    *bytes = 0;
    bool any = false, removed = false;
    for (slice line; line_next(&c, m->q->classes, text, &line);) {
        if (line_goes(m, line)) {
            removed = true;
            continue;
        }
        *bytes += line.len;
        /* The last three steps cut with str::lines(): CR in front of LF and an empty end go. */
        if (line.len && line.ptr[line.len - 1] == '\r' && !c.ended) {
            line.len--;
            removed = true;
        }
        if (c.ended && line.len == 0 && text.len) {
            removed = true;
            break;
        }
        slice before = line;
        if (line.len && !trim_line(m, &line)) {
            removed = true;
            continue;
        }
        removed |= !slice_eq(before, line);
        if (any)
            *p++ = '\n';
        any = true;
        if (line.len)
            memcpy(p, line.ptr, (size_t)line.len);
        p += line.len;
    }
    return removed ? slice_make(out, p - out) : text;
}

/* ---- measures ---- */

/* Of a text that is all ASCII runs of letters and digits, else words. */
static int64_t page_words(const struct measuring *m, slice text)
{
    int64_t words = 0;
    bool in_word = false;

    for (ptrdiff_t i = 0; i < text.len; i++) {
        if (text.ptr[i] & 0x80)
            return m->words.count;
        bool is =
            char_class(m->q->classes, (unsigned char)text.ptr[i]) & (CHAR_LETTER | CHAR_DIGIT);
        words += is && !in_word;
        in_word = is;
    }
    return words;
}

/* The stop word that a word is in lower case, if any; U+212A and the like make none of them. */
static bool is_stop_word(slice text, const struct word *w)
{
    char low[8 + RECORD_PADDING] = { 0 };

    if (w->len < 2 || w->len > 4)
        return false;
    for (uint32_t i = 0; i < w->len; i++) {
        char c = text.ptr[w->start + i];
        low[i] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    struct word at_start = { 0, w->len, w->chars, w->classes };
    return quality_stop_word(slice_make(low, w->len), &at_start) >= 0;
}

static bool quality_part(struct measuring *m, slice text)
{
    struct words w = { 0 };
    int64_t bytes = 0, plain = 0, stops = 0, hashes, ellipses, spaced = 0;
    struct line_cursor c = { .how = LINES_LF };
    int64_t lines = 0, bullets = 0, full = 0, ends = 0;

    words_split(&w, m->q->classes, WORDS_WHITE_SPACE, text, &m->s->temp);
    for (ptrdiff_t i = 0; i < w.count; i++) {
        bytes += w.at[i].len;
        plain += !(w.at[i].classes & CHAR_LETTER);
        stops += is_stop_word(text, &w.at[i]);
    }
    quality_count_marks(m->q, text, &hashes, &ellipses);
    /* ". . ." counts too, and is one word of the words it makes three. */
    const char *p = text.ptr, *end = text.ptr + text.len;
    for (; p && p < end && (p = memmem(p, (size_t)(end - p), ". . .", 5)); p += 5)
        spaced++;
    for (slice line; line_next(&c, m->q->classes, text, &line); lines++) {
        slice bare = line;
        bullets += slice_starts(line, SLICE("\u25CF")) || slice_starts(line, SLICE("\u2022")) ||
                   slice_starts(line, SLICE("*")) || slice_starts(line, SLICE("-"));
        if (!c.ended && bare.len && bare.ptr[bare.len - 1] == '\r')
            bare.len--;
        full += bare.len > 0;
        ends += slice_ends(bare, SLICE("...")) || slice_ends(bare, SLICE(". . .")) ||
                slice_ends(bare, SLICE("\u2026"));
    }
    double mean = ratio(bytes, w.count), page = (double)page_words(m, text);
    double words = (double)MAX(1, w.count - 2 * spaced);
    return !(
        quality_fails(m, RULE_DCLM_SHORT_DOC, page) || quality_fails(m, RULE_DCLM_LONG_DOC, page) ||
        quality_fails(m, RULE_DCLM_SHORT_WORDS, mean) ||
        quality_fails(m, RULE_DCLM_LONG_WORDS, mean) ||
        quality_fails(m, RULE_DCLM_SYMBOLS, ratio(hashes + ellipses + spaced, (int64_t)words)) ||
        quality_fails(m, RULE_DCLM_BULLETS, ratio(bullets, lines)) ||
        quality_fails(m, RULE_DCLM_ELLIPSIS, ratio(ends, full)) ||
        quality_fails(m, RULE_DCLM_NON_ALPHA, w.count < 2 ? 1 : ratio(plain, w.count)) ||
        quality_fails(m, RULE_DCLM_STOP_WORDS, (double)stops));
}

struct repeats {
    int64_t all, bytes, copies, copy_bytes;
};

static bool next_part(slice text, slice separator, ptrdiff_t *at, slice *part)
{
    if (*at > text.len)
        return false;
    slice rest = slice_from(text, *at);
    const char *end =
        rest.len ? memmem(rest.ptr, (size_t)rest.len, separator.ptr, (size_t)separator.len) : NULL;
    *part = slice_make(rest.ptr, end ? end - rest.ptr : rest.len);
    *at = end ? *at + part->len + separator.len : text.len + 1;
    return true;
}

/* Parts that are not empty. */
static struct repeats find_repeats(struct measuring *m, slice text, slice separator)
{
    struct repeats n = { 0 };
    slice part;

    line_set_clear(&m->s->lines);
    for (ptrdiff_t at = 0; next_part(text, separator, &at, &part);)
        if (part.len) {
            n.all++;
            n.bytes += part.len;
            line_set_add(&m->s->lines, part);
        }
    line_set_repeats(&m->s->lines, &n.copies, &n.copy_bytes, false);
    return n;
}

/* One part is no repetition, none at all is nothing but. */
static double repeated(const struct repeats *n, int64_t part, int64_t all)
{
    return n->all == 0 ? 1 : n->all == 1 ? 0 : ratio(part, all);
}

/* The bytes of words in the places of an n-gram, or with slot < 0 of all that are repeated. */
static int64_t covered_bytes(const struct ngrams *g, int64_t slot)
{
    ptrdiff_t covered = 0;
    int64_t bytes = 0;

    for (ptrdiff_t k = 0; k < g->candidate_count; k++) {
        if (slot >= 0 && g->slots[k] != slot)
            continue;
        for (covered = MAX(covered, (ptrdiff_t)g->candidates[k]); covered < g->candidates[k] + g->n;
             covered++)
            bytes += g->words[covered].len;
    }
    return bytes;
}

/* Of the most frequent n-grams the longest; of these the first. -1 when none is repeated. */
static int64_t top_slot(const struct ngrams *g)
{
    int64_t best = -1;
    uint32_t best_count = 1, best_len = 0;

    for (ptrdiff_t k = 0; k < g->candidate_count; k++) {
        struct ngram_count c = ngrams_at(g, k);
        uint32_t len = 0;
        if (c.first != g->candidates[k] || c.count < best_count)
            continue;
        for (int i = 0; i < g->n; i++)
            len += g->words[c.first + (uint32_t)i].len;
        if (c.count > best_count || len > best_len) {
            best = g->slots[k];
            best_count = c.count;
            best_len = len;
        }
    }
    return best;
}

static bool repetition_part(struct measuring *m, slice text)
{
    struct repeats lines = find_repeats(m, text, SLICE("\n"));
    struct repeats paras = find_repeats(m, text, SLICE("\n\n"));
    struct ngrams g;
    int64_t bytes = 0;

    if (quality_fails(m, RULE_DCLM_DUP_LINES, repeated(&lines, lines.copies, lines.all)) ||
        quality_fails(m, RULE_DCLM_DUP_PARAS, repeated(&paras, paras.copies, paras.all)) ||
        quality_fails(m, RULE_DCLM_DUP_LINE_CHARS,
                      repeated(&lines, lines.copy_bytes, lines.bytes)) ||
        quality_fails(m, RULE_DCLM_DUP_PARA_CHARS, repeated(&paras, paras.copy_bytes, paras.bytes)))
        return false;
    for (ptrdiff_t i = 0; i < m->words.count; i++)
        bytes += m->words.at[i].len;
    ngrams_init(&g, &m->s->table, text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_DCLM_TOP_2; rule <= RULE_DCLM_DUP_10; rule++) {
        ngrams_next_tuples(&g);
        int64_t slot = g.n <= NGRAM_TOP_MAX ? top_slot(&g) : -1;
        int64_t part = g.n <= NGRAM_TOP_MAX && slot < 0 ? 0 : covered_bytes(&g, slot);
        if (quality_fails(m, (enum quality_rule_id)rule, ratio(part, bytes)))
            return false;
    }
    return true;
}

void quality_dclm(struct measuring *m, struct arena *arena)
{
    slice text = limit_newlines(m->r->text, arena), kept;
    int64_t bytes, words;

    quality_split(m, text, &m->words);
    if (!quality_part(m, text) || !repetition_part(m, text))
        return;
    m->r->text = text;
    if (!m->q->on[RULE_DCLM_EMPTY] && !m->q->on[RULE_DCLM_REMOVED])
        return;
    words = m->words.count;
    kept = edit_lines(m, text, &bytes, arena);
    quality_split(m, kept, &m->words);
    m->r->text = kept;
    if (!quality_fails(m, RULE_DCLM_EMPTY, (double)bytes))
        quality_fails(m, RULE_DCLM_REMOVED, ratio(MAX(0, words - m->words.count), words));
}
