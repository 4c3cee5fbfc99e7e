/* The reference of the other rows, and the only row of a plain machine: eight bytes at a time in a
 * general register. Reference: RFC 8259 §7, RFC 3629 §4. */
#include "jsonscan_state.inc"

#define ONES 0x0101010101010101u
#define TOPS 0x8080808080808080u

/* The top bit of each byte of v that is zero. The lowest set bit is exact; a borrow may set bits
 * above a true one. */
static inline uint64_t zero_bytes(uint64_t v)
{
    return (v - ONES) & ~v & TOPS;
}

/* The same for bytes that end a run inside a string: quote, backslash, control. */
static inline uint64_t stop_bytes(uint64_t v)
{
    return zero_bytes(v ^ ONES * '"') | zero_bytes(v ^ ONES * '\\') |
           ((v - ONES * 0x20) & ~v & TOPS);
}

static inline const unsigned char *scan_string(struct scan *s, const unsigned char *p)
{
    const unsigned char *first = p;

    while (p < s->end) {
        uint64_t v = load_u64(p), stop = stop_bytes(v);
        s->high |= v & TOPS;
        if (!stop) {
            p += 8;
            continue;
        }
        p += __builtin_ctzll(stop) >> 3;
        if (*p == '"' && p < s->end)
            return p;
        ptrdiff_t n = *p == '\\' && p < s->end ? scan_escape(s, p) : 0;
        if (UNLIKELY(n == 0))
            break;
        s->escaped = true;
        p += n;
    }
    return scan_string_slow(s, first);
}

/* ---- UTF-8 ---- */

/* Length of the valid sequence at p, which has `left` bytes; 0 when there is none. */
static inline int sequence_len(const unsigned char *p, ptrdiff_t left)
{
    unsigned char a = p[0];

    if (a < 0x80)
        return 1;
    if (a < 0xC2 || a > 0xF4 || left < 2)
        return 0;
    unsigned char low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    unsigned char high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    if (a < 0xE0)
        return 2;
    if (left < 3 || (p[2] & 0xC0) != 0x80)
        return 0;
    if (a < 0xF0)
        return 3;
    return left >= 4 && (p[3] & 0xC0) == 0x80 ? 4 : 0;
}

ptrdiff_t jsonscan_utf8_prefix_scalar(slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    ptrdiff_t i = 0;

    while (i < s.len) {
        if (i + 8 <= s.len && !(load_u64(p + i) & TOPS)) {
            i += 8;
            continue;
        }
        int n = sequence_len(p + i, s.len - i);
        if (n == 0)
            return i;
        i += n;
    }
    return i;
}

#define SCAN_ROW_UTF8 jsonscan_utf8_prefix_scalar
#include "jsonscan_body.inc"

/* ---- decoding ---- */

