#include "load_hf.h"

#include <stdio.h>

static bool load_added_flags(const struct json_node *n, const char *path, struct added_token *a,
                             struct err *err)
{
    const struct {
        const char *key;
        bool *out;
    } flags[] = {
        { "single_word", &a->single_word }, { "lstrip", &a->lstrip },   { "rstrip", &a->rstrip },
        { "normalized", &a->normalized },   { "special", &a->special },
    };

    for (ptrdiff_t i = 0; i < countof(flags); i++) {
        const struct json_node *m = json_get(n, flags[i].key);
        if (!m || (m->type != JSON_TRUE && m->type != JSON_FALSE))
            return err_set(err, ERR_CONFIG, "%s.%s: not true or false", path, flags[i].key);
        *flags[i].out = m->type == JSON_TRUE;
    }
    return true;
}

/* The reference does not believe the ids of the file: a token of the vocabulary keeps its id there,
 * others get the next free one, from the number of entries on, in the order of the list. */
static bool choose_id(struct tok *t, const char *path, struct added_token *a, int64_t *next,
                      struct err *err)
{
    int64_t id = vocab_find(&t->bpe.vocab, a->content);

    if (id < 0) {
        id = (*next)++;
        if (id > VOCAB_MAX_ID || (id < t->bpe.vocab.size && t->bpe.vocab.text[id].ptr))
            return err_set(err, ERR_CONFIG,
                           "%s: its id would be %jd, which the vocabulary has already", path,
                           (intmax_t)id);
    }
    a->id = (uint32_t)id;
    return true;
}

bool load_added(struct tok *t, const struct json_node *list, struct err *err)
{
    int64_t next = t->bpe.vocab.count;

    if (!list || list->type == JSON_NULL)
        return true;
    if (list->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "$.added_tokens: not an array");
    t->added = arena_new(t->arena, struct added_token, list->count);
    vocab_init(&t->added_index, list->count, list->count, t->arena);
    ptrdiff_t index = 0;
    for (const struct json_node *n = list->child; n; n = n->next) {
        struct added_token *a = &t->added[t->added_count];
        char path[64];
        snprintf(path, sizeof path, "$.added_tokens[%td]", index++);
        slice content = json_get_string(n, "content", (slice){ NULL, 0 });
        if (n->type != JSON_OBJECT || !content.ptr)
            return err_set(err, ERR_CONFIG, "%s.content: not a text", path);
        if (content.len == 0)
            continue; /* as in the reference */
        a->content = arena_dup(t->arena, content);
        if (!load_check_members(n, path, "id|content|single_word|lstrip|rstrip|normalized|special",
                                err) ||
            !load_added_flags(n, path, a, err) || !choose_id(t, path, a, &next, err))
            return false;
        if (!vocab_add(&t->added_index, a->content, (uint32_t)t->added_count))
            return err_set(err, ERR_CONFIG, "%s.content: there twice", path);
        t->added_count++;
    }
    return true;
}
