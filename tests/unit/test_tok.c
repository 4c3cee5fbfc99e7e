/* The tokenizer library: loading and refusing, merging, caches, added tokens, export. Identity with
 * the reference is tests/property/tok_conformance.py. */
#include "os.h"
#include "simd/cpu.h"
#include "tok/bpe.h"
#include "tok/bytelevel.h"
#include "tok/pattern.h"
#include "tok/pieces.h"
#include "tok/tok.h"
#include "unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define BYTE_LEVEL                                                                                 \
    "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}"
#define MODEL                                                                                      \
    "{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2,\"\xC4\xA0\":3},\"merges\":[\"a b\"]}"
#define ADDED(id, text)                                                                            \
    "{\"id\":" id ",\"content\":\"" text "\",\"single_word\":false,\"lstrip\":false,"              \
    "\"rstrip\":false,\"normalized\":false,\"special\":true}"

static uint64_t seed = 2463534242u;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static struct tok *load(const char *json, struct arena *arena, struct err *err)
{
    ptrdiff_t len = (ptrdiff_t)strlen(json);
    char *exact = malloc((size_t)len + 1); /* without padding: the loader must not need any */

    assert_non_null(exact);
    memcpy(exact, json, (size_t)len);
    struct tok *t = tok_load(&(struct tok_conf){ .name = "t" }, slice_make(exact, len), arena, err);
    free(exact);
    return t;
}

static struct tok *load_demo(struct arena *arena)
{
    struct err err;
    slice bytes;

    assert_true(os_slurp("lib/data/tldr-7m/tokenizer.json", 1 << 24, &bytes, &err));
    struct tok *t = tok_load(&(struct tok_conf){ .name = "demo" }, bytes, arena, &err);
    os_free(bytes);
    if (!t)
        fail_msg("%s", err.text);
    return t;
}

/* ---- refusals: each names the place ---- */

