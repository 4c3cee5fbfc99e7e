/* Model files: GGUF headers written and read back, every truncation and many damaged bytes, counts
 * and sizes that lie; safetensors headers; the mapping of a Hugging Face folder. */
#include "model/gguf.h"
#include "model/hfmodel.h"
#include "model/modelfile.h"
#include "model/safetensors.h"
#include "os.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static struct err err;
static char dir[] = "/tmp/test_modelfile.XXXXXX";

static void make_keys(struct model_keys *k)
{
    static const slice words[] = { { "a", 1 }, { "", 0 }, { "\xC3\xA9", 2 } };
    static const int32_t ints[] = { -1, 0, 70000 };

    *k = (struct model_keys){ .arena = &arena };
    model_keys_add(k, SLICE("general.architecture"), model_string(SLICE("llama")));
    model_keys_add(k, SLICE("llama.block_count"), model_u32(6));
    model_keys_add(k, SLICE("f32"), model_f32(1e-5f));
    model_keys_add(k, SLICE("bool"), model_bool(true));
    model_keys_add(k, SLICE("i8"), (struct model_value){ .type = MODEL_I8, .i = -3 });
    model_keys_add(k, SLICE("i64"), (struct model_value){ .type = MODEL_I64, .i = INT64_MIN });
    model_keys_add(k, SLICE("u64"), (struct model_value){ .type = MODEL_U64, .u = UINT64_MAX });
    model_keys_add(k, SLICE("f64"), (struct model_value){ .type = MODEL_F64, .f = 0.1 });
    model_keys_add(k, SLICE("words"), model_strings(words, 3));
    model_keys_add(k, SLICE("ints"), model_array(MODEL_I32, ints, 3));
    model_keys_add(k, SLICE("none"), model_array(MODEL_F32, ints, 0));
}

/* A header with two tensors, and the bytes of the file it announces. */
static int64_t make_file(struct buf *b)
{
    struct tensor t[2] = {
        { .name = SLICE("a.weight"), .type = TENSOR_Q8_0, .dims = 2, .ne = { 64, 3, 1, 1 } },
        { .name = SLICE("b"), .type = TENSOR_F32, .dims = 1, .ne = { 5, 1, 1, 1 } },
    };
    struct model_keys keys;

    make_keys(&keys);
    int64_t size = gguf_build(&keys, t, 2, 32, b);
    assert_int_equal(t[0].bytes, 204);
    assert_int_equal(t[1].offset - t[0].offset, 224);
    return size;
}

static void test_round_trip(void **state)
{
    struct buf b = { 0 };
    struct gguf g;
    int64_t i, size = make_file(&b);
    double f;

    (void)state;
    assert_int_equal(gguf_parse(buf_slice(&b), size, &arena, &g, &err), GGUF_OK);
    assert_int_equal(g.version, 3);
    assert_int_equal(g.data_start, b.len);
    assert_int_equal(g.keys.count, 11);
    assert_int_equal(g.tensor_count, 2);
    assert_true(slice_eq(g.tensors[0].name, SLICE("a.weight")));
    assert_int_equal(g.tensors[0].ne[1], 3);
    assert_true(model_value_int(model_keys_get(&g.keys, SLICE("llama.block_count")), &i) && i == 6);
    assert_true(model_value_float(model_keys_get(&g.keys, SLICE("f64")), &f) && f == 0.1);
    assert_true(model_value_int(model_keys_get(&g.keys, SLICE("i64")), &i) && i == INT64_MIN);
    assert_false(model_value_int(model_keys_get(&g.keys, SLICE("u64")), &i));
    assert_true(model_array_int(model_keys_get(&g.keys, SLICE("ints")), 2, &i) && i == 70000);
    assert_false(model_array_int(model_keys_get(&g.keys, SLICE("ints")), 3, &i));
    assert_true(slice_eq(model_keys_get(&g.keys, SLICE("words"))->strings[2], SLICE("\xC3\xA9")));
    assert_null(model_keys_get(&g.keys, SLICE("words2")));
    buf_release(&b);
}

