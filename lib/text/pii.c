#include "pii.h"

#include "pii_hand.h"

#include "../opt.h"

/* ---- choosing kinds ---- */

static bool unknown_kind(slice name, struct err *err)
{
    const char *names[PII_KINDS_MAX + 1];
    char word[64];
    int n = 0;

    for (; n < pii_kind_count; n++)
        names[n] = pii_kinds[n].name;
    names[n++] = "all";
    ptrdiff_t len = MIN(name.len, (ptrdiff_t)sizeof word - 1);
    memcpy(word, name.ptr, (size_t)len);
    word[len] = 0;
    const char *near = opt_nearest(word, names, n);
    if (near)
        return err_set(err, ERR_USAGE, "unknown kind %s, did you mean '%s'?", ERR_QUOTE(name),
                       near);
    return err_set(err, ERR_USAGE, "unknown kind %s; --list-kinds names them", ERR_QUOTE(name));
}

bool pii_add(struct pii *p, slice kinds, struct err *err)
{
    while (kinds.len >= 0) {
        ptrdiff_t comma = slice_find(kinds, ',');
        slice name = slice_make(kinds.ptr, comma < 0 ? kinds.len : comma);
        if (slice_eq(name, SLICE("all"))) {
            for (int i = 0; i < pii_kind_count; i++)
                p->on[i] = true;
        } else {
            int kind = pii_kind_find(name);
            if (kind < 0)
                return unknown_kind(name, err);
            p->on[kind] = p->named[kind] = true;
        }
        if (comma < 0)
            return true;
        kinds = slice_from(kinds, comma + 1);
    }
    return true;
}

/* ---- context words ---- */

static uint32_t hash_step(uint32_t h, unsigned char c)
{
    return (h ^ (c >= 'A' && c <= 'Z' ? c + 32u : c)) * 16777619u;
}

static struct pii_word *find_word(const struct pii *p, uint32_t hash)
{
    for (uint32_t i = hash;; i++) {
        struct pii_word *w = &p->words[i & p->word_mask];
        if (w->hash == hash || w->hash == 0)
            return w;
    }
}

static void add_words(struct pii *p, int kind)
{
    uint32_t h = 2166136261u;

    for (const char *c = pii_kinds[kind].context;; c++) {
        if (*c && *c != ' ') {
            h = hash_step(h, (unsigned char)*c);
            continue;
        }
        if (h != 2166136261u) {
            struct pii_word *w = find_word(p, h | 1);
            w->hash = h | 1;
            w->kinds[kind / 64] |= 1ull << (kind % 64);
        }
        h = 2166136261u;
        if (!*c)
            return;
    }
}

/* ---- preparing ---- */

static void add_rule(struct pii *p, const struct pii_pattern *pattern)
{
    if (pattern->strength == PII_NAMED && !p->named[pattern->kind])
        return;
    ASSERT(p->rule_count < PII_RULES_MAX);
    int at = p->rule_count++;
    struct pii_rule *r = &p->rules[at];
    uint64_t bit = 1ull << (at % 64);
    pii_nfa_init(&r->nfa, pattern->re, !pattern->exact);
    r->pattern = pattern;
    if (pattern->strength == PII_CONTEXT && !p->named[pattern->kind]) {
        p->beside[pattern->kind][at / 64] |= bit;
    } else {
        p->plain[at / 64] |= bit;
    }
    for (int digits = 0; digits < 2; digits++)
        for (int run = 1; run <= PII_RUN_MAX; run++)
            for (int behind = 0; behind < PII_BEHIND_COUNT; behind++)
                if (pii_nfa_begins(&r->nfa, digits, run, behind))
                    p->begins[digits][run][behind][at / 64] |= bit;
    p->left[pattern->left][at / 64] |= bit;
    if (r->nfa.first & r->nfa.bits[r->nfa.class_of['+']])
        p->plus[at / 64] |= bit;
    if (r->nfa.first & r->nfa.bits[r->nfa.class_of['(']])
        p->bracket[at / 64] |= bit;
    p->wants_digit = true;
    if (pattern->kind == PII_MAC)
        p->wants_colon = p->wants_dash = p->wants_dot = true;
}

