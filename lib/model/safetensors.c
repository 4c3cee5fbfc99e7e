#include "safetensors.h"

#include <stdlib.h>

static const struct {
    const char *name;
    int type;
} dtypes[] = {
    { "F32", TENSOR_F32 },         { "F16", TENSOR_F16 },         { "BF16", TENSOR_BF16 },
    { "F64", TENSOR_F64 },         { "I8", TENSOR_I8 },           { "I16", TENSOR_I16 },
    { "I32", TENSOR_I32 },         { "I64", TENSOR_I64 },         { "BOOL", TENSOR_BOOL },
    { "U8", TENSOR_U8 },           { "U16", TENSOR_U16 },         { "U32", TENSOR_U32 },
    { "U64", TENSOR_U64 },         { "F8_E4M3", TENSOR_F8_E4M3 }, { "F8_E5M2", TENSOR_F8_E5M2 },
    { "F8_E8M0", TENSOR_F8_E8M0 }, { "F4", TENSOR_F4 },           { "F6_E2M3", TENSOR_F6_E2M3 },
    { "F6_E3M2", TENSOR_F6_E3M2 }, { "C64", TENSOR_C64 },
};

int64_t safetensors_header_size(slice first8, int64_t file_size, struct err *err)
{
    if (file_size < 8 || first8.len < 8)
        return err_set(err, ERR_CONFIG, "byte 0: a safetensors file has at least 8 bytes"), -1;
    uint64_t n = load_u64(first8.ptr);
    if (n > SAFETENSORS_HEADER_MAX)
        return err_set(err, ERR_CONFIG, "byte 0: header of %llu bytes, at most %d are allowed",
                       (unsigned long long)n, SAFETENSORS_HEADER_MAX),
               -1;
    if ((int64_t)n > file_size - 8)
        return err_set(err, ERR_CONFIG, "byte 0: header of %llu bytes in a file of %lld",
                       (unsigned long long)n, (long long)file_size),
               -1;
    return (int64_t)n;
}

static bool parse_shape(const struct json_node *shape, struct tensor *t, struct err *err)
{
    const char *name = ERR_QUOTE(t->name);

    if (!shape || shape->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "tensor %s: 'shape' is missing or no array", name);
    if (shape->count > 4)
        return err_set(err, ERR_CONFIG, "tensor %s has %td dimensions, at most 4 are allowed", name,
                       shape->count);
    t->dims = MAX((int)shape->count, 1); /* a scalar is a row of one */
    int i = (int)shape->count;
    for (const struct json_node *n = shape->child; n; n = n->next)
        if (!json_int(n, &t->ne[--i]) || t->ne[i] < 0)
            return err_set(err, ERR_CONFIG, "tensor %s: 'shape' holds something else than sizes",
                           name);
    return true;
}

/* Bytes of the elements, -1 on overflow or when they do not fill whole bytes. */
static int64_t packed_bytes(const struct tensor *t)
{
    const struct tensor_layout *l = tensor_layout(t->type);
    int64_t n = tensor_elements(t), bytes;

    if (n < 0 || n % l->block || __builtin_mul_overflow(n / l->block, l->block_bytes, &bytes))
        return -1;
    return bytes;
}

static bool parse_tensor(const struct json_node *n, int64_t data_bytes, struct tensor *t,
                         struct err *err)
{
    const char *name = ERR_QUOTE(n->key);
    slice dtype = json_get_string(n, "dtype", SLICE(""));
    const struct json_node *range = json_get(n, "data_offsets");
    int64_t begin, end;
    ptrdiff_t i = 0;

    *t = (struct tensor){ .name = n->key, .ne = { 1, 1, 1, 1 } };
    if (n->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "tensor %s is no object", name);
    while (i < countof(dtypes) && !slice_eq(dtype, slice_of(dtypes[i].name)))
        i++;
    if (i == countof(dtypes))
        return err_set(err, ERR_CONFIG, "tensor %s: unknown dtype %s", name, ERR_QUOTE(dtype));
    t->type = (enum tensor_type)dtypes[i].type;
    if (!parse_shape(json_get(n, "shape"), t, err))
        return false;
    if (!range || range->type != JSON_ARRAY || range->count != 2 ||
        !json_int(range->child, &begin) || !json_int(range->child->next, &end))
        return err_set(err, ERR_CONFIG, "tensor %s: 'data_offsets' must be two integers", name);
    if (begin < 0 || end < begin || end > data_bytes)
        return err_set(err, ERR_CONFIG, "tensor %s: bytes %lld..%lld, the data has %lld", name,
                       (long long)begin, (long long)end, (long long)data_bytes);
    int64_t bytes = packed_bytes(t);
    if (bytes < 0)
        return err_set(err, ERR_CONFIG,
                       "tensor %s: shape and dtype do not make a whole number of "
                       "bytes below 2^63",
                       name);
    if (bytes != end - begin)
        return err_set(err, ERR_CONFIG, "tensor %s: shape and dtype need %lld bytes, it has %lld",
                       name, (long long)bytes, (long long)(end - begin));
    t->offset = begin;
    t->bytes = bytes;
    return true;
}

static int compare_name(const void *a, const void *b)
{
    return slice_cmp((*(const struct json_node *const *)a)->key,
                     (*(const struct json_node *const *)b)->key);
}

