#include "modelmeta.h"

static const struct {
    const char *name;
    int size;
} value_types[] = {
    [MODEL_U8] = { "u8", 1 },       [MODEL_I8] = { "i8", 1 },     [MODEL_U16] = { "u16", 2 },
    [MODEL_I16] = { "i16", 2 },     [MODEL_U32] = { "u32", 4 },   [MODEL_I32] = { "i32", 4 },
    [MODEL_F32] = { "f32", 4 },     [MODEL_BOOL] = { "bool", 1 }, [MODEL_STRING] = { "string", 0 },
    [MODEL_ARRAY] = { "array", 0 }, [MODEL_U64] = { "u64", 8 },   [MODEL_I64] = { "i64", 8 },
    [MODEL_F64] = { "f64", 8 },
};

int model_value_size(int type)
{
    return type >= 0 && type < countof(value_types) ? value_types[type].size : 0;
}

const char *model_value_type_name(int type)
{
    return type >= 0 && type < countof(value_types) ? value_types[type].name : "?";
}

void model_keys_add(struct model_keys *k, slice name, struct model_value v)
{
    if (k->count == k->cap) {
        ptrdiff_t cap = MAX(k->cap * 2, 32);
        k->items = arena_grow(k->arena, k->items, k->cap * (ptrdiff_t)sizeof *k->items,
                              cap * (ptrdiff_t)sizeof *k->items, _Alignof(struct model_key));
        k->cap = cap;
    }
    k->items[k->count++] = (struct model_key){ name, v };
}

const struct model_value *model_keys_get(const struct model_keys *k, slice name)
{
    for (ptrdiff_t i = 0; i < k->count; i++)
        if (slice_eq(k->items[i].name, name))
            return &k->items[i].value;
    return NULL;
}

void model_keys_set(struct model_keys *k, slice name, struct model_value v)
{
    for (ptrdiff_t i = 0; i < k->count; i++) {
        if (slice_eq(k->items[i].name, name)) {
            k->items[i].value = v;
            return;
        }
    }
    model_keys_add(k, name, v);
}

struct model_value model_u32(uint32_t v)
{
    return (struct model_value){ .type = MODEL_U32, .u = v };
}

struct model_value model_f32(float v)
{
    return (struct model_value){ .type = MODEL_F32, .f = (double)v };
}

struct model_value model_bool(bool v)
{
    return (struct model_value){ .type = MODEL_BOOL, .u = v };
}

struct model_value model_string(slice text)
{
    return (struct model_value){ .type = MODEL_STRING, .text = text };
}

struct model_value model_strings(const slice *strings, int64_t count)
{
    return (struct model_value){
        .type = MODEL_ARRAY, .array_type = MODEL_STRING, .count = count, .strings = strings
    };
}

struct model_value model_array(int array_type, const void *items, int64_t count)
{
    return (struct model_value){
        .type = MODEL_ARRAY, .array_type = array_type, .count = count, .items = items
    };
}

static bool is_signed(int type)
{
    return type == MODEL_I8 || type == MODEL_I16 || type == MODEL_I32 || type == MODEL_I64;
}

static bool is_unsigned(int type)
{
    return type == MODEL_U8 || type == MODEL_U16 || type == MODEL_U32 || type == MODEL_U64 ||
           type == MODEL_BOOL;
}

bool model_value_int(const struct model_value *v, int64_t *out)
{
    if (v && is_signed(v->type)) {
        *out = v->i;
        return true;
    }
    if (v && is_unsigned(v->type) && v->u <= INT64_MAX) {
        *out = (int64_t)v->u;
        return true;
    }
    return false;
}

bool model_value_float(const struct model_value *v, double *out)
{
    int64_t i;

    if (v && (v->type == MODEL_F32 || v->type == MODEL_F64)) {
        *out = v->f;
        return true;
    }
    if (!model_value_int(v, &i))
        return false;
    *out = (double)i;
    return true;
}

struct model_value model_value_load(int type, const void *p)
{
    struct model_value v = { .type = type };
    float f;

    switch (type) {
    case MODEL_U8:
    case MODEL_BOOL:
        v.u = *(const uint8_t *)p;
        break;
    case MODEL_I8:
        v.i = *(const int8_t *)p;
        break;
    case MODEL_U16:
        v.u = load_u16(p);
        break;
    case MODEL_I16:
        v.i = (int16_t)load_u16(p);
        break;
    case MODEL_U32:
        v.u = load_u32(p);
        break;
    case MODEL_I32:
        v.i = (int32_t)load_u32(p);
        break;
    case MODEL_F32:
        memcpy(&f, p, sizeof f);
        v.f = (double)f;
        break;
    case MODEL_U64:
        v.u = load_u64(p);
        break;
    case MODEL_I64:
        v.i = (int64_t)load_u64(p);
        break;
    case MODEL_F64:
        memcpy(&v.f, p, sizeof v.f);
        break;
    default:
        bug(__FILE__, __LINE__, "not a plain type");
    }
    return v;
}

static bool array_item(const struct model_value *v, int64_t index, struct model_value *item)
{
    if (!v || v->type != MODEL_ARRAY || index < 0 || index >= v->count ||
        model_value_size(v->array_type) == 0)
        return false;
    *item = model_value_load(v->array_type,
                             (const char *)v->items + index * model_value_size(v->array_type));
    return true;
}

bool model_array_int(const struct model_value *v, int64_t index, int64_t *out)
{
    struct model_value item;

    return array_item(v, index, &item) && model_value_int(&item, out);
}

bool model_array_float(const struct model_value *v, int64_t index, double *out)
{
    struct model_value item;

    return array_item(v, index, &item) && model_value_float(&item, out);
}
