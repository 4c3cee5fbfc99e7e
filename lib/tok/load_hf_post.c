#include "load_hf.h"

#include <stdio.h>

static bool get_ids(struct tok *t, const struct json_node *n, const char *path,
                    struct post_piece *piece, struct err *err)
{
    const struct json_node *ids = json_get(n, "ids"), *texts = json_get(n, "tokens");

    if (!ids || ids->type != JSON_ARRAY)
        return load_fail(err, path, "not an array of ids");
    piece->ids = arena_new(t->arena, uint32_t, ids->count);
    piece->texts = arena_new(t->arena, slice, ids->count);
    for (const struct json_node *m = ids->child; m; m = m->next) {
        int64_t id;
        if (!json_int(m, &id) || id < 0 || id > VOCAB_MAX_ID)
            return load_fail(err, path, "not an array of ids");
        piece->ids[piece->count] = (uint32_t)id;
        slice text = { "", 0 };
        if (texts && texts->type == JSON_ARRAY && piece->count < texts->count)
            text = texts->items[piece->count]->text;
        piece->texts[piece->count++] = arena_dup(t->arena, text.ptr ? text : SLICE(""));
    }
    return true;
}

static bool load_piece(struct tok *t, const struct json_node *item,
                       const struct json_node *specials, const char *path, bool pair,
                       struct post_piece *piece, struct err *err)
{
    const struct json_node *special = json_get(item, "SpecialToken");
    const struct json_node *sequence = json_get(item, "Sequence");
    char below[LOAD_PATH_BYTES + 96], quoted[64];

    piece->type_id =
        (uint32_t)MAX(json_get_int(sequence ? sequence : special, "type_id", 0), (int64_t)0);
    if (sequence) {
        slice name = json_get_string(sequence, "id", SLICE(""));
        piece->sequence = slice_eq(name, SLICE("B"));
        if (!slice_eq(name, SLICE("A")) && !(pair && piece->sequence))
            return load_fail(err, path, pair ? "not sequence A or B" : "not sequence A");
        return true;
    }
    slice name = json_get_string(special, "id", (slice){ NULL, 0 });
    if (!name.ptr)
        return load_fail(err, path, "neither a SpecialToken nor a Sequence");
    snprintf(below, sizeof below, "%s: special token %s", path,
             err_quote(quoted, sizeof quoted, name));
    piece->sequence = -1;
    return get_ids(t, json_get_slice(specials, name), below, piece, err);
}

static bool load_pieces(struct tok *t, const struct json_node *n, const char *path, bool pair,
                        struct post_step *step, struct err *err)
{
    const char *key = pair ? "pair" : "single";
    const struct json_node *list = json_get(n, key);
    char below[LOAD_PATH_BYTES + 32];
    bool seen[2] = { false, false };

    if (!list && pair)
        return true;
    if (!list || list->type != JSON_ARRAY)
        return err_set(err, ERR_CONFIG, "%s.%s: not an array", path, key);
    if (list->count > POST_PIECES_MAX)
        return err_set(err, ERR_CONFIG, "%s.%s: too many parts", path, key);
    step->piece[pair] = arena_new(t->arena, struct post_piece, list->count);
    for (const struct json_node *item = list->child; item; item = item->next) {
        struct post_piece *piece = &step->piece[pair][step->pieces[pair]];
        snprintf(below, sizeof below, "%s.%s[%d]", path, key, step->pieces[pair]++);
        if (!load_piece(t, item, json_get(n, "special_tokens"), below, pair, piece, err))
            return false;
        if (piece->sequence >= 0)
            seen[piece->sequence] = true;
    }
    if (!pair && !seen[0])
        return err_set(err, ERR_CONFIG, "%s.single: no sequence A", path);
    return true;
}

