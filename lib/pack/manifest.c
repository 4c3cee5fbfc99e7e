#include "manifest.h"

#include "../json.h"
#include "mds.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const format_names[] = { "jsonl.zst", "megatron",    "datatrove", "llmc",
                                            "npy",       "safetensors", "mds",       "webdataset" };
static const char *const dtype_names[] = { "auto", "u16", "i32", "u32" };

const char *const pack_suffixes[] = {
    ".jsonl.zst",   ".bin", ".idx",      ".ds",  ".ds.index", ".ds.metadata", ".docs.npy", ".npy",
    ".safetensors", ".mds", ".mds.zstd", ".tar", NULL
};

const char *pack_format_name(enum pack_format f)
{
    return format_names[f];
}

const char *pack_dtype_name(enum pack_dtype t)
{
    return dtype_names[t];
}

bool pack_is_tokens(enum pack_format f)
{
    return f >= PACK_MEGATRON && f <= PACK_SAFETENSORS;
}

enum pack_dtype pack_wide_dtype(enum pack_format f)
{
    return f == PACK_MEGATRON ? PACK_I32 : PACK_U32;
}

static const char *const file_suffixes[][PACK_FILES_MAX] = {
    [PACK_JSONL_ZST] = { "jsonl.zst" },
    [PACK_MEGATRON] = { "bin", "idx" },
    [PACK_DATATROVE] = { "ds", "ds.index", "ds.metadata" },
    [PACK_LLMC] = { "bin", "docs.npy" },
    [PACK_NPY] = { "npy", "docs.npy" },
    [PACK_SAFETENSORS] = { "safetensors" },
    [PACK_MDS] = { "mds" },
    [PACK_WEBDATASET] = { "tar" },
};

void pack_file_name(const struct pack_options *o, int64_t number, int which, char dst[40])
{
    bool zstd = o->format == PACK_MDS && o->level;
    snprintf(dst, 40, "shard-%06" PRId64 ".%s%s", number, file_suffixes[o->format][which],
             zstd ? ".zstd" : "");
}

int pack_file_count(enum pack_format f)
{
    int n = 0;
    while (n < PACK_FILES_MAX && file_suffixes[f][n])
        n++;
    return n;
}

/* ---- writing ---- */

void manifest_options_text(const struct pack_options *o, struct buf *out)
{
    buf_printf(out, "{\"format\":\"%s\",\"size\":%" PRId64 ",\"records\":%" PRId64,
               format_names[o->format], o->size, o->records);
    if (o->format == PACK_JSONL_ZST)
        buf_printf(out, ",\"frame\":%" PRId64, o->frame);
    if (o->format == PACK_JSONL_ZST || o->format == PACK_MDS)
        buf_printf(out, ",\"level\":%" PRId64, o->level);
    if (o->format == PACK_MDS) {
        buf_append(out, SLICE(",\"columns\":"));
        json_append_string(out, slice_of(o->columns));
    }
    if (pack_is_tokens(o->format))
        buf_printf(out,
                   ",\"dtype\":\"%s\",\"eos\":%" PRId64 ",\"bos\":%" PRId64
                   ",\"vocab_size\":%" PRId64 ",\"tokenizer\":\"%s\"",
                   dtype_names[o->dtype], o->eos, o->bos, o->vocab, o->tokenizer);
    if (*o->split) {
        buf_append(out, SLICE(",\"split\":"));
        json_append_string(out, slice_of(o->split));
    }
    buf_append_byte(out, '}');
}

bool pack_options_equal(const struct pack_options *a, const struct pack_options *b)
{
    struct buf x = { 0 }, y = { 0 };
    manifest_options_text(a, &x);
    manifest_options_text(b, &y);
    bool same = slice_eq(buf_slice(&x), buf_slice(&y));
    buf_release(&x);
    buf_release(&y);
    return same;
}

static void append_hash(struct buf *out, struct hash128 h)
{
    char hex[33];
    hash128_hex(h, hex);
    buf_printf(out, "\"%s\"", hex);
}

/* The head without its closing brace: the rest of a manifest follows it. */
static void append_head(const struct pack_options *o, struct buf *out)
{
    struct buf options = { 0 };
    manifest_options_text(o, &options);
    buf_printf(out,
               "{\"schema\":%d,\"tool\":\"shard\",\"version\":\"%s\",\"options\":", MANIFEST_SCHEMA,
               MILLRACE_VERSION);
    buf_append(out, buf_slice(&options));
    buf_append(out, SLICE(",\"fingerprint\":"));
    append_hash(out, hash128_of(buf_slice(&options)));
    buf_release(&options);
}

