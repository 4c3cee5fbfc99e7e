/* patterns.h: the split patterns and special tokens that go with published rank files, by name; and the same
 * from a JSON file.
 *
 * A rank file holds neither. When nothing is given, only a file that is byte for byte a published one is
 * known by itself.
 *
 *     struct named_pattern p;
 *     if (!patterns_choose(&conf, bytes, &p, &arena, &err)) ...
 *
 * Sources: openai/tiktoken tiktoken_ext/openai_public.py; meta-llama/llama3 llama/tokenizer.py.
 */
#ifndef PATTERNS_H
#define PATTERNS_H

#include "tok.h"

struct special_text {
    slice text;
    uint32_t id;
};

struct named_pattern {
    slice pattern;
    struct special_text *specials;
    ptrdiff_t special_count;
};

/* By conf->pattern_name, conf->pattern_file, or the bytes of the ranks. */
bool patterns_choose(const struct tok_conf *conf, slice ranks, struct named_pattern *out,
                     struct arena *arena, struct err *err);

#endif
