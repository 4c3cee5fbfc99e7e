#include "train_write.h"

#include "../json.h"
#include "bytelevel.h"

void train_write_vocab(const struct train_result *r, struct buf *out)
{
    buf_append(out, SLICE("{"));
    for (ptrdiff_t i = 0; i < r->count; i++) {
        if (i)
            buf_append(out, SLICE(","));
        json_append_string(out, r->tokens[i]);
        buf_printf(out, ":%td", i);
    }
    buf_append(out, SLICE("}"));
}

void train_write_merges(const struct train_result *r, struct buf *out)
{
    buf_append(out, SLICE("#version: 0.2\n"));
    for (ptrdiff_t i = 0; i < r->merge_count; i++) {
        buf_append(out, r->tokens[r->merges[i][0]]);
        buf_append_byte(out, ' ');
        buf_append(out, r->tokens[r->merges[i][1]]);
        buf_append_byte(out, '\n');
    }
}

static void append_merges(const struct train_result *r, struct buf *out)
{
    struct buf merge = { 0 };

    for (ptrdiff_t i = 0; i < r->merge_count; i++) {
        buf_clear(&merge);
        buf_append(&merge, r->tokens[r->merges[i][0]]);
        buf_append_byte(&merge, ' ');
        buf_append(&merge, r->tokens[r->merges[i][1]]);
        if (i)
            buf_append(out, SLICE(","));
        json_append_string(out, buf_slice(&merge));
    }
    buf_release(&merge);
}

#define BYTELEVEL(use_regex)                                                                       \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_"              \
    "regex\":" use_regex "}"

void train_write_json(const struct train_result *r, slice pattern, ptrdiff_t special_count,
                      struct buf *out)
{
    buf_append(out, SLICE("{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,"
                          "\"added_tokens\":["));
    for (ptrdiff_t i = 0; i < special_count; i++) {
        buf_printf(out, "%s{\"id\":%td,\"content\":", i ? "," : "", i);
        json_append_string(out, r->tokens[i]);
        buf_append(out, SLICE(",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,"
                              "\"normalized\":false,\"special\":true}"));
    }
    buf_append(out, SLICE("],\"normalizer\":null,\"pre_tokenizer\":"));
    if (pattern.len) {
        buf_append(out, SLICE("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\","
                              "\"pattern\":{\"Regex\":"));
        json_append_string(out, pattern);
        buf_append(out,
                   SLICE("},\"behavior\":\"Isolated\",\"invert\":false}," BYTELEVEL("false") "]}"));
    } else {
        buf_append(out, SLICE(BYTELEVEL("true")));
    }
    buf_append(out,
               SLICE(",\"post_processor\":null,\"decoder\":" BYTELEVEL(
                   "true") ",\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,"
                           "\"continuing_subword_prefix\":null,\"end_of_word_suffix\":null,"
                           "\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,"
                           "\"vocab\":"));
    train_write_vocab(r, out);
    buf_append(out, SLICE(",\"merges\":["));
    append_merges(r, out);
    buf_append(out, SLICE("]}}\n"));
}

static void append_base64(slice s, struct buf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    for (ptrdiff_t i = 0; i < s.len; i += 3) {
        const unsigned char *p = (const unsigned char *)s.ptr + i;
        ptrdiff_t n = MIN(3, s.len - i);
        unsigned v = (unsigned)p[0] << 16 | (n > 1 ? (unsigned)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
        char four[4] = { digits[v >> 18], digits[v >> 12 & 63], n > 1 ? digits[v >> 6 & 63] : '=',
                         n > 2 ? digits[v & 63] : '=' };
        buf_append(out, slice_make(four, 4));
    }
}

void train_write_tiktoken(const struct train_result *r, ptrdiff_t special_count, struct buf *out)
{
    struct buf bytes = { 0 };

    for (ptrdiff_t i = special_count; i < r->count; i++) {
        buf_clear(&bytes);
        bytes.len = bytelevel_decode(r->tokens[i], buf_reserve(&bytes, r->tokens[i].len + 1));
        append_base64(buf_slice(&bytes), out);
        buf_printf(out, " %td\n", i);
    }
    buf_release(&bytes);
}
