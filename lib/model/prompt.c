#include "prompt.h"

#include <stdlib.h>

static bool encode(const struct prompt_maker *p, slice text, unsigned flags, struct tok_ids *ids,
                   struct err *err)
{
    if (!p->tok)
        return err_set(err, ERR_DATA, "the model has no tokenizer: give ids");
    struct err why = { 0 };
    if (!tok_encode(p->tok, p->scratch, text, flags, ids, &why))
        return err_set(err, ERR_DATA, "%s", why.text);
    for (ptrdiff_t i = 0; i < ids->count; i++)
        if ((int64_t)ids->ids[i] >= p->vocab)
            return err_set(err, ERR_DATA,
                           "the tokenizer gives id %u, the model knows ids below %lld", ids->ids[i],
                           (long long)p->vocab);
    return true;
}

bool prompt_of_text(const struct prompt_maker *p, slice text, struct tok_ids *ids, struct err *err)
{
    unsigned special = p->special_text ? TOK_SPECIAL_TEXT : TOK_SPECIAL_PARSE;
    return encode(p, text, special | TOK_ADD_SPECIAL, ids, err);
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return v;
}

/* The text is valid JSON: every \u has four digits. */
static bool has_lone_surrogate(slice json)
{
    for (ptrdiff_t i = 0; i + 1 < json.len; i++) {
        if (json.ptr[i] != '\\')
            continue;
        if (json.ptr[++i] != 'u')
            continue;
        int unit = hex4(json.ptr + i + 1);
        i += 4;
        if (unit < 0xD800 || unit > 0xDFFF)
            continue;
        bool paired = unit < 0xDC00 && json.len - i > 6 && json.ptr[i + 1] == '\\' &&
                      json.ptr[i + 2] == 'u' && hex4(json.ptr + i + 3) >= 0xDC00 &&
                      hex4(json.ptr + i + 3) <= 0xDFFF;
        if (!paired)
            return true;
        i += 6;
    }
    return false;
}

static slice token_text(const struct prompt_maker *p, int64_t id)
{
    slice none = { "", 0 };
    if (id < 0 || !p->tok || id >= tok_vocab_size(p->tok))
        return none;
    slice text = tok_bytes_of(p->tok, (uint32_t)id);
    return text.ptr ? text : none;
}

bool prompt_of_messages(const struct prompt_maker *p, slice messages, slice tools,
                        struct arena *arena, slice *rendered, struct tok_ids *ids, struct err *err)
{
    if (!p->chat)
        return err_set(err, ERR_DATA,
                       "the model has no chat template for \"messages\"; give --chat-template");
    if (has_lone_surrogate(messages) || has_lone_surrogate(tools))
        return err_set(err, ERR_DATA, "lone surrogate in \"messages\" or \"tools\"");
    struct json_node *list = json_parse(messages, arena, err), *tool_list = NULL;
    if (!list || (tools.len && !(tool_list = json_parse(tools, arena, err)))) {
        if (err)
            err->class = ERR_DATA;
        return false;
    }
    for (struct json_node *m = list->child; m; m = m->next)
        if (m->type != JSON_OBJECT || !json_get(m, "role"))
            return err_set(err, ERR_DATA, "an element of \"messages\" is no object with a role");
    struct json_node begin = { .type = p->no_generation ? JSON_FALSE : JSON_TRUE };
    struct json_node bos = { .type = JSON_STRING, .text = token_text(p, p->bos) };
    struct json_node eos = { .type = JSON_STRING, .text = token_text(p, p->eos) };
    struct json_node none = { .type = JSON_NULL };
    struct jinja_var vars[] = {
        { "messages", list },   { "tools", tool_list ? tool_list : &none },
        { "documents", &none }, { "add_generation_prompt", &begin },
        { "bos_token", &bos },  { "eos_token", &eos },
    };
    struct buf out = { .max = JINJA_OUTPUT_MAX };
    bool ok = jinja_render(p->chat, vars, countof(vars), arena, &out, err);
    if (ok) {
        *rendered = arena_dup(arena, buf_slice(&out));
        ok = encode(p, *rendered, TOK_SPECIAL_PARSE, ids, err);
    }
    buf_release(&out);
    return ok;
}

bool prompt_of_ids(const struct prompt_maker *p, slice array, struct arena *arena,
                   struct tok_ids *ids, struct err *err)
{
    struct json_node *list = json_parse(array, arena, err);
    if (!list) {
        if (err)
            err->class = ERR_DATA;
        return false;
    }
    if (ids->cap < list->count) {
        ids->ids = realloc(ids->ids, (size_t)list->count * sizeof *ids->ids);
        if (!ids->ids)
            mem_oom();
        ids->cap = list->count;
    }
    ptrdiff_t index = 0;
    for (struct json_node *n = list->child; n; n = n->next, index++) {
        int64_t id;
        if (!json_int(n, &id))
            return err_set(err, ERR_DATA, "\"ids\"[%td] is no integer", index);
        if (id < 0 || id >= p->vocab)
            return err_set(err, ERR_DATA, "\"ids\"[%td] is %lld, the model knows ids below %lld",
                           index, (long long)id, (long long)p->vocab);
        ids->ids[ids->count++] = (uint32_t)id;
    }
    return true;
}