static void append_shard(const struct pack_options *o, int64_t number, const struct pack_shard *s,
                         struct buf *out)
{
    buf_printf(out, "{\"name\":\"shard-%06" PRId64 "\",\"records\":%" PRId64, number, s->records);
    if (pack_is_tokens(o->format))
        buf_printf(out, ",\"tokens\":%" PRId64 ",\"dtype\":\"%s\"", s->tokens,
                   dtype_names[s->dtype]);
    buf_printf(out, ",\"content_bytes\":%" PRId64 ",\"content_xxh3_128\":", s->content_bytes);
    append_hash(out, s->content);
    buf_append(out, SLICE(",\"files\":["));
    for (int i = 0; i < s->file_count; i++) {
        buf_printf(out, "%s{\"name\":\"%s\",\"bytes\":%" PRId64 ",\"xxh3_128\":", i ? "," : "",
                   s->files[i].name, s->files[i].bytes);
        append_hash(out, s->files[i].hash);
        buf_printf(out, ",\"sha256\":\"%s\"}", s->files[i].sha256);
    }
    buf_append(out, SLICE("]}"));
}

void manifest_add(struct manifest *m, const struct pack_shard *s, struct arena *arena)
{
    if (m->count == m->cap) {
        ptrdiff_t cap = MAX(16, m->cap * 2), size = (ptrdiff_t)sizeof *s;
        m->shards = arena_grow(arena, m->shards, m->cap * size, cap * size,
                               (ptrdiff_t) _Alignof(struct pack_shard));
        m->cap = cap;
    }
    m->shards[m->count++] = *s;
}

void manifest_write(const struct manifest *m, struct buf *out)
{
    int64_t records = 0, tokens = 0, bytes = 0;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        records += m->shards[i].records;
        tokens += m->shards[i].tokens;
        bytes += m->shards[i].content_bytes;
    }
    append_head(&m->options, out);
    buf_printf(out, ",\"records\":%" PRId64, records);
    if (pack_is_tokens(m->options.format))
        buf_printf(out, ",\"tokens\":%" PRId64, tokens);
    buf_printf(out, ",\"content_bytes\":%" PRId64 ",\"shards\":[", bytes);
    for (ptrdiff_t i = 0; i < m->count; i++) {
        buf_append(out, i ? SLICE(",\n") : SLICE("\n"));
        append_shard(&m->options, i, &m->shards[i], out);
    }
    buf_append(out, SLICE("]}\n"));
}

void journal_head(const struct pack_options *o, struct buf *out)
{
    append_head(o, out);
    buf_append(out, SLICE("}\n"));
}

void journal_row(const struct pack_options *o, int64_t number, const struct pack_shard *s,
                 struct buf *out)
{
    append_shard(o, number, s, out);
    buf_append_byte(out, '\n');
}

/* ---- reading ---- */

static int choice(const struct json_node *n, const char *key, const char *const *names, int count)
{
    slice s = json_get_string(n, key, SLICE(""));
    for (int i = 0; i < count; i++)
        if (slice_eq(s, slice_of(names[i])))
            return i;
    return -1;
}

