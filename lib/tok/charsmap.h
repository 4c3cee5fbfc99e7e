/* charsmap.h: the precompiled character maps of SentencePiece: a double array trie and its texts.
 *
 * The blob is a little-endian u32 (bytes of the trie), the trie's units (darts-clone), and texts that
 * end in NUL. The units are taken as they come from the file: every step is checked against its end.
 *
 *     struct charsmap *m = charsmap_new(blob, arena, &err);
 *     ptrdiff_t len = charsmap_longest(m, text, &to);    // bytes that are replaced by `to`
 *
 * Read-only once made. Sources: google/sentencepiece src/normalizer.cc; s-yata/darts-clone.
 */
#ifndef CHARSMAP_H
#define CHARSMAP_H

#include "../arena.h"
#include "../err.h"

struct charsmap;

/* A copy of the blob, in the arena. NULL with ERR_CONFIG. An empty blob is a map of nothing. */
struct charsmap *charsmap_new(slice blob, struct arena *arena, struct err *err);
/* The longest prefix of the text that the map replaces, in bytes, and what it becomes; 0: none. */
ptrdiff_t charsmap_longest(const struct charsmap *m, slice text, slice *to);
/* The same with the shortest: how Hugging Face reads the maps. */
ptrdiff_t charsmap_shortest(const struct charsmap *m, slice text, slice *to);
/* Is there a rule that begins with all of these bytes? */
bool charsmap_leads_on(const struct charsmap *m, slice bytes);
/* The blob, for fingerprints. */
slice charsmap_blob(const struct charsmap *m);

#endif
