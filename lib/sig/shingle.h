/* shingle.h: the shingles of a text, as 64-bit hashes
 *
 * A shingle is a run of n units:
 *
 *   words   NFC; letters, digits and marks form words, anything else separates them; simple lower
 *           case. A letter of a script without spaces between words (Han, kana, Thai, Lao, Khmer,
 *           Myanmar, Tibetan) is a word by itself.
 *   chars   code points of key_normalized(): NFC, lower case, runs of white space as one blank
 *   ids     integers of a JSON array
 *   tokens  what stands between blanks, as it is (for texts that peerfold.h has folded)
 *
 * A text with fewer than n units is one shingle; a text without any unit has none. Each unit has a
 * 64-bit hash (128-bit products folded, after wyhash); a shingle's is a polynomial in them modulo
 * 2^64, so that the next shingle costs two multiplications. ASCII text is cut by bit masks
 * (simd/textmask.h) and hashed without being copied or folded first. Values are the same for every
 * instruction set.
 *
 *     struct shingler s;
 *     shingle_parse("words:5", &s, &err) && shingle_init(&s, &process_arena);
 *     struct shingle_sink sink = { .flush = take };
 *     shingle_text(&s, text, &sink, &batch_arena);    // calls take() per block, and at the end
 *
 * Pure; a shingler is read-only after init and shared by threads. `text` has RECORD_PADDING readable
 * bytes after it.
 */
#ifndef SHINGLE_H
#define SHINGLE_H

#include "../err.h"
#include "../simd/textmask.h"
#include "../unicode.h"

#define SHINGLE_BLOCK     512
#define SHINGLE_UNITS_MAX 64

struct shingler {
    enum shingle_unit { SHINGLE_WORDS, SHINGLE_CHARS, SHINGLE_IDS, SHINGLE_TOKENS } unit;
    int n;         /* units per shingle, 1..SHINGLE_UNITS_MAX */
    uint64_t drop; /* BASE^n: takes the oldest unit out again */
    textmask_fn *masks;
    const uint32_t *classes; /* of the basic plane: class << 24 | lower case */
    const struct uni_norm *nfc;
};

/* Receives hashes; flush is called with count 1..SHINGLE_BLOCK and must not keep them. words: when
 * spans is set, it gets where each shingle lies in `text`, which flush may read. */
struct shingle_span {
    ptrdiff_t start, end;
};
struct shingle_sink {
    void (*flush)(struct shingle_sink *sink);
    struct shingle_span *spans; /* SHINGLE_BLOCK of them, or NULL */
    slice text;                 /* in NFC */
    int count;
    uint64_t hash[SHINGLE_BLOCK];
};

/* "words:5", "chars:24", "ids:5": unit and n. False with ERR_USAGE. */
bool shingle_parse(const char *text, struct shingler *s, struct err *err);
void shingle_init(struct shingler *s, struct arena *arena);
/* Returns the number of shingles (with repeats). words, chars and tokens. */
int64_t shingle_text(const struct shingler *s, slice text, struct shingle_sink *sink,
                     struct arena *arena);
/* ids: `array` is valid JSON. -1: an element is not an integer that fits 64 bits; *at is its byte. */
int64_t shingle_ids(const struct shingler *s, slice array, struct shingle_sink *sink,
                    ptrdiff_t *at);

#endif
