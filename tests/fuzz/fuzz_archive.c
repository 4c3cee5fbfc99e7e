/* Any bytes as an archive or compressed stream: members are read or refused, within a budget. */
#include "source/archive.h"

struct memory {
    slice bytes;
    ptrdiff_t at;
};

static ptrdiff_t read_memory(void *self, char *dst, ptrdiff_t cap, struct err *err)
{
    struct memory *m = self;
    ptrdiff_t n = MIN(cap, m->bytes.len - m->at);
    (void)err;
    memcpy(dst, m->bytes.ptr + m->at, (size_t)n);
    m->at += n;
    return n;
}

static bool pread_memory(void *self, char *dst, ptrdiff_t len, int64_t offset, struct err *err)
{
    struct memory *m = self;
    (void)err;
    ASSERT(offset >= 0 && len >= 0 && offset + len <= m->bytes.len);
    memcpy(dst, m->bytes.ptr + offset, (size_t)len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct arc_member member;
    char block[4096];
    int64_t budget = 1 << 24;
    if (size < 1)
        return 0;
    struct memory m = { slice_make((const char *)data + 1, (ptrdiff_t)size - 1), 0 };
    struct arc_input input = { &m, read_memory, data[0] & 1 ? pread_memory : NULL, m.bytes.len };
    struct arc *a = arc_open(&input, &err);
    for (int i = 0; a && i < 100 && budget > 0 && arc_next(a, &member, &err) == ARC_MEMBER; i++) {
        ptrdiff_t n = 1;
        ASSERT(member.path.len >= 0);
        for (int k = 0; k < 64 && n > 0 && (data[0] & 2); k++) {
            n = arc_read(a, block, (ptrdiff_t)sizeof block, &err);
            budget -= n;
        }
        if (n == ARC_READ_FATAL || !arc_skip(a, &budget, &err))
            break;
    }
    arc_close(a);
    return 0;
}
