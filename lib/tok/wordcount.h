/* wordcount.h: how often each word occurs: what tokenizers are trained from.
 *
 * Counts are 64 bits wide. Words and counts live in memory up to memory_bytes; when there are more,
 * they are written to an unlinked temporary file, sorted by their bytes, and counting starts again.
 * wordcount_each() merges what was written: every word once, in the order of bytes, whatever the
 * memory was. A named driver: its I/O goes through os.h. One thread at a time.
 *
 *     struct wordcount *w = wordcount_new(1 << 30);
 *     wordcount_add(w, word, 1, &err);
 *     wordcount_each(w, print, arg, &err);       // bool print(void *arg, slice word, uint64_t count,
 *     wordcount_free(w);                         //            struct err *)
 */
#ifndef WORDCOUNT_H
#define WORDCOUNT_H

#include "../err.h"

struct wordcount;

struct wordcount *wordcount_new(int64_t memory_bytes);
/* A sum above 2^64 - 1 is ERR_DATA, a full disk ERR_IO. */
bool wordcount_add(struct wordcount *w, slice word, uint64_t count, struct err *err);

typedef bool wordcount_fn(void *arg, slice word, uint64_t count, struct err *err);
/* Once, at the end. The word is valid during the call. */
bool wordcount_each(struct wordcount *w, wordcount_fn *fn, void *arg, struct err *err);
int64_t wordcount_on_disk(const struct wordcount *w); /* bytes */
void wordcount_free(struct wordcount *w);             /* NULL is allowed */

#endif
