#include "pii_nfa.h"

/* ---- reading a pattern: Glushkov's construction, with the sets of a part as three values ---- */

struct part {
    uint64_t first, last;
    bool nullable;
};

struct reader {
    const char *p;
    struct pii_nfa *n;
    uint64_t sets[64][4]; /* bytes of each position */
    bool fold;
};

static struct part alternatives(struct reader *r);

static void link_positions(struct pii_nfa *n, uint64_t from, uint64_t to)
{
    for (; from; from &= from - 1)
        n->follow[__builtin_ctzll(from)] |= to;
}

static struct part join(struct pii_nfa *n, struct part a, struct part b)
{
    link_positions(n, a.last, b.first);
    return (struct part){ a.first | (a.nullable ? b.first : 0), b.last | (b.nullable ? a.last : 0),
                          a.nullable && b.nullable };
}

static void add_byte(struct reader *r, uint64_t set[4], unsigned char c)
{
    set[c >> 6] |= 1ull << (c & 63);
    if (r->fold && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) {
        c ^= 0x20;
        set[c >> 6] |= 1ull << (c & 63);
    }
}

static void add_range(struct reader *r, uint64_t set[4], int from, int to)
{
    for (int c = from; c <= to; c++)
        add_byte(r, set, (unsigned char)c);
}

/* \d, \s, or a literal. */
static void add_escape(struct reader *r, uint64_t set[4])
{
    char c = *r->p++;

    if (c == 'd') {
        add_range(r, set, '0', '9');
    } else if (c == 's') {
        add_range(r, set, '\t', '\r');
        add_byte(r, set, ' ');
    } else {
        ASSERT(c && !(c >= 'a' && c <= 'z'));
        add_byte(r, set, (unsigned char)c);
    }
}

static void add_class(struct reader *r, uint64_t set[4])
{
    while (*r->p != ']') {
        ASSERT(*r->p);
        unsigned char c = (unsigned char)*r->p++;
        if (c == '\\') {
            add_escape(r, set);
        } else if (*r->p == '-' && r->p[1] != ']') {
            add_range(r, set, c, (unsigned char)r->p[1]);
            r->p += 2;
        } else {
            add_byte(r, set, c);
        }
    }
    r->p++;
}

static struct part atom(struct reader *r)
{
    if (*r->p == '(') {
        r->p++;
        struct part inner = alternatives(r);
        ASSERT(*r->p == ')');
        r->p++;
        return inner;
    }
    ASSERT(r->n->positions < 64);
    int at = r->n->positions++;
    uint64_t *set = r->sets[at];
    unsigned char c = (unsigned char)*r->p++;
    if (c == '[')
        add_class(r, set);
    else if (c == '\\')
        add_escape(r, set);
    else
        add_byte(r, set, c);
    return (struct part){ 1ull << at, 1ull << at, false };
}

static int number(struct reader *r)
{
    int n = 0;

    while (*r->p >= '0' && *r->p <= '9')
        n = n * 10 + *r->p++ - '0';
    return n;
}

/* An atom with its ?, {n} or {m,n}: repeated by reading it again. */
static struct part repeated(struct reader *r)
{
    const char *begin = r->p;
    struct part one = atom(r), all;
    int low = 1, high = 1;

    if (*r->p == '?') {
        r->p++;
        low = 0;
    } else if (*r->p == '{') {
        r->p++;
        low = high = number(r);
        if (*r->p == ',') {
            r->p++;
            high = number(r);
        }
        ASSERT(*r->p == '}' && high >= low && high > 0);
        r->p++;
    }
    const char *end = r->p;
    one.nullable |= low == 0;
    all = one;
    for (int i = 1; i < high; i++) {
        r->p = begin;
        one = atom(r);
        one.nullable |= i >= low;
        all = join(r->n, all, one);
    }
    r->p = end;
    return all;
}

static struct part sequence(struct reader *r)
{
    struct part all = { .nullable = true };

    while (*r->p && *r->p != '|' && *r->p != ')')
        all = join(r->n, all, repeated(r));
    return all;
}

static struct part alternatives(struct reader *r)
{
    struct part all = sequence(r);

    while (*r->p == '|') {
        r->p++;
        struct part other = sequence(r);
        all.first |= other.first;
        all.last |= other.last;
        all.nullable |= other.nullable;
    }
    return all;
}

enum pii_next pii_next_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return PII_NEXT_DIGIT;
    if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_')
        return PII_NEXT_LETTER;
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return PII_NEXT_SPACE;
    return c == '-'   ? PII_NEXT_DASH
           : c == '.' ? PII_NEXT_DOT
           : c == '/' ? PII_NEXT_SLASH
                      : PII_NEXT_OTHER;
}

/* Bytes that the same positions take share a class. */
static void make_classes(struct pii_nfa *n, uint64_t (*sets)[4])
{
    for (int c = 0; c < 256; c++) {
        uint64_t taken = 0;
        for (int i = 0; i < n->positions; i++)
            taken |= (sets[i][c >> 6] >> (c & 63) & 1) << i;
        int k = 0;
        while (k < n->classes && n->bits[k] != taken)
            k++;
        ASSERT(k < 64);
        n->class_of[c] = (uint8_t)k;
        n->bits[k] = taken;
        n->classes = MAX(n->classes, k + 1);
        n->takes[pii_next_of((unsigned char)c)] |= taken;
    }
}

void pii_nfa_init(struct pii_nfa *n, const char *pattern, bool fold)
{
    struct reader r = { .p = pattern, .n = n, .fold = fold };

    *n = (struct pii_nfa){ 0 };
    struct part all = alternatives(&r);
    ASSERT(!*r.p && !all.nullable);
    n->first = all.first;
    n->last = all.last;
    make_classes(n, r.sets);
}

/* ---- matching ---- */

static inline uint64_t followers(const struct pii_nfa *n, uint64_t state)
{
    uint64_t next = 0;

    for (; state; state &= state - 1)
        next |= n->follow[__builtin_ctzll(state)];
    return next;
}

int pii_nfa_match(const struct pii_nfa *n, slice text, ptrdiff_t at, ptrdiff_t ends[PII_NFA_ENDS])
{
    uint64_t state = n->first;
    int count = 0;

    for (ptrdiff_t i = at; i < text.len; i++) {
        state &= n->bits[n->class_of[(unsigned char)text.ptr[i]]];
        if (!state)
            break;
        if (state & n->last)
            ends[count++] = i + 1;
        state = followers(n, state);
    }
    return count;
}

/* ---- the shape of a beginning ---- */

bool pii_nfa_begins(const struct pii_nfa *n, bool digits, int run, int behind)
{
    uint64_t in_run = n->takes[digits ? PII_NEXT_DIGIT : PII_NEXT_LETTER], other = 0;
    uint64_t state = n->first;
    bool may_end = false;

    for (int i = 0; i < run; i++) {
        state &= in_run;
        if (!state)
            return false;
        may_end = state & n->last;
        state = followers(n, state);
    }
    /* A match may end with its run whatever follows: the caller looks at the boundary. */
    if (may_end)
        return true;
    if (behind < 3)
        return (state & n->takes[behind]) != 0;
    state &= n->takes[PII_NEXT_SPACE + (behind - 3) / 3];
    if (state & n->last)
        return true;
    int kind = (behind - 3) % 3;
    for (int k = 0; k < PII_NEXT_COUNT; k++)
        if (k != PII_NEXT_LETTER && k != PII_NEXT_DIGIT)
            other |= n->takes[k];
    return (followers(n, state) & (kind ? n->takes[kind] : other)) != 0;
}
