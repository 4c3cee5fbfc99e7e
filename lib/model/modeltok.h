/* modeltok.h: a tokenizer as GGUF keys, both ways. See tok_export in tok.h for the fields.
 *
 * Pure and thread-safe. What the results point to lives as long as the tokenizer or model given.
 */
#ifndef MODELTOK_H
#define MODELTOK_H

#include "../tok/tok.h"
#include "modelfile.h"

/* Sets tokenizer.ggml.*. ERR_CONFIG when GGUF has no name for the pattern (e->pre is NULL). */
bool model_tokenizer_keys(const struct tok_export *e, struct model_keys *keys, struct err *err);
/* From the keys of a GGUF file. */
bool model_tokenizer_export(const struct model_file *m, struct arena *arena, struct tok_export *e,
                            struct err *err);

#endif
