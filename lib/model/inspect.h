/* inspect.h: what a model file holds, as one JSON object: quantize --inspect.
 *
 * {"file","format","version","alignment","architecture","parameters","bytes","metadata":{key:value},
 * "tensors":[{"name","type","shape","offset","bytes","file"?}]}; shape in GGUF order (the contiguous
 * dimension first). Bytes that are not UTF-8 are replaced. Pure.
 */
#ifndef INSPECT_H
#define INSPECT_H

#include "../buf.h"
#include "modelfile.h"

void model_inspect(const struct model_file *m, struct buf *out);

#endif