static inline int hex_value(unsigned char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static inline unsigned hex4(const unsigned char *p)
{
    return (unsigned)(hex_value(p[0]) << 12 | hex_value(p[1]) << 8 | hex_value(p[2]) << 4 |
                      hex_value(p[3]));
}

static inline unsigned char *put_utf8(unsigned char *d, unsigned c)
{
    if (c < 0x80) {
        *d++ = (unsigned char)c;
    } else if (c < 0x800) {
        *d++ = (unsigned char)(0xC0 | c >> 6);
        *d++ = (unsigned char)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        *d++ = (unsigned char)(0xE0 | c >> 12);
        *d++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *d++ = (unsigned char)(0x80 | (c & 63));
    } else {
        *d++ = (unsigned char)(0xF0 | c >> 18);
        *d++ = (unsigned char)(0x80 | (c >> 12 & 63));
        *d++ = (unsigned char)(0x80 | (c >> 6 & 63));
        *d++ = (unsigned char)(0x80 | (c & 63));
    }
    return d;
}

ptrdiff_t jsonscan_escape_one(const unsigned char *p, const unsigned char *end, unsigned char **dst,
                              enum json_surrogates policy, ptrdiff_t *replaced)
{
    static const unsigned char plain[256] = {
        ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
        ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'
    };

    if (p[1] != 'u') {
        *(*dst)++ = plain[p[1]];
        return 2;
    }
    unsigned c = hex4(p + 2);
    ptrdiff_t used = 6;
    if ((c & 0xF800) == 0xD800) {
        unsigned low = c < 0xDC00 && end - p >= 12 && p[6] == '\\' && p[7] == 'u' ? hex4(p + 8) : 0;
        if ((low & 0xFC00) == 0xDC00) {
            c = 0x10000 + ((c & 0x3FF) << 10) + (low & 0x3FF);
            used = 12;
        } else if (policy == JSON_SURROGATE_FAIL) {
            return 0;
        } else {
            c = 0xFFFD;
            if (replaced)
                ++*replaced;
        }
    }
    *dst = put_utf8(*dst, c);
    return used;
}

ptrdiff_t jsonscan_unescape_scalar(slice raw, char *dst, enum json_surrogates policy,
                                   ptrdiff_t *replaced, struct json_fault *fault)
{
    const unsigned char *p = (const unsigned char *)raw.ptr, *end = p + raw.len;
    unsigned char *d = (unsigned char *)dst;

    while (p < end) {
        while (end - p >= 8) {
            uint64_t v = load_u64(p), back = zero_bytes(v ^ ONES * '\\');
            memcpy(d, &v, 8);
            if (back) {
                ptrdiff_t n = __builtin_ctzll(back) >> 3;
                p += n;
                d += n;
                goto escape;
            }
            p += 8;
            d += 8;
        }
        if (p == end)
            break;
        if (*p != '\\') {
            *d++ = *p++;
            continue;
        }
    escape:;
        ptrdiff_t n = jsonscan_escape_one(p, end, &d, policy, replaced);
        if (UNLIKELY(n == 0))
            return lone_surrogate(raw, p, fault);
        p += n;
    }
    return d - (unsigned char *)dst;
}

bool jsonscan_key_equal(slice raw, slice key)
{
    const unsigned char *p = (const unsigned char *)raw.ptr, *end = p + raw.len;
    const unsigned char *k = (const unsigned char *)key.ptr, *k_end = k + key.len;

    while (p < end) {
        unsigned char one[4], *d = one;
        ptrdiff_t n = 1;
        if (*p == '\\') {
            n = jsonscan_escape_one(p, end, &d, JSON_SURROGATE_FAIL, NULL);
            if (n == 0)
                return false;
        } else {
            *d++ = *p;
        }
        if (d - one > k_end - k || memcmp(one, k, (size_t)(d - one)) != 0)
            return false;
        p += n;
        k += d - one;
    }
    return k == k_end;
}

/* ---- quoting ---- */

/* What follows the backslash of a control character, 'u' for \u00XX. */
static const char control_escape[32] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";

char *jsonscan_quote_one(char *dst, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";

    *dst++ = '\\';
    if (c >= 0x20) {
        *dst++ = (char)c;
        return dst;
    }
    *dst++ = control_escape[c];
    if (control_escape[c] == 'u') {
        memcpy(dst, "00", 2);
        dst[2] = hex[c >> 4];
        dst[3] = hex[c & 15];
        dst += 4;
    }
    return dst;
}

ptrdiff_t jsonscan_quote_one_len(unsigned char c)
{
    return c < 0x20 && control_escape[c] == 'u' ? 6 : 2;
}

char *jsonscan_escape_scalar(char *dst, slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;

    while (p < end) {
        if (end - p >= 8) {
            uint64_t v = load_u64(p), stop = stop_bytes(v);
            memcpy(dst, &v, 8);
            ptrdiff_t n = stop ? __builtin_ctzll(stop) >> 3 : 8;
            p += n;
            dst += n;
            if (!stop)
                continue;
        }
        if (*p == '"' || *p == '\\' || *p < 0x20)
            dst = jsonscan_quote_one(dst, *p++);
        else
            *dst++ = (char)*p++;
    }
    return dst;
}

ptrdiff_t jsonscan_escaped_len_scalar(slice text)
{
    const unsigned char *p = (const unsigned char *)text.ptr, *end = p + text.len;
    ptrdiff_t len = text.len;

    while (p < end) {
        if (end - p >= 8 && !stop_bytes(load_u64(p))) {
            p += 8;
            continue;
        }
        if (*p == '"' || *p == '\\' || *p < 0x20)
            len += jsonscan_quote_one_len(*p) - 1;
        p++;
    }
    return len;
}

const struct jsonscan_row jsonscan_row_scalar = {
    .isa = ISA_SCALAR,
    .features = 0,
    .name = "scalar",
    .scan = scan_run,
    .utf8_prefix = jsonscan_utf8_prefix_scalar,
    .unescape = jsonscan_unescape_scalar,
    .escape = jsonscan_escape_scalar,
    .escaped_len = jsonscan_escaped_len_scalar,
};