static bool load_template(struct tok *t, const struct json_node *n, const char *path,
                          struct post_step *step, struct err *err)
{
    step->kind = POST_TEMPLATE;
    for (int i = 0; i < t->post.count; i++)
        if (t->post.step[i].kind == POST_TEMPLATE)
            return load_fail(err, path, "a second TemplateProcessing");
    return load_check_members(n, path, "type|single|pair|special_tokens", err) &&
           load_pieces(t, n, path, false, step, err) && load_pieces(t, n, path, true, step, err);
}

/* ["</s>", 2] */
static bool get_named_id(struct tok *t, const struct json_node *n, const char *path,
                         const char *key, uint32_t *out, slice *text, struct err *err)
{
    const struct json_node *pair = json_get(n, key);
    int64_t id = -1;

    if (!pair || pair->type != JSON_ARRAY || pair->count != 2 || pair->child->type != JSON_STRING ||
        !json_int(pair->child->next, &id) || id < 0 || id > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG, "%s.%s: not [token, id]", path, key);
    *out = (uint32_t)id;
    *text = arena_dup(t->arena, pair->child->text);
    return true;
}

static bool load_cls_sep(struct tok *t, const struct json_node *n, const char *path,
                         struct post_step *step, struct err *err)
{
    return load_check_members(n, path, "type|sep|cls|trim_offsets|add_prefix_space", err) &&
           get_named_id(t, n, path, "cls", &step->cls, &step->cls_text, err) &&
           get_named_id(t, n, path, "sep", &step->sep, &step->sep_text, err);
}

bool load_postprocessor(struct tok *t, const struct json_node *n, const char *path, struct err *err)
{
    struct post_step step = { 0 };
    slice type = { NULL, 0 };
    bool none, ok;

    if (!load_component(n, path, &type, &none, err))
        return false;
    if (none)
        return true;
    if (slice_eq(type, SLICE("Sequence")))
        return load_sequence(t, n, path, "processors", load_postprocessor, err);
    if (t->post.count == POST_STEPS_MAX)
        return load_fail(err, path, "too many post-processors");
    if (slice_eq(type, SLICE("TemplateProcessing"))) {
        ok = load_template(t, n, path, &step, err);
    } else if (slice_eq(type, SLICE("BertProcessing"))) {
        step.kind = POST_BERT;
        ok = load_cls_sep(t, n, path, &step, err);
    } else if (slice_eq(type, SLICE("RobertaProcessing"))) {
        step.kind = POST_ROBERTA;
        step.trim_offsets = step.prefix_space = true;
        ok = load_cls_sep(t, n, path, &step, err) &&
             load_bool_or(n, path, "trim_offsets", &step.trim_offsets, err) &&
             load_bool_or(n, path, "add_prefix_space", &step.prefix_space, err);
    } else if (slice_eq(type, SLICE("ByteLevel"))) {
        step.kind = POST_BYTES;
        step.trim_offsets = step.prefix_space = true;
        ok = load_check_members(n, path, "type|add_prefix_space|trim_offsets|use_regex", err) &&
             load_bool_or(n, path, "trim_offsets", &step.trim_offsets, err) &&
             load_bool_or(n, path, "add_prefix_space", &step.prefix_space, err);
    } else {
        ok = load_unsupported(err, path, type);
    }
    t->post.step[t->post.count++] = step;
    return ok;
}

/* ---- what one text gets around it ---- */

