#include "pii_hand.h"

#include "../unicode.h"

static bool word_cp(uint32_t cp)
{
    int major = uni_category(cp) >> 8;

    return major == 'L' || major == 'N' || cp == '_';
}

bool pii_word_before(slice text, ptrdiff_t at)
{
    uint32_t cp;

    if (at <= 0)
        return false;
    char c = text.ptr[at - 1];
    if ((unsigned char)c < 0x80)
        return pii_is_alnum(c) || c == '_';
    uni_decode_back(text.ptr, text.ptr + at, &cp);
    return word_cp(cp);
}

bool pii_word_at(slice text, ptrdiff_t at)
{
    uint32_t cp;

    if (at >= text.len)
        return false;
    char c = text.ptr[at];
    if ((unsigned char)c < 0x80)
        return pii_is_alnum(c) || c == '_';
    uni_decode(text.ptr + at, &cp);
    return word_cp(cp);
}

static bool has_bytes(slice text, ptrdiff_t at, slice what)
{
    return at >= 0 && text.len - at >= what.len &&
           memcmp(text.ptr + at, what.ptr, (size_t)what.len) == 0;
}

/* ---- e-mail ---- */

#define LOCAL_MAX  256
#define DOMAIN_MAX 255

static bool local_char(char c)
{
    return pii_is_alnum(c) || (unsigned char)c >= 0x80 || (c && strchr("!#$%&'*+-/=?^_`{|}~.", c));
}

static bool label_char(char c)
{
    return pii_is_alnum(c) || c == '_' || (unsigned char)c >= 0x80;
}

/* Letters, or an encoded name. */
static bool top_level(slice label)
{
    if (slice_starts(label, SLICE("xn--")))
        return true;
    for (ptrdiff_t i = 0; i < label.len; i++)
        if (label.ptr[i] <= '9' && label.ptr[i] >= 0)
            return false;
    return label.len >= 2;
}

/* The end of labels with dots between them that begin at `at` and end in a top level; 0: none. */
static ptrdiff_t domain_end(slice text, ptrdiff_t at)
{
    ptrdiff_t limit = MIN(text.len, at + DOMAIN_MAX), i = at, end = 0;

    for (int labels = 0;; labels++) {
        ptrdiff_t begin = i;
        while (i < limit && (label_char(text.ptr[i]) || text.ptr[i] == '-'))
            i++;
        ptrdiff_t stop = i;
        while (stop > begin && text.ptr[stop - 1] == '-')
            stop--;
        if (stop == begin || text.ptr[begin] == '-')
            return end;
        if (labels > 0 && top_level(slice_make(text.ptr + begin, stop - begin)))
            end = stop;
        if (stop < i || i >= limit || text.ptr[i] != '.')
            return end;
        i++;
    }
}

void pii_email(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t start = at, floor = MAX(0, at - LOCAL_MAX);

    if (at == s->login_at)
        return;
    while (start > floor && local_char(t.ptr[start - 1]))
        start--;
    /* A boundary of words in front, between characters, no dot at either end. */
    while (start < at && (((unsigned char)t.ptr[start] & 0xC0) == 0x80 || t.ptr[start] == '.' ||
                          pii_word_before(t, start) == pii_word_at(t, start)))
        start++;
    if (start >= at || t.ptr[at - 1] == '.')
        return;
    ptrdiff_t end = domain_end(t, at + 1);
    if (end)
        pii_report(s, start, end, PII_EMAIL, PII_PLAIN);
}

/* ---- IPv6 ---- */

/* RFC 4291 text: eight groups, one "::", an IPv4 address in the end; %zone and /prefix behind. */
static bool ipv6_groups(const char *p, ptrdiff_t n)
{
    ptrdiff_t i = 0, groups = 0;
    bool gap = false;

    if (n < 2 || (p[0] == ':' && p[1] != ':'))
        return false;
    while (i < n) {
        if (p[i] == ':' && i + 1 < n && p[i + 1] == ':') {
            if (gap || (i + 2 < n && p[i + 2] == ':'))
                return false;
            gap = true;
            i += 2;
            continue;
        }
        if (i > 0 && p[i] == ':')
            i++;
        ptrdiff_t begin = i;
        while (i < n && pii_is_hex(p[i]))
            i++;
        if (i < n && p[i] == '.') {
            int dots = 0;
            ptrdiff_t digits = 0;
            for (i = begin; i < n; i++) {
                if (p[i] == '.')
                    dots++, digits = 0;
                else if (p[i] > '9' || ++digits > 3)
                    return false;
            }
            if (dots != 3 || !pii_check(CHECK_IPV4, "", 0, slice_make(p + begin, n - begin)))
                return false;
            groups += 2;
            break;
        }
        if (i == begin || i - begin > 4 || (i < n && p[i] != ':'))
            return false;
        groups++;
    }
    return gap ? groups <= 7 : groups == 8;
}

