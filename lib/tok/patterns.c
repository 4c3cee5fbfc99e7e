#include "patterns.h"

#include "../hash.h"
#include "../json.h"

#define GPT2                                                                                       \
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|\\s+(?!\\S)|\\s"
#define CL100K                                                                                     \
    "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+| "                         \
    "?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s"
#define SUFFIX "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define O200K                                                                                      \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"     \
    "+" SUFFIX "?|[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+"                     \
    "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" SUFFIX                                                        \
    "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define LLAMA3                                                                                     \
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"            \
           "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define QWEN2                                                                                      \
    SUFFIX "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"                 \
           "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

struct special {
    const char *text;
    uint32_t id;
};

static const struct special gpt2_specials[] = { { "<|endoftext|>", 50256 }, { 0 } };
static const struct special p50k_edit_specials[] = { { "<|endoftext|>", 50256 },
                                                     { "<|fim_prefix|>", 50281 },
                                                     { "<|fim_middle|>", 50282 },
                                                     { "<|fim_suffix|>", 50283 },
                                                     { 0 } };
static const struct special cl100k_specials[] = {
    { "<|endoftext|>", 100257 },  { "<|fim_prefix|>", 100258 },  { "<|fim_middle|>", 100259 },
    { "<|fim_suffix|>", 100260 }, { "<|endofprompt|>", 100276 }, { 0 }
};
static const struct special o200k_specials[] = { { "<|endoftext|>", 199999 },
                                                 { "<|endofprompt|>", 200018 },
                                                 { 0 } };
static const struct special harmony_specials[] = {
    { "<|startoftext|>", 199998 },
    { "<|endoftext|>", 199999 },
    { "<|return|>", 200002 },
    { "<|constrain|>", 200003 },
    { "<|channel|>", 200005 },
    { "<|start|>", 200006 },
    { "<|end|>", 200007 },
    { "<|message|>", 200008 },
    { "<|call|>", 200012 },
    { "<|endofprompt|>", 200018 },
    { 0 },
};
static const struct special llama3_specials[] = {
    { "<|begin_of_text|>", 128000 },   { "<|end_of_text|>", 128001 },
    { "<|start_header_id|>", 128006 }, { "<|end_header_id|>", 128007 },
    { "<|eot_id|>", 128009 },          { 0 },
};
static const struct special qwen2_specials[] = {
    { "<|endoftext|>", 151643 }, { "<|im_start|>", 151644 }, { "<|im_end|>", 151645 }, { 0 }
};

static const struct {
    const char *name, *pattern;
    const struct special *specials;
    const char *hash; /* XXH3-128 of the published rank file */
} known[] = {
    { "gpt2", GPT2, gpt2_specials, NULL },
    { "r50k_base", GPT2, gpt2_specials, NULL },
    { "p50k_base", GPT2, gpt2_specials, NULL },
    { "p50k_edit", GPT2, p50k_edit_specials, NULL },
    { "cl100k_base", CL100K, cl100k_specials, "7cdb781bb5d59657aa5d7bf38900641a" },
    { "o200k_base", O200K, o200k_specials, "dee5d4ced09a2db672a095e82ca109d6" },
    { "o200k_harmony", O200K, harmony_specials, NULL },
    { "llama3", LLAMA3, llama3_specials, "22e6ee98364f2a1fe7339703bb9e9d7b" },
    { "qwen2", QWEN2, qwen2_specials, NULL },
};

#define NAMES                                                                                      \
    "gpt2, r50k_base, p50k_base, p50k_edit, cl100k_base, o200k_base, o200k_harmony, llama3, qwen2"

static void take_known(int i, struct named_pattern *out, struct arena *arena)
{
    ptrdiff_t count = 0;

    while (known[i].specials[count].text)
        count++;
    out->pattern = slice_of(known[i].pattern);
    out->specials = arena_new(arena, struct special_text, count);
    out->special_count = count;
    for (ptrdiff_t k = 0; k < count; k++)
        out->specials[k] =
            (struct special_text){ slice_of(known[i].specials[k].text), known[i].specials[k].id };
}

static bool take_file(slice file, struct named_pattern *out, struct arena *arena, struct err *err)
{
    struct json_node *root = json_parse(file, arena, err);
    const struct json_node *specials = json_get(root, "special_tokens");

    if (!root)
        return err_context(err, "the pattern file");
    out->pattern = json_get_string(root, "pat_str", (slice){ NULL, 0 });
    if (!out->pattern.ptr)
        return err_set(err, ERR_CONFIG, "the pattern file: $.pat_str: not a string");
    if (specials && specials->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "the pattern file: $.special_tokens: not an object");
    out->special_count = specials ? specials->count : 0;
    out->specials = arena_new(arena, struct special_text, out->special_count);
    ptrdiff_t i = 0;
    for (const struct json_node *n = specials ? specials->child : NULL; n; n = n->next) {
        int64_t id;
        if (!json_int(n, &id) || id < 0 || id >= 1 << 28 || n->key.len == 0)
            return err_set(err, ERR_CONFIG, "the pattern file: $.special_tokens: %s has no id",
                           ERR_QUOTE(n->key));
        out->specials[i++] = (struct special_text){ n->key, (uint32_t)id };
    }
    return true;
}

bool patterns_choose(const struct tok_conf *conf, slice ranks, struct named_pattern *out,
                     struct arena *arena, struct err *err)
{
    char hex[33];

    *out = (struct named_pattern){ 0 };
    if (conf->pattern_file.ptr)
        return take_file(conf->pattern_file, out, arena, err);
    hash128_hex(hash128_of(ranks), hex);
    for (int i = 0; i < countof(known); i++) {
        bool same = conf->pattern_name ? strcmp(conf->pattern_name, known[i].name) == 0
                                       : known[i].hash && strcmp(known[i].hash, hex) == 0;
        if (same) {
            take_known(i, out, arena);
            return true;
        }
    }
    if (conf->pattern_name)
        return err_set(err, ERR_CONFIG, "%s is no pattern (" NAMES ")", conf->pattern_name);
    return err_set(err, ERR_CONFIG,
                   "ranks without a pattern: say how text is cut with --pattern NAME|FILE");
}

bool patterns_is_name(const char *name)
{
    for (int i = 0; i < countof(known); i++)
        if (strcmp(name, known[i].name) == 0)
            return true;
    return false;
}
