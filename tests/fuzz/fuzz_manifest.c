/* Manifests, journals, indexes of frames and of Megatron files, and frames, as hostile bytes. What a
 * manifest that is accepted says is written and read again: the same. */
#include "pack/frames.h"
#include "pack/manifest.h"
#include "pack/tokens.h"

static void check_manifest(slice text, struct arena *arena)
{
    struct manifest m, again;
    struct err err = { 0 };
    struct buf out = { 0 };
    journal_read(&m, text, arena, &err);
    if (!manifest_read(&m, text, arena, &err))
        return;
    for (ptrdiff_t i = 0; i < m.count; i++)
        for (int k = 0; k < m.shards[i].file_count; k++)
            ASSERT(!strchr(m.shards[i].files[k].name, '/'));
    manifest_write(&m, &out);
    buf_reserve(&out, 0);
    ASSERT(manifest_read(&again, buf_slice(&out), arena, &err));
    ASSERT(again.count == m.count && pack_options_equal(&again.options, &m.options));
    manifest_stat_json(&m, &out);
    buf_release(&out);
}

static void check_frames(slice file, struct arena *arena)
{
    struct err err = { 0 };
    struct frame_entry *entries;
    ptrdiff_t count, at = 0;
    int64_t index_bytes;
    if (file.len < FRAMES_TAIL ||
        !frames_tail(slice_from(file, file.len - FRAMES_TAIL), file.len, &index_bytes, &err) ||
        !frames_index(slice_from(file, file.len - (ptrdiff_t)index_bytes), file.len, arena,
                      &entries, &count, &err))
        return;
    for (ptrdiff_t i = 0; i < count; at += entries[i++].compressed) {
        slice content;
        if (frames_open(slice_make(file.ptr + at, entries[i].compressed), &entries[i], arena,
                        &content, &err))
            ASSERT(content.len == entries[i].content);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct err err = { 0 };
    int bytes;
    int64_t documents;
    char *copy = arena_alloc_raw(&arena, (ptrdiff_t)size + RECORD_PADDING, 8);
    memcpy(copy, data, size);
    memset(copy + size, 0, RECORD_PADDING);
    slice s = slice_make(copy, (ptrdiff_t)size);
    check_manifest(s, &arena);
    check_frames(s, &arena);
    if (s.len >= TOKENS_IDX_HEAD &&
        tokens_idx_parse(slice_make(s.ptr, TOKENS_IDX_HEAD), s.len, &bytes, &documents, &err))
        ASSERT(documents * TOKENS_PER_DOC + TOKENS_IDX_EMPTY == s.len);
    arena_release(&arena);
    return 0;
}
