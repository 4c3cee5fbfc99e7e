/* The splitters as bit algebra over a window of text.
 *
 * Per block of 64 bytes there are masks of letters L, numbers N, white space S, newlines R, blanks
 * B (0x20); everything else is P. All bytes of a multi-byte character carry its class, so runs are
 * runs of bits. A piece starts where the class changes, with these exceptions:
 *
 *   a run of white space gives its last character to what follows as a piece of its own, and a
 *   blank there joins what follows (GPT-2: letters, numbers or others; cl100k: others; and any
 *   white space but a newline joins letters);
 *   cl100k: a single P that is a piece of its own joins letters that follow; newlines right after P
 *   belong to it; white space up to the last newline of its run is one piece; numbers are cut by
 *   three.
 *   contractions: an apostrophe that starts a piece and 's 't ... is one, whatever follows.
 *
 * A window begins at a piece's start, so nothing before it matters. What depends on the text after
 * it (white space at its end) is not decided: the last piece that is sure to start within the
 * window starts the next one. */
#include "pieces.h"

#include "../unicode.h"
#include "uclass.h"

#define PLAIN_LEN 256 /* bytes that are cut by the plain rules where the masks do not reach */

/* One bit up, with the bit that falls out of the block before. */
#define UP(mask, carry) ((mask) << 1 | (carry))
#define TOP(mask)       ((mask) >> 63)

/* Sets `len` bits from byte `at`; masks are 64 bits wide and `member` is one of their words. */
#define SPREAD(w, member, at, len)                                                                 \
    do {                                                                                           \
        uint64_t run_ = ((uint64_t)1 << (len)) - 1;                                                \
        (w)->mask[(at) / 64].member |= run_ << ((at) % 64);                                        \
        if ((at) % 64 + (len) > 64)                                                                \
            (w)->mask[(at) / 64 + 1].member |= run_ >> (64 - (at) % 64);                           \
    } while (0)

/* The white space >= 0x80 of a window, up to the size of the list. */
struct wide {
    int count;
    struct {
        uint16_t at, len;
    } space[128];
};

/* A character of n bytes at `at`, of category `set`. False when the masks do not do for it. */
static bool add_char(const struct pieces_rule *rule, const char *p, ptrdiff_t at, ptrdiff_t len,
                     struct pieces_window *w, struct wide *wide)
{
    const unsigned mark = UCLASS_SET(UCAT_M), symbol = UCLASS_SET(UCAT_P) | UCLASS_SET(UCAT_S);
    enum pieces_family family = rule->family;
    uint32_t cp;
    int n = uni_decode(p + at, &cp);
    unsigned set = uclass_set(uclass_of(cp));

    (void)len;
    w->wide += n > 2;
    if (family == PIECES_DEEPSEEK3 && PIECES_IS_CJK(cp)) {
        uint64_t run = ((uint64_t)1 << n) - 1;
        w->both[at / 64] |= run << (at % 64);
        if (at % 64 + n > 64)
            w->both[at / 64 + 1] |= run >> (64 - at % 64);
        return true;
    }
    if (set & UCLASS_L) {
        SPREAD(w, letter, at, n);
        if (family != PIECES_O200K)
            return true;
    } else if (set & mark) {
        bool in_word = at > 0 && (w->mask[(at - 1) / 64].letter >> ((at - 1) % 64) & 1);
        if (family == PIECES_GPT2 || (family == PIECES_CL100K && !rule->marks))
            return true;
        if (family == PIECES_O200K && !in_word)
            return false;
        SPREAD(w, letter, at, n);
        if (family != PIECES_O200K)
            return true;
    } else if (set & UCLASS_N) {
        if (family != PIECES_GPT2 && rule->digits > 1)
            return false;
        SPREAD(w, digit, at, n);
        return true;
    } else if (set & UCLASS_SPACE) {
        if (wide->count == countof(wide->space))
            return false;
        wide->space[wide->count].at = (uint16_t)at;
        wide->space[wide->count++].len = (uint16_t)n;
        SPREAD(w, space, at, n);
        return true;
    } else {
        return family != PIECES_DEEPSEEK3 || (set & symbol);
    }
    /* O200K, a letter or mark */
    if (set & (UCLASS_SET(UCAT_LU) | UCLASS_SET(UCAT_LT))) {
        SPREAD(w, upper, at, n);
    } else if (!(set & UCLASS_SET(UCAT_LL))) {
        uint64_t run = ((uint64_t)1 << n) - 1;
        w->both[at / 64] |= run << (at % 64);
        if (at % 64 + n > 64)
            w->both[at / 64 + 1] |= run >> (64 - at % 64);
    }
    return true;
}