static void bad_files_are_refused_by_name(void **state)
{
    static const struct {
        const char *json, *says;
    } cases[] = {
        { "", "t: byte 0: " },
        { "{\"model\":", "t: byte 9: " },
        { "[]", "$.model: missing" },
        { "{}", "$.model: missing" },
        { "{\"model\":3}", "$.model: not an object" },
        { "{\"model\":{\"type\":\"Char\",\"vocab\":[]}}", "$.model.type: 'Char'" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[]}}", "$.model.vocab: empty" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":{}}}", "$.model.vocab: not an array" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"b\"]]}}",
          "$.model.vocab[0]: not [text, score]" },
        { "{\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",0],[\"b\",1e999]]}}",
          "$.model.vocab[1]: not [text, score]" },
        { "{\"model\":{\"type\":\"Unigram\",\"unk_id\":1,\"vocab\":[[\"a\",0]]}}",
          "$.model.unk_id: not a number from 0 to 0" },
        { "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"u\",\"vocab\":{\"a\":0}}}",
          "$.model.unk_token: not a token" },
        { "{\"model\":{\"type\":\"WordLevel\",\"vocab\":{\"a\":0}}}",
          "$.model.unk_token: not a string" },
        { "{\"model\":{\"type\":\"BPE\"}}", "$.model.vocab: missing" },
        { "{\"model\":{\"type\":\"BPE\",\"vocab\":[],\"merges\":[]}}",
          "$.model.vocab: not an object" },
        { "{\"model\":{\"vocab\":{}}}", "$.model.merges: missing" },
        { "{\"model\":{\"vocab\":{},\"vocab\":{},\"merges\":[]}}", "'vocab' is there twice" },
        { "{\"model\":{\"vocab\":{},\"merges\":[]},\"pre_tokenizer\":" BYTE_LEVEL "}",
          "$.model.vocab: empty" },
        { "{\"model\":" MODEL ",\"x\":1}", "$: unknown member 'x'" },
        { "{\"model\":" MODEL ",\"truncation\":{\"max_length\":5}}",
          "$.truncation.strategy: not LongestFirst" },
        { "{\"model\":" MODEL ",\"truncation\":{\"max_length\":-5,\"strategy\":\"OnlyFirst\"}}",
          "$.truncation.max_length: not a number" },
        { "{\"model\":" MODEL ",\"padding\":{}}", "$.padding.direction: not Left or Right" },
        { "{\"model\":" MODEL ",\"padding\":{\"direction\":\"Left\",\"strategy\":7}}",
          "$.padding.strategy: not BatchLongest" },
        { "{\"model\":{\"vocab\":{\"a\":0,\"a\":1},\"merges\":[]}}",
          "$.model.vocab: 'a' is there twice" },
        { "{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}",
          "$.model.vocab: 'b' has the id 0" },
        { "{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "the id of 'a' is not a number" },
        { "{\"model\":{\"vocab\":{\"a\":1.5},\"merges\":[]}}", "the id of 'a' is not a number" },
        { "{\"model\":{\"vocab\":{\"a\":1e9},\"merges\":[]}}", "the id of 'a' is not a number" },
        { "{\"model\":{\"vocab\":{\"a\":{\"b\":1}},\"merges\":[]}}",
          "the id of 'a' is not a number" },
        { "{\"model\":{\"vocab\":{\"a\":99999999999999999999},\"merges\":[]}}", "the id of 'a'" },
        { "{\"model\":{\"vocab\":{\"a\":200000000},\"merges\":[]}}",
          "id 200000000 in a vocabulary of 1" },
        { "{\"model\":{\"vocab\":{\"\\ud800\":0},\"merges\":[]}}", "a lone surrogate" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a\"]}}",
          "$.model.merges[0]: not two tokens" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a a a\"]}}",
          "$.model.merges[0]: not two tokens" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\"]]}}",
          "$.model.merges[0]: not two tokens" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[[\"a\",1]]}}",
          "$.model.merges[0]: not two tokens" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[3]}}", "$.model.merges[0]: not two tokens" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a b\"]}}",
          "$.model.merges[0]: 'b' is not in" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}",
          "$.model.merges[0]: the vocabulary does not" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"dropout\":1.5}}", "$.model.dropout" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"u\"}}",
          "$.model.unk_token" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"end_of_word_suffix\":7}}",
          "$.model.end_of_word_suffix" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"fuse_unk\":1}}", "$.model.fuse_unk" },
        { "{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"what\":1}}",
          "$.model: unknown member 'what'" },
        { "{\"normalizer\":{\"type\":\"Upper\"},\"model\":" MODEL "}",
          "$.normalizer.type: 'Upper'" },
        { "{\"normalizer\":{\"type\":\"BertNormalizer\"},\"model\":" MODEL "}",
          "$.normalizer.clean_text: not true or false" },
        { "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"!\"},"
          "\"model\":" MODEL "}",
          "$.normalizer.precompiled_charsmap: not base64" },
        { "{\"normalizer\":{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////wAA\"},"
          "\"model\":" MODEL "}",
          "$.normalizer: precompiled_charsmap: the size of its trie" },
        { "{\"normalizer\":{\"type\":\"NFC\",\"x\":1},\"model\":" MODEL "}",
          "$.normalizer: unknown member 'x'" },
        { "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{}]},"
          "\"model\":" MODEL "}",
          "$.normalizer.normalizers[1]: not an object with a type" },
        { "{\"pre_tokenizer\":{\"type\":\"Metaspace\"},\"model\":" MODEL "}",
          "$.pre_tokenizer.replacement: not a string" },
        { "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"},\"model\":" MODEL "}",
          "$.pre_tokenizer.replacement: not one character" },
        { "{\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"_\",\"add_prefix_space\":"
          "false,"
          "\"prepend_scheme\":\"always\"},\"model\":" MODEL "}",
          "$.pre_tokenizer.add_prefix_space: contradicts" },
        { "{\"pre_tokenizer\":{\"type\":\"ByteLevel\"},\"model\":" MODEL "}",
          "$.pre_tokenizer.add_prefix_space" },
        { "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\\\\b\"},\"behavior\":"
          "\"Isolated\",\"invert\":false},"
          "\"model\":" MODEL "}",
          "$.pre_tokenizer.pattern.Regex: byte 2 of the pattern" },
        { "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":\"a\",\"behavior\":\"Isolated\","
          "\"invert\":false},\"model\":" MODEL "}",
          "$.pre_tokenizer.pattern" },
        { "{\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":"
          "\"No\",\"invert\":false},\"model\":" MODEL "}",
          "$.pre_tokenizer.behavior" },
        { "{\"decoder\":{\"type\":\"WordPiece\"},\"model\":" MODEL "}",
          "$.decoder.prefix: not a string" },
        { "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]},\"model\":" MODEL
          "}",
          "$.post_processor.single: no sequence A" },
        { "{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
          "\"id\":\"x\"}}]},\"model\":" MODEL "}",
          "$.post_processor.single[0]: special token 'x'" },
        { "{\"post_processor\":{\"type\":\"RobertaProcessing\",\"sep\":[\"a\",77],\"cls\":[\"a\",0]"
          "},\"pre_tokenizer\":" BYTE_LEVEL ",\"model\":" MODEL "}",
          "$.post_processor: id 77" },
        { "{\"pre_tokenizer\":" BYTE_LEVEL
          ",\"added_tokens\":[" ADDED("4", "x") "," ADDED("5", "x") "],\"model\":" MODEL "}",
          "$.added_tokens[1].content: there twice" },
        { "{\"pre_tokenizer\":" BYTE_LEVEL ",\"added_tokens\":[3],\"model\":" MODEL "}",
          "$.added_tokens[0].content" },
        { "{\"pre_tokenizer\":" BYTE_LEVEL ",\"added_tokens\":{},\"model\":" MODEL "}",
          "$.added_tokens: not an array" },
    };

    (void)state;
    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        struct arena arena = { 0 };
        struct err err = { 0 };
        struct tok *t = load(cases[i].json, &arena, &err);
        if (t || err.class != ERR_CONFIG || !strstr(err.text, cases[i].says))
            fail_msg("%s\n  gives: %s\n  not: %s", cases[i].json, t ? "a tokenizer" : err.text,
                     cases[i].says);
        arena_release(&arena);
    }
}

