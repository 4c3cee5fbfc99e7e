#include "normal.h"

#include "uclass.h"

void normal_add(struct normal *n, enum uni_form form, struct arena *arena)
{
    ASSERT(n->count < NORMAL_MAX);
    n->kind[n->count] = form;
    n->form[n->count++] = uni_norm_new(form, arena);
}

/* The first code point at or after `at` that has the property; text.len: none. All of them are
 * >= U+0300, so bytes below 0xCC are passed over. */
static ptrdiff_t find_property(slice text, ptrdiff_t at, unsigned property)
{
    uint32_t cp;

    while (at < text.len) {
        if (at + 8 <= text.len && !(load_u64(text.ptr + at) & 0x8080808080808080u)) {
            at += 8;
        } else if ((unsigned char)text.ptr[at] < 0xCC) {
            at++; /* ASCII, or (the byte and its continuation) below U+0300 */
        } else {
            int len = uni_decode(text.ptr + at, &cp);
            if (uclass_of(cp) & property)
                return at;
            at += len;
        }
    }
    return text.len;
}

/* unicode.h reads a little beyond a text. */
static slice pad(slice text, struct arena *arena)
{
    char *copy = arena_alloc_raw(arena, text.len + RECORD_PADDING, 16);

    memcpy(copy, text.ptr, (size_t)text.len);
    memset(copy + text.len, 0, RECORD_PADDING);
    return slice_make(copy, text.len);
}

static slice run_form(const struct uni_norm *form, slice text, struct arena *arena)
{
    ptrdiff_t newer = find_property(text, 0, UPROP_NEWER), at = 0;

    if (newer == text.len)
        return uni_normalize(form, text, arena);
    struct buf out = { 0 };
    while (at < text.len) {
        slice part = slice_make(text.ptr + at, newer - at);
        buf_append(&out, uni_normalize(form, part, arena));
        if (newer < text.len) {
            uint32_t cp;
            int len = uni_decode(text.ptr + newer, &cp);
            buf_append(&out, slice_make(text.ptr + newer, len));
            newer += len;
        }
        at = newer;
        newer = find_property(text, at, UPROP_NEWER);
    }
    slice result = pad(buf_slice(&out), arena);
    buf_release(&out);
    return result;
}

slice normal_run(const struct normal *n, slice text, struct arena *arena)
{
    bool padded = false;

    if (text.len == 0)
        return text;
    for (int i = 0; i < n->count; i++) {
        /* NFC leaves text without marks and composable letters as it is: the common case. */
        if (n->kind[i] == UNI_NFC && find_property(text, 0, UPROP_ATTENTION) == text.len)
            continue;
        if (!padded)
            text = pad(text, arena);
        padded = true;
        text = run_form(n->form[i], text, arena);
    }
    return text;
}
