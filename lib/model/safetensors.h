/* safetensors.h: the header of a safetensors file, and the index of a sharded model.
 *
 * Layout (huggingface/safetensors): u64 N (at most 100 MB), N bytes of JSON {"name": {"dtype",
 * "shape", "data_offsets": [begin, end)}, "__metadata__": {...}}, data. Checked: names are unique,
 * sizes fit shape and type with every product checked, ranges lie in the file and tile it exactly
 * (no hole, no overlap), as the reference reader demands.
 *
 * Shapes are turned round: ne[0] is the last, contiguous dimension. Pure; no I/O.
 */
#ifndef SAFETENSORS_H
#define SAFETENSORS_H

#include "../err.h"
#include "../json.h"
#include "modelmeta.h"
#include "tensor.h"

#define SAFETENSORS_HEADER_MAX 100000000

struct safetensors {
    struct tensor *tensors; /* by offset; offset: in the file */
    ptrdiff_t tensor_count;
    struct model_keys keys; /* __metadata__, as strings */
};

/* The bytes of the JSON header from the first 8 bytes of the file; -1 with ERR_CONFIG. */
int64_t safetensors_header_size(slice first8, int64_t file_size, struct err *err);
/* json: the header (8 bytes after the start), RECORD_PADDING readable bytes after it. Names are
 * copied into the arena. */
bool safetensors_parse(slice json, int64_t file_size, struct arena *arena, struct safetensors *s,
                       struct err *err);

struct safetensors_index {
    const char **files; /* distinct shard names, plain file names (no folders), sorted */
    ptrdiff_t file_count;
    struct safetensors_place {
        slice tensor;
        int file;
    } * places; /* sorted by tensor */
    ptrdiff_t place_count;
};
/* model.safetensors.index.json: which tensor lies in which shard. */
bool safetensors_parse_index(slice json, struct arena *arena, struct safetensors_index *index,
                             struct err *err);

#endif