static void a_small_file(void **state)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct tok_ids ids = { 0 };
    struct buf out = { 0 };
    struct tok *t = load("{\"pre_tokenizer\":" BYTE_LEVEL ",\"decoder\":" BYTE_LEVEL
                         ",\"added_tokens\":[" ADDED("4", "<x>") "],\"model\":" MODEL "}",
                         &arena, &err);

    (void)state;
    if (!t)
        fail_msg("%s", err.text);
    struct tok_scratch *s = tok_scratch_new(t);
    assert_int_equal(tok_vocab_size(t), 5);
    assert_true(tok_encode(t, s, SLICE("ab<x> aab"), TOK_SPECIAL_PARSE, &ids, &err));
    static const uint32_t want[] = { 2, 4, 3, 0, 2 };
    assert_int_equal(ids.count, countof(want));
    assert_memory_equal(ids.ids, want, sizeof want);
    assert_true(tok_decode(t, ids.ids, ids.count, 0, &out, &err));
    assert_true(slice_eq(buf_slice(&out), SLICE("ab<x> aab")));
    buf_clear(&out);
    assert_true(tok_decode(t, ids.ids, ids.count, TOK_SKIP_SPECIAL, &out, &err));
    assert_true(slice_eq(buf_slice(&out), SLICE("ab aab")));
    ids.count = 0; /* as text: < and > are in no token and vanish without an unk token */
    assert_true(tok_encode(t, s, SLICE("b<x>a"), TOK_SPECIAL_TEXT, &ids, &err));
    assert_int_equal(ids.count, 2);
    assert_int_equal(tok_id_of(t, SLICE("<x>")), 4);
    assert_int_equal(tok_id_of(t, SLICE("ab")), 2);
    assert_int_equal(tok_id_of(t, SLICE("abc")), -1);
    assert_true(tok_is_special(t, 4));
    assert_false(tok_is_special(t, 2));
    assert_null(tok_bytes_of(t, 5).ptr);
    assert_true(slice_eq(tok_bytes_of(t, 3), SLICE(" ")));
    assert_false(tok_decode(t, (const uint32_t[]){ 5 }, 1, 0, &out, &err));
    assert_int_equal(err.class, ERR_DATA);
    assert_false(tok_decode(t, (const uint32_t[]){ UINT32_MAX }, 1, 0, &out, &err));
    tok_scratch_free(s);
    tok_ids_release(&ids);
    buf_release(&out);
    tok_free(t);
    arena_release(&arena);
}