/* A prefix asks for more; a file that ends there is bad. */
static void test_truncations(void **state)
{
    struct buf b = { 0 };
    struct gguf g;
    int64_t size = make_file(&b);

    (void)state;
    for (ptrdiff_t n = 0; n < b.len; n++) {
        enum gguf_status s = gguf_parse(slice_make(b.ptr, n), size, &arena, &g, &err);
        assert_true(s == GGUF_SHORT || (s == GGUF_OK && n > b.len - 32));
        assert_int_equal(gguf_parse(slice_make(b.ptr, n), n, &arena, &g, &err), GGUF_BAD);
        assert_int_equal(err.class, ERR_CONFIG);
    }
    /* One byte of the last tensor is missing (the padding after it may be). */
    assert_int_equal(gguf_parse(buf_slice(&b), size - 12, &arena, &g, &err), GGUF_OK);
    assert_int_equal(gguf_parse(buf_slice(&b), size - 13, &arena, &g, &err), GGUF_BAD);
    buf_release(&b);
}

/* Any byte replaced: no crash, and what is accepted holds its own promises. */
static void test_damage(void **state)
{
    static const unsigned char values[] = { 0x00, 0x01, 0x7F, 0x80, 0xFF };
    struct buf b = { 0 };
    struct gguf g;
    int64_t size = make_file(&b);

    (void)state;
    for (ptrdiff_t at = 0; at < b.len; at++) {
        for (ptrdiff_t v = 0; v < countof(values); v++) {
            struct arena own = { 0 };
            char old = b.ptr[at];
            b.ptr[at] = (char)values[v];
            if (gguf_parse(buf_slice(&b), size, &own, &g, &err) == GGUF_OK)
                for (ptrdiff_t i = 0; i < g.tensor_count; i++)
                    assert_true(g.tensors[i].offset >= 0 && g.tensors[i].bytes >= 0 &&
                                g.tensors[i].offset + g.tensors[i].bytes <= size);
            b.ptr[at] = old;
            arena_release(&own);
        }
    }
    buf_release(&b);
}

static void expect_bad(struct tensor *t, ptrdiff_t count, const char *message)
{
    struct model_keys keys = { .arena = &arena };
    struct buf b = { 0 };
    struct gguf g;
    struct tensor copy[4];

    memcpy(copy, t, (size_t)count * sizeof *t);
    gguf_build(&keys, copy, count, 32, &b);
    assert_int_equal(gguf_parse(buf_slice(&b), (int64_t)1 << 40, &arena, &g, &err), GGUF_BAD);
    if (!strstr(err.text, message))
        fail_msg("'%s' does not say '%s'", err.text, message);
    buf_release(&b);
}

static void test_lying_tensors(void **state)
{
    const int64_t big = (int64_t)1 << 32;
    struct tensor t[2] = {
        { .name = SLICE("w"), .type = TENSOR_F32, .dims = 3, .ne = { big, big, 4, 1 } },
        { .name = SLICE("w"), .type = TENSOR_F32, .dims = 1, .ne = { 8, 1, 1, 1 } },
    };

    (void)state;
    expect_bad(t, 1, "overflows");
    t[0].ne[2] = 0; /* the wrapped product must not hide behind a zero */
    expect_bad(t, 1, "overflows");
    t[0] =
        (struct tensor){ .name = SLICE("w"), .type = TENSOR_F32, .dims = 1, .ne = { -1, 1, 1, 1 } };
    expect_bad(t, 1, "negative");
    t[0] = t[1];
    expect_bad(t, 2, "twice");
    t[0].type = (enum tensor_type)4;
    expect_bad(t, 1, "unknown type 4");
    t[0].type = TENSOR_U8; /* a number of ours that GGUF does not have */
    expect_bad(t, 1, "unknown type");
    t[0].type = TENSOR_Q8_0;
    t[0].ne[0] = 33;
    expect_bad(t, 1, "no multiple of the block");
    t[0] = t[1];
    t[0].name = SLICE("0123456789012345678901234567890123456789012345678901234567890123");
    expect_bad(t, 1, "longer than 63");
}

/* ---- safetensors ---- */

