#include "load_hf.h"

#include "../unicode.h"

#include <stdio.h>

bool load_fail(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_CONFIG, "%s: %s", path, what);
}

bool load_unsupported(struct err *err, const char *path, slice type)
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

bool load_component(const struct json_node *n, const char *path, slice *type, bool *none,
                    struct err *err)
{
    *none = !n || n->type == JSON_NULL;
    if (*none)
        return true;
    *type = json_get_string(n, "type", (slice){ NULL, 0 });
    if (n->type != JSON_OBJECT || !type->ptr)
        return load_fail(err, path, "not an object with a type");
    return true;
}

bool load_bool(const struct json_node *n, const char *path, const char *key, bool *out,
               struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || (m->type != JSON_TRUE && m->type != JSON_FALSE))
        return err_set(err, ERR_CONFIG, "%s.%s: not true or false", path, key);
    *out = m->type == JSON_TRUE;
    return true;
}

bool load_bool_or(const struct json_node *n, const char *path, const char *key, bool *out,
                  struct err *err)
{
    const struct json_node *m = json_get(n, key);

    return !m || m->type == JSON_NULL || load_bool(n, path, key, out, err);
}

bool load_string(const struct json_node *n, const char *path, const char *key, slice *out,
                 struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || m->type != JSON_STRING)
        return err_set(err, ERR_CONFIG, "%s.%s: not a string", path, key);
    *out = m->text;
    return true;
}

bool load_char(const struct json_node *n, const char *path, const char *key, slice *out,
               struct err *err)
{
    if (!load_string(n, path, key, out, err))
        return false;
    if (out->len == 0 || uni_count(*out) != 1)
        return err_set(err, ERR_CONFIG, "%s.%s: not one character", path, key);
    return true;
}

bool load_int(const struct json_node *n, const char *path, const char *key, int64_t least,
              int64_t most, int64_t *out, struct err *err)
{
    const struct json_node *m = json_get(n, key);

    if (!m || !json_int(m, out) || *out < least || *out > most)
        return err_set(err, ERR_CONFIG, "%s.%s: not a number from %jd to %jd", path, key,
                       (intmax_t)least, (intmax_t)most);
    return true;
}

bool load_pattern(struct tok *t, const struct json_node *n, const char *path,
                  struct pattern **pattern, slice *literal, struct err *err)
{
    const struct json_node *p = json_get(n, "pattern");
    slice regex = json_get_string(p, "Regex", (slice){ NULL, 0 });
    slice text = json_get_string(p, "String", (slice){ NULL, 0 });

    if (!p || p->type != JSON_OBJECT || p->count != 1 || !(regex.ptr || text.ptr))
        return err_set(err, ERR_CONFIG, "%s.pattern: not {\"Regex\": ...} or {\"String\": ...}",
                       path);
    *literal = arena_dup(t->arena, regex.ptr ? regex : text);
    *pattern = NULL;
    if (!regex.ptr && text.len > 0)
        return true;
    *pattern = pattern_new(*literal, t->arena, err);
    return *pattern || err_context(err, "%s.pattern.Regex", path);
}

bool load_sequence(struct tok *t, const struct json_node *n, const char *path, const char *key,
                   load_fn *load, struct err *err)
{
    char below[LOAD_PATH_BYTES], known[64];
    const struct json_node *list = json_get(n, key);
    int i = 0;

    snprintf(known, sizeof known, "type|%s", key);
    if (!load_check_members(n, path, known, err))
        return false;
    if (!list || list->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "%s.%s: not an array", path, key);
    if (strlen(path) > LOAD_PATH_BYTES - 64)
        return load_fail(err, path, "sequences nest too deep");
    for (const struct json_node *m = list->child; m; m = m->next) {
        snprintf(below, sizeof below, "%s.%s[%d]", path, key, i++);
        if (m->type == JSON_NULL)
            return load_fail(err, below, "null");
        if (!load(t, m, below, err))
            return false;
    }
    return true;
}
