#include "load_files.h"

#include "../json.h"
#include "base64.h"

#include <stdio.h>

static bool read_tokens(struct tok *t, const struct json_node *list, int64_t most,
                        struct ranked *tokens, ptrdiff_t *count, struct err *err)
{
    for (const struct json_node *n = list->child; n && *count < most; n = n->next) {
        slice text = json_get_string(n, "token_bytes", (slice){ NULL, 0 });
        int64_t rank = json_get_int(n, "rank", -1);
        if (!text.ptr || !base64_decode(text, t->arena, &tokens[*count].bytes) || rank != *count)
            return err_set(err, ERR_CONFIG, "$.vocab[%td]: not token_bytes with the next rank",
                           *count);
        tokens[*count].rank = (uint32_t)rank;
        ++*count;
    }
    return true;
}

/* Ids 0 to `room` - 1: named ones, and names of our own for those that have none, as in the
 * reference. */
static bool read_specials(struct tok *t, const struct json_node *list, int64_t room,
                          struct err *err)
{
    static const char *const old[] = { "<unk>",
                                       "<s>",
                                       "</s>",
                                       "[INST]",
                                       "[/INST]",
                                       "[AVAILABLE_TOOLS]",
                                       "[/AVAILABLE_TOOLS]",
                                       "[TOOL_RESULTS]",
                                       "[/TOOL_RESULTS]",
                                       "[TOOL_CALLS]",
                                       "[IMG]",
                                       "<pad>",
                                       "[IMG_BREAK]",
                                       "[IMG_END]",
                                       "[PREFIX]",
                                       "[MIDDLE]",
                                       "[SUFFIX]",
                                       "[SYSTEM_PROMPT]",
                                       "[/SYSTEM_PROMPT]",
                                       "[TOOL_CONTENT]" };
    slice *names = arena_new(t->arena, slice, room);

    for (int64_t i = 0; !list && i < countof(old) && i < room; i++)
        names[i] = slice_of(old[i]);
    for (const struct json_node *n = list ? list->child : NULL; n; n = n->next) {
        int64_t rank = json_get_int(n, "rank", -1);
        slice text = json_get_string(n, "token_str", (slice){ NULL, 0 });
        if (rank < 0 || rank >= room || text.len == 0 || names[rank].ptr)
            return err_set(err, ERR_CONFIG, "$.special_tokens: not token_str and rank below %jd",
                           (intmax_t)room);
        names[rank] = arena_dup(t->arena, text);
    }
    vocab_init(&t->added_index, room, room, t->arena);
    t->added = arena_new(t->arena, struct added_token, room);
    for (int64_t i = 0; i < room; i++) {
        if (!names[i].ptr)
            names[i] = arena_printf(t->arena, "<SPECIAL_%jd>", (intmax_t)i);
        ptrdiff_t before = t->added_count;
        add_special(t, names[i], (uint32_t)i);
        if (t->added_count == before)
            return err_set(err, ERR_CONFIG, "$.special_tokens: %s is there twice",
                           ERR_QUOTE(names[i]));
    }
    return true;
}

bool load_tekken(struct tok *t, const struct json_node *root, struct err *err)
{
    const struct json_node *config = json_get(root, "config"), *vocab = json_get(root, "vocab");
    slice pattern = json_get_string(config, "pattern", (slice){ NULL, 0 });
    int64_t size = json_get_int(config, "default_vocab_size", -1);
    int64_t specials = json_get_int(config, "default_num_special_tokens", -1);
    struct arena work = { 0 };
    ptrdiff_t count = 0;

    if (!pattern.ptr)
        return err_set(err, ERR_CONFIG, "$.config.pattern: not a string");
    if (specials < 0 || specials > 1 << 20 || size <= specials || size > VOCAB_MAX_ID)
        return err_set(err, ERR_CONFIG,
                       "$.config: default_vocab_size and default_num_special_tokens do not fit");
    struct ranked *tokens = arena_new(&work, struct ranked, vocab->count);
    bool ok = read_tokens(t, vocab, size - specials, tokens, &count, err) &&
              finish_ranks(t, tokens, count, pattern, (uint32_t)specials, err) &&
              read_specials(t, json_get(root, "special_tokens"), specials, err) &&
              tok_finish(t, err);
    arena_release(&work);
    return ok;
}