/* The DOM keeps duplicates as they stand: they are refused. */
static bool check_unique(const struct json_node *object, struct arena *arena, struct err *err)
{
    const struct json_node **nodes = arena_new(arena, const struct json_node *, object->count);
    ptrdiff_t count = 0;

    for (const struct json_node *n = object->child; n; n = n->next)
        nodes[count++] = n;
    qsort(nodes, (size_t)count, sizeof *nodes, compare_name);
    for (ptrdiff_t i = 1; i < count; i++)
        if (slice_eq(nodes[i - 1]->key, nodes[i]->key))
            return err_set(err, ERR_CONFIG, "tensor %s stands twice", ERR_QUOTE(nodes[i]->key));
    return true;
}

static int compare_offset(const void *pa, const void *pb)
{
    const struct tensor *a = pa, *b = pb;

    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    if (a->bytes != b->bytes) /* an empty tensor lies before what begins at the same place */
        return a->bytes < b->bytes ? -1 : 1;
    return slice_cmp(a->name, b->name);
}

static bool check_tiling(struct safetensors *s, int64_t data_start, int64_t data_bytes,
                         struct err *err)
{
    int64_t sum = 0;

    qsort(s->tensors, (size_t)s->tensor_count, sizeof *s->tensors, compare_offset);
    for (ptrdiff_t i = 0; i < s->tensor_count; i++) {
        struct tensor *t = &s->tensors[i];
        if (t->offset != sum)
            return err_set(err, ERR_CONFIG, "tensor %s: begins at byte %lld of the data, %s %lld",
                           ERR_QUOTE(t->name), (long long)t->offset,
                           t->offset < sum ? "the one before ends at" : "there is a hole from",
                           (long long)sum);
        sum += t->bytes;
        t->offset += data_start;
    }
    if (sum != data_bytes)
        return err_set(err, ERR_CONFIG, "%lld bytes after the last tensor belong to none",
                       (long long)(data_bytes - sum));
    return true;
}

static bool parse_metadata(const struct json_node *meta, struct model_keys *keys, struct err *err)
{
    if (meta->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "'__metadata__' is no object");
    for (const struct json_node *n = meta->child; n; n = n->next) {
        if (n->type != JSON_STRING)
            return err_set(err, ERR_CONFIG, "'__metadata__' member %s is no string",
                           ERR_QUOTE(n->key));
        model_keys_add(keys, n->key, model_string(n->text));
    }
    return true;
}

bool safetensors_parse(slice json, int64_t file_size, struct arena *arena, struct safetensors *s,
                       struct err *err)
{
    int64_t data_start = 8 + json.len, data_bytes = file_size - data_start;

    *s = (struct safetensors){ .keys.arena = arena };
    if (json.len == 0 || json.ptr[0] != '{')
        return err_set(err, ERR_CONFIG, "byte 8: the header must begin with '{'");
    struct json_node *root = json_parse(json, arena, err);
    if (!root)
        return err_context(err, "header");
    if (!check_unique(root, arena, err))
        return false;
    s->tensors = arena_new(arena, struct tensor, root->count);
    for (const struct json_node *n = root->child; n; n = n->next) {
        if (slice_eq(n->key, SLICE("__metadata__"))) {
            if (!parse_metadata(n, &s->keys, err))
                return false;
        } else if (!parse_tensor(n, data_bytes, &s->tensors[s->tensor_count++], err)) {
            return false;
        }
    }
    return check_tiling(s, data_start, data_bytes, err);
}

/* ---- index ---- */

static int compare_cstr(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_place(const void *a, const void *b)
{
    return slice_cmp(((const struct safetensors_place *)a)->tensor,
                     ((const struct safetensors_place *)b)->tensor);
}

/* A file name from the index is opened beside it: it must stay there. */
static bool check_file_name(const struct json_node *n, struct err *err)
{
    if (n->type != JSON_STRING || n->text.len == 0 || slice_find(n->text, '/') >= 0 ||
        slice_find(n->text, '\0') >= 0 || n->text.ptr[0] == '.')
        return err_set(err, ERR_CONFIG, "tensor %s: the shard must be a plain file name",
                       ERR_QUOTE(n->key));
    return true;
}

static int find_file(const struct safetensors_index *index, const char *name)
{
    const char **hit =
        bsearch(&name, index->files, (size_t)index->file_count, sizeof *index->files, compare_cstr);
    return (int)(hit - index->files);
}

bool safetensors_parse_index(slice json, struct arena *arena, struct safetensors_index *index,
                             struct err *err)
{
    *index = (struct safetensors_index){ 0 };
    struct json_node *root = json_parse(json, arena, err);
    if (!root)
        return false;
    struct json_node *map = json_get(root, "weight_map");
    if (!map || map->type != JSON_OBJECT || map->count == 0)
        return err_set(err, ERR_CONFIG, "'weight_map' is missing, empty or no object");
    if (!check_unique(map, arena, err))
        return false;
    const char **names = arena_new(arena, const char *, map->count);
    ptrdiff_t count = 0;
    for (const struct json_node *n = map->child; n; n = n->next) {
        if (!check_file_name(n, err))
            return false;
        names[count++] = arena_cstr_dup(arena, n->text);
    }
    index->places = arena_new(arena, struct safetensors_place, count);
    index->place_count = count;
    index->files = arena_new(arena, const char *, count);
    memcpy(index->files, names, (size_t)count * sizeof *names);
    qsort(index->files, (size_t)count, sizeof *index->files, compare_cstr);
    for (ptrdiff_t i = 0; i < count; i++)
        if (i == 0 || strcmp(index->files[index->file_count - 1], index->files[i]) != 0)
            index->files[index->file_count++] = index->files[i];
    ptrdiff_t i = 0;
    for (const struct json_node *n = map->child; n; n = n->next, i++)
        index->places[i] = (struct safetensors_place){ n->key, find_file(index, names[i]) };
    qsort(index->places, (size_t)count, sizeof *index->places, compare_place);
    return true;
}