static void join(struct tok *t, struct id_list *list, const uint32_t *ids, ptrdiff_t count,
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

/* False: the sequence does not stand there exactly once. */
static bool join_template(struct tok *t, const struct post_step *step)
{
    struct id_list front = { 0 };
    bool behind = false;

    for (int k = 0; k < step->pieces[0]; k++) {
        const struct post_piece *p = &step->piece[0][k];
        if (p->sequence >= 0 && behind)
            return false;
        if (p->sequence >= 0)
            behind = true;
        else
            join(t, behind ? &t->suffix : &front, p->ids, p->count, false);
    }
    join(t, &t->prefix, front.ids, front.count, true);
    return true;
}

bool load_wrapping(struct tok *t, struct err *err)
{
    (void)err;
    for (int i = 0; i < t->post.count; i++) {
        const struct post_step *step = &t->post.step[i];
        if (step->kind == POST_TEMPLATE) {
            t->wraps_oddly |= !join_template(t, step);
        } else if (step->kind != POST_BYTES) {
            /* Behind a template, the parts that it made are wrapped one by one. */
            t->wraps_oddly |= i > 0 && t->post.step[i - 1].kind == POST_TEMPLATE;
            join(t, &t->prefix, &step->cls, 1, true);
            join(t, &t->suffix, &step->sep, 1, false);
        }
    }
    return true;
}

/* ---- truncation and padding ---- */

bool load_truncation(struct tok *t, const struct json_node *n, struct err *err)
{
    static const char *const names[] = { "LongestFirst", "OnlyFirst", "OnlySecond" };
    struct post *p = &t->post;
    slice direction = json_get_string(n, "direction", SLICE("Right"));
    slice strategy = json_get_string(n, "strategy", SLICE(""));
    int i = 0;

    if (!n || n->type == JSON_NULL)
        return true;
    if (n->type != JSON_OBJECT)
        return load_fail(err, "$.truncation", "not an object");
    while (i < countof(names) && !slice_eq(strategy, slice_of(names[i])))
        i++;
    if (i == countof(names))
        return load_fail(err, "$.truncation.strategy", "not LongestFirst, OnlyFirst or OnlySecond");
    p->strategy = i;
    p->truncate = true;
    p->truncate_left = slice_eq(direction, SLICE("Left"));
    if (!p->truncate_left && !slice_eq(direction, SLICE("Right")))
        return load_fail(err, "$.truncation.direction", "not Left or Right");
    return load_check_members(n, "$.truncation", "direction|max_length|strategy|stride", err) &&
           load_int(n, "$.truncation", "max_length", 0, INT32_MAX, &p->max_length, err) &&
           load_int(n, "$.truncation", "stride", 0, INT32_MAX, &p->stride, err);
}

bool load_padding(struct tok *t, const struct json_node *n, struct err *err)
{
    struct post *p = &t->post;
    const struct json_node *strategy = json_get(n, "strategy");
    const struct json_node *multiple = json_get(n, "pad_to_multiple_of");
    slice direction = json_get_string(n, "direction", SLICE(""));
    int64_t id = 0, type = 0;

    if (!n || n->type == JSON_NULL)
        return true;
    if (n->type != JSON_OBJECT)
        return load_fail(err, "$.padding", "not an object");
    p->pad = true;
    p->pad_left = slice_eq(direction, SLICE("Left"));
    if (!p->pad_left && !slice_eq(direction, SLICE("Right")))
        return load_fail(err, "$.padding.direction", "not Left or Right");
    if (!strategy ||
        (strategy->type == JSON_STRING
             ? !slice_eq(strategy->text, SLICE("BatchLongest"))
             : !load_int(strategy, "$.padding.strategy", "Fixed", 0, 1 << 24, &p->pad_to, err)))
        return load_fail(err, "$.padding.strategy", "not BatchLongest or {\"Fixed\": N}");
    if (multiple && multiple->type != JSON_NULL &&
        !load_int(n, "$.padding", "pad_to_multiple_of", 0, 1 << 24, &p->pad_multiple, err))
        return false;
    if (!load_check_members(n, "$.padding",
                            "strategy|direction|pad_to_multiple_of|pad_id|pad_type_id|pad_token",
                            err) ||
        !load_int(n, "$.padding", "pad_id", 0, VOCAB_MAX_ID, &id, err) ||
        !load_int(n, "$.padding", "pad_type_id", 0, UINT32_MAX, &type, err) ||
        !load_string(n, "$.padding", "pad_token", &p->pad_text, err))
        return false;
    p->pad_id = (uint32_t)id;
    p->pad_type = (uint32_t)type;
    p->pad_text = arena_dup(t->arena, p->pad_text);
    return true;
}
