#include "load_hf.h"

#include "uclass.h"

static bool get_behavior(const struct json_node *n, const char *path, enum pretok_behavior *out,
                         struct err *err)
{
    static const char *const names[] = { "Removed", "Isolated", "MergedWithPrevious",
                                         "MergedWithNext", "Contiguous" };
    slice name = { NULL, 0 };

    if (!load_string(n, path, "behavior", &name, err))
        return false;
    for (ptrdiff_t i = 0; i < countof(names); i++)
        if (slice_eq(name, slice_of(names[i]))) {
            *out = (enum pretok_behavior)i;
            return true;
        }
    return err_set(err, ERR_CONFIG, "%s.behavior: unknown", path);
}

static bool load_split(struct tok *t, const struct json_node *n, const char *path,
                       struct pretok_stage *stage, struct err *err)
{
    const struct json_node *pattern = json_get(n, "pattern");
    slice regex = json_get_string(pattern, "Regex", (slice){ NULL, 0 });

    if (!load_check_members(n, path, "type|pattern|behavior|invert", err) ||
        !get_behavior(n, path, &stage->behavior, err) ||
        !load_bool(n, path, "invert", &stage->invert, err))
        return false;
    if (regex.ptr && pattern->count == 1 && (stage->rule = pieces_find(regex, PIECES_ONIGURUMA))) {
        stage->kind = PRETOK_RULE;
        stage->literal = arena_dup(t->arena, regex);
        return true;
    }
    if (!load_pattern(t, n, path, &stage->pattern, &stage->literal, err))
        return false;
    stage->kind = stage->pattern ? PRETOK_PATTERN : PRETOK_LITERAL;
    return true;
}

static bool load_bytes(const struct json_node *n, const char *path, struct pretok_stage *stage,
                       struct err *err)
{
    bool trim = false;

    stage->kind = PRETOK_BYTES;
    stage->behavior = PRETOK_ISOLATED;
    stage->use_regex = true;
    return load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err) &&
           load_bool(n, path, "add_prefix_space", &stage->prefix_space, err) &&
           load_bool(n, path, "trim_offsets", &trim, err) &&
           (!json_get(n, "use_regex") || load_bool(n, path, "use_regex", &stage->use_regex, err));
}

static bool load_digits(const struct json_node *n, const char *path, struct pretok_stage *stage,
                        struct err *err)
{
    bool individual = false;

    if (!load_check_members(n, path, "type|individual_digits", err) ||
        !load_bool(n, path, "individual_digits", &individual, err))
        return false;
    stage->kind = PRETOK_CLASS;
    stage->property = UPROP_NUMERIC;
    stage->behavior = individual ? PRETOK_ISOLATED : PRETOK_CONTIGUOUS;
    return true;
}

static bool load_metaspace(struct tok *t, const struct json_node *n, const char *path,
                           struct pretok_stage *stage, struct err *err)
{
    slice scheme = json_get_string(n, "prepend_scheme", SLICE("always"));
    bool prefix = true;

    stage->kind = PRETOK_METASPACE;
    stage->split = true;
    if (!load_check_members(
            n, path, "type|replacement|add_prefix_space|prepend_scheme|split|str_rep", err) ||
        !load_char(n, path, "replacement", &stage->literal, err) ||
        !load_bool_or(n, path, "add_prefix_space", &prefix, err) ||
        !load_bool_or(n, path, "split", &stage->split, err))
        return false;
    stage->literal = arena_dup(t->arena, stage->literal);
    stage->prefix_first = slice_eq(scheme, SLICE("first"));
    stage->prefix_space = stage->prefix_first || slice_eq(scheme, SLICE("always"));
    if (!stage->prefix_space && !slice_eq(scheme, SLICE("never")))
        return err_set(err, ERR_CONFIG, "%s.prepend_scheme: not first, never or always", path);
    if (!prefix && stage->prefix_space)
        return err_set(err, ERR_CONFIG, "%s.add_prefix_space: contradicts prepend_scheme", path);
    return true;
}

static bool load_class(const struct json_node *n, const char *path, struct pretok_stage *stage,
                       struct err *err)
{
    stage->kind = PRETOK_CLASS;
    stage->property = UPROP_PUNCT;
    stage->behavior = PRETOK_ISOLATED;
    return load_check_members(n, path, "type|behavior", err) &&
           (!json_get(n, "behavior") || get_behavior(n, path, &stage->behavior, err));
}

static bool load_stage(struct tok *t, const struct json_node *n, const char *path, slice type,
                       struct pretok_stage *stage, struct err *err)
{
    stage->behavior = PRETOK_ISOLATED;
    if (slice_eq(type, SLICE("Split")))
        return load_split(t, n, path, stage, err);
    if (slice_eq(type, SLICE("ByteLevel")))
        return load_bytes(n, path, stage, err);
    if (slice_eq(type, SLICE("Digits")))
        return load_digits(n, path, stage, err);
    if (slice_eq(type, SLICE("Punctuation")))
        return load_class(n, path, stage, err);
    if (slice_eq(type, SLICE("Metaspace")))
        return load_metaspace(t, n, path, stage, err);
    if (slice_eq(type, SLICE("CharDelimiterSplit"))) {
        stage->kind = PRETOK_LITERAL;
        stage->behavior = PRETOK_REMOVED;
        if (!load_check_members(n, path, "type|delimiter", err) ||
            !load_char(n, path, "delimiter", &stage->literal, err))
            return false;
        stage->literal = arena_dup(t->arena, stage->literal);
        return true;
    }
    if (slice_eq(type, SLICE("FixedLength"))) {
        stage->kind = PRETOK_FIXED;
        stage->length = 5;
        return load_check_members(n, path, "type|length", err) &&
               (!json_get(n, "length") ||
                load_int(n, path, "length", 1, INT32_MAX, &stage->length, err));
    }
    if (slice_eq(type, SLICE("UnicodeScripts")))
        stage->kind = PRETOK_SCRIPTS;
    else if (slice_eq(type, SLICE("Whitespace")))
        stage->kind = PRETOK_WORDS;
    else if (slice_eq(type, SLICE("WhitespaceSplit")) || slice_eq(type, SLICE("BertPreTokenizer")))
        stage->kind = PRETOK_CLASS; /* of white space */
    else
        return load_unsupported(err, path, type);
    if (stage->kind != PRETOK_SCRIPTS)
        stage->behavior = PRETOK_REMOVED;
    return load_check_members(n, path, "type", err);
}

static bool add_stage(struct tok *t, const struct pretok_stage *stage, const char *path,
                      struct err *err)
{
    if (t->pretok.count == PRETOK_STAGES_MAX) {
        pattern_free(stage->pattern);
        return load_fail(err, path, "too many pre-tokenizers");
    }
    t->pretok.stage[t->pretok.count++] = *stage;
    return true;
}

bool load_pretokenizer(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    static const struct pretok_stage punctuation = { .kind = PRETOK_CLASS,
                                                     .behavior = PRETOK_ISOLATED,
                                                     .property = UPROP_PUNCT };
    struct pretok_stage stage = { 0 };
    slice type = { NULL, 0 };
    bool none;

    if (!load_component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "pretokenizers", load_pretokenizer, err);
    return load_stage(t, n, path, type, &stage, err) && add_stage(t, &stage, path, err) &&
           (!slice_eq(type, SLICE("BertPreTokenizer")) || add_stage(t, &punctuation, path, err));
}
