#include "mds.h"

#include "tokens.h"

#include <inttypes.h>
#include <stdlib.h>

static const char *const encodings[] = {
    "str",           "int",          "bytes", "json", "ndarray", "ndarray:uint16", "ndarray:uint32",
    "ndarray:int32", "ndarray:int64"
};

#define DTYPE_INT32 0x21 /* streaming's number of a dtype that stands in the sample */

/* ---- columns ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct mds_column *)a)->name, ((const struct mds_column *)b)->name);
}

static bool is_plain(slice s)
{
    for (ptrdiff_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] == ',')
            return false;
    return s.len > 0;
}

static bool parse_column(slice item, struct mds_column *c, struct arena *arena)
{
    ptrdiff_t colon = slice_find(item, ':');
    if (colon < 0)
        return false;
    slice name = slice_make(item.ptr, colon), type = slice_from(item, colon + 1);
    ptrdiff_t equals = slice_find(name, '=');
    slice path = equals < 0 ? name : slice_from(name, equals + 1);
    name.len = equals < 0 ? name.len : equals;
    if (!is_plain(name) || !is_plain(path))
        return false;
    c->name = arena_cstr_dup(arena, name);
    c->path = arena_cstr_dup(arena, path);
    for (int i = 0; i < countof(encodings); i++)
        if (slice_eq(type, slice_of(encodings[i]))) {
            c->type = (enum mds_type)i;
            return true;
        }
    return false;
}

bool mds_columns_parse(slice text, struct mds_columns *c, struct arena *arena, struct err *err)
{
    *c = (struct mds_columns){ 0 };
    for (bool more = true; more;) {
        ptrdiff_t comma = slice_find(text, ',');
        slice item = slice_make(text.ptr, comma < 0 ? text.len : comma);
        more = comma >= 0;
        text = slice_from(text, more ? comma + 1 : text.len);
        if (c->count == MDS_COLUMNS_MAX)
            return err_set(err, ERR_USAGE, "more than %d columns", MDS_COLUMNS_MAX);
        if (!parse_column(item, &c->columns[c->count++], arena))
            return err_set(err, ERR_USAGE,
                           "%s is not NAME:TYPE with a type out of str, int, bytes, json, ndarray, "
                           "ndarray:uint16, ndarray:uint32, ndarray:int32, ndarray:int64",
                           ERR_QUOTE(item));
    }
    qsort(c->columns, (size_t)c->count, sizeof c->columns[0], by_name);
    for (int i = 1; i < c->count; i++)
        if (strcmp(c->columns[i - 1].name, c->columns[i].name) == 0)
            return err_set(err, ERR_USAGE, "column %s twice", c->columns[i].name);
    return true;
}

void mds_columns_text(const struct mds_columns *c, struct buf *out)
{
    for (int i = 0; i < c->count; i++) {
        const struct mds_column *k = &c->columns[i];
        buf_printf(out, "%s%s", i ? "," : "", k->name);
        if (strcmp(k->name, k->path) != 0)
            buf_printf(out, "=%s", k->path);
        buf_printf(out, ":%s", encodings[k->type]);
    }
}

/* ---- heads ---- */

static void append_schema(const struct mds_columns *c, int64_t level, struct buf *out)
{
    buf_append(out, SLICE("\"column_encodings\": ["));
    for (int i = 0; i < c->count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "", encodings[c->columns[i].type]);
    buf_append(out, SLICE("], \"column_names\": ["));
    for (int i = 0; i < c->count; i++)
        buf_printf(out, "%s\"%s\"", i ? ", " : "", c->columns[i].name);
    buf_append(out, SLICE("], \"column_sizes\": ["));
    for (int i = 0; i < c->count; i++)
        buf_printf(out, "%s%s", i ? ", " : "", c->columns[i].type == MDS_INT ? "8" : "null");
    buf_append(out, SLICE("], \"compression\": "));
    if (level)
        buf_printf(out, "\"zstd:%" PRId64 "\"", level);
    else
        buf_append(out, SLICE("null"));
    buf_append(out, SLICE(", \"format\": \"mds\", \"hashes\": []"));
}

void mds_config(const struct mds_columns *c, int64_t size_limit, int64_t level, struct buf *out)
{
    buf_append_byte(out, '{');
    append_schema(c, level, out);
    buf_printf(out, ", \"size_limit\": %" PRId64 ", \"version\": 2}", size_limit);
}

