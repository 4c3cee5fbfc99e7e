#include "load_hf.h"

#include "base64.h"

static bool add(struct tok *t, const struct normal_step *step, const char *path, struct err *err)
{
    if (normal_add(&t->normal, step, t->arena))
        return true;
    pattern_free(step->pattern);
    return load_fail(err, path, "too many normalizers");
}

static bool load_bert(const struct json_node *n, const char *path, struct normal_step *step,
                      struct err *err)
{
    bool clean = false, chinese = false, lower = false;

    if (!load_check_members(n, path, "type|clean_text|handle_chinese_chars|strip_accents|lowercase",
                            err) ||
        !load_bool(n, path, "clean_text", &clean, err) ||
        !load_bool(n, path, "handle_chinese_chars", &chinese, err) ||
        !load_bool(n, path, "lowercase", &lower, err))
        return false;
    bool accents = lower; /* null: as lowercase */
    if (!load_bool_or(n, path, "strip_accents", &accents, err))
        return false;
    step->kind = NORMAL_BERT;
    step->flags = (clean ? NORMAL_CLEAN : 0) | (chinese ? NORMAL_CHINESE : 0) |
                  (accents ? NORMAL_ACCENTS : 0) | (lower ? NORMAL_LOWER : 0);
    return true;
}

static bool load_strip(const struct json_node *n, const char *path, struct normal_step *step,
                       struct err *err)
{
    bool left = false, right = false;

    step->kind = NORMAL_STRIP;
    if (!load_check_members(n, path, "type|strip_left|strip_right", err) ||
        !load_bool(n, path, "strip_left", &left, err) ||
        !load_bool(n, path, "strip_right", &right, err))
        return false;
    step->flags = (left ? NORMAL_LEFT : 0) | (right ? NORMAL_RIGHT : 0);
    return true;
}

static bool load_precompiled(struct tok *t, const struct json_node *n, const char *path,
                             struct normal_step *step, struct err *err)
{
    slice text, blob;

    step->kind = NORMAL_PRECOMPILED;
    if (!load_check_members(n, path, "type|precompiled_charsmap", err) ||
        !load_string(n, path, "precompiled_charsmap", &text, err))
        return false;
    if (!base64_decode(text, t->arena, &blob))
        return err_set(err, ERR_CONFIG, "%s.precompiled_charsmap: not base64", path);
    step->map = charsmap_new(blob, t->arena, err);
    return step->map || err_context(err, "%s", path);
}

static bool load_text(struct tok *t, const struct json_node *n, const char *path, const char *key,
                      struct normal_step *step, struct err *err)
{
    if (!load_string(n, path, key, &step->text, err))
        return false;
    step->text = arena_dup(t->arena, step->text);
    return true;
}

static bool load_step(struct tok *t, const struct json_node *n, const char *path, slice type,
                      struct normal_step *step, struct err *err)
{
    static const struct {
        const char *name;
        enum normal_kind kind;
    } plain[] = { { "NFC", NORMAL_NFC },
                  { "NFD", NORMAL_NFD },
                  { "NFKC", NORMAL_NFKC },
                  { "NFKD", NORMAL_NFKD },
                  { "Lowercase", NORMAL_LOWERCASE },
                  { "StripAccents", NORMAL_STRIP_ACCENTS },
                  { "Nmt", NORMAL_NMT },
                  { "ByteLevel", NORMAL_BYTES } };

    for (ptrdiff_t i = 0; i < countof(plain); i++)
        if (slice_eq(type, slice_of(plain[i].name))) {
            step->kind = plain[i].kind;
            return load_check_members(n, path, "type", err);
        }
    if (slice_eq(type, SLICE("BertNormalizer")))
        return load_bert(n, path, step, err);
    if (slice_eq(type, SLICE("Strip")))
        return load_strip(n, path, step, err);
    if (slice_eq(type, SLICE("Precompiled")))
        return load_precompiled(t, n, path, step, err);
    if (slice_eq(type, SLICE("Prepend"))) {
        step->kind = NORMAL_PREPEND;
        return load_check_members(n, path, "type|prepend", err) &&
               load_text(t, n, path, "prepend", step, err);
    }
    if (slice_eq(type, SLICE("Replace"))) {
        step->kind = NORMAL_REPLACE;
        return load_check_members(n, path, "type|pattern|content", err) &&
               load_text(t, n, path, "content", step, err) &&
               load_pattern(t, n, path, &step->pattern, &step->literal, err);
    }
    return load_unsupported(err, path, type);
}

bool load_normalizer(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    struct normal_step step = { 0 };
    slice type = { NULL, 0 };
    bool none;

    if (!load_component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "normalizers", load_normalizer, err);
    return load_step(t, n, path, type, &step, err) && add(t, &step, path, err);
}
