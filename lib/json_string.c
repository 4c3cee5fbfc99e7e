#include "json.h"

bool json_string(slice record, struct json_span span, enum json_surrogates policy,
                 struct arena *arena, slice *text, ptrdiff_t *replaced, struct json_fault *fault)
{
    ASSERT(span.type == JSON_STRING);
    slice raw = { record.ptr + span.start + 1, span.len - 2 };

    if (!span.escaped) {
        *text = raw;
        return true;
    }
    char *dst = arena_alloc_raw(arena, raw.len + RECORD_PADDING, 1);
    ptrdiff_t len = json_unescape(raw, dst, policy, replaced, fault);
    if (len < 0) {
        arena_trim(arena, dst);
        if (fault)
            fault->at += span.start + 1;
        return false;
    }
    arena_trim(arena, dst + len + RECORD_PADDING);
    *text = (slice){ dst, len };
    return true;
}

ptrdiff_t json_unescape(slice raw, char *dst, enum json_surrogates policy, ptrdiff_t *replaced,
                        struct json_fault *fault)
{
    return jsonscan_kernel()->unescape(raw, dst, policy, replaced, fault);
}

char *json_write_string(char *dst, slice text)
{
    *dst++ = '"';
    dst = jsonscan_kernel()->escape(dst, text);
    *dst++ = '"';
    return dst;
}

void json_append_string(struct buf *b, slice text)
{
    ptrdiff_t len = jsonscan_kernel()->escaped_len(text) + 2;
    char *dst = buf_reserve(b, len);

    if (dst) {
        json_write_string(dst, text);
        b->len += len;
    }
}

bool json_append_bytes(struct buf *b, slice bytes)
{
    const struct jsonscan_row *k = jsonscan_kernel();
    slice rest = bytes;
    ptrdiff_t len = 2, bad = 0;

    if (k->utf8_prefix(bytes) == bytes.len) {
        json_append_string(b, bytes);
        return true;
    }
    while (rest.len) {
        ptrdiff_t good = k->utf8_prefix(rest);
        len += k->escaped_len((slice){ rest.ptr, good });
        if (good == rest.len)
            break;
        bad++;
        rest = slice_from(rest, good + 1);
    }
    len += bad * 3;
    char *dst = buf_reserve(b, len), *p = dst;
    if (!dst)
        return false;
    *p++ = '"';
    for (rest = bytes; rest.len;) {
        ptrdiff_t good = k->utf8_prefix(rest);
        p = k->escape(p, (slice){ rest.ptr, good });
        if (good == rest.len)
            break;
        memcpy(p, "\xEF\xBF\xBD", 3);
        p += 3;
        rest = slice_from(rest, good + 1);
    }
    *p++ = '"';
    ASSERT(p - dst == len);
    b->len += len;
    return false;
}

bool json_utf8_valid(slice s)
{
    return s.len == 0 || jsonscan_kernel()->utf8_prefix(s) == s.len;
}

ptrdiff_t json_utf8_prefix(slice s)
{
    return s.len == 0 ? 0 : jsonscan_kernel()->utf8_prefix(s);
}