static ptrdiff_t suffix_end(slice t, ptrdiff_t end)
{
    ptrdiff_t i = end;

    if (i < t.len && t.ptr[i] == '%') {
        for (i++; i < t.len && i < end + 20 && pii_is_alnum(t.ptr[i]); i++) {
        }
        if (i > end + 1)
            end = i;
    }
    i = end;
    if (i < t.len && t.ptr[i] == '/') {
        int value = 0;
        for (i++; i < t.len && i < end + 4 && t.ptr[i] >= '0' && t.ptr[i] <= '9'; i++)
            value = value * 10 + t.ptr[i] - '0';
        if (i > end + 1 && value <= 128)
            end = i;
    }
    return end;
}

static void ipv6(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t start = at, end = at, floor = MAX(0, at - 4);

    while (start > floor && pii_is_hex(t.ptr[start - 1]))
        start--;
    while (end < t.len && end < start + 64 &&
           (pii_is_hex(t.ptr[end]) || t.ptr[end] == ':' || t.ptr[end] == '.'))
        end++;
    while (end > at && t.ptr[end - 1] == '.')
        end--;
    s->address_end = end;
    if (end - start > 46 || pii_word_before(t, start) || (start > 0 && t.ptr[start - 1] == ':'))
        return;
    if (!ipv6_groups(t.ptr + start, end - start)) {
        /* "fe80::1." is an address and a full stop; "::1:" is none. */
        return;
    }
    end = suffix_end(t, end);
    if (pii_word_at(t, end) || (end < t.len && t.ptr[end] == ':'))
        return;
    /* "::" alone is far more often C++ or a table than an address. */
    bool bare = end - start == 2;
    pii_report(s, start, end, PII_IP, bare ? PII_NAMED : PII_PLAIN);
}

/* ---- URL ---- */

#define URL_MAX    4096
#define SCHEME_MAX 16

static bool url_char(char c)
{
    return (unsigned char)c > ' ' && c != 0x7F && !strchr("<>\"'`{}|\\^", c);
}

static ptrdiff_t url_end(slice t, ptrdiff_t i)
{
    ptrdiff_t begin = i, limit = MIN(t.len, i + URL_MAX);

    while (i < limit && url_char(t.ptr[i]))
        i++;
    while (i > begin && strchr(".,;:!?)]*", t.ptr[i - 1]))
        i--;
    while (i > begin && i < t.len && ((unsigned char)t.ptr[i] & 0xC0) == 0x80)
        i--;
    return i;
}

/* "//user:secret@host" at `at`. */
static void login(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t i = at, colon = -1, limit = MIN(t.len, at + 512);

    for (; i < limit && url_char(t.ptr[i]) && t.ptr[i] != '/' && t.ptr[i] != '@'; i++)
        if (t.ptr[i] == ':' && colon < 0)
            colon = i;
    if (i >= limit || t.ptr[i] != '@' || colon <= at || i == colon + 1 || i + 1 >= t.len ||
        !label_char(t.ptr[i + 1]))
        return;
    s->login_at = i;
    if (s->pii->on[PII_URL_CREDENTIALS])
        pii_report(s, at, i, PII_URL_CREDENTIALS, PII_PLAIN);
}

static void scheme(struct pii_state *s, ptrdiff_t colon)
{
    slice t = s->text;
    ptrdiff_t start = colon;

    while (
        start > 0 && colon - start < SCHEME_MAX &&
        (pii_is_alnum(t.ptr[start - 1]) || (colon - start > 0 && strchr("+.-", t.ptr[start - 1]))))
        start--;
    if (start == colon || colon < s->url_end)
        return;
    login(s, colon + 3);
    bool web = (colon - start == 4 || colon - start == 5) &&
               (memcmp(t.ptr + start, "http", 4) == 0 || memcmp(t.ptr + start, "HTTP", 4) == 0);
    if (!s->pii->on[PII_URL] || !web)
        return;
    ptrdiff_t host = domain_end(t, s->login_at >= colon ? s->login_at + 1 : colon + 3);
    if (!host)
        return;
    s->url_end = url_end(t, host);
    pii_report(s, start, s->url_end, PII_URL, PII_NAMED);
}

