/* Compiled tokenizers: changes of a good file, with a right check sum, lead nowhere. The input is a
 * list of (u24 offset from the end of the check, byte). */
#include "hash.h"
#include "tok/bytelevel.h"
#include "tok/mrt.h"
#include "unicode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define BODY 40

static struct buf image;

/* All bytes, "ab" and "abc". */
static void make_image(void)
{
    struct buf json = { 0 };
    struct arena arena = { 0 };
    struct err err;

    buf_append(&json, SLICE("{\"added_tokens\":[],\"normalizer\":null,\"pre_tokenizer\":{\"type\":"
                            "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                            "\"use_regex\":true},\"post_processor\":null,\"decoder\":{\"type\":"
                            "\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,"
                            "\"use_regex\":true},\"model\":{\"type\":\"BPE\",\"vocab\":{"));
    for (int b = 0; b < 256; b++) {
        char utf8[4], c = (char)b;
        slice name = slice_make(utf8, uni_encode(utf8, bytelevel_char((unsigned char)c)));
        bool escape = b == '"' || b == '\\';
        buf_printf(&json, "\"%s%.*s\":%d,", escape ? "\\" : "", (int)name.len, name.ptr, b);
    }
    buf_append(&json, SLICE("\"ab\":256,\"abc\":257},\"merges\":[\"a b\",\"ab c\"]}}"));
    struct tok *t = tok_load(&(struct tok_conf){ .name = "t" }, buf_slice(&json), &arena, &err);
    ASSERT(t && mrt_write(t, buf_slice(&json), &image, &err));
    tok_free(t);
    arena_release(&arena);
    buf_release(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct err err = { 0 };

    if (!image.len)
        make_image();
    char *copy = malloc((size_t)image.len);
    memcpy(copy, image.ptr, (size_t)image.len);
    for (size_t i = 0; i + 4 <= size; i += 4) {
        ptrdiff_t at = data[i] | data[i + 1] << 8 | data[i + 2] << 16;
        copy[BODY + at % (image.len - BODY)] = (char)data[i + 3];
    }
    struct hash128 h = hash128_of(slice_make(copy + BODY, image.len - BODY));
    memcpy(copy + 24, &h.low, 8);
    memcpy(copy + 32, &h.high, 8);
    struct tok *t =
        tok_load(&(struct tok_conf){ .name = "t" }, slice_make(copy, image.len), &arena, &err);
    if (t) {
        struct tok_ids ids = { 0 };
        struct buf out = { 0 };
        struct tok_scratch *s = tok_scratch_new(t);
        tok_encode(t, s,
                   SLICE("abc abab, \xE4\xB8\xAD\xE6\x96\x87 123 abcabcabcabcabcabcabcabcabcab"), 0,
                   &ids, &err);
        tok_decode(t, ids.ids, ids.count, 0, &out, &err);
        tok_scratch_free(s);
        tok_ids_release(&ids);
        buf_release(&out);
        tok_free(t);
    }
    arena_release(&arena);
    free(copy);
    return 0;
}