/* Adds the characters >= 0x80 to the masks. Returns the place of the first that the masks do not do
 * for, or len. */
static ptrdiff_t add_wide(const struct pieces_rule *rule, const char *p, ptrdiff_t len,
                          struct pieces_window *w, struct wide *wide)
{
    for (ptrdiff_t b = 0; b * 64 < len; b++) {
        uint64_t lead = w->mask[b].high & ~w->mask[b].cont;
        uint64_t odd = rule->family == PIECES_DEEPSEEK3 ? w->mask[b].control : 0;
        for (uint64_t bits = lead | odd; bits; bits &= bits - 1) {
            ptrdiff_t at = b * 64 + __builtin_ctzll(bits);
            if (at >= len)
                return len;
            if ((odd >> (at % 64) & 1) || !add_char(rule, p, at, len, w, wide))
                return at;
        }
    }
    return len;
}

/* The window ends at `len`: what lies behind looks like white space. */
static void cut_masks(ptrdiff_t len, struct pieces_window *w)
{
    uint64_t keep = ((uint64_t)1 << (len % 64)) - 1;
    struct textmask *m = &w->mask[len / 64];

    if (len % 64 == 0)
        return;
    m->letter &= keep, m->upper &= keep, m->digit &= keep, m->newline &= keep;
    m->quote &= keep, m->high &= keep, m->cont &= keep, m->control &= keep;
    w->both[len / 64] &= keep;
    m->space |= ~keep, m->blank |= ~keep;
}

/* A wide white-space character is the last of its run when a character of another class follows. */
static void end_wide_space(const struct pieces_rule *rule, const struct wide *wide, ptrdiff_t len,
                           struct pieces_window *w)
{
    for (int i = 0; i < wide->count; i++) {
        ptrdiff_t at = wide->space[i].at, next = at + wide->space[i].len;
        uint64_t joins = w->mask[next / 64].space;
        if (rule->family == PIECES_DEEPSEEK3)
            joins |= w->mask[next / 64].digit | w->both[next / 64];
        if (next < len && !(joins >> (next % 64) & 1))
            w->start[at / 64] |= (uint64_t)1 << (at % 64);
    }
}

static void start_gpt2(ptrdiff_t blocks, struct pieces_window *w)
{
    uint64_t cl = 0, cn = 0, cp = 0, cs = 0, cb = 0;

    for (ptrdiff_t i = 0; i < blocks; i++) {
        const struct textmask *m = &w->mask[i];
        uint64_t l = m->letter, n = m->digit, s = m->space, p = ~(l | n | s);
        uint64_t next_s = s >> 1 | m[1].space << 63;
        uint64_t change = (l & ~UP(l, cl)) | (n & ~UP(n, cn)) | (p & ~UP(p, cp));
        w->start[i] = (change & ~UP(m->blank, cb)) | (s & ~UP(s, cs)) | (s & ~next_s & ~m->cont);
        cl = TOP(l), cn = TOP(n), cp = TOP(p), cs = TOP(s), cb = TOP(m->blank);
    }
}

/* Starts within a run of numbers that is cut every `max` characters; all are one byte. `done`:
 * characters of the current piece before this block. */
