#include "http.h"

#include "../buf.h"
#include "../codec.h"
#include "brotli.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static slice trim(slice s)
{
    while (s.len && is_blank(*s.ptr))
        s = slice_from(s, 1);
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static bool starts_lower(slice s, const char *name)
{
    ptrdiff_t n = (ptrdiff_t)strlen(name);
    if (s.len < n)
        return false;
    for (ptrdiff_t i = 0; i < n; i++)
        if (lower(s.ptr[i]) != name[i])
            return false;
    return true;
}

slice http_field(slice fields, const char *name)
{
    ptrdiff_t n = (ptrdiff_t)strlen(name);
    while (fields.len) {
        ptrdiff_t end = slice_find(fields, '\n');
        slice line = slice_make(fields.ptr, end < 0 ? fields.len : end);
        fields = slice_from(fields, end < 0 ? fields.len : end + 1);
        if (starts_lower(line, name) && line.len > n && line.ptr[n] == ':')
            return trim(slice_from(line, n + 1));
    }
    return SLICE("");
}

bool http_parse(slice message, struct http_message *m)
{
    slice rest = message;
    *m = (struct http_message){ 0 };
    for (;;) {
        ptrdiff_t end = slice_find(rest, '\n');
        if (end < 0)
            return false;
        slice line = trim(slice_make(rest.ptr, end));
        if (rest.ptr == message.ptr) {
            slice code = slice_find(line, ' ') >= 0 ? trim(slice_from(line, slice_find(line, ' ')))
                                                    : SLICE("");
            bool digits = code.len >= 3;
            for (int i = 0; digits && i < 3; i++) {
                digits = code.ptr[i] >= '0' && code.ptr[i] <= '9';
                m->status = m->status * 10 + (code.ptr[i] - '0');
            }
            if (!starts_lower(line, "http") || !digits)
                m->status = 0;
            m->fields = slice_make(rest.ptr + end + 1, 0);
        }
        rest = slice_from(rest, end + 1);
        if (line.len == 0)
            break;
        m->fields.len = rest.ptr - m->fields.ptr;
    }
    m->body = rest;
    return true;
}

void http_media(slice value, struct arena *arena, slice *media, slice *charset)
{
    ptrdiff_t semi = slice_find(value, ';');
    slice type = trim(slice_make(value.ptr, semi < 0 ? value.len : semi));
    char *p = arena_alloc_raw(arena, type.len + 1, 1);
    for (ptrdiff_t i = 0; i < type.len; i++)
        p[i] = lower(type.ptr[i]);
    *media = slice_make(p, type.len);
    *charset = SLICE("");
    while (semi >= 0) {
        value = trim(slice_from(value, semi + 1));
        semi = slice_find(value, ';');
        if (!starts_lower(value, "charset="))
            continue;
        slice name = trim(slice_make(value.ptr + 8, (semi < 0 ? value.len : semi) - 8));
        if (name.len >= 2 && (*name.ptr == '"' || *name.ptr == '\'') &&
            name.ptr[name.len - 1] == *name.ptr)
            name = slice_make(name.ptr + 1, name.len - 2);
        *charset = name;
        return;
    }
}

/* ---- codings ---- */

/* The length at the front of a chunk: digits, then perhaps an extension, then the end of the line.
 * The bytes it takes, or 0. */
static ptrdiff_t chunk_head(slice s, int64_t *len)
{
    ptrdiff_t i = 0;
    *len = 0;
    for (; i < s.len && i < 15; i++) {
        char c = lower(s.ptr[i]);
        int d = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (d < 0)
            break;
        *len = *len * 16 + d;
    }
    ptrdiff_t end = slice_find(slice_make(s.ptr, MIN(s.len, (ptrdiff_t)256)), '\n');
    if (i == 0 || end < i || (s.ptr[i] != ';' && !is_blank(s.ptr[i])))
        return 0;
    return end + 1;
}

static const char *undo_chunks(struct http_message *m, struct arena *arena)
{
    slice s = m->body;
    int64_t len;
    ptrdiff_t head = chunk_head(s, &len), n = 0;
    if (head == 0) /* stored without its chunks */
        return NULL;
    char *p = arena_alloc_raw(arena, s.len + RECORD_PADDING, 1);
    while (head > 0 && len > 0) {
        s = slice_from(s, head);
        if (len > s.len)
            return "a chunked body that ends inside a chunk";
        memcpy(p + n, s.ptr, (size_t)len);
        n += len;
        s = slice_from(s, (ptrdiff_t)len);
        if (s.len && *s.ptr == '\r')
            s = slice_from(s, 1);
        if (s.len && *s.ptr == '\n')
            s = slice_from(s, 1);
        head = chunk_head(s, &len);
        if (head == 0 && s.len)
            return "a chunked body with a broken chunk";
    }
    memset(p + n, 0, RECORD_PADDING);
    m->body = slice_make(p, n);
    return NULL;
}

static bool begins_gzip(slice s)
{
    return slice_starts(s, SLICE("\x1f\x8b"));
}

/* RFC 1950: method 8, window at most 32 KiB, a check of the two bytes. */
static bool begins_zlib(slice s)
{
    if (s.len < 2)
        return false;
    unsigned a = (unsigned char)s.ptr[0], b = (unsigned char)s.ptr[1];
    return (a & 0x8f) == 8 && (a * 256 + b) % 31 == 0;
}

static const char *undo_coding(struct http_message *m, slice coding, int64_t max_bytes,
                               struct arena *arena)
{
    struct buf out = BUF_INIT((ptrdiff_t)max_bytes + 1);
    const char *why = NULL;
    bool ok = true;
    if (starts_lower(coding, "gzip") || starts_lower(coding, "x-gzip")) {
        if (!begins_gzip(m->body))
            return NULL;
        ok = codec_inflate(m->body, CODEC_GZIP, &out, &why);
    } else if (starts_lower(coding, "deflate")) {
        bool zlib = begins_zlib(m->body);
        ok = codec_inflate(m->body, zlib ? CODEC_ZLIB : CODEC_RAW_DEFLATE, &out, &why);
        if (!ok && !zlib && !out.overflow) { /* not deflate at all: stored decoded */
            buf_release(&out);
            return NULL;
        }
    } else if (starts_lower(coding, "br")) {
        if (!brotli_available)
            return "a body in brotli, which this build cannot read";
        ok = brotli_decode(m->body, &out);
        why = "a brotli body that cannot be decoded";
    } else {
        return starts_lower(coding, "identity") || starts_lower(coding, "none") || coding.len == 0
                   ? NULL
                   : "a body in a coding that is not known";
    }
    if (out.overflow || out.len > max_bytes) {
        ok = false;
        why = "a body that decodes to more than --max-record";
    }
    if (ok) {
        char *p = arena_alloc_raw(arena, out.len + RECORD_PADDING, 1);
        if (out.len)
            memcpy(p, out.ptr, (size_t)out.len);
        memset(p + out.len, 0, RECORD_PADDING);
        m->body = slice_make(p, out.len);
    }
    buf_release(&out);
    return ok ? NULL : why;
}

const char *http_decode(struct http_message *m, int64_t max_bytes, struct arena *arena)
{
    const char *why = NULL;
    if (starts_lower(http_field(m->fields, "transfer-encoding"), "chunked"))
        why = undo_chunks(m, arena);
    slice list = http_field(m->fields, "content-encoding");
    for (int i = 0; !why && list.len && i < 8; i++) { /* the last one was applied last */
        ptrdiff_t comma = list.len;
        while (comma > 0 && list.ptr[comma - 1] != ',')
            comma--;
        why = undo_coding(m, trim(slice_from(list, comma)), max_bytes, arena);
        list = trim(slice_make(list.ptr, MAX(0, comma - 1)));
    }
    return why;
}