static bool parse_st(const char *json, int64_t data, struct safetensors *st)
{
    ptrdiff_t n = (ptrdiff_t)strlen(json);
    char *padded = arena_alloc(&arena, n + RECORD_PADDING, 1, 1);

    memcpy(padded, json, (size_t)n);
    return safetensors_parse(slice_make(padded, n), 8 + n + data, &arena, st, &err);
}

static void test_safetensors(void **state)
{
    struct safetensors st;

    (void)state;
    assert_true(parse_st("{\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[4,16]},"
                         "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                         "\"__metadata__\":{\"format\":\"pt\"}}   ",
                         16, &st));
    assert_int_equal(st.tensor_count, 2);
    assert_true(slice_eq(st.tensors[0].name, SLICE("a")));
    assert_int_equal(st.tensors[1].ne[0], 3); /* turned round */
    assert_int_equal(st.tensors[1].ne[1], 2);
    assert_int_equal(st.keys.count, 1);
    assert_true(parse_st("{}", 0, &st));
}

static void test_safetensors_bad(void **state)
{
    static const struct {
        const char *json;
        int64_t data;
        const char *message;
    } cases[] = {
        { "[]", 0, "begin with" },
        { "{", 0, "header" },
        { "{\"a\":1}", 0, "no object" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "the data has 3" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "belong to none" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "need 8 bytes" },
        { "{\"a\":{\"dtype\":\"F33\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "unknown dtype" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "sizes" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "sizes" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
          "dimensions" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4],\"data_offsets\":[0,0]}}",
          0, "do not make a whole number of bytes" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "bytes 4..0" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "two integers" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
          4, "the one before" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}",
          12, "a hole" },
        { "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
          "\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}",
          8, "twice" },
        { "{\"__metadata__\":{\"a\":1}}", 0, "no string" },
        { "{\"__metadata__\":[]}", 0, "no object" },
    };
    struct safetensors st;

    (void)state;
    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        if (parse_st(cases[i].json, cases[i].data, &st))
            fail_msg("accepted: %s", cases[i].json);
        assert_int_equal(err.class, ERR_CONFIG);
        if (!strstr(err.text, cases[i].message))
            fail_msg("'%s' does not say '%s'", err.text, cases[i].message);
    }
}

static void test_header_size(void **state)
{
    uint64_t n = 10;

    (void)state;
    assert_int_equal(safetensors_header_size(slice_make((char *)&n, 8), 18, &err), 10);
    assert_int_equal(safetensors_header_size(slice_make((char *)&n, 8), 17, &err), -1);
    assert_int_equal(safetensors_header_size(slice_make((char *)&n, 7), 7, &err), -1);
    n = SAFETENSORS_HEADER_MAX + 1;
    assert_int_equal(safetensors_header_size(slice_make((char *)&n, 8), INT64_MAX, &err), -1);
    n = UINT64_MAX;
    assert_int_equal(safetensors_header_size(slice_make((char *)&n, 8), INT64_MAX, &err), -1);
}

static bool parse_index(const char *json, struct safetensors_index *x)
{
    ptrdiff_t n = (ptrdiff_t)strlen(json);
    char *padded = arena_alloc(&arena, n + RECORD_PADDING, 1, 1);

    memcpy(padded, json, (size_t)n);
    return safetensors_parse_index(slice_make(padded, n), &arena, x, &err);
}

static void test_index(void **state)
{
    struct safetensors_index x;

    (void)state;
    assert_true(parse_index("{\"weight_map\":{\"z\":\"2.st\",\"a\":\"1.st\",\"b\":\"2.st\"}}", &x));
    assert_int_equal(x.file_count, 2);
    assert_string_equal(x.files[1], "2.st");
    assert_true(slice_eq(x.places[0].tensor, SLICE("a")) && x.places[0].file == 0);
    assert_true(slice_eq(x.places[2].tensor, SLICE("z")) && x.places[2].file == 1);
    assert_false(parse_index("{}", &x));
    assert_false(parse_index("{\"weight_map\":{}}", &x));
    assert_false(parse_index("{\"weight_map\":{\"a\":\"../1.st\"}}", &x));
    assert_false(parse_index("{\"weight_map\":{\"a\":\"/etc/passwd\"}}", &x));
    assert_false(parse_index("{\"weight_map\":{\"a\":\"1.st\",\"a\":\"2.st\"}}", &x));
    assert_false(parse_index("{\"weight_map\":{\"a\":7}}", &x));
}

