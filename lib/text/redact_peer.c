/* What two peers find, quirks and all, so that their corpora can be made again.
 *
 * datatrove (commit a649de79, formatters/pii.py): e-mail addresses of lower and upper case ASCII,
 * then IPv4 addresses anywhere, even inside longer runs of digits ("1.2.3.4.5" holds 1.2.3.4), when
 * Python's ipaddress calls them global.
 * dolma (commit 669f5348, tagger pii_regex_with_counts_fast_v2 and the mixer's replacements): per
 * paragraph; an address takes the blanks and stops around it with it, and needs white space behind.
 */
#include "redact.h"

#include "../unicode.h"

static void add(struct redact_result *r, struct arena *arena, ptrdiff_t start, ptrdiff_t end,
                int kind)
{
    ptrdiff_t size = (ptrdiff_t)sizeof *r->matches;

    if ((r->count & (r->count - 1)) == 0)
        r->matches = arena_grow(arena, r->matches, r->count * size, MAX(1, r->count * 2) * size,
                                _Alignof(struct pii_match));
    r->matches[r->count++] = (struct pii_match){ start, end, kind, PII_PLAIN };
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* 25[0-5] | 2[0-4][0-9] | [01]?[0-9][0-9]? : the length of the longest, as the alternatives stand. */
static ptrdiff_t octet(slice t, ptrdiff_t at)
{
    ptrdiff_t n = 0;

    while (n < 3 && at + n < t.len && is_digit(t.ptr[at + n]))
        n++;
    if (n < 3)
        return n;
    char a = t.ptr[at], b = t.ptr[at + 1], c = t.ptr[at + 2];
    return a < '2' || (a == '2' && (b < '5' || (b == '5' && c < '6'))) ? 3 : 2;
}

/* Three octets with dots and a fourth; the end, 0: none. A shorter octet never helps: its dot would
 * have to follow a digit. */
static ptrdiff_t ipv4_end(slice t, ptrdiff_t at)
{
    for (int i = 0; i < 3; i++) {
        ptrdiff_t n = octet(t, at);
        if (n == 0 || at + n >= t.len || t.ptr[at + n] != '.')
            return 0;
        at += n + 1;
    }
    ptrdiff_t n = octet(t, at);
    return n ? at + n : 0;
}

/* ipaddress.ip_address(x).is_global: no leading zeros, none of IANA's special networks. */
static bool is_global(slice t)
{
    static const struct {
        uint32_t net, bits;
    } special[] = {
        { 0x00000000, 8 },  { 0x0A000000, 8 },  { 0x64400000, 10 }, { 0x7F000000, 8 },
        { 0xA9FE0000, 16 }, { 0xAC100000, 12 }, { 0xC0000000, 24 }, { 0xC00000AA, 31 },
        { 0xC0000200, 24 }, { 0xC0A80000, 16 }, { 0xC6120000, 15 }, { 0xC6336400, 24 },
        { 0xCB007100, 24 }, { 0xF0000000, 4 },
    };
    uint32_t address = 0, value = 0;

    for (ptrdiff_t i = 0; i < t.len; i++) {
        bool first = i == 0 || t.ptr[i - 1] == '.';
        if (t.ptr[i] == '.') {
            address = address << 8 | value;
            value = 0;
        } else {
            if (first && t.ptr[i] == '0' && i + 1 < t.len && t.ptr[i + 1] != '.')
                return false;
            value = value * 10 + (uint32_t)(t.ptr[i] - '0');
        }
    }
    address = address << 8 | value;
    if (address == 0xC0000009 || address == 0xC000000A)
        return true;
    for (ptrdiff_t i = 0; i < countof(special); i++)
        if (address >> (32 - special[i].bits) == special[i].net >> (32 - special[i].bits))
            return false;
    return true;
}

/* ---- datatrove ---- */

static bool local_char(char c)
{
    return is_alnum(c) || (c && strchr("!#$%&'*+/=?^_`{|}~-", c));
}

static bool word_at(slice t, ptrdiff_t at)
{
    uint32_t cp;

    if (at < 0 || at >= t.len)
        return false;
    if ((unsigned char)t.ptr[at] < 0x80)
        return is_alnum(t.ptr[at]) || t.ptr[at] == '_';
    while (at > 0 && ((unsigned char)t.ptr[at] & 0xC0) == 0x80)
        at--;
    uni_decode(t.ptr + at, &cp);
    int major = uni_category(cp) >> 8;
    return major == 'L' || major == 'N';
}

/* (label.)+label, labels of letters, digits and inner dashes; greedy; 0: none. */
static ptrdiff_t labels_end(slice t, ptrdiff_t at)
{
    ptrdiff_t end = 0;

    for (int labels = 0;; labels++) {
        ptrdiff_t i = at, last = at;
        while (i < t.len && (is_alnum(t.ptr[i]) || (i > at && t.ptr[i] == '-'))) {
            if (is_alnum(t.ptr[i]))
                last = i + 1;
            i++;
        }
        if (last == at)
            return end;
        if (labels > 0)
            end = last;
        if (last < i || i >= t.len || t.ptr[i] != '.')
            return end;
        at = i + 1;
    }
}

/* user@[1.2.3.4] */
static ptrdiff_t literal_end(slice t, ptrdiff_t at)
{
    if (at >= t.len || t.ptr[at] != '[')
        return 0;
    ptrdiff_t end = ipv4_end(t, at + 1);
    return end && end < t.len && t.ptr[end] == ']' ? end + 1 : 0;
}

/* Where the local part of the "@" at `at` begins: words of local_char with single dots between, at
 * a word boundary, not before `floor`. */
static ptrdiff_t local_start(slice t, ptrdiff_t at, ptrdiff_t floor)
{
    ptrdiff_t start = at;

    while (start > floor && (local_char(t.ptr[start - 1]) ||
                             (t.ptr[start - 1] == '.' && start < at && t.ptr[start] != '.')))
        start--;
    while (start < at && (t.ptr[start] == '.' || word_at(t, start - 1) == word_at(t, start)))
        start++;
    return start;
}

static void emails(slice t, struct arena *arena, struct redact_result *r)
{
    ptrdiff_t floor = 0;

    for (ptrdiff_t at = 0; at < t.len; at++) {
        const char *hit = memchr(t.ptr + at, '@', (size_t)(t.len - at));
        if (!hit)
            return;
        at = hit - t.ptr;
        ptrdiff_t start = local_start(t, at, floor);
        floor = at + 1; /* an earlier character cannot be in front of a later "@" */
        if (start == at || t.ptr[at - 1] == '.')
            continue;
        ptrdiff_t end = labels_end(t, at + 1);
        if (!end)
            end = literal_end(t, at + 1);
        if (end) {
            add(r, arena, start, end, PII_EMAIL);
            floor = end;
            at = end - 1;
        }
    }
}

/* Dots with a digit on both sides are where an address can be; it is tried from up to three digits
 * before its first dot, leftmost first. */
static void addresses(slice t, ptrdiff_t at, ptrdiff_t stop, bool global_only, struct arena *arena,
                      struct redact_result *r)
{
    ptrdiff_t floor = at;

    for (; at < stop; at++) {
        const char *hit = memchr(t.ptr + at, '.', (size_t)(stop - at));
        if (!hit)
            return;
        at = hit - t.ptr;
        if (at + 1 >= stop || !is_digit(t.ptr[at + 1]) || at == floor || !is_digit(t.ptr[at - 1]))
            continue;
        ptrdiff_t start = at;
        while (start > floor && at - start < 3 && is_digit(t.ptr[start - 1]))
            start--;
        for (; start < at; start++) {
            ptrdiff_t end = ipv4_end(slice_make(t.ptr, stop), start);
            if (!end)
                continue;
            if (!global_only || is_global(slice_make(t.ptr + start, end - start)))
                add(r, arena, start, end, PII_IP);
            floor = end;
            at = end - 1;
            break;
        }
    }
}

static void sort(struct redact_result *r)
{
    for (ptrdiff_t gap = r->count / 2; gap > 0; gap /= 2)
        for (ptrdiff_t i = gap; i < r->count; i++) {
            struct pii_match x = r->matches[i];
            ptrdiff_t k = i;
            for (; k >= gap && r->matches[k - gap].start > x.start; k -= gap)
                r->matches[k] = r->matches[k - gap];
            r->matches[k] = x;
        }
}

/* What stands first stays; what overlaps it goes. */
static void first_wins(struct redact_result *r)
{
    ptrdiff_t n = 0;

    sort(r);
    for (ptrdiff_t i = 0; i < r->count; i++)
        if (n == 0 || r->matches[i].start >= r->matches[n - 1].end)
            r->matches[n++] = r->matches[i];
    r->count = n;
}

void redact_find_datatrove(slice text, struct arena *arena, struct redact_result *result)
{
    struct redact_result mail = { 0 };
    ptrdiff_t at = 0;

    *result = mail;
    emails(text, arena, &mail);
    for (ptrdiff_t i = 0; i < mail.count; i++) {
        addresses(text, at, mail.matches[i].start, true, arena, result);
        at = mail.matches[i].end;
    }
    addresses(text, at, text.len, true, arena, result);
    for (ptrdiff_t i = 0; i < mail.count; i++)
        add(result, arena, mail.matches[i].start, mail.matches[i].end, PII_EMAIL);
    first_wins(result);
}

/* ---- dolma ---- */

/* The length of the Python white space at `at`, 0: none. */
static int space_at(slice t, ptrdiff_t at)
{
    uint32_t cp;

    if (at >= t.len)
        return 0;
    int n = uni_decode(t.ptr + at, &cp);
    return uni_is_space_python(cp) ? n : 0;
}

static int space_before(slice t, ptrdiff_t at)
{
    uint32_t cp;

    if (at <= 0)
        return 0;
    int n = uni_decode_back(t.ptr, t.ptr + at, &cp);
    return uni_is_space_python(cp) ? n : 0;
}

static bool stop_char(char c)
{
    return c && strchr(".@,?!;:)(", c);
}

/* [.\s@,?!;:)(]*([^\s@]+@[^\s@,?!;:)(]+?)[.\s@,?!;:)(]?[\s\n\r], with "." in the domain. `floor`:
 * the end of the match before. Returns the end, or 0. */
static ptrdiff_t dolma_email(slice t, ptrdiff_t at, ptrdiff_t floor, ptrdiff_t *start, bool *counts)
{
    ptrdiff_t s = at, domain = at + 1, i, core;

    while (s > floor && !space_before(t, s) && t.ptr[s - 1] != '@')
        s--;
    core = s;
    while (core < at && stop_char(t.ptr[core]))
        core++;
    if (core == at)
        core = at - 1 >= s ? at - 1 : at;
    if (core == at)
        return 0;
    /* The lazy domain stops at the first place where an optional stop and white space follow. */
    for (i = domain; i < t.len && !space_at(t, i) && (!stop_char(t.ptr[i]) || t.ptr[i] == '.'); i++)
        if (i > domain && t.ptr[i] == '.' && space_at(t, i + 1))
            break;
    if (i == domain || i >= t.len)
        return 0;
    ptrdiff_t domain_end = i;
    if (stop_char(t.ptr[i])) {
        i++;
        if (!space_at(t, i))
            return 0;
    } else if (space_at(t, i + space_at(t, i))) {
        i += space_at(t, i); /* the optional stop may be white space itself */
    }
    ptrdiff_t end = i + space_at(t, i);
    while (s > floor) {
        int n = space_before(t, s);
        if (n == 0 && !stop_char(t.ptr[s - 1]))
            break;
        s -= n ? n : 1;
    }
    *start = s;
    *counts = memchr(t.ptr + domain, '.', (size_t)(domain_end - domain)) != NULL &&
              !(at - core == 1 && t.ptr[core] == '(');
    return end;
}

static void dolma_emails(slice t, ptrdiff_t from, struct arena *arena, struct redact_result *r)
{
    ptrdiff_t floor = from;

    for (ptrdiff_t at = from; at < t.len; at++) {
        const char *hit = memchr(t.ptr + at, '@', (size_t)(t.len - at));
        if (!hit)
            return;
        at = hit - t.ptr;
        ptrdiff_t start;
        bool counts;
        ptrdiff_t end = at > floor ? dolma_email(t, at, floor, &start, &counts) : 0;
        if (!end)
            continue;
        if (counts)
            add(r, arena, start, end, PII_EMAIL);
        floor = end;
        at = end - 1;
    }
}

static bool digits(slice t, ptrdiff_t at, int n)
{
    if (t.len - at < n)
        return false;
    for (int i = 0; i < n; i++)
        if (!is_digit(t.ptr[at + i]))
            return false;
    return true;
}

/* \(?(\d{3})\)?[-\. ]*(\d{3})[-. ]?(\d{4}) at `at`; the end, 0: none. */
static ptrdiff_t dolma_phone(slice t, ptrdiff_t at)
{
    at += at < t.len && t.ptr[at] == '(';
    if (!digits(t, at, 3))
        return 0;
    at += 3;
    at += at < t.len && t.ptr[at] == ')';
    while (at < t.len && t.ptr[at] && strchr("-. ", t.ptr[at]))
        at++;
    if (!digits(t, at, 3))
        return 0;
    at += 3;
    at += at < t.len && t.ptr[at] && strchr("-. ", t.ptr[at]) ? 1 : 0;
    return digits(t, at, 4) ? at + 4 : 0;
}

static void dolma_phones(slice t, ptrdiff_t from, struct arena *arena, struct redact_result *r)
{
    for (ptrdiff_t at = from; at < t.len;) {
        int n = space_at(t, at);
        if (!n) {
            at++;
            continue;
        }
        ptrdiff_t start = at;
        for (; (n = space_at(t, at)); at += n) {
        }
        ptrdiff_t end = dolma_phone(t, at);
        if (end) {
            add(r, arena, start, end, PII_PHONE);
            at = end;
        }
    }
}

void redact_find_dolma(slice text, struct arena *arena, struct redact_result *result)
{
    ptrdiff_t questions = 0, begin = 0;

    *result = (struct redact_result){ 0 };
    for (ptrdiff_t i = 0; i < text.len; i++)
        questions += text.ptr[i] == '?';
    while (begin < text.len && questions <= 10000) {
        const char *hit = memchr(text.ptr + begin, '\n', (size_t)(text.len - begin));
        ptrdiff_t end = hit ? hit - text.ptr + 1 : text.len;
        slice upto = slice_make(text.ptr, end);
        dolma_emails(upto, begin, arena, result);
        dolma_phones(upto, begin, arena, result);
        addresses(text, begin, end, false, arena, result);
        begin = end;
    }
    first_wins(result);
}
