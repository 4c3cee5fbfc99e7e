/* splits.h: the folders that one run writes: one, or one per split.
 *
 * A list of splits is NAME=SHARE,NAME=SHARE ... with shares that sum up to 1. A record belongs to the
 * split whose stretch of [0, 1) the hash of its id (XXH3-64, seed 0) falls into: so it stays there
 * whatever other records come or go, in whatever order. Each split is a folder of shards of its own,
 * DIR/NAME, with its own manifest, journal and lock; its options name the list.
 *
 *     splits_parse(SLICE("train=0.98,val=0.02"), &s, arena, &err);     // or s = { 0 }: one folder
 *     splits_open(&s, dir, &options, force, &err);
 *     splits_start(&s, flow, jobs);
 *     struct writer *w = splits_of(&s, id);
 *     splits_finish(&s, &err);
 *     splits_close(&s);
 *
 * One thread. Named driver: makes folders through os.h and dir.h.
 */
#ifndef SPLITS_H
#define SPLITS_H

#include "writer.h"

#define SPLITS_MAX 16

struct splits {
    const char *text; /* canonical; NULL: no splits */
    int count;
    struct split {
        const char *name;
        double end; /* of its stretch */
        struct pack_dir dir;
        struct writer *writer;
        bool open;
    } splits[SPLITS_MAX];
};

/* ERR_USAGE: not such a list. */
bool splits_parse(slice text, struct splits *s, struct arena *arena, struct err *err);
/* Opens every folder and checks those that are complete. options are copied for each. */
bool splits_open(struct splits *s, const char *dir, const struct pack_options *options, bool force,
                 struct arena *arena, struct err *err);
void splits_start(struct splits *s, struct flow *flow, int jobs);
struct writer *splits_of(const struct splits *s, slice id);
bool splits_finish(struct splits *s, struct err *err);
void splits_close(struct splits *s);

#endif