void pii_ready(struct pii *p, struct arena *arena)
{
    p->classify = piimask_pick();
    p->rules = arena_new(arena, struct pii_rule, PII_RULES_MAX);
    p->beside = arena_alloc(arena, PII_KINDS_MAX, sizeof *p->beside, _Alignof(uint64_t));
    p->word_mask = 2047;
    p->words = arena_new(arena, struct pii_word, p->word_mask + 1);
    for (int i = 0; i < pii_kind_count; i++)
        if (p->on[i])
            add_words(p, i);
    for (int i = 0; i < pii_pattern_count; i++)
        if (p->on[pii_patterns[i].kind])
            add_rule(p, &pii_patterns[i]);
    p->wants_at = p->on[PII_EMAIL];
    p->wants_colon |= p->on[PII_IP] || p->on[PII_URL] || p->on[PII_URL_CREDENTIALS];
    p->wants_dot |= p->named[PII_URL];
    p->wants_digit |= p->on[PII_IBAN];
    p->wants_dash |= p->on[PII_PRIVATE_KEY];
    for (int i = PII_CRYPTO; i <= PII_JWT; i++)
        p->wants_long |= p->on[i];
    p->on[PII_URL] = p->named[PII_URL]; /* `all` leaves addresses of pages alone */
}

/* ---- matches ---- */

void pii_report(struct pii_state *s, ptrdiff_t start, ptrdiff_t end, int kind,
                enum pii_strength strength)
{
    if (strength == PII_NAMED && !s->pii->named[kind])
        return;
    if (s->count == s->room) {
        ptrdiff_t room = MAX(16, s->room * 2), size = (ptrdiff_t)sizeof *s->matches;
        s->matches = arena_grow(s->arena, s->matches, s->room * size, room * size,
                                _Alignof(struct pii_match));
        s->room = room;
    }
    s->matches[s->count++] = (struct pii_match){ start, end, kind, strength };
}

static bool edge_ok(slice text, ptrdiff_t at, enum pii_edge edge, bool left)
{
    char c = left ? (at > 0 ? text.ptr[at - 1] : 0) : (at < text.len ? text.ptr[at] : 0);

    switch (edge) {
    case EDGE_DIGIT:
        return c < '0' || c > '9';
    case EDGE_ALNUM:
        return !pii_is_alnum(c);
    case EDGE_DASH:
    case EDGE_WORD:
        if (edge == EDGE_DASH && c == '-')
            return false;
        return !(left ? pii_word_before(text, at) : pii_word_at(text, at));
    }
    return false;
}

/* Letters in capitals and digits of a match. */
static int compact(slice raw, char dst[72])
{
    int n = 0;

    for (ptrdiff_t i = 0; i < raw.len && n < 71; i++) {
        char c = raw.ptr[i];
        if (pii_is_alnum(c))
            dst[n++] = c >= 'a' ? (char)(c - 32) : c;
    }
    dst[n] = 0;
    return n;
}

/* An IPv4 address is not part of a longer run of numbers: "1.2.3.4.5" is a version. */
static bool in_version(slice t, ptrdiff_t start, ptrdiff_t end)
{
    bool before =
        start > 1 && t.ptr[start - 1] == '.' && t.ptr[start - 2] >= '0' && t.ptr[start - 2] <= '9';
    bool after =
        end + 1 < t.len && t.ptr[end] == '.' && t.ptr[end + 1] >= '0' && t.ptr[end + 1] <= '9';
    return before || after;
}

static void try_rule(struct pii_state *s, const struct pii_rule *r, ptrdiff_t at)
{
    const struct pii_pattern *pattern = r->pattern;
    ptrdiff_t ends[PII_NFA_ENDS];
    char text[72];

    /* What begins within the last match of its kind belongs to it. */
    if (at > s->kind_start[pattern->kind] && at < s->kind_end[pattern->kind])
        return;
    for (int k = pii_nfa_match(&r->nfa, s->text, at, ends) - 1; k >= 0; k--) {
        if (!edge_ok(s->text, ends[k], pattern->right, false))
            continue;
        slice raw = slice_make(s->text.ptr + at, ends[k] - at);
        int n = pattern->check ? compact(raw, text) : 0;
        if (pattern->check && !pii_check(pattern->check, text, n, raw))
            continue;
        if (pattern->kind == PII_IP && in_version(s->text, at, ends[k]))
            return;
        s->kind_start[pattern->kind] = at;
        s->kind_end[pattern->kind] = MAX(s->kind_end[pattern->kind], ends[k]);
        pii_report(s, at, ends[k], pattern->kind, pattern->strength);
        return;
    }
}

/* ---- context in the text ---- */

