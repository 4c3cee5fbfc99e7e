/* frames.h: shards of compressed lines: zstd frames with an index behind them.
 *
 * A jsonl.zst shard is a sequence of zstd frames (each with checksum and content size), then two
 * skippable frames that every zstd tool reads over:
 *   0x184D2A5D  "MRNR", u32 number of records per frame
 *   0x184D2A5E  the seek table of zstd's seekable format: u32 compressed and decompressed size per
 *               frame, then u32 frame count, u8 0, u32 0x8F92EAB1 (no per-frame checksums)
 * so `zstd -dc` gives the lines, and any record is reached by reading the index and one frame.
 *
 * Pure: frames are built and opened in memory. One thread per object.
 * Source: zstd/contrib/seekable_format/zstd_seekable_compression_format.md.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"

struct frame_entry {
    uint32_t compressed, content, records;
};

/* One frame with `content`, less than 2 GiB, appended to `out`. The encoder is codec_zstd's; frames
 * do not depend on one another, so several threads can make them, each with an encoder. NULL, or
 * what zstd says. */
const char *frames_compress(void *encoder, slice content, struct buf *out);

/* The index that grows while frames are written. A zeroed one is empty. */
struct frames {
    struct buf entries; /* struct frame_entry[] */
    ptrdiff_t count;
};

void frames_add(struct frames *f, struct frame_entry e);
/* Appends the index to `out` and forgets the frames. */
void frames_end(struct frames *f, struct buf *out);
void frames_release(struct frames *f);

/* The bytes at the end of a file that frames_tail needs to know where the index begins. */
#define FRAMES_TAIL 9
/* The size of the whole index by the last FRAMES_TAIL bytes of a file of file_bytes. */
bool frames_tail(slice tail, int64_t file_bytes, int64_t *index_bytes, struct err *err);
/* The entries by the whole index; their sizes sum up to the file without the index. */
bool frames_index(slice index, int64_t file_bytes, struct arena *arena,
                  struct frame_entry **entries, ptrdiff_t *count, struct err *err);
/* The content of one frame, in the arena, padded; exactly entry->content bytes. */
bool frames_open(slice frame, const struct frame_entry *entry, struct arena *arena, slice *content,
                 struct err *err);

#endif
