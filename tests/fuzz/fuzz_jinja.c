/* Chat templates from model files: any bytes as the template, rendered with a small conversation. */
#include "model/jinja.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char talk[] =
        "[{\"role\":\"system\",\"content\":\" \\u00e9 \"},{\"role\":\"user\",\"content\":\"a<b>\","
        "\"n\":[1,2.5,null,true,{\"x\":{}}]}]";
    struct arena arena = { 0 };
    struct buf out = { 0 };
    struct err err;
    struct json_node *messages = json_parse(SLICE(talk), &arena, &err);
    struct json_node text = { .type = JSON_STRING, .text = SLICE("<s>") };
    struct jinja_var vars[] = { { "m", messages }, { "messages", messages }, { "s", &text } };
    slice source = arena_dup(&arena, slice_make((const char *)data, (ptrdiff_t)size));
    struct jinja *t = jinja_compile(source, &arena, &err);
    if (t)
        jinja_render(t, vars, countof(vars), &arena, &out, &err);
    buf_release(&out);
    arena_release(&arena);
    return 0;
}
