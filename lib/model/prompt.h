/* prompt.h: what a record asks for, as token ids.
 *
 *   text       encoded as the tokenizer's template wants it (BOS where it says so)
 *   messages   rendered by the chat template with add_generation_prompt, bos_token, eos_token and
 * the              record's tools; the template writes its own special tokens, none are added
 *   ids        as they are
 *
 * Failures are those of one record: ERR_DATA with the reason. Prompt makers are read-only but for
 * the tokenizer's scratch: one thread each.
 *
 *     struct prompt_maker p = { .tok = tok, .scratch = tok_scratch_new(tok), .vocab = vocab };
 *     if (!prompt_of_messages(&p, messages, tools, &arena, &ids, &err)) ...
 */
#ifndef PROMPT_H
#define PROMPT_H

#include "../tok/tok.h"
#include "jinja.h"

struct prompt_maker {
    const struct tok *tok; /* NULL: only ids can be read */
    struct tok_scratch *scratch;
    const struct jinja *chat; /* NULL: messages cannot be read */
    int64_t bos, eos;         /* for the template; -1: none */
    int64_t vocab;            /* ids are below */
    bool special_text;        /* special tokens in a text are text */
    bool no_generation;       /* messages end without what begins the answer */
};

bool prompt_of_text(const struct prompt_maker *p, slice text, struct tok_ids *ids, struct err *err);
/* messages and tools: JSON text of arrays (tools empty: none). rendered: the text, in the arena. */
bool prompt_of_messages(const struct prompt_maker *p, slice messages, slice tools,
                        struct arena *arena, slice *rendered, struct tok_ids *ids, struct err *err);
/* A JSON array of integers. */
bool prompt_of_ids(const struct prompt_maker *p, slice array, struct arena *arena,
                   struct tok_ids *ids, struct err *err);

#endif