static uint64_t cut_digits(uint64_t n, int max, int *done)
{
    uint64_t starts = 0;

    for (int i = 0; i < 64;) {
        uint64_t rest = n >> i;
        if (!rest) {
            *done = 0;
            return starts;
        }
        int skip = __builtin_ctzll(rest);
        if (skip)
            *done = 0;
        i += skip;
        uint64_t inverse = ~(n >> i);
        int run = inverse ? __builtin_ctzll(inverse) : 64;
        run = MIN(run, 64 - i);
        for (int k = 0; k < run; k++) {
            if (*done == 0)
                starts |= (uint64_t)1 << (i + k);
            *done = *done + 1 == max ? 0 : *done + 1;
        }
        i += run;
        if (i < 64)
            *done = 0;
    }
    return starts;
}

/* White space after a newline starts a piece unless another newline follows in the same run. */
static uint64_t after_newlines(uint64_t candidates, ptrdiff_t block, ptrdiff_t blocks,
                               const struct pieces_window *w)
{
    uint64_t sure = 0;

    for (; candidates; candidates &= candidates - 1) {
        int at = __builtin_ctzll(candidates);
        uint64_t plain = (w->mask[block].space & ~w->mask[block].newline) >> at;
        ptrdiff_t b = block;
        int end = plain == ~(uint64_t)0 ? 64 : at + __builtin_ctzll(~plain);
        while (end == 64 && ++b < blocks) {
            plain = w->mask[b].space & ~w->mask[b].newline;
            end = plain == ~(uint64_t)0 ? 64 : __builtin_ctzll(~plain);
        }
        if (end == 64 || !(w->mask[b].newline >> end & 1))
            sure |= (uint64_t)1 << at;
    }
    return sure;
}

/* Letters that follow a lower-case letter with nothing but caseless ones between: there an upper-case
 * letter starts a word. `low`: bit 0 of what was found in the block before, and back. */
static uint64_t start_cased(ptrdiff_t i, ptrdiff_t blocks, struct pieces_window *w, uint64_t *low,
                            uint64_t *both)
{
    const struct textmask *m = &w->mask[i];
    uint64_t u = m->upper, b = w->both[i], lower = m->letter & ~u & ~b;
    uint64_t seed = b & UP(lower, *low), after = b & ~(b + seed);
    uint64_t start = u & UP(lower | after, *low);

    /* Upper-case letters at the end of a word, behind caseless ones that have no lower case before
     * them: no LOWER is behind UPPER*, which ends at the last caseless one. */
    for (uint64_t c = u & UP(b & ~after, *both); c; c &= c - 1) {
        ptrdiff_t at = i * 64 + __builtin_ctzll(c), end = at;
        while (end < blocks * 64 && (w->mask[end / 64].upper >> (end % 64) & 1))
            end++;
        if (end >= w->len)
            w->sure = MIN(w->sure, at - 1);
        else if (!(w->mask[end / 64].letter >> (end % 64) & 1))
            start |= c & -c;
    }
    *low = TOP(lower | after);
    *both = TOP(b & ~after);
    return start;
}

