/* tokopen.h: a tokenizer from a path: a file of any format, a GGUF model, or a folder of a model.
 *
 * In a folder the first of these counts: tokenizer.json, tekken.json, tokenizer.model, spiece.model,
 * sentencepiece.bpe.model, vocab.json with merges.txt, vocab.txt. A vocab.json takes the merges.txt
 * beside it; vocab.txt and its folder's tokenizer_config.json ("do_lower_case") belong together.
 *
 *     struct tok_source src = { .path = "model/", .pattern = NULL };
 *     struct tok *t = tok_open(&src, &arena, &err);
 */
#ifndef TOKOPEN_H
#define TOKOPEN_H

#include "../tok/tok.h"

struct tok_source {
    const char *path;
    const char *pattern; /* tiktoken's ranks: a name, or a JSON file; NULL: none */
};

/* NULL: a missing file ERR_NOINPUT, anything wrong in it ERR_CONFIG. */
struct tok *tok_open(const struct tok_source *src, struct arena *arena, struct err *err);

struct tok_chat {
    slice chat_template; /* in the arena; empty: there is none */
    int64_t bos, eos;    /* ids for the template; -1: none */
};

/* What the model says about conversations: of a GGUF file its keys, else tokenizer_config.json and
 * chat_template.jinja beside the tokenizer. */
bool tok_open_chat(const struct tok_source *src, const struct tok *t, struct tok_chat *chat,
                   struct arena *arena, struct err *err);

#endif