void pii_colon(struct pii_state *s, ptrdiff_t at)
{
    if (has_bytes(s->text, at, SLICE("://")))
        scheme(s, at);
    else if (at >= s->address_end && s->pii->on[PII_IP])
        ipv6(s, at);
}

/* Top levels that stand in a host name without a scheme; all of two letters count as well. */
static const char *const tops[] = {
    "com",  "org",  "net",    "edu",   "gov",  "mil",    "int",  "info",  "biz",   "name",
    "pro",  "app",  "dev",    "cloud", "site", "online", "shop", "store", "tech",  "blog",
    "news", "page", "agency", "today", "live", "world",  "wiki", "email", "space", "website",
};

static bool known_top(slice label)
{
    char lower[16];

    if (label.len < 2 || label.len > 15)
        return false;
    for (ptrdiff_t i = 0; i < label.len; i++) {
        lower[i] = (char)(label.ptr[i] | 0x20);
        if (lower[i] < 'a' || lower[i] > 'z')
            return false;
    }
    if (label.len == 2)
        return true;
    for (ptrdiff_t i = 0; i < countof(tops); i++)
        if (slice_eq(slice_make(lower, label.len), slice_of(tops[i])))
            return true;
    return false;
}

void pii_dot(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t start = at, end = at;

    if (at < s->url_end)
        return;
    while (start > 0 && at - start < 253 &&
           (pii_is_alnum(t.ptr[start - 1]) || t.ptr[start - 1] == '-'))
        start--;
    while (end < t.len && end - at < 253 &&
           (pii_is_alnum(t.ptr[end]) || t.ptr[end] == '-' || t.ptr[end] == '.'))
        end++;
    while (end > at && (t.ptr[end - 1] == '.' || t.ptr[end - 1] == '-'))
        end--;
    s->url_end = MAX(s->url_end, end);
    if (start == at || end <= at + 1 || pii_word_before(t, start) || pii_word_at(t, end) ||
        (start > 0 && strchr("@/.", t.ptr[start - 1])) || (end < t.len && t.ptr[end] == '@'))
        return;
    ptrdiff_t label = end;
    while (label > start && t.ptr[label - 1] != '.')
        label--;
    if (!known_top(slice_make(t.ptr + label, end - label)))
        return;
    if (end < t.len && (t.ptr[end] == '/' || t.ptr[end] == '?'))
        end = url_end(t, end);
    s->url_end = end;
    pii_report(s, start, end, PII_URL, PII_NAMED);
}

/* ---- IBAN ---- */

static bool iban_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* `at`: two capital letters, then two digits. */
void pii_iban_at(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    char compact[40];
    ptrdiff_t ends[40];
    int n = 0;

    if (at > 0 && iban_char(t.ptr[at - 1]))
        return;
    for (ptrdiff_t i = at; i < t.len && n < 35; i++) {
        if (iban_char(t.ptr[i])) {
            compact[n] = t.ptr[i];
            ends[n++] = i + 1;
        } else if ((t.ptr[i] != ' ' && t.ptr[i] != '-') || n < 4 || ends[n - 1] != i) {
            break;
        }
    }
    int k = pii_iban_length(compact);
    if (k == 0 || k > n || (ends[k - 1] < t.len && iban_char(t.ptr[ends[k - 1]])))
        return;
    if (pii_iban(compact, k))
        pii_report(s, at, ends[k - 1], PII_IBAN, PII_PLAIN);
}

/* ---- keys, tokens, wallets ---- */

#define TOKEN_MAX 4096

static ptrdiff_t run_end(slice t, ptrdiff_t i, const char *also, ptrdiff_t max)
{
    ptrdiff_t limit = MIN(t.len, i + max);

    while (i < limit && (pii_is_alnum(t.ptr[i]) || (t.ptr[i] && strchr(also, t.ptr[i]))))
        i++;
    return i;
}