/* A number that has to be there and not negative. */
static bool get_count(const struct json_node *n, const char *key, int64_t *out, struct err *err)
{
    if (json_int(json_get(n, key), out) && *out >= 0)
        return true;
    return err_set(err, ERR_CONFIG, "'%s' is missing or not a count", key);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool get_hash(const struct json_node *n, const char *key, struct hash128 *out,
                     struct err *err)
{
    slice s = json_get_string(n, key, SLICE(""));
    uint64_t half[2] = { 0, 0 };
    bool ok = s.len == 32;
    for (ptrdiff_t i = 0; ok && i < 32; i++) {
        int d = hex_digit(s.ptr[i]);
        ok = d >= 0;
        half[i / 16] = half[i / 16] << 4 | (uint64_t)d;
    }
    *out = (struct hash128){ .high = half[0], .low = half[1] };
    return ok || err_set(err, ERR_CONFIG, "'%s' is missing or not 32 hexadecimal digits", key);
}

static bool is_hex(slice s, ptrdiff_t len)
{
    for (ptrdiff_t i = 0; i < s.len; i++)
        if (hex_digit(s.ptr[i]) < 0)
            return false;
    return s.len == len;
}

static bool read_token_options(const struct json_node *n, struct pack_options *o,
                               struct arena *arena, struct err *err)
{
    slice tokenizer = json_get_string(n, "tokenizer", SLICE("?"));
    int dtype = choice(n, "dtype", dtype_names, countof(dtype_names));
    if (dtype < 0)
        return err_set(err, ERR_CONFIG, "unknown or missing dtype");
    o->dtype = (enum pack_dtype)dtype;
    if (tokenizer.len && !is_hex(tokenizer, 32))
        return err_set(err, ERR_CONFIG, "'tokenizer' is missing or not 32 hexadecimal digits");
    o->tokenizer = arena_cstr_dup(arena, tokenizer);
    return get_count(n, "vocab_size", &o->vocab, err) &&
           ((json_int(json_get(n, "eos"), &o->eos) && json_int(json_get(n, "bos"), &o->bos)) ||
            err_set(err, ERR_CONFIG, "'eos' or 'bos' is missing"));
}

static bool read_options(const struct json_node *n, struct pack_options *o, struct arena *arena,
                         struct err *err)
{
    int format = choice(n, "format", format_names, countof(format_names));
    *o = (struct pack_options){ .eos = -1, .bos = -1, .tokenizer = "", .columns = "", .split = "" };
    o->split = arena_cstr_dup(arena, json_get_string(n, "split", SLICE("")));
    if (format < 0)
        return err_set(err, ERR_CONFIG, "unknown or missing format");
    o->format = (enum pack_format)format;
    if (!get_count(n, "size", &o->size, err) || !get_count(n, "records", &o->records, err))
        return false;
    if (o->format == PACK_JSONL_ZST && !get_count(n, "frame", &o->frame, err))
        return false;
    if (o->format == PACK_JSONL_ZST || o->format == PACK_MDS) {
        struct mds_columns columns;
        o->columns = arena_cstr_dup(arena, json_get_string(n, "columns", SLICE("")));
        if (o->format == PACK_MDS &&
            !mds_columns_parse(slice_of(o->columns), &columns, arena, err)) {
            err->class = ERR_CONFIG;
            return err_context(err, "'columns'");
        }
        return json_int(json_get(n, "level"), &o->level) ||
               err_set(err, ERR_CONFIG, "'level' is missing");
    }
    return !pack_is_tokens(o->format) || read_token_options(n, o, arena, err);
}

static bool read_head(const struct json_node *n, struct manifest *m, struct arena *arena,
                      struct err *err)
{
    int64_t schema = json_get_int(n, "schema", -1);
    if (!slice_eq(json_get_string(n, "tool", SLICE("")), SLICE("shard")))
        return err_set(err, ERR_CONFIG, "not the manifest of a folder of shards");
    if (schema != MANIFEST_SCHEMA)
        return err_set(err, ERR_CONFIG, "schema %" PRId64 ", where this version reads %d", schema,
                       MANIFEST_SCHEMA);
    struct hash128 told;
    if (!read_options(json_get(n, "options"), &m->options, arena, err) ||
        !get_hash(n, "fingerprint", &told, err))
        return false;
    struct buf text = { 0 };
    manifest_options_text(&m->options, &text);
    struct hash128 real = hash128_of(buf_slice(&text));
    buf_release(&text);
    return (real.low == told.low && real.high == told.high) ||
           err_set(err, ERR_CONFIG, "the fingerprint does not belong to the options");
}

static bool read_shard(const struct json_node *n, struct manifest *m, struct arena *arena,
                       struct err *err)
{
    enum pack_format f = m->options.format;
    struct pack_shard s = { .file_count = pack_file_count(f) };
    if (!get_count(n, "records", &s.records, err) ||
        !get_count(n, "content_bytes", &s.content_bytes, err) ||
        !get_hash(n, "content_xxh3_128", &s.content, err))
        return false;
    if (pack_is_tokens(f)) {
        int dtype = choice(n, "dtype", dtype_names, countof(dtype_names));
        if (dtype <= 0)
            return err_set(err, ERR_CONFIG, "unknown or missing dtype");
        s.dtype = (enum pack_dtype)dtype;
        if (!get_count(n, "tokens", &s.tokens, err))
            return false;
    }
    const struct json_node *files = json_get(n, "files");
    if (!files || files->type != JSON_ARRAY || files->count != s.file_count)
        return err_set(err, ERR_CONFIG, "'files' is missing or has another length");
    for (int i = 0; i < s.file_count; i++) {
        /* The name is known: whatever else stands there could lead out of the folder. */
        pack_file_name(&m->options, m->count, i, s.files[i].name);
        slice sha = json_get_string(files->items[i], "sha256", SLICE(""));
        if (!slice_eq(json_get_string(files->items[i], "name", SLICE("")),
                      slice_of(s.files[i].name)))
            return err_set(err, ERR_CONFIG, "file %d is not called %s", i + 1, s.files[i].name);
        if (!get_count(files->items[i], "bytes", &s.files[i].bytes, err) ||
            !get_hash(files->items[i], "xxh3_128", &s.files[i].hash, err))
            return false;
        if (!is_hex(sha, SHA256_HEX - 1))
            return err_set(err, ERR_CONFIG, "'sha256' is missing or not 64 hexadecimal digits");
        memcpy(s.files[i].sha256, sha.ptr, SHA256_HEX - 1);
    }
    manifest_add(m, &s, arena);
    return true;
}

static bool check_sums(const struct json_node *n, const struct manifest *m, struct err *err)
{
    int64_t records = 0, bytes = 0, told_records, told_bytes;
    for (ptrdiff_t i = 0; i < m->count; i++)
        if (__builtin_add_overflow(records, m->shards[i].records, &records) ||
            __builtin_add_overflow(bytes, m->shards[i].content_bytes, &bytes))
            return err_set(err, ERR_CONFIG, "counts that are too large");
    if (!get_count(n, "records", &told_records, err) ||
        !get_count(n, "content_bytes", &told_bytes, err))
        return false;
    return (records == told_records && bytes == told_bytes) ||
           err_set(err, ERR_CONFIG, "the totals are not the sums of the shards");
}

bool manifest_read(struct manifest *m, slice text, struct arena *arena, struct err *err)
{
    *m = (struct manifest){ .complete = true };
    const struct json_node *root = json_parse(text, arena, err);
    if (!root || !read_head(root, m, arena, err))
        return false;
    const struct json_node *shards = json_get(root, "shards");
    if (!shards || shards->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "'shards' is missing");
    for (const struct json_node *n = shards->child; n; n = n->next)
        if (!read_shard(n, m, arena, err))
            return err_context(err, "shard %td", m->count);
    return check_sums(root, m, err);
}

bool journal_read(struct manifest *m, slice text, struct arena *arena, struct err *err)
{
    slice rest = text;
    *m = (struct manifest){ 0 };
    for (ptrdiff_t line = 1, end; (end = slice_find(rest, '\n')) >= 0; line++) {
        slice row = slice_make(rest.ptr, end);
        char *padded = arena_alloc_raw(arena, row.len + RECORD_PADDING, 1);
        memcpy(padded, row.ptr, (size_t)row.len);
        memset(padded + row.len, 0, RECORD_PADDING);
        const struct json_node *n = json_parse(slice_make(padded, row.len), arena, err);
        bool ok = n && (line == 1 ? read_head(n, m, arena, err) : read_shard(n, m, arena, err));
        if (!ok)
            return err_context(err, "line %td", line);
        rest = slice_from(rest, end + 1);
    }
    m->journal_bytes = text.len - rest.len;
    return true;
}

/* ---- figures ---- */

struct sums {
    int64_t records, tokens, content, disk, smallest, largest;
};

static struct sums sum_up(const struct manifest *m)
{
    struct sums t = { .smallest = m->count ? INT64_MAX : 0 };
    for (ptrdiff_t i = 0; i < m->count; i++) {
        const struct pack_shard *s = &m->shards[i];
        t.records += s->records;
        t.tokens += s->tokens;
        t.content += s->content_bytes;
        t.smallest = MIN(t.smallest, s->records);
        t.largest = MAX(t.largest, s->records);
        for (int k = 0; k < s->file_count; k++)
            t.disk += s->files[k].bytes;
    }
    return t;
}

void manifest_stat_json(const struct manifest *m, struct buf *out)
{
    struct sums t = sum_up(m);
    buf_append(out, SLICE("{\"options\":"));
    manifest_options_text(&m->options, out);
    buf_printf(out, ",\"shards\":%td,\"records\":%" PRId64, m->count, t.records);
    if (pack_is_tokens(m->options.format))
        buf_printf(out, ",\"tokens\":%" PRId64, t.tokens);
    buf_printf(out,
               ",\"content_bytes\":%" PRId64 ",\"file_bytes\":%" PRId64
               ",\"records_per_shard\":{\"min\":%" PRId64 ",\"max\":%" PRId64 "}}\n",
               t.content, t.disk, t.smallest, t.largest);
}

void manifest_stat_table(const struct manifest *m, struct buf *out)
{
    struct sums t = sum_up(m);
    buf_printf(out, "format         %s\n", format_names[m->options.format]);
    buf_printf(out, "shards         %td\n", m->count);
    buf_printf(out, "records        %" PRId64 "  (%" PRId64 " to %" PRId64 " per shard)\n",
               t.records, t.smallest, t.largest);
    if (pack_is_tokens(m->options.format))
        buf_printf(out, "tokens         %" PRId64 "\n", t.tokens);
    buf_printf(out, "content bytes  %" PRId64 "\n", t.content);
    buf_printf(out, "file bytes     %" PRId64 "\n", t.disk);
}