void mds_index_entry(const struct mds_columns *c, int64_t size_limit, int64_t level,
                     const char *basename, int64_t samples, int64_t raw_bytes, int64_t zip_bytes,
                     struct buf *out)
{
    /* basename is the file that lies there; the raw one has no suffix of compression. */
    slice raw = slice_of(basename);
    if (zip_bytes >= 0)
        raw.len -= 5;
    buf_append_byte(out, '{');
    append_schema(c, level, out);
    buf_printf(out,
               ", \"raw_data\": {\"basename\": \"%.*s\", \"bytes\": %" PRId64
               ", \"hashes\": {}}, \"samples\": %" PRId64 ", \"size_limit\": %" PRId64
               ", \"version\": 2, \"zip_data\": ",
               SLICE_ARG(raw), raw_bytes, samples, size_limit);
    if (zip_bytes >= 0)
        buf_printf(out, "{\"basename\": \"%s\", \"bytes\": %" PRId64 ", \"hashes\": {}}}", basename,
                   zip_bytes);
    else
        buf_append(out, SLICE("null}"));
}

/* ---- samples ---- */

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool put_base64(slice s, struct buf *out)
{
    uint32_t bits = 0;
    ptrdiff_t end = s.len;
    if (s.len % 4)
        return false;
    while (end > s.len - 2 && end > 0 && s.ptr[end - 1] == '=')
        end--;
    for (ptrdiff_t i = 0; i < end; i++) {
        int d = base64_digit(s.ptr[i]);
        if (d < 0)
            return false;
        bits = bits << 6 | (uint32_t)d;
        if (i % 4)
            buf_append_byte(out, (char)(bits >> (6 - 2 * (i % 4))));
    }
    return true;
}

static void append_base64(slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)s.ptr;
    for (ptrdiff_t i = 0; i < s.len; i += 3) {
        ptrdiff_t n = MIN(3, s.len - i);
        uint32_t v =
            (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
        for (int k = 0; k < 4; k++)
            buf_append_byte(out, k <= n ? digits[v >> (18 - 6 * k) & 63] : '=');
    }
}

static bool put_int(slice number, struct buf *out)
{
    char text[24], *end;
    if (number.len >= (ptrdiff_t)sizeof text)
        return false;
    memcpy(text, number.ptr, (size_t)number.len);
    text[number.len] = 0;
    long long v = strtoll(text, &end, 10);
    int64_t v64 = v;
    if (*end || (v == INT64_MAX && strcmp(text, "9223372036854775807") != 0) ||
        (v == INT64_MIN && strcmp(text, "-9223372036854775808") != 0))
        return false;
    buf_append(out, slice_make((const char *)&v64, 8));
    return true;
}

static int element_bytes(enum mds_type t)
{
    return t == MDS_U16 ? 2 : t == MDS_I64 ? 8 : 4;
}

/* dtype when it is not fixed, then dimensions (one, its size in as few bytes as hold it), numbers. */
static const char *put_array(enum mds_type type, slice array, struct arena *arena, struct buf *out)
{
    struct tokens t;
    ptrdiff_t at = 0;
    const char *wrong = tokens_parse(array, 0, arena, &t, &at);
    if (wrong)
        return wrong;
    if (type == MDS_U16 && t.max > UINT16_MAX)
        return arena_printf(arena, "%u does not fit ndarray:uint16", t.max).ptr;
    if (type == MDS_NDARRAY)
        buf_append_byte(out, DTYPE_INT32);
    int code = t.count > UINT16_MAX ? 2 : t.count > UINT8_MAX ? 1 : 0;
    uint32_t count = (uint32_t)t.count;
    buf_append_byte(out, (char)(1 << 2 | code));
    buf_append(out, slice_make((const char *)&count, 1 << code));
    for (ptrdiff_t i = 0; i < t.count; i++) {
        uint64_t v = t.ids[i];
        buf_append(out, slice_make((const char *)&v, element_bytes(type)));
    }
    return NULL;
}