static void report_if(struct pii_state *s, ptrdiff_t start, ptrdiff_t end, int kind, bool yes)
{
    if (yes && s->pii->on[kind])
        pii_report(s, start, end, kind, PII_PLAIN);
}

/* The end of the run of letters, digits, "_" and "-" that `at` lies in; the last one is remembered,
 * so that a run with many beginnings is read once. */
static ptrdiff_t token_end(struct pii_state *s, ptrdiff_t at)
{
    if (at < s->token_start || at >= s->token_end) {
        s->token_start = at;
        s->token_end = run_end(s->text, at, "_-", TOKEN_MAX);
    }
    return s->token_end;
}

static void jwt(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t i = token_end(s, at);

    if (!has_bytes(t, i, SLICE(".eyJ")))
        return;
    i = token_end(s, i + 1);
    if (i < t.len && t.ptr[i] == '.') {
        i = run_end(t, i + 1, "_-", TOKEN_MAX);
        pii_report(s, at, i, PII_JWT, PII_PLAIN);
    }
}

static bool upper_digits(slice t, ptrdiff_t from, ptrdiff_t to)
{
    for (; from < to; from++)
        if (!iban_char(t.ptr[from]))
            return false;
    return true;
}

static bool hex_digits(slice t, ptrdiff_t from, ptrdiff_t to)
{
    for (; from < to; from++)
        if (!pii_is_hex(t.ptr[from]))
            return false;
    return true;
}

static void wallet(struct pii_state *s, ptrdiff_t at, ptrdiff_t end)
{
    slice t = s->text;
    slice word = slice_make(t.ptr + at, end - at);

    if (word.len == 42 && word.ptr[0] == '0' && (word.ptr[1] | 0x20) == 'x')
        report_if(s, at, end, PII_CRYPTO, hex_digits(t, at + 2, end));
    else
        report_if(s, at, end, PII_CRYPTO, pii_bitcoin(word));
}

static const char *const aws_prefixes[] = { "AKIA", "ASIA", "AGPA", "AIDA", "AROA",
                                            "ANPA", "ANVA", "ABIA", "ACCA", "AIPA" };

static void aws(struct pii_state *s, ptrdiff_t at, ptrdiff_t end)
{
    slice t = s->text;

    for (ptrdiff_t i = 0; i < countof(aws_prefixes); i++)
        if (end - at == 20 && has_bytes(t, at, slice_of(aws_prefixes[i])))
            report_if(s, at, end, PII_AWS_KEY, upper_digits(t, at, end));
}

/* A secret access key: 40 characters of base64, not far behind "aws" and "secret". */
static void aws_secret(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t begin = at, end, floor = MAX(0, at - 64);
    bool aws_word = false, secret = false;

    while (begin > MAX(0, at - 40) &&
           (pii_is_alnum(t.ptr[begin - 1]) || strchr("/+", t.ptr[begin - 1])))
        begin--;
    end = run_end(t, begin, "/+", 41);
    if (end - begin != 40)
        return;
    for (ptrdiff_t i = floor; i + 3 < begin; i++) {
        char c = (char)(t.ptr[i] | 0x20);
        aws_word |= c == 'a' && (t.ptr[i + 1] | 0x20) == 'w' && (t.ptr[i + 2] | 0x20) == 's';
        secret |= c == 's' && (t.ptr[i + 1] | 0x20) == 'e' && (t.ptr[i + 2] | 0x20) == 'c';
    }
    report_if(s, begin, end, PII_AWS_KEY, aws_word && secret);
}

static void slack(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t end = run_end(t, at + 5, "-", 256);

    while (end > at && t.ptr[end - 1] == '-')
        end--;
    bool kind = at + 5 < t.len && t.ptr[at + 4] == '-' && strchr("abeoprs", t.ptr[at + 3]);
    report_if(s, at, end, PII_SLACK_TOKEN, kind && end - at >= 20);
}

