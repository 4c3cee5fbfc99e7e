/* spill.h: an append-only run of bytes that lives in memory up to a limit, then in a file.
 *
 * Bytes get offsets 0, 1, 2, ... The first memory_bytes of them are kept in blocks, the rest in an
 * unlinked file in $TMPDIR (os_temp_anonymous), written through a buffer. What was appended can be
 * read or compared at any time. Nothing is ever removed but the whole. A named driver of sig/: its
 * I/O goes through os.h. One thread at a time.
 *
 *     struct spill s = { .memory_bytes = 1 << 30 };
 *     int64_t at;
 *     spill_append(&s, key, &at, &err);
 *     spill_equal(&s, at, key, &same, &err);
 *     spill_release(&s);
 *
 * Disk full and other failures of the file: ERR_IO; no file possible: the class of os.h.
 */
#ifndef SPILL_H
#define SPILL_H

#include "../buf.h"
#include "../err.h"

#define SPILL_BLOCK ((ptrdiff_t)1 << 20)

struct spill {
    int64_t memory_bytes; /* set by the caller; rounded up to whole blocks */
    int64_t len;          /* bytes appended */
    char **blocks;
    ptrdiff_t block_count, block_cap;
    int fd; /* meaningful when file_len or pending.len is not 0 */
    bool open;
    int64_t file_len;   /* bytes in the file */
    struct buf pending; /* what follows them */
};

bool spill_append(struct spill *s, slice bytes, int64_t *at, struct err *err);
bool spill_read(const struct spill *s, int64_t at, char *dst, ptrdiff_t len, struct err *err);
/* Is `bytes` what lies at `at`? */
bool spill_equal(const struct spill *s, int64_t at, slice bytes, bool *same, struct err *err);
/* Asks the memory for the two cache lines at `at`, when they are in memory. */
void spill_prefetch(const struct spill *s, int64_t at);
int64_t spill_memory(const struct spill *s); /* bytes held in memory */
int64_t spill_on_disk(const struct spill *s);
void spill_release(struct spill *s);

#endif
