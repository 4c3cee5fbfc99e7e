/* peerfold.h: texts as other tools fold them before they take shingles
 *
 *   datatrove   simplify_text: lower case; a number (digits of any script, one separator inside) is
 *               "0"; listed punctuation and controls are blanks; NFD without nonspacing marks; words
 *               between white space
 *   text-dedup  lower case; every character that is no \w is a separator, and two of them have an
 *               empty token between them
 *   redpajama   ASCII punctuation deleted, lower case, NFD; words between white space
 *   gpt3        the same without NFD, as the n-grams of GPT-3's overlap analysis are made
 *
 * Lower case is Python's: full mappings, with the final sigma. The result has its tokens with one
 * U+0020 between them, and says how many there are. In datatrove the words of most languages come
 * from a tokenizer of the language (spaCy for English); here white space separates them.
 *
 *     struct peerfold *f = peerfold_new(PEERFOLD_DATATROVE, &process_arena);
 *     slice folded = peerfold_text(f, text, &tokens, &batch_arena);
 *
 * Pure; a struct peerfold is read-only. Sources: huggingface/datatrove a649de79 utils/text.py,
 * ChenghaoMou/text-dedup 7538f3ec config/algorithms/minhash.py, togethercomputer/RedPajama-Data
 * 6d2cee9d utilities/text/normalization.py.
 */
#ifndef PEERFOLD_H
#define PEERFOLD_H

#include "../arena.h"
#include "../unicode.h"

enum peerfold_tool { PEERFOLD_DATATROVE, PEERFOLD_TEXT_DEDUP, PEERFOLD_REDPAJAMA, PEERFOLD_GPT3 };

struct peerfold;
struct peerfold *peerfold_new(enum peerfold_tool tool, struct arena *arena);
slice peerfold_text(const struct peerfold *f, slice text, ptrdiff_t *tokens, struct arena *arena);

#endif
