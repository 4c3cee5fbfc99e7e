/* Tokenizer files: what starts with a brace, in full; other text as the pre-tokenizer pattern of a sound
 * file. What loads must encode and decode any text. */
#include "json.h"
#include "simd/cpu.h"
#include "tok/tok.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char front[] = "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a "
                            "b\"],\"unk_token\":\"a\"},\"pre_tokenizer\":"
                            "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
                            "\"behavior\":\"Isolated\",\"invert\":false,"
                            "\"pattern\":{\"Regex\":";
static const char back[] =
    "}},{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"trim_offsets\":true}]}}";

static void use(const struct tok *t, slice text)
{
    struct tok_scratch *s = tok_scratch_new(t);
    struct tok_ids ids = { 0 };
    struct buf out = { 0 };
    struct err err;

    for (unsigned flags = 0; flags < 4; flags++)
        if (!tok_encode(t, s, text, flags, &ids, &err))
            ASSERT(err.class == ERR_DATA);
    for (ptrdiff_t i = 0; i < ids.count; i++)
        ASSERT(tok_bytes_of(t, ids.ids[i]).ptr);
    ASSERT(tok_decode(t, ids.ids, ids.count, 0, &out, &err));
    tok_ids_release(&ids);
    buf_release(&out);
    tok_scratch_free(s);
}

static void try_file(slice file, slice text)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct tok *t = tok_load(&(struct tok_conf){ .name = "fuzz" }, file, &arena, &err);

    ASSERT(t || err.class == ERR_CONFIG);
    if (t) {
        struct tok_export e;
        use(t, text);
        if (tok_export(t, &e, &arena, &err)) {
            struct tok *u = tok_from_export(&e, &(struct tok_conf){ .name = "gguf" }, &arena, &err);
            ASSERT(u || err.class == ERR_CONFIG);
            if (u)
                use(u, text);
            tok_free(u);
        }
    }
    tok_free(t);
    arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    slice whole = slice_make((const char *)data, (ptrdiff_t)size);
    slice text = json_utf8_valid(whole) ? whole : SLICE("a b\xC3\xA9 12<x>\n");
    struct buf file = { 0 };

    cpu_init();
    if (size > 1 << 16)
        return 0;
    if (size > 0 && data[0] == '{') {
        try_file(whole, text);
    } else if (json_utf8_valid(whole)) {
        buf_append(&file, SLICE(front));
        json_append_string(&file, whole);
        buf_append(&file, SLICE(back));
        try_file(buf_slice(&file), text);
    }
    buf_release(&file);
    return 0;
}
