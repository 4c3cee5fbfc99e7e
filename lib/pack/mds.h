/* mds.h: MosaicML's shards of samples with typed columns, and its index.json.
 *
 * A shard: u32 n, u32 offset[n + 1] from the file's start, the configuration as JSON, the samples. A
 * sample: the u32 sizes of its columns of variable size, then the columns. Offsets are 32 bits, so
 * a shard is smaller than 4 GiB. Columns are in byte order of their names.
 *
 * Columns are written as NAME:TYPE, or NAME=PATH:TYPE for a member of another name:
 *   str            a string                     int           a number, i64
 *   bytes          a string in base64           json          any value, as its JSON text
 *   ndarray        an array of numbers: dtype i32, dimensions in every sample
 *   ndarray:TYPE   the same with one dtype: uint16, uint32, int32, int64
 *
 *     struct mds_columns c;
 *     mds_columns_parse(SLICE("id:str,text:str"), &c, arena, &err);
 *     const char *why = mds_sample(&c, raw, spans, arena, &sample);    // NULL: good
 *
 * Pure and thread-safe. Source: mosaicml/streaming streaming/base/format/mds/{writer,encodings}.py.
 */
#ifndef MDS_H
#define MDS_H

#include "../buf.h"
#include "../err.h"
#include "../json.h"

#define MDS_COLUMNS_MAX 8

enum mds_type {
    MDS_STR,
    MDS_INT,
    MDS_BYTES,
    MDS_JSON,
    MDS_NDARRAY,
    MDS_U16,
    MDS_U32,
    MDS_I32,
    MDS_I64
};

struct mds_columns {
    int count;
    struct mds_column {
        const char *name, *path;
        enum mds_type type;
    } columns[MDS_COLUMNS_MAX];
};

/* ERR_USAGE: not a list of columns. */
bool mds_columns_parse(slice text, struct mds_columns *c, struct arena *arena, struct err *err);
/* The canonical text of the columns: parse gives the same again. */
void mds_columns_text(const struct mds_columns *c, struct buf *out);
/* The configuration inside of a shard; level 0: not compressed. */
void mds_config(const struct mds_columns *c, int64_t size_limit, int64_t level, struct buf *out);
/* One sample of a record; spans[i] is the member of column i. NULL, or why not (in the arena). */
const char *mds_sample(const struct mds_columns *c, slice raw, const struct json_span *spans,
                       struct arena *arena, slice *sample);
/* The object that a sample stands for, and a newline. False: its sizes do not fit together. */
bool mds_record(const struct mds_columns *c, slice sample, struct buf *out);
/* An entry of index.json. zip_bytes < 0: not compressed. */
void mds_index_entry(const struct mds_columns *c, int64_t size_limit, int64_t level,
                     const char *basename, int64_t samples, int64_t raw_bytes, int64_t zip_bytes,
                     struct buf *out);

#endif
