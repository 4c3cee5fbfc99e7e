#include "gguf.h"

#include <stdlib.h>

#define KEY_BYTES_MIN    14 /* length, one byte, type, one byte */
#define TENSOR_BYTES_MIN 33 /* length, one byte, dims, one ne, type, offset */

struct reader {
    slice head;
    int64_t at, file_size;
    bool is_short; /* the file has the bytes, head has not */
    struct err *err;
};

static bool bad(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_CONFIG, "byte %lld: %s", (long long)r->at, what);
}

/* Are `n` more bytes there? */
static bool need(struct reader *r, uint64_t n, const char *what)
{
    if (n > (uint64_t)(r->file_size - r->at))
        return err_set(r->err, ERR_CONFIG, "byte %lld: %s runs past the end of the file",
                       (long long)r->at, what);
    if (n > (uint64_t)(r->head.len - r->at)) {
        r->is_short = true;
        return false;
    }
    return true;
}

static bool read_u32(struct reader *r, uint32_t *v, const char *what)
{
    if (!need(r, 4, what))
        return false;
    *v = load_u32(r->head.ptr + r->at);
    r->at += 4;
    return true;
}

static bool read_u64(struct reader *r, uint64_t *v, const char *what)
{
    if (!need(r, 8, what))
        return false;
    *v = load_u64(r->head.ptr + r->at);
    r->at += 8;
    return true;
}

static bool read_string(struct reader *r, slice *s, const char *what)
{
    uint64_t n;

    if (!read_u64(r, &n, what) || !need(r, n, what))
        return false;
    *s = slice_make(r->head.ptr + r->at, (ptrdiff_t)n);
    r->at += (int64_t)n;
    return true;
}

static bool read_array(struct reader *r, struct model_value *v, struct arena *arena)
{
    uint32_t type;
    uint64_t count, bytes;

    if (!read_u32(r, &type, "array type") || !read_u64(r, &count, "array length"))
        return false;
    v->array_type = (int)MIN(type, 255u);
    if (type == MODEL_ARRAY)
        return bad(r, "an array of arrays");
    if (type != MODEL_STRING && model_value_size(v->array_type) == 0)
        return bad(r, "unknown array type");
    uint64_t size = type == MODEL_STRING ? 8 : (uint64_t)model_value_size(v->array_type);
    if (__builtin_mul_overflow(count, size, &bytes))
        return bad(r, "array length overflows");
    if (!need(r, bytes, "array"))
        return false;
    v->count = (int64_t)count;
    if (type != MODEL_STRING) {
        v->items = r->head.ptr + r->at;
        r->at += (int64_t)bytes;
        return true;
    }
    slice *strings = arena_new(arena, slice, (ptrdiff_t)count);
    for (uint64_t i = 0; i < count; i++)
        if (!read_string(r, &strings[i], "string in an array"))
            return false;
    v->strings = strings;
    return true;
}

static bool read_value(struct reader *r, struct model_value *v, struct arena *arena)
{
    uint32_t type;

    if (!read_u32(r, &type, "value type"))
        return false;
    if (type > MODEL_F64)
        return bad(r, "unknown value type");
    *v = (struct model_value){ .type = (int)type };
    if (type == MODEL_STRING)
        return read_string(r, &v->text, "string");
    if (type == MODEL_ARRAY)
        return read_array(r, v, arena);
    int size = model_value_size((int)type);
    if (!need(r, (uint64_t)size, "value"))
        return false;
    *v = model_value_load((int)type, r->head.ptr + r->at);
    r->at += size;
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return slice_cmp(**(slice *const *)a, **(slice *const *)b);
}

/* names: pointers, reordered. The first name that stands twice, or NULL. */
static const slice *find_duplicate(const slice **names, ptrdiff_t count)
{
    qsort(names, (size_t)count, sizeof *names, compare_names);
    for (ptrdiff_t i = 1; i < count; i++)
        if (slice_eq(*names[i - 1], *names[i]))
            return names[i];
    return NULL;
}

static bool read_keys(struct reader *r, struct gguf *g, uint64_t count, struct arena *arena)
{
    for (uint64_t i = 0; i < count; i++) {
        slice name;
        struct model_value v;
        if (!read_string(r, &name, "key"))
            return false;
        if (name.len == 0)
            return bad(r, "an empty key");
        if (!read_value(r, &v, arena)) {
            if (!r->is_short)
                err_context(r->err, "key %s", ERR_QUOTE(name));
            return false;
        }
        model_keys_add(&g->keys, name, v);
    }
    const slice **names = arena_new(arena, const slice *, g->keys.count);
    for (ptrdiff_t i = 0; i < g->keys.count; i++)
        names[i] = &g->keys.items[i].name;
    const slice *twice = find_duplicate(names, g->keys.count);
    if (twice)
        return err_set(r->err, ERR_CONFIG, "key %s stands twice", ERR_QUOTE(*twice));
    return true;
}