/* cl100k, o200k and DeepSeek: what differs is said where it does. */
static void start_words(const struct pieces_rule *rule, ptrdiff_t blocks, struct pieces_window *w)
{
    uint64_t cl = 0, cn = 0, cp = 0, cs = 0, cb = 0, cplain = 0, cjoin = 0, ceat = 0, cr = 0;
    uint64_t low = 0, both = 0, ck = 0;
    bool deepseek = rule->family == PIECES_DEEPSEEK3, cased = rule->family == PIECES_O200K;
    int digits_done = 0;

    for (ptrdiff_t i = 0; i < blocks; i++) {
        const struct textmask *m = &w->mask[i];
        uint64_t k = deepseek ? w->both[i] : 0;
        uint64_t l = m->letter, n = m->digit, s = m->space, r = m->newline, p = ~(l | n | s | k);
        uint64_t eat = r & (UP(p, cp) | ceat), sum = r + eat;
        uint64_t plain = s & ~r, next_s = s >> 1 | m[1].space << 63;
        if (deepseek) /* text ends there */
            next_s |= (n | k) >> 1 | (m[1].digit | w->both[i + 1]) << 63;
        eat = r & ~sum; /* the whole run of newlines that begins right after P */
        s &= ~eat, r &= ~eat;

        uint64_t alone = p & ~UP(p, cp) & ~UP(m->blank, cb); /* P that starts a piece */
        uint64_t join = deepseek ? alone & ~m->high : alone;
        for (int c = 0; c < 3; c++)
            join |= UP(join, c ? 0 : cjoin) & m->cont & p;
        uint64_t joined = UP(join, cjoin);
        if (deepseek)
            joined &= ~m->high;
        uint64_t start = alone | (l & ~UP(l, cl) & ~UP(plain, cplain) & ~joined);
        start |= (s & ~UP(s, cs)) | (plain & ~next_s & ~m->cont) | (k & ~UP(k, ck));
        uint64_t candidates = plain & UP(r, cr);
        if (candidates)
            start |= after_newlines(candidates, i, blocks, w);
        if (rule->digits > 1)
            start |= n || digits_done ? cut_digits(n, rule->digits, &digits_done) : 0;
        else
            start |= rule->digits == 1 ? n & ~m->cont : n & ~UP(n, cn);
        if (cased)
            start |= start_cased(i, blocks, w, &low, &both);
        w->start[i] = start;
        w->eaten[i] = eat;
        cl = TOP(l), cn = TOP(n), cp = TOP(p), cs = TOP(s), cb = TOP(m->blank), cr = TOP(r);
        cplain = TOP(plain), cjoin = TOP(join), ceat = TOP(eat), ck = TOP(k);
    }
}

#define HAS(mask, at)   ((mask)[(at) / 64] >> ((at) % 64) & 1)
#define SET(mask, at)   ((mask)[(at) / 64] |= (uint64_t)1 << ((at) % 64))
#define CLEAR(mask, at) ((mask)[(at) / 64] &= ~((uint64_t)1 << ((at) % 64)))

/* o200k: [\r\n/]* behind others: a slash behind a newline that they took is theirs too. */
static void join_slashes(const char *p, ptrdiff_t blocks, struct pieces_window *w)
{
    uint64_t carry = 0;

    for (ptrdiff_t i = 0; i < blocks; carry = TOP(w->eaten[i]), i++) {
        for (uint64_t c = UP(w->eaten[i], carry) & ~w->mask[i].newline; c; c &= c - 1) {
            ptrdiff_t at = i * 64 + __builtin_ctzll(c), end = at;
            if (at >= w->len || p[at] != '/' || !HAS(w->start, at))
                continue;
            for (; end < w->len && (p[end] == '/' || p[end] == '\n' || p[end] == '\r'); end++)
                CLEAR(w->start, end);
            if (end == w->len)
                break;
            /* What follows starts a piece, and one P in front of letters takes them. */
            const struct textmask *m = &w->mask[end / 64];
            SET(w->start, end);
            if ((m->letter | m->digit | m->space) >> (end % 64) & 1)
                continue;
            while (++end < w->len && (w->mask[end / 64].cont >> (end % 64) & 1))
                ;
            if (end < w->len && (w->mask[end / 64].letter >> (end % 64) & 1))
                CLEAR(w->start, end);
        }
    }
}

/* DeepSeek: [symbol][A-Za-z]+ ends where ASCII does, and a piece starts at the letter behind it. */
static void start_after_ascii(ptrdiff_t blocks, struct pieces_window *w)
{
    uint64_t carry = 0;

    for (ptrdiff_t i = 0; i < blocks; i++) {
        const struct textmask *m = &w->mask[i];
        uint64_t ascii = m->letter & ~m->high;
        for (uint64_t c = m->letter & m->high & ~m->cont & UP(ascii, carry); c; c &= c - 1) {
            ptrdiff_t at = i * 64 + __builtin_ctzll(c), first = at - 1;
#define ASCII_LETTER(k) ((w->mask[(k) / 64].letter & ~w->mask[(k) / 64].high) >> ((k) % 64) & 1)
            while (first > 0 && ASCII_LETTER(first - 1))
                first--;
            if (first > 0 && !HAS(w->start, first) &&
                !((w->mask[(first - 1) / 64].space | w->mask[(first - 1) / 64].letter) >>
                      ((first - 1) % 64) &
                  1))
                SET(w->start, at);
        }
        carry = TOP(ascii);
    }
}