/* ---- merging ---- */

/* Every merge that the definition asks for, one after the other. */
static void merge_plainly(const struct bpe *bpe, slice piece, struct tok_ids *ids)
{
    uint32_t *id = tok_ids_reserve(ids, piece.len);
    ptrdiff_t n = piece.len;

    for (ptrdiff_t i = 0; i < n; i++)
        id[i] = bpe->start[(unsigned char)piece.ptr[i]].id[0];
    for (;;) {
        uint64_t least = MERGE_NONE;
        ptrdiff_t at = 0;
        for (ptrdiff_t i = 0; i + 1 < n; i++)
            if (merges_find(&bpe->merges, id[i], id[i + 1]) < least)
                least = merges_find(&bpe->merges, id[i], id[i + 1]), at = i;
        if (least == MERGE_NONE)
            break;
        id[at] = (uint32_t)least;
        memmove(id + at + 1, id + at + 2, (size_t)(n - at - 2) * sizeof *id);
        n--;
    }
    ids->count += n;
}

/* Random merges over few letters, so that ranks overlap in every way. */
static void make_bpe(struct bpe *bpe, struct arena *arena)
{
    slice text[400];
    uint32_t pair[400][2];
    int count = 256, merges = 0;

    *bpe = (struct bpe){ .unk = -1 };
    vocab_init(&bpe->vocab, 400, 400, arena);
    for (int b = 0; b < 256; b++) {
        char utf8[4];
        text[b] =
            arena_dup(arena, slice_make(utf8, uni_encode(utf8, bytelevel_char((unsigned char)b))));
        assert_true(vocab_add(&bpe->vocab, text[b], (uint32_t)b));
    }
    while (count < 400) {
        uint32_t a = rnd() % 3 ? 'a' + (uint32_t)(rnd() % 3)
                               : 256 + (uint32_t)(rnd() % (uint64_t)(count - 255));
        uint32_t b = rnd() % 3 ? 'a' + (uint32_t)(rnd() % 3)
                               : 256 + (uint32_t)(rnd() % (uint64_t)(count - 255));
        if (a >= (uint32_t)count || b >= (uint32_t)count || text[a].len + text[b].len > 12)
            continue;
        slice joined = arena_printf(arena, "%.*s%.*s", SLICE_ARG(text[a]), SLICE_ARG(text[b]));
        if (!vocab_add(&bpe->vocab, joined, (uint32_t)count))
            continue;
        pair[merges][0] = a, pair[merges++][1] = b;
        text[count++] = joined;
    }
    merges_init(&bpe->merges, merges, arena);
    for (int i = 0; i < merges; i++)
        merges_add(&bpe->merges, pair[i][0], pair[i][1], (uint32_t)i, (uint32_t)(256 + i));
    bpe_init_starts(bpe, arena);
}

static void merges_by_scan_heap_and_cache(void **state)
{
    char piece[400];

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct arena arena = { 0 };
        struct bpe bpe;
        struct tok_ids want = { 0 }, got = { 0 };
        make_bpe(&bpe, &arena);
        struct bpe_scratch *s = bpe_scratch_new(&bpe);
        for (int i = 0; i < 300; i++) {
            ptrdiff_t len = 1 + (ptrdiff_t)(rnd() % (i % 3 ? 70 : sizeof piece));
            for (ptrdiff_t k = 0; k < len; k++)
                piece[k] = (char)('a' + rnd() % (1 + (unsigned)i % 4));
            want.count = got.count = 0;
            merge_plainly(&bpe, slice_make(piece, len), &want);
            for (int pass = 0; pass < 3; pass++) { /* miss, hit, without the cache */
                got.count = 0;
                (pass == 2 ? bpe_merge_piece : bpe_encode_piece)(&bpe, s, slice_make(piece, len),
                                                                 &got);
                assert_int_equal(got.count, want.count);
                assert_memory_equal(got.ids, want.ids, (size_t)want.count * sizeof *want.ids);
            }
        }
        bpe_scratch_free(s);
        tok_ids_release(&want);
        tok_ids_release(&got);
        bpe_free(&bpe);
        arena_release(&arena);
    }
}

