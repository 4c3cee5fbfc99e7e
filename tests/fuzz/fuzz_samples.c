/* Samples of MDS shards, their columns, and headers of tar members, as hostile bytes. */
#include "pack/mds.h"
#include "pack/ustar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const lists[] = { "t:str", "n:int,t:str,x=a.b:json", "b:bytes,i:ndarray",
                                         "i:ndarray:uint16,j:ndarray:int64,k:ndarray:uint32" };
    struct arena arena = { 0 };
    struct err err = { 0 };
    struct mds_columns c;
    struct buf out = { 0 }, again = { 0 };
    if (size < 1)
        return 0;
    slice s = slice_make((const char *)data + 1, (ptrdiff_t)size - 1);
    ASSERT(mds_columns_parse(slice_of(lists[data[0] % countof(lists)]), &c, &arena, &err));
    mds_record(&c, s, &out);
    if (mds_columns_parse(s, &c, &arena, &err)) {
        buf_clear(&out);
        mds_columns_text(&c, &out);
        ASSERT(mds_columns_parse(buf_slice(&out), &c, &arena, &err));
        mds_columns_text(&c, &again);
        ASSERT(slice_eq(buf_slice(&out), buf_slice(&again)));
    }
    if (s.len >= USTAR_BLOCK)
        ASSERT(ustar_parse(s.ptr, data[0]) < (int64_t)1 << 33);
    buf_release(&out);
    buf_release(&again);
    arena_release(&arena);
    return 0;
}
