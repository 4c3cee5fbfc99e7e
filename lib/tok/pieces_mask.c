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

/* Adds the characters >= 0x80 to the masks. Their white space is listed in `wide`, up to the size
 * of the list. False when the masks do not do for this window: too many of those, or wide digits
 * where digits are counted. */
struct wide {
    int count;
    struct {
        uint16_t at, len;
    } space[128];
};

static bool add_wide(const struct pieces_rule *rule, const char *p, ptrdiff_t len,
                     struct pieces_window *w, struct wide *wide)
{
    bool counted = rule->family == PIECES_CL100K && rule->digits > 1;

    for (ptrdiff_t b = 0; b * 64 < len; b++) {
        for (uint64_t lead = w->mask[b].high & ~w->mask[b].cont; lead; lead &= lead - 1) {
            ptrdiff_t at = b * 64 + __builtin_ctzll(lead);
            uint32_t cp;
            if (at >= len)
                break;
            int n = uni_decode(p + at, &cp);
            unsigned set = uclass_set(uclass_of(cp));
            if (set & UCLASS_L) {
                SPREAD(w, letter, at, n);
            } else if (set & UCLASS_N) {
                if (counted)
                    return false;
                SPREAD(w, digit, at, n);
            } else if (set & UCLASS_SPACE) {
                if (wide->count == countof(wide->space))
                    return false;
                wide->space[wide->count].at = (uint16_t)at;
                wide->space[wide->count++].len = (uint16_t)n;
                SPREAD(w, space, at, n);
            }
        }
    }
    return true;
}

/* A wide white-space character is the last of its run when a character of another class follows. */
static void end_wide_space(const struct wide *wide, ptrdiff_t len, struct pieces_window *w)
{
    for (int i = 0; i < wide->count; i++) {
        ptrdiff_t at = wide->space[i].at, next = at + wide->space[i].len;
        if (next < len && !(w->mask[next / 64].space >> (next % 64) & 1))
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

static void start_cl100k(const struct pieces_rule *rule, ptrdiff_t blocks, struct pieces_window *w)
{
    uint64_t cl = 0, cn = 0, cp = 0, cs = 0, cb = 0, cplain = 0, cjoin = 0, ceat = 0, cr = 0;
    int digits_done = 0;

    for (ptrdiff_t i = 0; i < blocks; i++) {
        const struct textmask *m = &w->mask[i];
        uint64_t l = m->letter, n = m->digit, s = m->space, r = m->newline, p = ~(l | n | s);
        uint64_t eat = r & (UP(p, cp) | ceat), sum = r + eat;
        uint64_t plain = s & ~r, next_s = s >> 1 | m[1].space << 63;
        eat = r & ~sum; /* the whole run of newlines that begins right after P */
        s &= ~eat, r &= ~eat;

        uint64_t alone = p & ~UP(p, cp) & ~UP(m->blank, cb); /* P that starts a piece */
        uint64_t join = alone;
        for (int k = 0; k < 3; k++)
            join |= UP(join, k ? 0 : cjoin) & m->cont & p;
        uint64_t start = alone | (l & ~UP(l, cl) & ~UP(plain, cplain) & ~UP(join, cjoin));
        start |= (s & ~UP(s, cs)) | (plain & ~next_s & ~m->cont);
        uint64_t candidates = plain & UP(r, cr);
        if (candidates)
            start |= after_newlines(candidates, i, blocks, w);
        if (rule->digits > 1)
            start |= n || digits_done ? cut_digits(n, rule->digits, &digits_done) : 0;
        else
            start |= rule->digits == 1 ? n & ~m->cont : n & ~UP(n, cn);
        w->start[i] = start;
        cl = TOP(l), cn = TOP(n), cp = TOP(p), cs = TOP(s), cb = TOP(m->blank), cr = TOP(r);
        cplain = TOP(plain), cjoin = TOP(join), ceat = TOP(eat);
    }
}

static int contraction_len(const struct pieces_rule *rule, slice rest)
{
    char c = rest.ptr[1], d = rest.len > 2 ? rest.ptr[2] : 0;

    if (rule->family == PIECES_CL100K) {
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

/* By the plain rules, up to about one window. */
static ptrdiff_t window_plain(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                              ptrdiff_t max_len, struct pieces_window *w)
{
    ptrdiff_t at = pos;

    w->count = 0;
    do {
        at = pieces_next(rule, text, at);
        w->end[w->count++] = (uint32_t)(at - pos);
    } while (at < text.len && at - pos < max_len);
    return at;
}

ptrdiff_t pieces_window(const struct pieces_rule *rule, slice text, ptrdiff_t pos,
                        struct pieces_window *w)
{
    slice rest = slice_from(text, pos);
    ptrdiff_t len = window_len(rest), blocks = (len + 63) / 64;
    bool last = len == rest.len;
    struct wide wide;

    if (rule->tail_whole || len < 8)
        return window_plain(rule, text, pos, len, w);
    wide.count = 0;
    classify(rest, len, w);
    if (!add_wide(rule, rest.ptr, len, w, &wide))
        return window_plain(rule, text, pos, len, w);
    /* After the last block: white space, as in its padding. */
    w->mask[blocks].space = ~(uint64_t)0;
    w->start[blocks] = 0;
    if (rule->family == PIECES_GPT2)
        start_gpt2(blocks, w);
    else
        start_cl100k(rule, blocks, w);
    end_wide_space(&wide, len, w);
    start_contractions(rule, rest, blocks, w);
    ptrdiff_t limit = last ? len - 1 : MIN(decided(len, w), len - 1);
    w->count = flatten(limit, w);
    if (last)
        w->end[w->count++] = (uint32_t)len;
    if (w->count == 0)
        return window_plain(rule, text, pos, 1, w);
    return pos + w->end[w->count - 1];
}
