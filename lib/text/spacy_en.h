/* spacy_en.h: the words of spaCy's blank English tokenizer, which datatrove's rules count.
 *
 * A chunk between white space is one of 1,340 special cases ("can't" is ca + n't), or loses
 * prefixes and suffixes one by one until nothing matches or a special case is left; what remains is
 * a URL or is cut at infixes; then special cases that only show when the pieces are put together
 * ("8)") become one again. Patterns and special cases are generated from the package
 * (gen/spacy_en.py).
 *
 * Chunks are cached by their bytes; one of letters alone can only be a special case or itself.
 * Differs from spaCy in one point: two special cases that overlap across white space do not block
 * each other. A pattern that hits its limit (a URL of megabytes) counts as no match.
 *
 *     const struct spacy_en *en = spacy_en_new(&arena, &err);     // 10 ms, read-only afterwards
 *     struct spacy_scratch *s = spacy_scratch_new();              // one per thread
 *     spacy_en_split(en, s, classes, text, &words, &arena);
 *
 * Source: spaCy 3.8 spacy/tokenizer.pyx, spacy/lang/en, spacy/lang/punctuation.py; datatrove
 * utils/word_tokenizers.py (tokens of white space are left out).
 */
#ifndef SPACY_EN_H
#define SPACY_EN_H

#include "../err.h"
#include "words.h"

struct spacy_en;
struct spacy_scratch;

const struct spacy_en *spacy_en_new(struct arena *arena, struct err *err);
struct spacy_scratch *spacy_scratch_new(void);
void spacy_scratch_free(struct spacy_scratch *s);

/* Like words_split(). */
void spacy_en_split(const struct spacy_en *en, struct spacy_scratch *s,
                    const struct char_classes *c, slice text, struct words *w, struct arena *arena);
/* Sentences of a text by spaCy's sentencizer, as datatrove counts them: a token that is a sentence
 * mark ends one before the next token that is no punctuation. */
int64_t spacy_en_sentences(const struct spacy_en *en, struct spacy_scratch *s,
                           const struct char_classes *c, slice text);

#endif
