/* unitmode.h: drop repeated lines, paragraphs and windows of sentences: `dedup --unit`
 *
 * Every unit of every text is an item of the same machinery that drops whole records (exact.h,
 * later.h): the same rules of who stays, the same budget. Units that go are cut out of the text; a
 * record of which nothing is left is dropped. With `ranges` nothing is cut, and the member _dedup
 * says what would have been. With the scope of a document only repeats inside one text count.
 *
 * compat: "ccnet" (lines by normalize_for_dedup, empty ones too), "dolma" (paragraphs are lines, as its
 * Bloom filter sees them, without false positives), "datatrove" (windows of sentences by simplify_text;
 * a text that was cut to fewer than 3 sentences or 50 words is dropped. Its sentences and words are
 * spaCy's, ours are those of units.h and white space).
 *
 * A named driver: its I/O goes through flow.h and out.h.
 *
 *     struct unit_options o = { .unit = "line", .field = "text", .key = "bytes", .keep = "first",
 *                               .memory = 1 << 30, .min_chars = 1 };
 *     return unit_run(&env, &o, err);
 */
#ifndef UNITMODE_H
#define UNITMODE_H

#include "mode.h"

struct unit_options {
    const char *unit; /* line, paragraph, sentences:N */
    const char *field, *key, *keep, *compat;
    bool trust_hash, document, ranges, min_given, key_given, keep_given, memory_given;
    int64_t memory, hash_bits, min_chars;
};

bool unit_run(struct mode_env *env, const struct unit_options *o, struct err *err);

#endif