static void bytes_and_their_alphabet(void **state)
{
    char all[256], text[512], back[512];

    (void)state;
    for (int b = 0; b < 256; b++) {
        all[b] = (char)b;
        assert_int_equal(bytelevel_byte(bytelevel_char((unsigned char)b)), b);
    }
    assert_int_equal(bytelevel_char(' '), 0x120);
    assert_int_equal(bytelevel_char('\n'), 0x10A);
    assert_int_equal(bytelevel_char(0x7F), 0x121);
    assert_int_equal(bytelevel_char(0xAD), 0x143);
    assert_int_equal(bytelevel_byte(' '), -1);
    assert_int_equal(bytelevel_byte(BYTELEVEL_LIMIT), -1);
    ptrdiff_t len = bytelevel_encode(slice_make(all, 256), text);
    assert_int_equal(bytelevel_decode(slice_make(text, len), back), 256);
    assert_memory_equal(back, all, 256);
    assert_int_equal(bytelevel_decode(SLICE("a b"), back), -1);
}

/* ---- text in, text out ---- */

static ptrdiff_t random_utf8(char *dst, ptrdiff_t chars)
{
    ptrdiff_t len = 0;

    for (ptrdiff_t i = 0; i < chars; i++) {
        uint32_t limit[] = { 0x80, 0x800, 0x3100, 0x10000, 0x110000 };
        uint32_t cp = (uint32_t)(rnd() % limit[rnd() % 5]);
        if (rnd() % 2)
            cp = (uint32_t) " etaoin\n'09.\t"[rnd() % 13];
        if (cp >= 0xD800 && cp < 0xE000)
            cp = 0xFFFD;
        len += uni_encode(dst + len, cp);
    }
    return len;
}

static void decode_is_the_inverse(void **state)
{
    static char text[4000];
    struct arena arena = { 0 };
    struct tok *t = load_demo(&arena);
    struct tok_scratch *s = tok_scratch_new(t);
    struct tok_ids ids = { 0 };
    struct buf out = { 0 };
    struct err err;

    (void)state;
    for (int i = 0; i < 2000; i++) {
        ptrdiff_t len = random_utf8(text, (ptrdiff_t)(rnd() % (i % 5 ? 40 : 900)));
        char *exact = malloc((size_t)len + 1);
        assert_non_null(exact);
        memcpy(exact, text, (size_t)len);
        ids.count = 0;
        buf_clear(&out);
        assert_true(
            tok_encode(t, s, slice_make(exact, len), i % 2 ? TOK_SPECIAL_PARSE : 0, &ids, &err));
        assert_true(tok_decode(t, ids.ids, ids.count, 0, &out, &err));
        assert_true(slice_eq(buf_slice(&out), slice_make(exact, len)));
        free(exact);
    }
    tok_ids_release(&ids);
    buf_release(&out);
    tok_scratch_free(s);
    tok_free(t);
    arena_release(&arena);
}