static const char *put_column(const struct mds_column *c, slice raw, struct json_span span,
                              struct arena *arena, struct buf *out)
{
    slice value = slice_make(raw.ptr + span.start, span.len), text;
    struct json_fault fault;
    bool is_string = span.type == JSON_STRING;
    switch (c->type) {
    case MDS_STR:
    case MDS_BYTES:
        if (!is_string)
            return "not a string";
        if (!json_string(raw, span, JSON_SURROGATE_FAIL, arena, &text, NULL, &fault))
            return fault.what;
        if (c->type == MDS_BYTES)
            return put_base64(text, out) ? NULL : "not base64";
        buf_append(out, text);
        return NULL;
    case MDS_INT:
        return span.type == JSON_NUMBER && put_int(value, out) ? NULL
                                                               : "not a whole number of 64 bits";
    case MDS_JSON:
        buf_append(out, value);
        return NULL;
    case MDS_NDARRAY:
    case MDS_U16:
    case MDS_U32:
    case MDS_I32:
    case MDS_I64:
        break;
    }
    return span.type == JSON_ARRAY ? put_array(c->type, value, arena, out) : "not an array";
}

const char *mds_sample(const struct mds_columns *c, slice raw, const struct json_span *spans,
                       struct arena *arena, slice *sample)
{
    struct buf sizes = { 0 }, data = { 0 };
    const char *wrong = NULL;
    for (int i = 0; i < c->count && !wrong; i++) {
        ptrdiff_t before = data.len;
        wrong =
            spans[i].count ? put_column(&c->columns[i], raw, spans[i], arena, &data) : "missing";
        if (wrong)
            wrong = arena_printf(arena, "member '%s': %s", c->columns[i].path, wrong).ptr;
        uint32_t size = (uint32_t)(data.len - before);
        if (c->columns[i].type != MDS_INT)
            buf_append(&sizes, slice_make((const char *)&size, 4));
    }
    char *p = arena_alloc_raw(arena, sizes.len + data.len + 1, 8);
    if (sizes.len)
        memcpy(p, sizes.ptr, (size_t)sizes.len);
    if (data.len)
        memcpy(p + sizes.len, data.ptr, (size_t)data.len);
    *sample = slice_make(p, sizes.len + data.len);
    buf_release(&sizes);
    buf_release(&data);
    return wrong;
}

/* ---- back to JSON ---- */

static bool get_array(enum mds_type type, slice s, struct buf *out)
{
    if (type == MDS_NDARRAY) {
        if (s.len < 1 || s.ptr[0] != DTYPE_INT32)
            return false;
        s = slice_from(s, 1);
    }
    if (s.len < 1 || (s.ptr[0] & ~3) != 4 || (s.ptr[0] & 3) > 2)
        return false;
    ptrdiff_t width = 1 << (s.ptr[0] & 3), size = element_bytes(type);
    uint32_t count = 0;
    if (s.len < 1 + width)
        return false;
    memcpy(&count, s.ptr + 1, (size_t)width);
    s = slice_from(s, 1 + width);
    if (s.len / size != (ptrdiff_t)count || s.len % size)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t v = 0;
        memcpy(&v, s.ptr + i * size, (size_t)size);
        buf_append_byte(out, i ? ',' : '[');
        buf_append_u64(out, v);
    }
    buf_append(out, count ? SLICE("]") : SLICE("[]"));
    return true;
}

static bool get_column(enum mds_type type, slice s, struct buf *out)
{
    int64_t number;
    switch (type) {
    case MDS_STR:
        if (!json_utf8_valid(s))
            return false;
        json_append_string(out, s);
        return true;
    case MDS_BYTES:
        buf_append_byte(out, '"');
        append_base64(s, out);
        buf_append_byte(out, '"');
        return true;
    case MDS_INT:
        memcpy(&number, s.ptr, 8);
        buf_append_i64(out, number);
        return true;
    case MDS_JSON:
        buf_append(out, s);
        return slice_find(s, '\n') < 0;
    case MDS_NDARRAY:
    case MDS_U16:
    case MDS_U32:
    case MDS_I32:
    case MDS_I64:
        break;
    }
    return get_array(type, s, out);
}

bool mds_record(const struct mds_columns *c, slice sample, struct buf *out)
{
    int sized = 0, next = 0;
    for (int i = 0; i < c->count; i++)
        sized += c->columns[i].type != MDS_INT;
    if (sample.len < sized * 4)
        return false;
    slice rest = slice_from(sample, sized * 4);
    for (int i = 0; i < c->count; i++) {
        ptrdiff_t n = c->columns[i].type == MDS_INT ? 8 : load_u32(sample.ptr + 4 * next++);
        if (n > rest.len)
            return false;
        buf_printf(out, "%s\"%s\":", i ? "," : "{", c->columns[i].name);
        if (!get_column(c->columns[i].type, slice_make(rest.ptr, n), out))
            return false;
        rest = slice_from(rest, n);
    }
    buf_append(out, SLICE("}\n"));
    return rest.len == 0;
}
