#include "key.h"

/* Lower case and single spaces. At most 3/2 as long: the longest growth is a two-byte capital with
 * a three-byte small letter. */
static slice fold(slice text, struct arena *arena)
{
    char *out = arena_alloc_raw(arena, text.len + text.len / 2 + 4 + RECORD_PADDING, 1), *p = out;
    bool space = false;

    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        int width = uni_decode(text.ptr + i, &cp);
        i += width;
        if (uni_is_space(cp)) {
            space = p > out;
            continue;
        }
        if (space)
            *p++ = ' ';
        space = false;
        cp = uni_lower(cp);
        if (cp < 0x80)
            *p++ = (char)cp;
        else
            p += uni_encode(p, cp);
    }
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

slice key_normalized(const struct uni_norm *nfc, slice text, struct arena *arena)
{
    text = fold(uni_normalize(nfc, text, arena), arena);
    return uni_normalize(nfc, text, arena);
}

static char *write_string(slice raw, char *out, struct arena *arena, struct json_fault *fault)
{
    if (slice_find(raw, '\\') < 0) {
        *out++ = '"';
        memcpy(out, raw.ptr, (size_t)raw.len);
        out[raw.len] = '"';
        return out + raw.len + 1;
    }
    char *text = arena_alloc_raw(arena, raw.len + RECORD_PADDING, 1);
    ptrdiff_t len = json_unescape(raw, text, JSON_SURROGATE_FAIL, NULL, fault);
    return len < 0 ? NULL : json_write_string(out, slice_make(text, len));
}

bool key_json(slice record, struct json_span span, struct arena *arena, slice *key,
              struct json_fault *fault)
{
    slice raw = slice_make(record.ptr + span.start, span.len);

    if (span.type <= JSON_NUMBER || (span.type == JSON_STRING && !span.escaped)) {
        *key = raw;
        return true;
    }
    /* The shortest escapes are never longer than what stands there. */
    char *out = arena_alloc_raw(arena, raw.len + RECORD_PADDING, 1), *p = out;
    for (ptrdiff_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r')
            continue;
        if (c != '"') {
            *p++ = c;
            continue;
        }
        ptrdiff_t end = i + 1;
        while (raw.ptr[end] != '"')
            end += raw.ptr[end] == '\\' ? 2 : 1;
        p = write_string(slice_make(raw.ptr + i + 1, end - i - 1), p, arena, fault);
        if (!p) {
            fault->at += span.start + i + 1;
            return false;
        }
        i = end;
    }
    *key = slice_make(out, p - out);
    return true;
}
