/* reader.h: one shard after the other, in portions that a worker can turn into records.
 *
 * A load is what is read at a time, about 1 MiB: whole frames, or the bytes of whole documents or
 * samples with their lengths. Sizes are compared with the manifest when a shard is opened, heads
 * with what the writer would have written, hashes while it is read: a shard that differs is
 * ERR_DATA with the file's name, at the latest when shards_next says that it has ended.
 *
 *     shards_init(&r, folder, &manifest);
 *     for (r.shard = 0; r.shard < manifest.count; r.shard++, shards_close(&r))
 *         if (shards_open(&r, &err))
 *             while (shards_next(&r, &load, &arena, &end, &err) && !end) ...
 *     shards_release(&r);
 *
 * One thread; a load and load_frame are for any. Named driver: reads through os.h.
 */
#ifndef PACK_READER_H
#define PACK_READER_H

#include "../os.h"
#include "frames.h"
#include "manifest.h"
#include "mds.h"
#include "tokens.h"

struct reader {
    const char *path; /* of the folder */
    const struct manifest *m;
    ptrdiff_t shard;
    int fd, side_fd; /* main file; what says where documents end */
    char *name, *side_name;
    struct hash_stream *hash; /* of the main file so far */
    struct sha256 sha;
    void *decoder;         /* of a compressed main file */
    struct buf raw;        /* of the main file, hashed, not decoded yet */
    int64_t at;            /* taken from the main file */
    int64_t content_bytes; /* taken after decoding */
    struct arena arena;    /* frame entries, offsets */
    struct frame_entry *entries;
    ptrdiff_t entry_count, next_entry;
    uint32_t *offsets; /* mds */
    int width;
    int64_t docs, next_doc;
    int64_t ends_at, last_end; /* eight-byte ends of documents, when there are some */
    uint32_t *lengths;         /* of documents next_doc - next_doc % READER_LENGTHS ... */
    struct mds_columns columns;
    struct arena columns_arena;
};

#define READER_LENGTHS 65536

/* What a worker gets. */
struct load {
    slice bytes;
    const struct frame_entry *frames; /* or */
    const uint32_t *lengths;          /* in units of `width` bytes */
    ptrdiff_t count;
    int width;
    const char *name;
};

void shards_init(struct reader *r, const char *path, const struct manifest *m);
void shards_release(struct reader *r);
const struct pack_shard *shards_current(const struct reader *r);
bool shards_open(struct reader *r, struct err *err);
void shards_close(struct reader *r);
/* The next load of the open shard; *end when it has none left and everything in it was right. */
bool shards_next(struct reader *r, struct load *l, struct arena *arena, bool *end, struct err *err);

/* The lines of frame i; rest: where it begins, moved behind it. */
bool load_frame(const struct load *l, ptrdiff_t i, slice *rest, struct arena *arena, slice *lines,
                struct err *err);

#endif
