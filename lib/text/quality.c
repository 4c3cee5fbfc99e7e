#include "quality.h"

#include "../opt.h"
#include "../unicode.h"
#include "c4.h"
#include "lineset.h"

#include <stdlib.h>

/* ---- tables ---- */

#define REP     GROUP_GOPHER_REPETITION
#define GOPHER  GROUP_GOPHER_QUALITY
#define FINEWEB GROUP_FINEWEB

const struct quality_rule quality_rules[QUALITY_RULES] = {
    [RULE_DUP_PARA] = { "gopher_dup_para_frac", REP, false, .3,
                        "paragraphs that came before / paragraphs" },
    [RULE_DUP_PARA_CHARS] = { "gopher_dup_para_char_frac", REP, false, .2,
                              "characters of paragraphs that came before / characters" },
    [RULE_DUP_LINE] = { "gopher_dup_line_frac", REP, false, .3, "lines that came before / lines" },
    [RULE_DUP_LINE_CHARS] = { "gopher_dup_line_char_frac", REP, false, .2,
                              "characters of lines that came before / characters" },
    [RULE_TOP_2] = { "gopher_top_2_gram", REP, false, .20,
                     "characters of the most frequent 2-gram * count / characters" },
    [RULE_TOP_3] = { "gopher_top_3_gram", REP, false, .18, "the same for 3-grams" },
    [RULE_TOP_4] = { "gopher_top_4_gram", REP, false, .16, "the same for 4-grams" },
    [RULE_DUP_5] = { "gopher_duplicated_5_n_grams", REP, false, .15,
                     "characters in repeated 5-grams / characters" },
    [RULE_DUP_6] = { "gopher_duplicated_6_n_grams", REP, false, .14, "the same for 6-grams" },
    [RULE_DUP_7] = { "gopher_duplicated_7_n_grams", REP, false, .13, "the same for 7-grams" },
    [RULE_DUP_8] = { "gopher_duplicated_8_n_grams", REP, false, .12, "the same for 8-grams" },
    [RULE_DUP_9] = { "gopher_duplicated_9_n_grams", REP, false, .11, "the same for 9-grams" },
    [RULE_DUP_10] = { "gopher_duplicated_10_n_grams", REP, false, .10, "the same for 10-grams" },
    [RULE_SHORT_DOC] = { "gopher_short_doc", GOPHER, true, 50, "words with a non-symbol" },
    [RULE_LONG_DOC] = { "gopher_long_doc", GOPHER, false, 100000, "words with a non-symbol" },
    [RULE_SHORT_WORDS] = { "gopher_below_avg_threshold", GOPHER, true, 3,
                           "mean characters of words with a non-symbol" },
    [RULE_LONG_WORDS] = { "gopher_above_avg_threshold", GOPHER, false, 10,
                          "mean characters of words with a non-symbol" },
    [RULE_HASHES] = { "gopher_too_many_hashes", GOPHER, false, .1, "# / words" },
    [RULE_ELLIPSIS] = { "gopher_too_many_ellipsis", GOPHER, false, .1, "... and U+2026 / words" },
    [RULE_BULLETS] = { "gopher_too_many_bullets", GOPHER, false, .9,
                       "lines that start with - or U+2022 / lines" },
    [RULE_END_ELLIPSIS] = { "gopher_too_many_end_ellipsis", GOPHER, false, .3,
                            "lines that end in ... or U+2026 / lines" },
    [RULE_ALPHA] = { "gopher_below_alpha_threshold", GOPHER, true, .8,
                     "words with a letter / words" },
    [RULE_STOP_WORDS] = { "gopher_enough_stop_words", GOPHER, true, 2,
                          "how many of: the be to of and that have with" },
    [RULE_LOREM_IPSUM] = { "c4_lorem_ipsum", GROUP_C4, false, 0, "1 when a line has lorem ipsum" },
    [RULE_CURLY] = { "c4_curly_bracket", GROUP_C4, false, 0, "1 when a line has {" },
    [RULE_SENTENCES] = { "c4_sentences", GROUP_C4, true, 5, "sentences of the lines that stay" },
    [RULE_EMPTY] = { "fineweb_empty", FINEWEB, true, 1, "lines that are not blank" },
    [RULE_LINE_PUNCT] = { "fineweb_line_punct_ratio", FINEWEB, true, .12,
                          "lines that end in a terminal mark / lines not blank" },
    [RULE_SHORT_LINES] = { "fineweb_short_line_ratio", FINEWEB, false, .67,
                           "lines of at most 30 characters / lines not blank" },
    [RULE_CHAR_DUP] = { "fineweb_char_dup_ratio", FINEWEB, false, .01,
                        "characters of lines that came before / characters but line feeds" },
    [RULE_LIST] = { "fineweb_list_ratio", FINEWEB, false, .3, "line feeds / words" },
};

