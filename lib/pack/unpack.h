/* unpack.h: a complete folder of shards, read back or checked.
 *
 * As a source: the records in the order in which they came. jsonl.zst gives the very lines; Megatron
 * gives {"ids":[...]} as the files hold them (with the EOS that was put there). Every file's size is
 * checked before and its hash while it is read: a file that differs from the manifest ends the run
 * with ERR_DATA and its name.
 *
 *     struct unpack *u = unpack_open(dir, &err);
 *     flow_source_run(flow, &unpack_source, u, &err);
 *     unpack_close(u);
 *
 * unpack_verify reads everything: files there and of the right size and hash, frames and indexes
 * sound, records, tokens and content as the manifest says, no shard that it does not name. Each
 * finding is logged; then it is ERR_FINDING.
 *
 * Named driver: reads through os.h.
 */
#ifndef UNPACK_H
#define UNPACK_H

#include "../flow.h"
#include "manifest.h"

struct unpack *unpack_open(const char *path, struct err *err);
extern const struct flow_source unpack_source;
const struct manifest *unpack_manifest(const struct unpack *u);
void unpack_close(struct unpack *u); /* NULL is allowed */

/* The manifest in the arena. ERR_CONFIG when it cannot be read. */
bool unpack_verify(const char *path, struct manifest *m, struct arena *arena, struct err *err);
/* The same for a manifest that is known. */
bool unpack_verify_files(const char *path, const struct manifest *m, struct err *err);

#endif