static void prefixed(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t word = run_end(t, at, "_", 512);

    if (has_bytes(t, at, SLICE("eyJ"))) {
        if (s->pii->on[PII_JWT])
            jwt(s, at);
    } else if (has_bytes(t, at, SLICE("gh")) && has_bytes(t, at + 3, SLICE("_"))) {
        report_if(s, at, word, PII_GITHUB_TOKEN, strchr("pousr", t.ptr[at + 2]) && word - at >= 40);
    } else if (has_bytes(t, at, SLICE("github_pat_"))) {
        report_if(s, at, word, PII_GITHUB_TOKEN, word - at >= 60);
    } else if (has_bytes(t, at, SLICE("AIza"))) {
        ptrdiff_t end = run_end(t, at, "_-", 64);
        report_if(s, at, end, PII_GCP_KEY, end - at == 39);
    } else if (has_bytes(t, at, SLICE("ya29."))) {
        ptrdiff_t end = run_end(t, at + 5, "_-", 512);
        report_if(s, at, end, PII_GCP_KEY, end - at >= 25);
    } else if (has_bytes(t, at, SLICE("xox"))) {
        slack(s, at);
    } else if (has_bytes(t, at + 2, SLICE("_live_")) || has_bytes(t, at + 2, SLICE("_test_"))) {
        report_if(s, at, word, PII_STRIPE_KEY,
                  (t.ptr[at] == 's' || t.ptr[at] == 'r' || t.ptr[at] == 'p') &&
                      t.ptr[at + 1] == 'k' && word - at >= 24);
    } else if (has_bytes(t, at, SLICE("whsec_"))) {
        report_if(s, at, word, PII_STRIPE_KEY, word - at >= 30);
    }
}

/* A run of at least 16 letters, digits and underscores around `at`. A token may have begun before
 * it, behind dashes and dots. */
void pii_long(struct pii_state *s, ptrdiff_t at)
{
    slice t = s->text;
    ptrdiff_t start = at, floor = MAX(s->long_end, at - 20);

    if (at < s->long_end)
        return;
    while (start > floor && (pii_is_alnum(t.ptr[start - 1]) || t.ptr[start - 1] == '_'))
        start--;
    ptrdiff_t end = run_end(t, at, "_", TOKEN_MAX);
    s->long_end = end;
    if (pii_word_before(t, start) || pii_word_at(t, end))
        return;
    if (s->pii->on[PII_CRYPTO])
        wallet(s, start, end);
    aws(s, start, end);
    if (s->pii->on[PII_AWS_KEY])
        aws_secret(s, start);
    prefixed(s, start);
    ptrdiff_t token = start, low = MAX(0, start - 80);
    while (token > low && (pii_is_alnum(t.ptr[token - 1]) || strchr("_-.", t.ptr[token - 1])))
        token--;
    for (ptrdiff_t i = token; i < start; i++)
        if ((i == token || !pii_is_alnum(t.ptr[i - 1])) && strchr("AxysrpghE", t.ptr[i]))
            prefixed(s, i);
}

#define KEY_MAX (64 << 10)

/* "-----BEGIN ... PRIVATE KEY...-----" up to its END, or as far as its lines reach. */
void pii_dashes(struct pii_state *s, ptrdiff_t at)
{
    static const char end_mark[] = "-----END ";
    slice t = s->text;
    ptrdiff_t line = at + 11, limit = MIN(t.len, at + 80);

    if (at < s->key_done || !has_bytes(t, at, SLICE("-----BEGIN ")))
        return;
    while (line < limit && ((t.ptr[line] >= 'A' && t.ptr[line] <= 'Z') || t.ptr[line] == ' '))
        line++;
    slice label = slice_make(t.ptr + at + 11, line - at - 11);
    if (!has_bytes(t, line, SLICE("-----")) ||
        !(slice_ends(label, SLICE("PRIVATE KEY")) || slice_ends(label, SLICE("PRIVATE KEY BLOCK"))))
        return;
    if (s->key_end < line && s->key_end < t.len) {
        char *hit = memmem(t.ptr + line, (size_t)(t.len - line), end_mark, sizeof end_mark - 1);
        s->key_end = hit ? hit - t.ptr : t.len;
    }
    ptrdiff_t end = s->key_end;
    if (end < t.len && end - line <= KEY_MAX) {
        end += 9;
        limit = MIN(t.len, end + 64);
        while (end < limit && t.ptr[end] != '-' && t.ptr[end] != '\n')
            end++;
        while (end < limit && t.ptr[end] == '-')
            end++;
    } else {
        end = run_end(t, line, "-+/= \n\r:,", KEY_MAX);
    }
    s->key_done = end;
    pii_report(s, at, end, PII_PRIVATE_KEY, PII_PLAIN);
}