/* ---- permutation and folders ---- */

/* convert_hf_to_gguf.py: reshape(heads, 2, hd/2, in).swapaxes(1, 2). */
static void test_interleave(void **state)
{
    uint16_t src[2 * 6 * 3], dst[2 * 6 * 3]; /* 2 heads of 6 rows of 3 */

    (void)state;
    for (uint16_t i = 0; i < countof(src); i++)
        src[i] = i;
    hf_interleave_heads(src, dst, 12, 6, 6);
    for (int h = 0; h < 2; h++)
        for (int half = 0; half < 2; half++)
            for (int i = 0; i < 3; i++)
                assert_memory_equal(dst + (h * 6 + 2 * i + half) * 3,
                                    src + (h * 6 + half * 3 + i) * 3, 6);
}

static void write_file(const char *name, const void *p, size_t n)
{
    char path[256];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    fclose(f);
}

#define CONFIG                                                                                     \
    "\"model_type\":\"llama\",\"hidden_size\":4,\"num_hidden_layers\":1,\"num_attention_heads\":"  \
    "2,"                                                                                           \
    "\"num_key_value_heads\":1,\"intermediate_size\":6,\"vocab_size\":5,\"rms_norm_eps\":1e-6,"    \
    "\"max_position_embeddings\":16,\"tie_word_embeddings\":true"

static const struct {
    const char *name;
    int rows, columns;
} shapes[] = {
    { "model.embed_tokens.weight", 5, 4 },
    { "model.layers.0.input_layernorm.weight", 0, 4 },
    { "model.layers.0.self_attn.q_proj.weight", 4, 4 },
    { "model.layers.0.self_attn.k_proj.weight", 2, 4 },
    { "model.layers.0.self_attn.v_proj.weight", 2, 4 },
    { "model.layers.0.self_attn.o_proj.weight", 4, 4 },
    { "model.layers.0.post_attention_layernorm.weight", 0, 4 },
    { "model.layers.0.mlp.gate_proj.weight", 6, 4 },
    { "model.layers.0.mlp.up_proj.weight", 6, 4 },
    { "model.layers.0.mlp.down_proj.weight", 4, 6 },
    { "model.norm.weight", 0, 4 },
};