const char *const quality_group_names[QUALITY_GROUPS] = { "gopher_repetition", "gopher_quality",
                                                          "c4", "fineweb" };

const struct quality_profile quality_profiles[] = {
    { "gopher", 1 << REP | 1 << GOPHER, false, "datatrove a649de79" },
    { "c4", 1 << GROUP_C4, true, "datatrove a649de79" },
    { "fineweb", 1 << REP | 1 << GOPHER | 1 << GROUP_C4 | 1 << FINEWEB, false,
      "datatrove a649de79, examples/fineweb.py" },
};
const int quality_profile_count = countof(quality_profiles);

/* ---- choosing ---- */

static bool unknown(const char *what, const char *name, const char *const *names, ptrdiff_t count,
                    struct err *err)
{
    const char *near = opt_nearest(name, names, count);

    return err_set(err, ERR_USAGE, "no %s %s%s%s%s", what, ERR_QUOTE(slice_of(name)),
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

bool quality_init(struct quality *q, const char *profile, struct err *err)
{
    const char *names[countof(quality_profiles)];

    *q = (struct quality){ .citations = true };
    for (int i = 0; i < quality_profile_count; i++) {
        names[i] = quality_profiles[i].name;
        if (strcmp(names[i], profile) == 0)
            q->profile = &quality_profiles[i];
    }
    if (!q->profile)
        return unknown("profile", profile, names, countof(names), err);
    for (int g = 0; g < QUALITY_GROUPS; g++)
        q->groups[g] = q->profile->groups >> g & 1;
    q->terminal_lines = q->profile->terminal_lines;
    for (int i = 0; i < QUALITY_RULES; i++) {
        q->on[i] = q->groups[quality_rules[i].group];
        q->limit[i] = quality_rules[i].limit;
    }
    return true;
}

static int find_rule(const struct quality *q, const char *name, struct err *err)
{
    const char *names[QUALITY_RULES];

    for (int i = 0; i < QUALITY_RULES; i++) {
        names[i] = quality_rules[i].name;
        if (strcmp(names[i], name) != 0)
            continue;
        if (q->groups[quality_rules[i].group])
            return i;
        err_set(err, ERR_USAGE, "profile '%s' has no rule '%s'", q->profile->name, name);
        return -1;
    }
    unknown("rule", name, names, countof(names), err);
    return -1;
}

bool quality_off(struct quality *q, const char *name, struct err *err)
{
    for (int g = 0; g < QUALITY_GROUPS; g++) {
        if (strcmp(quality_group_names[g], name) != 0)
            continue;
        if (!(q->profile->groups >> g & 1))
            return err_set(err, ERR_USAGE, "profile '%s' has no rules '%s'", q->profile->name,
                           name);
        q->groups[g] = false;
        for (int i = 0; i < QUALITY_RULES; i++)
            q->on[i] = q->on[i] && (int)quality_rules[i].group != g;
        return true;
    }
    int rule = find_rule(q, name, err);
    if (rule >= 0)
        q->on[rule] = false;
    return rule >= 0;
}

bool quality_set(struct quality *q, const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    char name[64];
    double limit;

    if (!equals || equals - assignment >= (ptrdiff_t)sizeof name ||
        !opt_parse_float(slice_of(equals + 1), &limit))
        return err_set(err, ERR_USAGE, "%s is not RULE=LIMIT", ERR_QUOTE(slice_of(assignment)));
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    int rule = find_rule(q, name, err);
    if (rule < 0)
        return false;
    if (limit < 0)
        return err_set(err, ERR_USAGE, "%s: a limit is not negative",
                       ERR_QUOTE(slice_of(assignment)));
    q->limit[rule] = limit;
    q->on[rule] = true;
    return true;
}

bool quality_ready(struct quality *q, struct arena *arena, struct err *err)
{
    q->classes = char_classes_new(arena);
    q->phrases = arena_new(arena, struct bytepair, 1);
    c4_phrases_ready(q->phrases);
    bytepair_add_first(&q->marks, 0, SLICE("#"));
    bytepair_add(&q->marks, 1, SLICE("."), SLICE("."));
    bytepair_add(&q->marks, 2, SLICE("\xE2"), SLICE("\x80"));
    bytepair_ready(&q->marks);
    if (q->words == WORDS_SPACY_EN || q->on[RULE_SENTENCES])
        q->spacy_en = spacy_en_new(arena, err);
    return q->spacy_en || !(q->words == WORDS_SPACY_EN || q->on[RULE_SENTENCES]);
}

/* ---- measuring ---- */

struct quality_scratch {
    struct arena temp; /* of one text */
    struct ngram_table table;
    struct line_set lines;
    struct spacy_scratch *spacy_en;
};

struct quality_scratch *quality_scratch_new(const struct quality *q)
{
    struct quality_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    if (q->spacy_en)
        s->spacy_en = spacy_scratch_new();
    return s;
}

void quality_scratch_free(struct quality_scratch *s)
{
    arena_release(&s->temp);
    ngram_table_release(&s->table);
    line_set_release(&s->lines);
    if (s->spacy_en)
        spacy_scratch_free(s->spacy_en);
    free(s);
}

/* One text under measurement. */
struct measuring {
    const struct quality *q;
    struct quality_scratch *s;
    struct quality_result *r;
    struct words words; /* of r->text, when split */
    bool split, all;
    /* Of the lines that c4 keeps. */
    struct words line_words;
    int64_t sentences, kept_words;
    ptrdiff_t next_word;
    bool counts_words;
};

bool quality_note(const struct quality *q, struct quality_result *r, enum quality_rule_id rule,
                  double value)
{
    bool fails = quality_rules[rule].is_min ? value < q->limit[rule] : value > q->limit[rule];

    if (!q->on[rule])
        return true;
    r->value[rule] = value;
    r->measured[rule] = true;
    if (fails && (r->failed < 0 || (int)rule < r->failed))
        r->failed = (int)rule;
    return !fails;
}

/* Whether to stop. */
static bool note(struct measuring *m, enum quality_rule_id rule, double value)
{
    return !quality_note(m->q, m->r, rule, value) && !m->all;
}

static void split(struct measuring *m)
{
    if (!m->split && m->q->words == WORDS_SPACY_EN)
        spacy_en_split(m->q->spacy_en, m->s->spacy_en, m->q->classes, m->r->text, &m->words,
                       &m->s->temp);
    else if (!m->split)
        words_split(&m->words, m->q->classes, m->q->words, m->r->text, &m->s->temp);
    m->split = true;
}

static bool any_on(const struct quality *q, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (q->on[i])
            return true;
    return false;
}

/* Repeated elements of a split: their number and characters, and how many elements there are. */
struct repeats {
    int64_t elements, repeated, chars;
};

static struct repeats find_repeats(struct measuring *m, enum line_kind how, slice text)
{
    struct line_cursor c = { .how = how };
    struct repeats n = { 0 };

    line_set_clear(&m->s->lines);
    for (slice line; line_next(&c, m->q->classes, text, &line); n.elements++)
        if (line_set_add(&m->s->lines, line)) {
            n.repeated++;
            n.chars += uni_count(line);
        }
    return n;
}

static bool measure_repetition(struct measuring *m)
{
    const struct quality *q = m->q;
    slice text = m->r->text;
    int64_t chars = uni_count(text);
    struct ngrams g;

    if (any_on(q, RULE_DUP_PARA, RULE_DUP_PARA_CHARS)) {
        struct repeats n = find_repeats(m, LINES_PARAGRAPHS, line_strip(q->classes, text));
        if (note(m, RULE_DUP_PARA, quality_ratio(n.repeated, n.elements)) ||
            note(m, RULE_DUP_PARA_CHARS, quality_ratio(n.chars, chars)))
            return false;
    }
    if (any_on(q, RULE_DUP_LINE, RULE_DUP_LINE_CHARS)) {
        struct repeats n = find_repeats(m, LINES_LF_RUNS, text);
        if (note(m, RULE_DUP_LINE, quality_ratio(n.repeated, n.elements)) ||
            note(m, RULE_DUP_LINE_CHARS, quality_ratio(n.chars, chars)))
            return false;
    }
    if (!any_on(q, RULE_TOP_2, RULE_DUP_10))
        return true;
    split(m);
    ngrams_init(&g, &m->s->table, text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_TOP_2; rule <= RULE_DUP_10; rule++) {
        ngrams_next(&g);
        if (!q->on[rule])
            continue;
        int64_t value = rule <= RULE_TOP_4 ? ngrams_top_chars(&g) : ngrams_duplicate_chars(&g);
        if (note(m, (enum quality_rule_id)rule, quality_ratio(value, chars)))
            return false;
    }
    return true;
}

/* "#", "..." and the ellipsis, each counted from left to right. */
static void count_marks(const struct quality *q, slice text, int64_t *hashes, int64_t *ellipses)
{
    *hashes = *ellipses = 0;
    for (ptrdiff_t i = 0; (i = bytepair_find(&q->marks, text, i)) < text.len;) {
        slice rest = slice_from(text, i);
        if (text.ptr[i] == '#') {
            ++*hashes;
        } else if (slice_starts(rest, SLICE("...")) || slice_starts(rest, SLICE("\u2026"))) {
            ++*ellipses;
            i += 2;
        }
        i++;
    }
}

static int64_t count_byte(slice text, char byte)
{
    uint64_t ones = 0x0101010101010101u, pattern = ones * (unsigned char)byte;
    int64_t n = 0;
    ptrdiff_t i = 0;

    /* A byte of x is 0 where the text has `byte`; 0x80 + 0x7F does not carry into its neighbour. */
    for (; i + 8 <= text.len; i += 8) {
        uint64_t x = load_u64(text.ptr + i) ^ pattern;
        uint64_t other = ((x & ~(ones << 7)) + ~(ones << 7)) | x; /* top bit: not the byte */
        n += (int64_t)((~other >> 7 & ones) * ones >> 56);
    }
    for (; i < text.len; i++)
        n += text.ptr[i] == byte;
    return n;
}

static bool measure_word_counts(struct measuring *m)
{
    int64_t plain = 0, chars = 0, letters = 0, hashes, ellipses;

    split(m);
    for (ptrdiff_t i = 0; i < m->words.count; i++) {
        const struct word *w = &m->words.at[i];
        uint32_t is_plain = (w->classes & CHAR_PLAIN) != 0;
        plain += is_plain;
        chars += w->chars & -is_plain;
        letters += (w->classes & CHAR_LETTER) != 0;
    }
    count_marks(m->q, m->r->text, &hashes, &ellipses);
    if (note(m, RULE_SHORT_DOC, (double)plain) || note(m, RULE_LONG_DOC, (double)plain) ||
        note(m, RULE_SHORT_WORDS, quality_ratio(chars, plain)) ||
        note(m, RULE_LONG_WORDS, quality_ratio(chars, plain)) ||
        note(m, RULE_HASHES, quality_ratio(hashes, m->words.count)))
        return false;
    if (note(m, RULE_ELLIPSIS, quality_ratio(ellipses, m->words.count)))
        return false;
    m->r->value[RULE_ALPHA] = quality_ratio(letters, m->words.count); /* noted after the lines */
    return true;
}

/* Up to four bytes of a word as a number. */
#define WORD4(a, b, c, d)                                                                          \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

static int stop_words(const struct measuring *m)
{
    static const uint32_t list[] = {
        WORD4('t', 'h', 'e', 0),   WORD4('b', 'e', 0, 0),     WORD4('t', 'o', 0, 0),
        WORD4('o', 'f', 0, 0),     WORD4('a', 'n', 'd', 0),   WORD4('t', 'h', 'a', 't'),
        WORD4('h', 'a', 'v', 'e'), WORD4('w', 'i', 't', 'h'),
    };
    unsigned found = 0;

    for (ptrdiff_t i = 0; i < m->words.count && found != (1u << countof(list)) - 1; i++) {
        const struct word *w = &m->words.at[i];
        if (w->len - 2 > 2)
            continue;
        uint32_t word = load_u32(m->r->text.ptr + w->start) & ~(uint32_t)0 >> (4 - w->len) * 8;
        for (int k = 0; k < countof(list); k++)
            found |= (unsigned)(word == list[k]) << k;
    }
    return __builtin_popcount(found);
}

static bool measure_gopher(struct measuring *m)
{
    struct line_cursor c = { .how = LINES_PYTHON };
    const struct char_classes *classes = m->q->classes;
    int64_t lines = 0, bullets = 0, ends = 0;

    if (!measure_word_counts(m))
        return false;
    if (any_on(m->q, RULE_BULLETS, RULE_END_ELLIPSIS))
        for (slice line; line_next(&c, classes, m->r->text, &line); lines++) {
            slice left = line_strip_left(classes, line), right = line_strip_right(classes, line);
            bullets += slice_starts(left, SLICE("-")) || slice_starts(left, SLICE("\u2022"));
            ends += slice_ends(right, SLICE("...")) || slice_ends(right, SLICE("\u2026"));
        }
    double alpha = m->r->value[RULE_ALPHA];
    m->r->value[RULE_ALPHA] = 0;
    return !(note(m, RULE_BULLETS, quality_ratio(bullets, lines)) ||
             note(m, RULE_END_ELLIPSIS, quality_ratio(ends, lines)) || note(m, RULE_ALPHA, alpha) ||
             note(m, RULE_STOP_WORDS, stop_words(m)));
}

static void split_line(struct measuring *m, slice line, struct words *w)
{
    if (m->q->words == WORDS_SPACY_EN)
        spacy_en_split(m->q->spacy_en, m->s->spacy_en, m->q->classes, line, w, &m->s->temp);
    else
        words_split(w, m->q->classes, m->q->words, line, &m->s->temp);
}

/* Lines are cut and stripped at white space, so the words of a line are words of the text; one
 * from which a citation was taken is split again. */
static void add_line(void *arg, slice line)
{
    struct measuring *m = arg;
    slice text = m->r->text;

    if (m->q->on[RULE_SENTENCES])
        m->sentences += spacy_en_sentences(m->q->spacy_en, m->s->spacy_en, m->q->classes, line);
    if (!m->counts_words)
        return;
    if (line.ptr < text.ptr || line.ptr >= text.ptr + text.len) {
        split_line(m, line, &m->line_words);
        m->kept_words += m->line_words.count;
        return;
    }
    ptrdiff_t start = line.ptr - text.ptr, end = start + line.len;
    while (m->next_word < m->words.count && m->words.at[m->next_word].start < start)
        m->next_word++;
    ptrdiff_t first = m->next_word;
    while (m->next_word < m->words.count && m->words.at[m->next_word].start < end)
        m->next_word++;
    m->kept_words += m->next_word - first;
}

static bool measure_c4(struct measuring *m, struct arena *arena)
{
    const struct c4_conf conf = { .classes = m->q->classes,
                                  .phrases = m->q->phrases,
                                  .terminal_lines = m->q->terminal_lines,
                                  .look_for_lorem = m->q->on[RULE_LOREM_IPSUM],
                                  .look_for_curly = m->q->on[RULE_CURLY],
                                  .line = add_line,
                                  .arg = m };
    struct c4_result c;

    /* The words of what stays, when they are asked for: white space of all kinds ends lines and
     * words, but not with Rust's. */
    m->counts_words = m->split && m->q->words != WORDS_WHITE_SPACE && m->q->on[RULE_LIST];
    c4_lines(&conf, m->r->text, arena, &c);
    if (note(m, RULE_LOREM_IPSUM, c.lorem) || note(m, RULE_CURLY, c.curly) ||
        note(m, RULE_SENTENCES, (double)m->sentences))
        return false;
    m->split = m->split && c.text.ptr == m->r->text.ptr;
    m->r->text = c.text;
    return true;
}

static bool ends_in_mark(const struct char_classes *c, slice line)
{
    uint32_t cp;

    uni_decode_back(line.ptr, line.ptr + line.len, &cp);
    return char_class(c, cp) & CHAR_TERMINAL;
}

static bool measure_fineweb(struct measuring *m)
{
    struct line_cursor c = { .how = LINES_LF };
    const struct char_classes *classes = m->q->classes;
    int64_t lines = 0, marks = 0, shorts = 0, repeated = 0;
    slice text = m->r->text;

    line_set_clear(&m->s->lines);
    for (slice line; line_next(&c, classes, text, &line);) {
        if (line_strip_left(classes, line).len == 0)
            continue;
        int64_t chars = uni_count(line);
        lines++;
        marks += ends_in_mark(classes, line);
        shorts += chars <= 30;
        repeated += line_set_add(&m->s->lines, line) ? chars : 0;
    }
    if (note(m, RULE_EMPTY, (double)lines) ||
        note(m, RULE_LINE_PUNCT, quality_ratio(marks, lines)) ||
        note(m, RULE_SHORT_LINES, quality_ratio(shorts, lines)))
        return false;
    int64_t feeds = count_byte(text, '\n');
    if (note(m, RULE_CHAR_DUP, quality_ratio(repeated, uni_count(text) - feeds)))
        return false;
    if (!m->q->on[RULE_LIST])
        return true;
    if (!m->counts_words)
        split(m);
    return !note(m, RULE_LIST,
                 quality_ratio(feeds, m->counts_words ? m->kept_words : m->words.count));
}

void quality_measure(const struct quality *q, struct quality_scratch *s, slice text, bool all,
                     struct arena *arena, struct quality_result *r)
{
    struct measuring m = { .q = q, .s = s, .r = r, .all = all };

    memset(r, 0, sizeof *r);
    r->failed = -1;
    r->text = text;
    arena_reset(&s->temp);
    if (q->groups[GROUP_GOPHER_REPETITION] && !measure_repetition(&m))
        return;
    if (q->groups[GROUP_GOPHER_QUALITY] && !measure_gopher(&m))
        return;
    if (q->groups[GROUP_C4] && !measure_c4(&m, arena))
        return;
    if (q->groups[GROUP_FINEWEB])
        measure_fineweb(&m);
}
