#include "inspect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "../json.h"

/* The shortest decimal that is this float: 1e-05, not 9.999999747378752e-06. */
static void append_float(struct buf *b, float x)
{
    char text[32];

    if (!isfinite(x)) {
        buf_append(b, SLICE("null"));
        return;
    }
    for (int digits = 1; digits <= 9; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, (double)x);
        if (strtof(text, NULL) == x)
            break;
    }
    buf_append(b, slice_of(text));
}

static void append_value(struct buf *b, const struct model_value *v);

static void append_array(struct buf *b, const struct model_value *v)
{
    int size = model_value_size(v->array_type);

    buf_append_byte(b, '[');
    for (int64_t i = 0; i < v->count; i++) {
        if (i)
            buf_append_byte(b, ',');
        struct model_value item = { .type = MODEL_STRING };
        if (v->array_type == MODEL_STRING)
            item.text = v->strings[i];
        else
            item = model_value_load(v->array_type, (const char *)v->items + i * size);
        append_value(b, &item);
    }
    buf_append_byte(b, ']');
}

static void append_value(struct buf *b, const struct model_value *v)
{
    switch (v->type) {
    case MODEL_STRING:
        json_append_bytes(b, v->text);
        break;
    case MODEL_ARRAY:
        append_array(b, v);
        break;
    case MODEL_BOOL:
        buf_append(b, v->u ? SLICE("true") : SLICE("false"));
        break;
    case MODEL_F32:
        append_float(b, (float)v->f);
        break;
    case MODEL_F64:
        buf_append_double(b, v->f);
        break;
    case MODEL_I8:
    case MODEL_I16:
    case MODEL_I32:
    case MODEL_I64:
        buf_append_i64(b, v->i);
        break;
    default:
        buf_append_u64(b, v->u);
    }
}

static void append_tensor(struct buf *b, const struct model_file *m, const struct tensor *t)
{
    buf_append(b, SLICE("{\"name\":"));
    json_append_bytes(b, t->name);
    buf_printf(b, ",\"type\":\"%s\",\"shape\":[", tensor_type_name((int)t->type));
    for (int i = 0; i < t->dims; i++)
        buf_printf(b, "%s%lld", i ? "," : "", (long long)t->ne[i]);
    buf_printf(b, "],\"offset\":%lld,\"bytes\":%lld", (long long)t->offset, (long long)t->bytes);
    if (m->kind == MODEL_FOLDER)
        buf_printf(b, ",\"file\":%d", t->file);
    buf_append_byte(b, '}');
}

void model_inspect(const struct model_file *m, struct buf *b)
{
    static const char *const formats[] = { "gguf", "safetensors", "folder" };
    uint64_t parameters = 0, bytes = 0;

    for (ptrdiff_t i = 0; i < m->tensor_count; i++) {
        parameters += (uint64_t)tensor_elements(&m->tensors[i]);
        bytes += (uint64_t)m->tensors[i].bytes;
    }
    buf_append(b, SLICE("{\"file\":"));
    json_append_bytes(b, slice_of(m->path));
    buf_printf(b, ",\"format\":\"%s\"", formats[m->kind]);
    if (m->kind == MODEL_GGUF)
        buf_printf(b, ",\"version\":%d,\"alignment\":%lld", m->version, (long long)m->alignment);
    buf_append(b, SLICE(",\"architecture\":"));
    if (m->arch.len)
        json_append_bytes(b, m->arch);
    else
        buf_append(b, SLICE("null"));
    buf_append(b, SLICE(",\"parameters\":"));
    buf_append_u64(b, parameters);
    buf_append(b, SLICE(",\"bytes\":"));
    buf_append_u64(b, bytes);
    buf_append(b, SLICE(",\"metadata\":{"));
    for (ptrdiff_t i = 0; i < m->keys.count; i++) {
        if (i)
            buf_append_byte(b, ',');
        json_append_bytes(b, m->keys.items[i].name);
        buf_append_byte(b, ':');
        append_value(b, &m->keys.items[i].value);
    }
    buf_append(b, SLICE("},\"tensors\":["));
    for (ptrdiff_t i = 0; i < m->tensor_count; i++) {
        if (i)
            buf_append_byte(b, ',');
        append_tensor(b, m, &m->tensors[i]);
    }
    buf_append(b, SLICE("]}\n"));
}
