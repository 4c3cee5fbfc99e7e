/* writer.h: records in, shards out, in order; and the same again after a stop.
 *
 * A shard ends before the record that would make its content larger than options.size, or after
 * options.records. So where shards are cut, and every byte in them, depends on the records and the
 * options alone.
 *
 * Resuming. Shards that the folder's journal (or manifest) holds are not written again: their
 * records are read over, and their count, bytes and hash must be those that are recorded. A
 * difference is ERR_CANTCREAT: the input is not the one that the folder was made from. This is why
 * the fingerprint need not know the input: stdin resumes like a file, and the first shard that
 * differs is named.
 *
 *     writer_new(&dir, flow, jobs);
 *     writer_line(w, record, &err), writer_sample() or writer_ids(w, ids, n, max, &err)   for each
 *     writer_finish(w, &err);   // last shard, manifest
 *     writer_free(w);           // without finish: the unfinished shard is removed
 *
 * Frames are compressed as tasks of the flow (flow.h), on its workers; everything else is done by
 * one thread. Memory: jobs + 1 frames (at most WRITER_FRAME_BYTES, or the longest record) and their
 * compressed form; ids and mds: 4 bytes per document of the shard.
 */
#ifndef WRITER_H
#define WRITER_H

#include "../flow.h"
#include "dir.h"

/* A frame ends before it has more content than this, however few records it holds. */
#define WRITER_FRAME_BYTES (4 << 20)

struct writer;
struct writer *writer_new(struct pack_dir *dir, struct flow *flow, int jobs);
/* One record without its newline, at most 1 GiB. */
bool writer_line(struct writer *w, slice record, struct err *err);
/* One sample: a record (webdataset) or what mds_sample made of it; shorter than 4 GiB. */
bool writer_sample(struct writer *w, slice sample, struct err *err);
/* One document; ids has room for one more in front (BOS) and behind (EOS). max: the largest. */
bool writer_ids(struct writer *w, uint32_t *ids, ptrdiff_t count, uint32_t max, struct err *err);
bool writer_finish(struct writer *w, struct err *err);
void writer_free(struct writer *w);             /* after the flow's run; NULL is allowed */
int64_t writer_resumed(const struct writer *w); /* shards that were there already */
int64_t writer_tokens(const struct writer *w);
int64_t writer_content(const struct writer *w); /* bytes */

#endif