static void ill_formed_bytes_become_text(void **state)
{
    static const char *const cases[][2] = {
        /* Unicode 3.9, table 3-8 and others */
        { "abc", "abc" },
        { "", "" },
        { "\xC3\xA9", "\xC3\xA9" },
        { "\xC3", "?" },
        { "\xC3\xC3", "??" },
        { "\xE4\xB8", "?" },
        { "\xE4\xB8x", "?x" },
        { "\xF0\x9F\x98", "?" },
        { "\xF0\x9F\x98\xF0\x9F", "??" },
        { "\x80\x80", "??" },
        { "\xC0\xAF", "??" },
        { "\xE0\x80\xBF", "???" },
        { "\xED\xA0\x80", "???" },
        { "\xF4\x91\x92\x93", "????" },
        { "\xFFx\xF5", "?x?" },
        { "\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
          "A",
          "????A" },
    };
    struct buf out = { 0 };

    (void)state;
    for (ptrdiff_t i = 0; i < countof(cases); i++) {
        char want[64] = "";
        size_t n = 0;
        for (const char *p = cases[i][1]; *p; p++) {
            if (*p == '?')
                memcpy(want + n, "\xEF\xBF\xBD", 3), n += 3;
            else
                want[n++] = *p;
        }
        buf_clear(&out);
        tok_append_utf8(&out, slice_of(cases[i][0]));
        assert_true(slice_eq(buf_slice(&out), slice_make(want, (ptrdiff_t)n)));
    }
    buf_release(&out);
}

static void export_and_back(void **state)
{
    static char text[4000];
    struct arena arena = { 0 };
    struct tok *t = load_demo(&arena);
    struct tok_export e;
    struct err err = { 0 };

    (void)state;
    assert_true(tok_export(t, &e, &arena, &err));
    assert_string_equal(e.model, "gpt2");
    assert_string_equal(e.pre, "llama-bpe");
    assert_int_equal(e.vocab_size, 8192);
    assert_int_equal(e.merge_count, 7935);
    assert_int_equal(e.types[0], 3);
    assert_int_equal(e.bos, 0);
    assert_true(e.add_bos && !e.add_eos);
    struct tok *u = tok_from_export(&e, &(struct tok_conf){ .name = "gguf" }, &arena, &err);
    if (!u)
        fail_msg("%s", err.text);
    struct tok_scratch *s = tok_scratch_new(t), *r = tok_scratch_new(u);
    struct tok_ids a = { 0 }, b = { 0 };
    for (int i = 0; i < 3000; i++) {
        ptrdiff_t len = random_utf8(text, (ptrdiff_t)(rnd() % 200));
        unsigned flags = (unsigned)i % 4;
        if (i % 7 == 0)
            memcpy(text, "<|endoftext|>", 13), len = MAX(len, 13), len = 13;
        a.count = b.count = 0;
        assert_true(tok_encode(t, s, slice_make(text, len), flags, &a, &err));
        assert_true(tok_encode(u, r, slice_make(text, len), flags, &b, &err));
        assert_int_equal(a.count, b.count);
        assert_memory_equal(a.ids, b.ids, (size_t)a.count * sizeof *a.ids);
    }
    e.pre = "no-such";
    assert_null(tok_from_export(&e, &(struct tok_conf){ .name = "gguf" }, &arena, &err));
    assert_non_null(strstr(err.text, "'no-such'"));
    e.pre = "gpt-2";
    e.bos = 9999;
    assert_null(tok_from_export(&e, &(struct tok_conf){ .name = "gguf" }, &arena, &err));
    assert_non_null(strstr(err.text, "bos"));
    e.bos = 0;
    e.tokens[5] = e.tokens[6];
    assert_null(tok_from_export(&e, &(struct tok_conf){ .name = "gguf" }, &arena, &err));
    assert_non_null(strstr(err.text, "tokens[6]"));
    tok_scratch_free(s);
    tok_scratch_free(r);
    tok_ids_release(&a);
    tok_ids_release(&b);
    tok_free(t);
    tok_free(u);
    arena_release(&arena);
}

static void fingerprint_is_of_what_counts(void **state)
{
    static const char *const files[] = {
        "{\"pre_tokenizer\":" BYTE_LEVEL ",\"model\":" MODEL "}",
        " { \"model\" :" MODEL ", \"pre_tokenizer\":" BYTE_LEVEL
        ", \"normalizer\": null, \"version\": \"1.0\" } ",
        "{\"pre_tokenizer\":" BYTE_LEVEL ",\"normalizer\":{\"type\":\"NFC\"},\"model\":" MODEL "}",
        "{\"pre_tokenizer\":" BYTE_LEVEL
        ",\"added_tokens\":[" ADDED("4", "<x>") "],\"model\":" MODEL "}",
    };
    char hex[4][33];

    (void)state;
    for (int i = 0; i < 4; i++) {
        struct arena arena = { 0 };
        struct err err = { 0 };
        struct tok *t = load(files[i], &arena, &err);
        if (!t)
            fail_msg("%s", err.text);
        tok_fingerprint(t, hex[i]);
        assert_int_equal(strlen(hex[i]), 32);
        tok_free(t);
        arena_release(&arena);
    }
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
    assert_string_not_equal(hex[0], hex[3]);
    assert_string_not_equal(hex[2], hex[3]);
}

