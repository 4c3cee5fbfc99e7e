#include "tok_private.h"

#include "../json.h"
#include "uclass.h"

#include <stdio.h>

#define PATH_MAX_BYTES 256

static bool fail(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_CONFIG, "%s: %s", path, what);
}

static bool unsupported(struct err *err, const char *path, slice type)
{
    char quoted[96];

    return err_set(err, ERR_CONFIG, "%s.type: %s is not supported", path,
                   err_quote(quoted, sizeof quoted, type));
}

bool load_check_members(const struct json_node *n, const char *path, const char *known,
                        struct err *err)
{
    char quoted[96];
    uint64_t seen = 0;

    for (const struct json_node *m = n->child; m; m = m->next) {
        const char *name = known;
        int index = 0;
        for (; name; index++) {
            const char *bar = strchr(name, '|');
            slice word = bar ? slice_make(name, bar - name) : slice_of(name);
            if (slice_eq(word, m->key))
                break;
            name = bar ? bar + 1 : NULL;
        }
        if (!name)
            return err_set(err, ERR_CONFIG, "%s: unknown member %s", path,
                           err_quote(quoted, sizeof quoted, m->key));
        if (seen >> index & 1)
            return err_set(err, ERR_CONFIG, "%s: member %s is there twice", path,
                           err_quote(quoted, sizeof quoted, m->key));
        seen |= (uint64_t)1 << index;
    }
    return true;
}

/* A component of the pipeline: an object with a type; *none when it is null or missing. */
static bool component(const struct json_node *n, const char *path, slice *type, bool *none,
                      struct err *err)
{
    *none = !n || n->type == JSON_NULL;
    if (*none)
        return true;
    *type = json_get_string(n, "type", (slice){ NULL, 0 });
    if (n->type != JSON_OBJECT || !type->ptr)
        return fail(err, path, "not an object with a type");
    return true;
}

static bool get_bool(const struct json_node *n, const char *path, const char *key, bool *out,
                     struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || (m->type != JSON_TRUE && m->type != JSON_FALSE))
        return err_set(err, ERR_CONFIG, "%s.%s: not true or false", path, key);
    *out = m->type == JSON_TRUE;
    return true;
}

static bool get_string(const struct json_node *n, const char *path, const char *key, slice *out,
                       struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || m->type != JSON_STRING)
        return err_set(err, ERR_CONFIG, "%s.%s: not a string", path, key);
    *out = m->text;
    return true;
}

typedef bool load_fn(struct tok *t, const struct json_node *n, const char *path, struct err *err);

/* {"type":"Sequence","<key>":[...]} */
static bool load_sequence(struct tok *t, const struct json_node *n, const char *path,
                          const char *key, load_fn *load, struct err *err)
{
    char below[PATH_MAX_BYTES], known[64];
    const struct json_node *list = json_get(n, key);
    int i = 0;

    snprintf(known, sizeof known, "type|%s", key);
    if (!load_check_members(n, path, known, err))
        return false;
    if (!list || list->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "%s.%s: not an array", path, key);
    if (strlen(path) > PATH_MAX_BYTES - 64)
        return fail(err, path, "sequences nest too deep");
    for (const struct json_node *m = list->child; m; m = m->next) {
        snprintf(below, sizeof below, "%s.%s[%d]", path, key, i++);
        if (m->type == JSON_NULL)
            return fail(err, below, "null");
        if (!load(t, m, below, err))
            return false;
    }
    return true;
}

bool load_normalizer(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    static const struct {
        const char *name;
        enum uni_form form;
    } forms[] = {
        { "NFC", UNI_NFC }, { "NFD", UNI_NFD }, { "NFKC", UNI_NFKC }, { "NFKD", UNI_NFKD }
    };
    slice type = { NULL, 0 };
    bool none;

    if (!component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "normalizers", load_normalizer, err);
    for (ptrdiff_t i = 0; i < countof(forms); i++) {
        if (!slice_eq(type, slice_of(forms[i].name)))
            continue;
        if (t->normal.count == NORMAL_MAX)
            return fail(err, path, "too many normalizers");
        normal_add(&t->normal, forms[i].form, t->arena);
        return load_check_members(n, path, "type", err);
    }
    return unsupported(err, path, type);
}

static bool get_behavior(const struct json_node *n, const char *path, enum pretok_behavior *out,
                         struct err *err)
{
    static const char *const names[] = { "Removed", "Isolated", "MergedWithPrevious",
                                         "MergedWithNext", "Contiguous" };
    slice name = { NULL, 0 };

    if (!get_string(n, path, "behavior", &name, err))
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
    slice literal = json_get_string(pattern, "String", (slice){ NULL, 0 });