static int contraction_len(const struct pieces_rule *rule, slice rest)
{
    char c = rest.ptr[1], d = rest.len > 2 ? rest.ptr[2] : 0;

    if (rule->family != PIECES_GPT2) {
        if (c == (char)0xC5 && d == (char)0xBF)
            return 3;
        c |= 0x20, d |= 0x20;
    }
    if (c == 's' || c == 't' || c == 'm' || c == 'd')
        return 2;
    return (d == 'e' && (c == 'r' || c == 'v')) || (c == 'l' && d == 'l') ? 3 : 0;
}

static void start_contractions(const struct pieces_rule *rule, slice rest, ptrdiff_t blocks,
                               struct pieces_window *w)
{
    for (ptrdiff_t b = 0; b < blocks; b++) {
        for (uint64_t q = w->mask[b].quote & w->start[b]; q; q &= q - 1) {
            ptrdiff_t at = b * 64 + __builtin_ctzll(q);
            int len = at + 1 < rest.len ? contraction_len(rule, slice_from(rest, at)) : 0;
            if (!len)
                continue;
            for (ptrdiff_t k = at + 1; k < at + len; k++)
                w->start[k / 64] &= ~((uint64_t)1 << (k % 64));
            w->start[(at + len) / 64] |= (uint64_t)1 << ((at + len) % 64);
        }
    }
}

/* o200k: the same behind a word belongs to it, once. */
static void join_suffixes(const struct pieces_rule *rule, slice rest, ptrdiff_t blocks,
                          struct pieces_window *w)
{
    ptrdiff_t last = -1; /* end of the suffix before */
    uint64_t carry = 0;

    for (ptrdiff_t b = 0; b < blocks; carry = TOP(w->mask[b].letter), b++) {
        for (uint64_t q = w->mask[b].quote & UP(w->mask[b].letter, carry); q; q &= q - 1) {
            ptrdiff_t at = b * 64 + __builtin_ctzll(q);
            int len = at + 1 < rest.len ? contraction_len(rule, slice_from(rest, at)) : 0;
            if (!len || at == last)
                continue;
            for (ptrdiff_t k = at; k < at + len; k++)
                CLEAR(w->start, k);
            last = at + len;
            SET(w->start, last);
            if (last < w->len && HAS(w->both, last)) /* a word starts anew among its letters */
                w->sure = MIN(w->sure, last);
        }
    }
}

/* Length of the window: whole characters. */
static ptrdiff_t window_len(slice rest)
{
    ptrdiff_t len = PIECES_WINDOW;

    if (rest.len <= len)
        return rest.len;
    while (((unsigned char)rest.ptr[len] & 0xC0) == 0x80)
        len--;
    return len;
}

static void classify(slice rest, ptrdiff_t len, struct pieces_window *w)
{
    char last[TEXTMASK_BYTES];
    ptrdiff_t whole = len / 64, tail = len % 64;

    if (whole)
        w->classify(rest.ptr, whole, w->mask);
    memset(last, ' ',
           sizeof last); /* white space after the end: the last run has no last character */
    memcpy(last, rest.ptr + whole * 64, (size_t)tail);
    w->classify(last, 1, &w->mask[whole]);
}

/* Where the last piece that is sure starts: at most the start of the white space at the end. */
static ptrdiff_t decided(ptrdiff_t len, const struct pieces_window *w)
{
    for (ptrdiff_t b = (len - 1) / 64; b >= 0; b--) {
        uint64_t other = ~w->mask[b].space;
        if (b == (len - 1) / 64 && len % 64)
            other &= ((uint64_t)1 << (len % 64)) - 1;
        if (other)
            return b * 64 + 64 - __builtin_clzll(other);
    }
    return 0;
}