static bool read_alignment(struct reader *r, struct gguf *g)
{
    const struct model_value *v = model_keys_get(&g->keys, SLICE("general.alignment"));

    g->alignment = GGUF_ALIGNMENT;
    if (!v)
        return true;
    if (v->type != MODEL_U32 || v->u == 0 || (v->u & (v->u - 1)))
        return err_set(r->err, ERR_CONFIG,
                       "key 'general.alignment' must be a u32 and a power of two");
    g->alignment = (int64_t)v->u;
    return true;
}

static bool check_shape(struct reader *r, struct tensor *t, uint32_t type)
{
    const char *name = ERR_QUOTE(t->name);

    if (type >= TENSOR_SAFETENSORS || !tensor_layout((int)type))
        return err_set(r->err, ERR_CONFIG, "tensor %s: unknown type %lld", name,
                       (long long)(int32_t)type);
    t->type = (enum tensor_type)type;
    if (tensor_elements(t) < 0)
        return err_set(r->err, ERR_CONFIG, "tensor %s: shape is negative or overflows", name);
    if (tensor_row_bytes((int)type, t->ne[0]) < 0)
        return err_set(r->err, ERR_CONFIG,
                       "tensor %s: row of %lld is no multiple of the block of %s", name,
                       (long long)t->ne[0], tensor_type_name((int)type));
    t->bytes = tensor_size_bytes(t);
    if (t->bytes < 0)
        return err_set(r->err, ERR_CONFIG, "tensor %s: size overflows", name);
    return true;
}

static bool read_tensor(struct reader *r, struct tensor *t)
{
    uint32_t dims, type;
    uint64_t n;

    *t = (struct tensor){ .ne = { 1, 1, 1, 1 } };
    if (!read_string(r, &t->name, "tensor name"))
        return false;
    if (t->name.len == 0 || t->name.len > GGUF_NAME_MAX)
        return bad(r, t->name.len ? "a tensor name longer than 63 bytes" : "an empty tensor name");
    if (!read_u32(r, &dims, "tensor info"))
        return false;
    if (dims < 1 || dims > 4)
        return err_set(r->err, ERR_CONFIG, "tensor %s has %u dimensions, 1 to 4 are allowed",
                       ERR_QUOTE(t->name), dims);
    t->dims = (int)dims;
    for (uint32_t i = 0; i < dims; i++) {
        if (!read_u64(r, &n, "tensor info"))
            return false;
        t->ne[i] = (int64_t)n; /* >= 2^63 is negative: check_shape refuses it */
    }
    if (!read_u32(r, &type, "tensor info") || !read_u64(r, &n, "tensor info"))
        return false;
    t->offset = (int64_t)MIN(n, (uint64_t)INT64_MAX);
    return check_shape(r, t, type);
}

static bool read_tensors(struct reader *r, struct gguf *g, struct arena *arena)
{
    for (ptrdiff_t i = 0; i < g->tensor_count; i++)
        if (!read_tensor(r, &g->tensors[i]))
            return false;
    const slice **names = arena_new(arena, const slice *, g->tensor_count);
    for (ptrdiff_t i = 0; i < g->tensor_count; i++)
        names[i] = &g->tensors[i].name;
    const slice *twice = find_duplicate(names, g->tensor_count);
    if (twice)
        return err_set(r->err, ERR_CONFIG, "tensor %s stands twice", ERR_QUOTE(*twice));
    return true;
}

/* Offsets count from data_start in the file; the result counts from the start of the file. */
static bool place_tensors(struct reader *r, struct gguf *g)
{
    int64_t sum = 0, end;

    g->data_start = ALIGN_UP(r->at, g->alignment);
    for (ptrdiff_t i = 0; i < g->tensor_count; i++) {
        struct tensor *t = &g->tensors[i];
        if (t->offset != sum)
            return err_set(r->err, ERR_CONFIG, "tensor %s: offset %lld, must be %lld",
                           ERR_QUOTE(t->name), (long long)t->offset, (long long)sum);
        if (__builtin_add_overflow(sum + g->data_start, t->bytes, &end) || end > r->file_size)
            return err_set(r->err, ERR_CONFIG,
                           "tensor %s: needs bytes %lld..%lld, the file ends at %lld",
                           ERR_QUOTE(t->name), (long long)(sum + g->data_start),
                           (long long)(sum + g->data_start) + t->bytes, (long long)r->file_size);
        t->offset = g->data_start + sum;
        sum = ALIGN_UP(end - g->data_start, g->alignment);
    }
    return true;
}