/* ---- patterns ---- */

/* The regex of a known pattern finds the pieces of its hand-written splitter. */
static void patterns_equal_splitters(void **state)
{
    static const char *const names[] = { "gpt-2", "llama-bpe", "qwen2" };
    static char text[1000];

    (void)state;
    for (ptrdiff_t n = 0; n < countof(names); n++) {
        struct arena arena = { 0 };
        struct pattern_scratch scratch = { 0 };
        struct span_list spans = { 0 };
        struct err err = { 0 };
        const struct pieces_rule *rule;
        slice source;
        assert_true(pieces_by_pre(slice_of(names[n]), &source, &rule));
        struct pattern *p = pattern_new(source, &arena, &err);
        if (!p)
            fail_msg("%s", err.text);
        for (int i = 0; i < 3000; i++) {
            slice s = slice_make(text, random_utf8(text, (ptrdiff_t)(rnd() % 60)));
            ptrdiff_t at = 0;
            spans.count = 0;
            assert_true(pattern_find(p, &scratch, s, &spans, &err));
            for (ptrdiff_t k = 0; k < spans.count; k++) {
                assert_true(spans.items[k].match);
                assert_int_equal(spans.items[k].start, at);
                at = pieces_next(rule, s, at);
                assert_int_equal(spans.items[k].start + spans.items[k].len, at);
            }
            assert_int_equal(at, s.len);
        }
        span_release(&spans);
        pattern_scratch_release(&scratch);
        pattern_free(p);
        arena_release(&arena);
    }
}

static void doubtful_patterns_are_refused(void **state)
{
    static const char *const bad[] = {
        "(",
        ")",
        "(a",
        "a)",
        "[",
        "[]",
        "[a",
        "[a-",
        "[z-a]",
        "*",
        "a**",
        "a{2}?",
        "a{3,2}",
        "a{9999}",
        "\\",
        "\\b",
        "\\B",
        "\\1",
        "\\k<a>",
        "\\p",
        "\\p{",
        "\\p{Nope}",
        "\\G",
        "\\K",
        "\\R",
        "\\X",
        "\\xE9",
        "\\x{110000}",
        "\\uD800",
        "(?<n>a)",
        "(?P<n>a)",
        "(?#x)",
        "(?m:a)",
        "(?x:a)",
        "(?i)a",
        "(?i:ss)",
        "(?i:fi)",
        "(?i:\xC3\xA9)",
        "(?i:[\\p{L}])",
        "[[:alpha:]]",
        "[a[b]]",
        "\\q",
        "(?=a)*",
        "^*",
    };

    (void)state;
    for (ptrdiff_t i = 0; i < countof(bad); i++) {
        struct arena arena = { 0 };
        struct err err = { 0 };
        if (pattern_new(slice_of(bad[i]), &arena, &err))
            fail_msg("%s is accepted", bad[i]);
        assert_int_equal(err.class, ERR_CONFIG);
        assert_non_null(strstr(err.text, "pattern"));
        arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_files_are_refused_by_name),
        cmocka_unit_test(a_small_file),
        cmocka_unit_test(merges_by_scan_heap_and_cache),
        cmocka_unit_test(bytes_and_their_alphabet),
        cmocka_unit_test(decode_is_the_inverse),
        cmocka_unit_test(ill_formed_bytes_become_text),
        cmocka_unit_test(export_and_back),
        cmocka_unit_test(fingerprint_is_of_what_counts),
        cmocka_unit_test(patterns_equal_splitters),
        cmocka_unit_test(doubtful_patterns_are_refused),
    };

    cpu_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