/* A folder of a tiny llama; `skip` leaves a tensor out, `extra` adds one. Values count up. */
static void make_folder(const char *config, int skip, const char *extra)
{
    struct buf h = { 0 }, all = { 0 };
    float value = 0;
    int64_t at = 0;

    buf_append_byte(&h, '{');
    for (int i = 0; i <= countof(shapes); i++) {
        const char *name = i < countof(shapes) ? shapes[i].name : extra;
        int rows = i < countof(shapes) ? shapes[i].rows : 0,
            cols = i < countof(shapes) ? shapes[i].columns : 1;
        int64_t bytes = 4 * (rows ? rows : 1) * cols;
        if (i == skip || !name)
            continue;
        buf_printf(&h, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", h.len > 1 ? "," : "", name);
        buf_printf(&h, rows ? "%d,%d" : "%.0d%d", rows, cols);
        buf_printf(&h, "],\"data_offsets\":[%lld,%lld]}", (long long)at, (long long)(at + bytes));
        at += bytes;
    }
    buf_append_byte(&h, '}');
    uint64_t n = (uint64_t)h.len;
    buf_append(&all, slice_make((char *)&n, 8));
    buf_append(&all, buf_slice(&h));
    for (int64_t i = 0; i < at / 4; i++, value++)
        buf_append(&all, slice_make((char *)&value, 4));
    write_file("model.safetensors", all.ptr, (size_t)all.len);
    write_file("config.json", config, strlen(config));
    buf_release(&h);
    buf_release(&all);
}

static void test_folder(void **state)
{
    float part[8];
    int64_t n;

    (void)state;
    make_folder("{" CONFIG "}", -1, NULL);
    struct model_file *m = model_file_open(dir, true, &arena, &err);
    if (!m)
        fail_msg("%s", err.text);
    assert_true(slice_eq(m->arch, SLICE("llama")));
    assert_int_equal(m->tensor_count, 11);
    assert_true(model_get_int(m, "%s.attention.head_count_kv", &n) && n == 1);
    assert_false(m->has_tokenizer);
    assert_int_equal(m->notice_count, 1);
    /* k: one head of two rows stays; q: two heads of two rows stay: halves of one. */
    const struct tensor *q = model_tensor(m, "blk.0.attn_q.weight");
    assert_non_null(q);
    assert_int_equal(model_file_unit(q), 8);
    assert_true(model_file_read_part(m, q, 8, 8, part, &err));
    assert_memory_equal(part, (const float *)q->data + 8, sizeof part);
    assert_true(part[0] == 24 + 8); /* 20 + 4 values before q, 8 of its first head */
    model_file_close(m);
}

static void expect_refused(const char *config, int skip, const char *extra, const char *message)
{
    make_folder(config, skip, extra);
    struct model_file *m = model_file_open(dir, false, &arena, &err);
    if (m)
        fail_msg("accepted, expected '%s'", message);
    assert_int_equal(err.class, ERR_CONFIG);
    if (!strstr(err.text, message))
        fail_msg("'%s' does not say '%s'", err.text, message);
}

static void test_folder_refused(void **state)
{
    (void)state;
    expect_refused("{" CONFIG "}", 3, NULL, "'model.layers.0.self_attn.k_proj.weight' is missing");
    expect_refused("{" CONFIG "}", -1, "model.layers.0.surprise",
                   "'model.layers.0.surprise' is unknown");
    expect_refused("{" CONFIG "}", -1, "model.layers.1.input_layernorm.weight", "is unknown");
    expect_refused("{\"model_type\":\"mamba\"}", -1, NULL, "'mamba' is not supported");
    expect_refused("{" CONFIG ",\"hidden_act\":\"gelu\"}", -1, NULL, "'gelu'");
    expect_refused("{" CONFIG ",\"head_dim\":4}", -1, NULL, "config.json asks for [4,8]");
    expect_refused("{" CONFIG ",\"head_dim\":3}", -1, NULL, "odd");
    expect_refused("{" CONFIG ",\"quantization_config\":{}}", -1, NULL, "quantized already");
    expect_refused("{" CONFIG ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":2}}", -1, NULL,
                   "'dynamic' is not supported");
    expect_refused("{" CONFIG ",\"rope_scaling\":{\"type\":\"linear\"}}", -1, NULL, "'factor'");
    expect_refused("[]", -1, NULL, "not a JSON object");
    expect_refused("{\"model_type\":\"llama\",\"hidden_size\":4}", -1, NULL, "'num_hidden_layers'");
}

/* Both styles of config.json give the same keys. */
static void test_config_styles(void **state)
{
    static const char *const configs[] = {
        "{" CONFIG ",\"rope_theta\":500000,\"rope_scaling\":{\"type\":\"linear\",\"factor\":4.0}}",
        "{" CONFIG
        ",\"rope_parameters\":{\"rope_theta\":500000,\"rope_type\":\"linear\",\"factor\":4}}",
    };
    double theta, factor;

    (void)state;
    for (ptrdiff_t i = 0; i < countof(configs); i++) {
        make_folder(configs[i], -1, NULL);
        struct model_file *m = model_file_open(dir, false, &arena, &err);
        assert_non_null(m);
        assert_true(model_get_float(m, "llama.rope.freq_base", &theta) && theta == 500000);
        assert_true(model_get_float(m, "%s.rope.scaling.factor", &factor) && factor == 4);
        model_file_close(m);
    }
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    char path[256];

    (void)state;
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/config.json", dir);
    unlink(path);
    rmdir(dir);
    arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_damage),         cmocka_unit_test(test_lying_tensors),
        cmocka_unit_test(test_safetensors),    cmocka_unit_test(test_safetensors_bad),
        cmocka_unit_test(test_header_size),    cmocka_unit_test(test_index),
        cmocka_unit_test(test_interleave),     cmocka_unit_test(test_folder),
        cmocka_unit_test(test_folder_refused), cmocka_unit_test(test_config_styles),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