/* Turns start bits in (0, limit] into ends. */
static ptrdiff_t flatten(ptrdiff_t limit, struct pieces_window *w)
{
    uint32_t *end = w->end;

    w->start[0] &= ~(uint64_t)1;
    for (ptrdiff_t b = 0; b * 64 <= limit; b++) {
        uint64_t bits = w->start[b];
        if (b == limit / 64 && limit % 64 < 63)
            bits &= ((uint64_t)2 << (limit % 64)) - 1;
        for (; bits; bits &= bits - 1)
            *end++ = (uint32_t)(b * 64 + __builtin_ctzll(bits));
    }
    return end - w->end;
}

/* \s++$ : white space at the end of the text has one start at most. */
static void join_tail(ptrdiff_t from, ptrdiff_t len, struct pieces_window *w)
{
    bool found = from == 0;

    for (ptrdiff_t at = from; at < len; at++)
        if (HAS(w->start, at)) {
            if (found)
                CLEAR(w->start, at);
            found = true;
        }
}

/* By the plain rules, up to about max_len bytes. */
static ptrdiff_t window_plain(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                              ptrdiff_t max_len, struct pieces_window *w)
{
    ptrdiff_t at = pos;

    w->count = 0;
    w->wide = PIECES_WINDOW;
    do {
        at = pieces_next(rule, text, at);
        w->end[w->count++] = (uint32_t)(at - pos);
    } while (at < text.len && at - pos < max_len);
    return at;
}

static void find_starts(const struct pieces_rule *rule, slice rest, const struct wide *wide,
                        struct pieces_window *w)
{
    ptrdiff_t blocks = (w->len + 63) / 64;

    /* After the last block: white space, as in its padding. */
    w->mask[blocks] = (struct textmask){ .space = ~(uint64_t)0 };
    w->both[blocks] = w->start[blocks] = 0;
    w->sure = PIECES_WINDOW + 64;
    if (rule->family == PIECES_GPT2)
        start_gpt2(blocks, w);
    else
        start_words(rule, blocks, w);
    end_wide_space(rule, wide, w->len, w);
    if (rule->family == PIECES_DEEPSEEK3) {
        start_after_ascii(blocks, w);
    } else if (rule->family == PIECES_O200K) {
        join_slashes(rest.ptr, blocks, w);
        if (rule->suffixes)
            join_suffixes(rule, rest, blocks, w);
    } else {
        start_contractions(rule, rest, blocks, w);
    }
}

ptrdiff_t pieces_window(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                        struct pieces_window *w)
{
    slice rest = slice_from(text, pos);
    ptrdiff_t len = window_len(rest);
    struct wide wide;

    if (len < 8)
        return window_plain(rule, text, pos, len, w);
    wide.count = 0;
    w->wide = 0;
    classify(rest, len, w);
    if (rule->family == PIECES_O200K || rule->family == PIECES_DEEPSEEK3)
        memset(w->both, 0, (size_t)((len + 63) / 64 + 1) * sizeof *w->both);
    w->len = add_wide(rule, rest.ptr, len, w, &wide);
    if (w->len < MIN(len, PLAIN_LEN)) /* the masks do not reach far */
        return window_plain(rule, text, pos, PLAIN_LEN, w);
    if (w->len < len)
        cut_masks(w->len, w);
    len = w->len;
    find_starts(rule, rest, &wide, w);
    bool last = len == rest.len;
    if (last && rule->tail_whole)
        join_tail(decided(len, w), len, w);
    ptrdiff_t limit = last && w->sure > len ? len - 1 : MIN(decided(len, w), len - 1);
    w->count = flatten(MIN(limit, w->sure), w);
    if (last && w->sure > len)
        w->end[w->count++] = (uint32_t)len;
    if (w->count == 0)
        return window_plain(rule, text, pos, 1, w);
    return pos + w->end[w->count - 1];
}