    if (!load_check_members(n, path, "type|pattern|behavior|invert", err) ||
        !get_behavior(n, path, &stage->behavior, err) ||
        !get_bool(n, path, "invert", &stage->invert, err))
        return false;
    if (!pattern || pattern->type != JSON_OBJECT || pattern->count != 1 ||
        !(regex.ptr || literal.ptr))
        return err_set(err, ERR_CONFIG, "%s.pattern: not {\"Regex\": ...} or {\"String\": ...}",
                       path);
    stage->literal = arena_dup(t->arena, regex.ptr ? regex : literal);
    stage->kind = regex.ptr ? PRETOK_PATTERN : PRETOK_LITERAL;
    if (!regex.ptr)
        return true;
    stage->rule = pieces_find(regex, PIECES_ONIGURUMA);
    if (stage->rule) {
        stage->kind = PRETOK_RULE;
        return true;
    }
    stage->pattern = pattern_new(stage->literal, t->arena, err);
    return stage->pattern || err_context(err, "%s.pattern.Regex", path);
}

static bool load_bytes(const struct json_node *n, const char *path, struct pretok_stage *stage,
                       struct err *err)
{
    bool trim = false;

    stage->kind = PRETOK_BYTES;
    stage->behavior = PRETOK_ISOLATED;
    stage->use_regex = true;
    return load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err) &&
           get_bool(n, path, "add_prefix_space", &stage->prefix_space, err) &&
           get_bool(n, path, "trim_offsets", &trim, err) &&
           (!json_get(n, "use_regex") || get_bool(n, path, "use_regex", &stage->use_regex, err));
}

static bool load_digits(const struct json_node *n, const char *path, struct pretok_stage *stage,
                        struct err *err)
{
    bool individual = false;

    if (!load_check_members(n, path, "type|individual_digits", err) ||
        !get_bool(n, path, "individual_digits", &individual, err))
        return false;
    stage->kind = PRETOK_CLASS;
    stage->property = UPROP_NUMERIC;
    stage->behavior = individual ? PRETOK_ISOLATED : PRETOK_CONTIGUOUS;
    return true;
}

bool load_pretokenizer(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    struct pretok_stage stage = { 0 };
    slice type = { NULL, 0 };
    bool none, ok;

    if (!component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "pretokenizers", load_pretokenizer, err);
    if (t->pretok.count == PRETOK_STAGES_MAX)
        return fail(err, path, "too many pre-tokenizers");
    if (slice_eq(type, SLICE("Split"))) {
        ok = load_split(t, n, path, &stage, err);
    } else if (slice_eq(type, SLICE("ByteLevel"))) {
        ok = load_bytes(n, path, &stage, err);
        for (int i = 0; ok && i < t->pretok.count; i++)
            if (t->pretok.stage[i].kind == PRETOK_BYTES)
                ok = fail(err, path, "a second ByteLevel is not supported");
    } else if (slice_eq(type, SLICE("Digits"))) {
        ok = load_digits(n, path, &stage, err);
    } else if (slice_eq(type, SLICE("Punctuation"))) {
        stage.kind = PRETOK_CLASS;
        stage.property = UPROP_PUNCT;
        stage.behavior = PRETOK_ISOLATED;
        ok = load_check_members(n, path, "type|behavior", err) &&
             (!json_get(n, "behavior") || get_behavior(n, path, &stage.behavior, err));
    } else {
        ok = unsupported(err, path, type);
    }
    t->pretok.stage[t->pretok.count++] = stage; /* also on failure: it may own a pattern */
    return ok;
}

/* ---- post-processor ---- */

static void join_lists(struct tok *t, struct id_list *list, const uint32_t *ids, ptrdiff_t count,
                       bool in_front)
{
    uint32_t *all = arena_new(t->arena, uint32_t, list->count + count);
    ptrdiff_t old = in_front ? count : 0, new = in_front ? 0 : list->count;

    if (list->count)
        memcpy(all + old, list->ids, (size_t)list->count * sizeof *all);
    if (count)
        memcpy(all + new, ids, (size_t)count * sizeof *all);
    *list = (struct id_list){ all, list->count + count };
}

static bool get_ids(struct tok *t, const struct json_node *n, const char *path, uint32_t **ids,
                    ptrdiff_t *count, struct err *err)
{
    if (!n || n->type != JSON_ARRAY)
        return fail(err, path, "not an array of ids");
    *ids = arena_new(t->arena, uint32_t, n->count);
    *count = 0;
    for (const struct json_node *m = n->child; m; m = m->next) {
        int64_t id;
        if (!json_int(m, &id) || id < 0 || id > VOCAB_MAX_ID)
            return fail(err, path, "not an array of ids");
        (*ids)[(*count)++] = (uint32_t)id;
    }
    return true;
}

