/* writer_private.h: what the files of the writer share; nobody else includes it.
 *
 * writer.c cuts shards and keeps the order; writer_tokens.c and writer_samples.c know what the files
 * of their formats look like. A shard's files are targets: temporaries that are hashed as they are
 * written and renamed when they are whole. Formats whose head holds counts are spooled: their data
 * goes to a temporary of its own first, and behind the head when the shard ends.
 */
#ifndef WRITER_PRIVATE_H
#define WRITER_PRIVATE_H

#include "writer.h"

#include "../sha256.h"
#include "frames.h"
#include "mds.h"

#define WRITE_BYTES (1 << 20)

/* One file of the shard that is being written. */
struct target {
    struct os_temp temp;
    struct hash_stream *hash;
    struct sha256 sha;
    struct buf buf; /* not written yet */
    int64_t bytes;
    bool open;
    bool plain; /* a spool: nobody asks for its hash */
};

/* A frame on its way: filled, compressed by some thread, written in order. */
struct frame {
    struct flow_task task;
    void *encoder;
    struct buf lines, packed;
    int64_t records;
    const char *why; /* zstd failed */
};

struct writer {
    struct pack_dir *dir;
    struct pack_options o;
    ptrdiff_t done;          /* shards that need not be written */
    ptrdiff_t number;        /* of the current shard */
    struct pack_shard shard; /* counts so far */
    struct hash_stream *content;
    struct target target[PACK_FILES_MAX], spool;
    struct flow *flow;
    struct frames frames; /* of the current shard, those that are written */
    struct frame *slots;  /* a ring: filled and compressed ones, and the current one */
    ptrdiff_t slot_count, first, pending; /* pending: given to the flow, from `first` on */
    struct buf lengths;                   /* per document or sample of the shard: u32 */
    int width;                            /* bytes per id in what is written */
    int64_t tokens, bytes, records;
    struct mds_columns columns;
    struct arena arena;
};

bool target_open(struct writer *w, struct target *t, int which, struct err *err);
bool target_flush(struct target *t, struct err *err);
/* Flushes when there is much. */
bool target_more(struct target *t, struct err *err);
/* Closes file `which` of the shard and notes its size and hashes. */
bool target_commit(struct writer *w, int which, struct err *err);
/* Everything that the spool holds, behind what the target holds; the spool goes. */
bool target_take_spool(struct writer *w, struct target *t, struct err *err);

/* Is the current shard one that lies there already? */
bool writer_replays(const struct writer *w);
/* Makes room for a record of `more` bytes of content: ends a shard that is full, begins one. */
bool writer_room(struct writer *w, int64_t used, int64_t more, struct err *err);

/* writer_tokens.c */
bool tokens_begin(struct writer *w, struct err *err);
bool tokens_end(struct writer *w, struct err *err);
/* writer_samples.c */
bool samples_begin(struct writer *w, struct err *err);
bool samples_end(struct writer *w, struct err *err);

#endif