bool gguf_is_magic(slice head)
{
    return slice_starts(head, SLICE("GGUF"));
}

static bool parse(struct reader *r, struct arena *arena, struct gguf *g)
{
    uint32_t version;
    uint64_t tensors, keys;

    if (!need(r, 4, "magic"))
        return false;
    if (!gguf_is_magic(r->head))
        return bad(r, "not a GGUF file");
    r->at = 4;
    if (!read_u32(r, &version, "version"))
        return false;
    if (version != 2 && version != 3)
        return err_set(r->err, ERR_CONFIG,
                       version == 0x02000000 || version == 0x03000000
                           ? "a big-endian GGUF file"
                           : "GGUF version %u, 2 and 3 are known",
                       version);
    if (!read_u64(r, &tensors, "header") || !read_u64(r, &keys, "header"))
        return false;
    uint64_t left = (uint64_t)(r->file_size - r->at);
    if (keys > left / KEY_BYTES_MIN)
        return bad(r, "more keys announced than the file has bytes for");
    if (tensors > left / TENSOR_BYTES_MIN)
        return bad(r, "more tensors announced than the file has bytes for");
    g->version = (int)version;
    g->keys.arena = arena;
    if (!read_keys(r, g, keys, arena) || !read_alignment(r, g))
        return false;
    if (!need(r, tensors * TENSOR_BYTES_MIN, "list of tensors"))
        return false;
    g->tensor_count = (ptrdiff_t)tensors;
    g->tensors = arena_new(arena, struct tensor, g->tensor_count);
    return read_tensors(r, g, arena) && place_tensors(r, g);
}

enum gguf_status gguf_parse(slice head, int64_t file_size, struct arena *arena, struct gguf *g,
                            struct err *err)
{
    struct reader r = { .head = head, .file_size = file_size, .err = err };

    *g = (struct gguf){ 0 };
    if (parse(&r, arena, g))
        return GGUF_OK;
    return r.is_short ? GGUF_SHORT : GGUF_BAD;
}

/* ---- writing ---- */

static void put(struct buf *b, const void *p, ptrdiff_t n)
{
    buf_append(b, slice_make(p, n));
}

static void put_u32(struct buf *b, uint32_t v)
{
    put(b, &v, 4);
}

static void put_u64(struct buf *b, uint64_t v)
{
    put(b, &v, 8);
}

static void put_string(struct buf *b, slice s)
{
    put_u64(b, (uint64_t)s.len);
    buf_append(b, s);
}

static void put_value(struct buf *b, const struct model_value *v)
{
    float f = (float)v->f;

    put_u32(b, (uint32_t)v->type);
    if (v->type == MODEL_STRING) {
        put_string(b, v->text);
    } else if (v->type == MODEL_ARRAY) {
        put_u32(b, (uint32_t)v->array_type);
        put_u64(b, (uint64_t)v->count);
        if (v->array_type != MODEL_STRING)
            put(b, v->items, v->count * model_value_size(v->array_type));
        else
            for (int64_t i = 0; i < v->count; i++)
                put_string(b, v->strings[i]);
    } else if (v->type == MODEL_F32) {
        put(b, &f, 4);
    } else if (v->type == MODEL_F64) {
        put(b, &v->f, 8);
    } else if (v->type == MODEL_I8 || v->type == MODEL_I16 || v->type == MODEL_I32 ||
               v->type == MODEL_I64) {
        put(b, &v->i, model_value_size(v->type)); /* little-endian: the low bytes */
    } else {
        put(b, &v->u, model_value_size(v->type));
    }
}

static void pad(struct buf *b, int64_t alignment)
{
    while (b->len & (alignment - 1))
        buf_append_byte(b, 0);
}

int64_t gguf_build(const struct model_keys *keys, struct tensor *tensors, ptrdiff_t count,
                   int64_t alignment, struct buf *out)
{
    int64_t sum = 0;

    buf_append(out, SLICE("GGUF"));
    put_u32(out, 3);
    put_u64(out, (uint64_t)count);
    put_u64(out, (uint64_t)keys->count);
    for (ptrdiff_t i = 0; i < keys->count; i++) {
        put_string(out, keys->items[i].name);
        put_value(out, &keys->items[i].value);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        struct tensor *t = &tensors[i];
        put_string(out, t->name);
        put_u32(out, (uint32_t)t->dims);
        put(out, t->ne, 8 * t->dims);
        put_u32(out, (uint32_t)t->type);
        put_u64(out, (uint64_t)sum);
        t->bytes = tensor_size_bytes(t);
        t->offset = sum;
        sum = ALIGN_UP(sum + t->bytes, alignment);
    }
    pad(out, alignment);
    for (ptrdiff_t i = 0; i < count; i++)
        tensors[i].offset += out->len;
    return out->len + sum;
}
