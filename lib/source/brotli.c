#include "brotli.h"

#ifdef HAVE_LIBBROTLIDEC
#include <brotli/decode.h>

const bool brotli_available = true;

bool brotli_decode(slice body, struct buf *out)
{
    BrotliDecoderState *state = BrotliDecoderCreateInstance(NULL, NULL, NULL);
    const uint8_t *in = (const uint8_t *)body.ptr;
    size_t left = (size_t)body.len;
    BrotliDecoderResult r;
    if (!state)
        mem_oom();
    do {
        ptrdiff_t room = MIN((ptrdiff_t)1 << 16, out->max - out->len);
        char *dst = room > 0 ? buf_reserve(out, room) : NULL;
        if (!dst) {
            out->overflow = true;
            r = BROTLI_DECODER_RESULT_ERROR;
            break;
        }
        size_t free_bytes = (size_t)room;
        uint8_t *next = (uint8_t *)dst;
        r = BrotliDecoderDecompressStream(state, &left, &in, &free_bytes, &next, NULL);
        out->len += room - (ptrdiff_t)free_bytes;
    } while (r == BROTLI_DECODER_RESULT_NEEDS_MORE_OUTPUT);
    BrotliDecoderDestroyInstance(state);
    return r == BROTLI_DECODER_RESULT_SUCCESS;
}
#else
const bool brotli_available = false;

bool brotli_decode(slice body, struct buf *out)
{
    (void)body, (void)out;
    return false;
}
#endif
