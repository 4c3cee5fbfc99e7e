/* import_gguf.h: vocabularies of GGUF files other than byte-level BPE, for export.c.
 *
 *     bool known;
 *     bool ok = import_gguf_other(t, in, &known, err);   // !known: another tokenizer.ggml.model
 */
#ifndef IMPORT_GGUF_H
#define IMPORT_GGUF_H

#include "tok_private.h"

/* "llama" (SentencePiece BPE as llama.cpp does it), "t5" (Unigram), "bert" (WordPiece). */
bool import_gguf_other(struct tok *t, const struct tok_export *in, bool *known, struct err *err);

#endif