struct wrap { /* what a template puts around the sequence */
    uint32_t ids[2][64];
    ptrdiff_t count[2];
    int side;
};

static bool load_template_item(struct tok *t, const struct json_node *item,
                               const struct json_node *specials, const char *path, struct wrap *w,
                               struct err *err)
{
    const struct json_node *special = json_get(item, "SpecialToken");
    const struct json_node *sequence = json_get(item, "Sequence");
    char below[PATH_MAX_BYTES + 96], quoted[64];
    uint32_t *ids = NULL;
    ptrdiff_t count = 0;

    if (sequence) {
        if (w->side || !slice_eq(json_get_string(sequence, "id", SLICE("")), SLICE("A")))
            return fail(err, path, "not a template of one sequence A");
        w->side = 1;
        return true;
    }
    slice name = json_get_string(special, "id", (slice){ NULL, 0 });
    if (!name.ptr)
        return fail(err, path, "neither a SpecialToken nor a Sequence");
    const struct json_node *entry = json_get_slice(specials, name);
    snprintf(below, sizeof below, "%s: special token %s", path,
             err_quote(quoted, sizeof quoted, name));
    if (!get_ids(t, json_get(entry, "ids"), below, &ids, &count, err))
        return false;
    if (count > countof(w->ids[0]) - w->count[w->side])
        return fail(err, path, "too many special tokens");
    memcpy(w->ids[w->side] + w->count[w->side], ids, (size_t)count * sizeof *ids);
    w->count[w->side] += count;
    return true;
}

static bool load_template(struct tok *t, const struct json_node *n, const char *path,
                          struct err *err)
{
    const struct json_node *single = json_get(n, "single");
    char below[PATH_MAX_BYTES + 32];
    struct wrap w = { .side = 0 };
    int i = 0;

    if (!load_check_members(n, path, "type|single|pair|special_tokens", err))
        return false;
    if (!single || single->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "%s.single: not an array", path);
    for (const struct json_node *item = single->child; item; item = item->next) {
        snprintf(below, sizeof below, "%s.single[%d]", path, i++);
        if (!load_template_item(t, item, json_get(n, "special_tokens"), below, &w, err))
            return false;
    }
    if (!w.side)
        return err_set(err, ERR_CONFIG, "%s.single: no sequence A", path);
    join_lists(t, &t->prefix, w.ids[0], w.count[0], true);
    join_lists(t, &t->suffix, w.ids[1], w.count[1], false);
    return true;
}

/* ["</s>", 2] */
static bool get_named_id(const struct json_node *n, const char *path, const char *key,
                         uint32_t *out, struct err *err)
{
    const struct json_node *pair = json_get(n, key);
    int64_t id = -1;

    if (!pair || pair->type != JSON_ARRAY || pair->count != 2 ||
        !json_int(pair->child->next, &id) || id < 0 || id > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "%s.%s: not [token, id]", path, key);
    *out = (uint32_t)id;
    return true;
}

static bool load_cls_sep(struct tok *t, const struct json_node *n, const char *path,
                         struct err *err)
{
    uint32_t cls = 0, sep = 0;

    if (!load_check_members(n, path, "type|sep|cls|trim_offsets|add_prefix_space", err) ||
        !get_named_id(n, path, "cls", &cls, err) || !get_named_id(n, path, "sep", &sep, err))
        return false;
    join_lists(t, &t->prefix, &cls, 1, true);
    join_lists(t, &t->suffix, &sep, 1, false);
    return true;
}

bool load_postprocessor(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    slice type = { NULL, 0 };
    bool none;

    if (!component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "processors", load_postprocessor, err);
    if (slice_eq(type, SLICE("ByteLevel"))) /* moves offsets only */
        return load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err);
    if (slice_eq(type, SLICE("TemplateProcessing")))
        return load_template(t, n, path, err);
    if (slice_eq(type, SLICE("RobertaProcessing")) || slice_eq(type, SLICE("BertProcessing")))
        return load_cls_sep(t, n, path, err);
    return unsupported(err, path, type);
}

bool load_decoder(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    slice type = { NULL, 0 };
    bool none;

    if (!component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "decoders", load_decoder, err);
    if (slice_eq(type, SLICE("Fuse"))) /* joins what ByteLevel has joined already */
        return t->decoder == DECODER_BYTES ? load_check_members(n, path, "type", err)
                                           : fail(err, path, "Fuse before ByteLevel");
    if (!slice_eq(type, SLICE("ByteLevel")))
        return unsupported(err, path, type);
    if (t->decoder == DECODER_BYTES)
        return fail(err, path, "a second ByteLevel is not supported");
    t->decoder = DECODER_BYTES;
    return load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err);
}