static bool is_wordish(char c)
{
    return pii_is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

static void keep_context(struct pii_state *s, ptrdiff_t start, ptrdiff_t end,
                         const struct pii_word *word)
{
    if (s->context_count == PII_CONTEXT_KEEP) {
        s->context_count = PII_CONTEXT_KEEP / 2;
        memmove(s->context, s->context + s->context_count,
                (size_t)s->context_count * sizeof *s->context);
    }
    s->context[s->context_count++] = (struct pii_context){ start, end, word };
}

/* Reads the words up to `at` that were not read yet and are not too far in front. A word in <...> is
 * the mark of a replacement and says nothing. */
static void read_context(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t i = MAX(s->context_end, at - PII_CONTEXT_BYTES);

    while (i > 0 && i < at && is_wordish(t.ptr[i - 1]))
        i++;
    while (i < at) {
        uint32_t h = 2166136261u;
        ptrdiff_t begin = i;
        for (; i < at && is_wordish(t.ptr[i]); i++)
            h = hash_step(h, (unsigned char)t.ptr[i]);
        if (i > begin && i - begin < 64 && !(begin > 0 && t.ptr[begin - 1] == '<')) {
            const struct pii_word *word = find_word(s->pii, h | 1);
            if (word->hash)
                keep_context(s, begin, i, word);
        }
        i++;
    }
    s->context_end = MAX(s->context_end, at);
}

/* Adds the rules whose kinds have a context word within the bytes before `at`. */
static void add_context_rules(struct pii_state *s, ptrdiff_t at, uint64_t mask[PII_RULES_MAX / 64])
{
    if (at > s->context_end)
        read_context(s, at);
    for (int i = s->context_count - 1; i >= 0; i--) {
        const struct pii_context *c = &s->context[i];
        if (c->start < at - PII_CONTEXT_BYTES)
            break;
        if (c->end > at)
            continue;
        for (int half = 0; half < PII_KINDS_MAX / 64; half++)
            for (uint64_t kinds = c->word->kinds[half]; kinds; kinds &= kinds - 1) {
                const uint64_t *beside = s->pii->beside[half * 64 + __builtin_ctzll(kinds)];
                for (int w = 0; w < PII_RULES_MAX / 64; w++)
                    mask[w] |= beside[w];
            }
    }
}

static void try_rules(struct pii_state *s, const uint64_t mask[PII_RULES_MAX / 64], ptrdiff_t at)
{
    const struct pii *p = s->pii;
    uint64_t edges[4], can[PII_RULES_MAX / 64], allowed[PII_RULES_MAX / 64], any = 0, weak = 0;

    for (int edge = 0; edge < 4; edge++)
        edges[edge] = edge_ok(s->text, at, (enum pii_edge)edge, true) ? ~0ull : 0;
    for (int w = 0; w < PII_RULES_MAX / 64; w++) {
        can[w] = mask[w] & ((p->left[0][w] & edges[0]) | (p->left[1][w] & edges[1]) |
                            (p->left[2][w] & edges[2]) | (p->left[3][w] & edges[3]));
        any |= can[w];
        weak |= can[w] & ~p->plain[w];
    }
    if (!any)
        return;
    memcpy(allowed, p->plain, sizeof allowed);
    if (weak)
        add_context_rules(s, at, allowed);
    for (int w = 0; w < PII_RULES_MAX / 64; w++)
        for (uint64_t m = can[w] & allowed[w]; m; m &= m - 1)
            try_rule(s, &p->rules[w * 64 + __builtin_ctzll(m)], at);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* All patterns that the first run at `at` allows. */
static void try_place(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    char c = t.ptr[at];
    ptrdiff_t i = at, limit = MIN(t.len, at + PII_RUN_MAX + 1);

    if (c == '+') {
        try_rules(s, s->pii->plus, at);
    } else if (c == '(') {
        try_rules(s, s->pii->bracket, at);
    } else {
        bool digits = is_digit(c);
        while (i < limit && (digits ? is_digit(t.ptr[i]) : is_letter(t.ptr[i]) || t.ptr[i] == '_'))
            i++;
        if (i == at || i - at > PII_RUN_MAX)
            return;
        enum pii_next next = i < t.len ? pii_next_of((unsigned char)t.ptr[i]) : PII_NEXT_OTHER;
        enum pii_next after =
            i + 1 < t.len ? pii_next_of((unsigned char)t.ptr[i + 1]) : PII_NEXT_OTHER;
        try_rules(s, s->pii->begins[digits][i - at][pii_behind(next, after)], at);
    }
}

/* A number plate that begins with Ä, Ö or Ü: their bytes are no letters to the table of beginnings. */
static void try_plates(struct pii_state *s, ptrdiff_t at)
{
    uint64_t mask[PII_RULES_MAX / 64] = { 0 };

    for (int i = 0; i < s->pii->rule_count; i++) {
        const struct pii_nfa *n = &s->pii->rules[i].nfa;
        if (n->first & n->bits[n->class_of[0xC3]])
            mask[i / 64] |= 1ull << (i % 64);
    }
    try_rules(s, mask, at);
}

/* Words of letters before a word with digits, each at most five letters behind one separator (or
 * three blanks): "HRB 123", "B-AB 12", and signs: "+49", "(415)". */
static void try_before(struct pii_state *s, ptrdiff_t start)
{
    slice t = s->text;

    for (int words = 0; words < 3 && start > 0; words++) {
        char c = t.ptr[start - 1];
        ptrdiff_t i = start - 1;
        if (c == '+' || c == '(') {
            try_place(s, i);
            if (c == '(' && i > 0 && t.ptr[i - 1] == '+')
                try_place(s, i - 1);
            return;
        }
        if (c == ' ' && i > 0 && (t.ptr[i - 1] == '+')) {
            try_place(s, i - 1);
            return;
        }
        if (c != ' ' && c != '-' && c != '.' && c != '\t' && c != '\n')
            return;
        while (i > 0 && start - i < 3 && t.ptr[i - 1] == ' ')
            i--;
        ptrdiff_t end = i;
        while (i > 0 && end - i < 6 && is_letter(t.ptr[i - 1]))
            i--;
        if (i == end || end - i > 5)
            return;
        while (i > 1 && end - i < 8 && t.ptr[i - 2] == '\xC3')
            i -= 2; /* Ä Ö Ü of number plates */
        start = i;
        if (is_letter(t.ptr[start]))
            try_place(s, start);
        else
            try_plates(s, start);
    }
}

static void digits_at(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;

    if (s->pii->on[PII_IBAN] && at >= 2 && at + 1 < t.len && is_digit(t.ptr[at + 1]) &&
        t.ptr[at - 1] >= 'A' && t.ptr[at - 1] <= 'Z' && t.ptr[at - 2] >= 'A' &&
        t.ptr[at - 2] <= 'Z')
        pii_iban_at(s, at - 2);
    if (at < s->word_end) {
        try_place(s, at); /* a run within a word: patterns that only look for digits beside them */
        return;
    }
    ptrdiff_t start = at, end = at;
    while (start > 0 && at - start < 64 &&
           (pii_is_alnum(t.ptr[start - 1]) || t.ptr[start - 1] == '_'))
        start--;
    while (end < t.len && (pii_is_alnum(t.ptr[end]) || t.ptr[end] == '_'))
        end++;
    s->word_end = end;
    try_place(s, start);
    if (start != at)
        try_place(s, at);
    try_before(s, start);
}

/* Hexadecimal letters in front: AA:BB:..., AA-BB-..., aabb.ccdd....; words with digits were tried. */
static void letters_before(struct pii_state *s, ptrdiff_t at, int letters)
{
    for (int i = 1; i <= letters; i++)
        if (at < i || !is_letter(s->text.ptr[at - i]) || !pii_is_hex(s->text.ptr[at - i]))
            return;
    try_place(s, at - letters);
}

/* ---- the scan ---- */

struct blocks {
    uint64_t digit, word; /* carried from the block before: 1 or 0 */
    ptrdiff_t run;        /* of word characters, at the end of the block before */
};

/* Places of a block where something may begin. */
static uint64_t places(const struct pii *p, const struct piimask *m, struct blocks *b,
                       uint64_t *digit_starts, uint64_t *runs)
{
    uint64_t found = 0, last = 1ull << 63;

    *digit_starts = p->wants_digit ? m->digit & ~(m->digit << 1 | b->digit) : 0;
    b->digit = m->digit >> 63;
    found |= *digit_starts;
    if (p->wants_at)
        found |= m->at;
    if (p->wants_colon)
        found |= m->colon & ~(m->blank >> 1);
    if (p->wants_dot)
        found |= m->dot & (m->word << 1 | b->word) & (m->word >> 1 | last);
    if (p->wants_dash)
        found |= m->dash & ((m->dash >> 1 & m->dash >> 2) | m->dash >> 3 | 0xE000000000000000u);
    b->word = m->word >> 63;
    *runs = 0;
    if (p->wants_long) {
        uint64_t x = m->word;
        x &= x >> 1;
        x &= x >> 2;
        x &= x >> 4;
        x &= x >> 8;
        *runs = x;
        ptrdiff_t lead = ~m->word ? __builtin_ctzll(~m->word) : 64;
        if (lead > 0 && b->run + lead >= 16)
            *runs |= 1;
        b->run = lead == 64 ? b->run + 64 : __builtin_clzll(~m->word);
    }
    return found | *runs;
}

static void look(struct pii_state *s, ptrdiff_t at, bool digit, bool run)
{
    char c = s->text.ptr[at];

    if (run && at >= s->long_end)
        pii_long(s, at);
    if (digit)
        digits_at(s, at);
    else if (c == '@')
        pii_email(s, at);
    else if (c == ':') {
        if (s->pii->on[PII_MAC])
            letters_before(s, at, 2);
        pii_colon(s, at);
    } else if (c == '.') {
        if (s->pii->on[PII_URL])
            pii_dot(s, at);
        if (s->pii->on[PII_MAC])
            letters_before(s, at, 4);
    } else if (c == '-') {
        if (s->pii->on[PII_PRIVATE_KEY])
            pii_dashes(s, at);
        if (s->pii->on[PII_MAC])
            letters_before(s, at, 2);
    }
}

#define SCAN_BLOCKS 32

static void scan(struct pii_state *s)
{
    const struct pii *p = s->pii;
    struct piimask masks[SCAN_BLOCKS];
    struct blocks b = { 0 };
    ptrdiff_t blocks = (s->text.len + PIIMASK_BYTES - 1) / PIIMASK_BYTES;

    for (ptrdiff_t first = 0; first < blocks; first += SCAN_BLOCKS) {
        ptrdiff_t n = MIN(SCAN_BLOCKS, blocks - first);
        p->classify(s->text.ptr + first * PIIMASK_BYTES, n, masks);
        for (ptrdiff_t k = 0; k < n; k++) {
            uint64_t digits, runs;
            ptrdiff_t base = (first + k) * PIIMASK_BYTES;
            for (uint64_t m = places(p, &masks[k], &b, &digits, &runs); m; m &= m - 1) {
                int bit = __builtin_ctzll(m);
                if (base + bit >= s->text.len)
                    return;
                look(s, base + bit, digits >> bit & 1, runs >> bit & 1);
            }
        }
    }
}

/* ---- overlaps ---- */

static bool better(const struct pii_match *a, const struct pii_match *b)
{
    if (a->strength != b->strength)
        return a->strength > b->strength;
    if (a->end - a->start != b->end - b->start)
        return a->end - a->start > b->end - b->start;
    return a->kind < b->kind;
}

/* Places come in order, so a match begins not far behind its predecessors: insertion, bounded by
 * how far a scanner may look back. */
static void sort(struct pii_match *m, ptrdiff_t n)
{
    for (ptrdiff_t i = 1; i < n; i++) {
        struct pii_match x = m[i];
        ptrdiff_t k = i;
        for (; k > 0 && m[k - 1].start > x.start; k--)
            m[k] = m[k - 1];
        m[k] = x;
    }
}

static ptrdiff_t join(struct pii_match *m, ptrdiff_t n)
{
    ptrdiff_t out = 0;

    for (ptrdiff_t i = 0; i < n;) {
        struct pii_match best = m[i];
        ptrdiff_t start = m[i].start, end = m[i].end;
        for (i++; i < n && m[i].start < end; i++) {
            end = MAX(end, m[i].end);
            if (better(&m[i], &best))
                best = m[i];
        }
        best.start = start;
        best.end = end;
        m[out++] = best;
    }
    return out;
}

ptrdiff_t pii_scan(const struct pii *p, slice text, struct arena *arena, struct pii_match **matches)
{
    struct pii_state s = { .pii = p, .text = text, .arena = arena, .login_at = -1, .key_end = -1 };

    scan(&s);
    sort(s.matches, s.count);
    *matches = s.matches;
    return join(s.matches, s.count);
}

/* ---- the list ---- */

static const char *found_by_all(int kind)
{
    bool plain = kind <= PII_PRIVATE_KEY && kind != PII_URL, context = false;

    for (int i = 0; i < pii_pattern_count; i++)
        if (pii_patterns[i].kind == kind) {
            plain |= pii_patterns[i].strength == PII_PLAIN;
            context |= pii_patterns[i].strength == PII_CONTEXT;
        }
    return plain && context ? "some forms beside a context word"
           : plain          ? "everywhere"
           : context        ? "beside a context word"
                            : "never: only when it is named";
}

void pii_list(struct buf *out)
{
    buf_append(out, SLICE("kind\talias\tfound by all\tcontext words\n"));
    for (int i = 0; i < pii_kind_count; i++)
        buf_printf(out, "%s\t%s\t%s\t%s\n", pii_kinds[i].name,
                   pii_kinds[i].alias ? pii_kinds[i].alias : "", found_by_all(i),
                   pii_kinds[i].context);
}
