/* dir.h: the folder that shards are written to: its lock, its state, its journal.
 *
 * States, by what lies in it:
 *   new        missing or empty
 *   partial    journal.jsonl: a run with these options was stopped; it says which shards are whole
 *   complete   manifest.json
 *   foreign    anything else, or a manifest or journal of other options: ERR_CANTCREAT (73) unless
 *              force, which removes what a run of this tool wrote there and nothing else
 * A folder that another process writes is ERR_TEMPFAIL (75). The lock is on DIR/.lock, an empty file
 * that stays.
 *
 * A shard is in the journal only after its files are: written to temporaries, synced, renamed, the
 * folder synced. So what the journal names is whole after kill -9 and power loss, and what it does
 * not name is written again.
 *
 * One thread. Named driver: reads and writes through os.h.
 */
#ifndef PACK_DIR_H
#define PACK_DIR_H

#include "../os.h"
#include "manifest.h"

struct pack_dir {
    const char *path;
    struct manifest found; /* what is there: complete, or the journal's shards */
    struct arena arena;
    int lock, journal; /* fds */
};

/* Creates the folder when it is missing, locks it, finds its state, removes leftovers of killed
 * runs. */
bool pack_dir_open(struct pack_dir *d, const char *path, const struct pack_options *options,
                   bool force, struct err *err);
void pack_dir_close(struct pack_dir *d);
/* DIR/NAME in the arena. */
const char *pack_dir_path(struct pack_dir *d, const char *name);
/* The shard's files are in place: says so in the journal. */
bool pack_dir_record(struct pack_dir *d, const struct pack_shard *s, struct err *err);
/* The text of index.json, which readers of MDS want. False: the format has none. */
bool pack_dir_index(const struct manifest *m, struct buf *out);
/* Everything is there: the manifest takes the place of the journal. */
bool pack_dir_finish(struct pack_dir *d, struct err *err);
/* The manifest of a complete folder, for reading. */
bool pack_dir_manifest(const char *path, struct manifest *m, struct arena *arena, struct err *err);

#endif
