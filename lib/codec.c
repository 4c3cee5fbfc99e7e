#include "codec.h"

const struct codec *const codec_all[] = { &codec_zstd, &codec_gzip, &codec_xz, NULL };

const struct codec *codec_by_name(slice name)
{
    for (int i = 0; codec_all[i]; i++)
        if (slice_eq(name, slice_of(codec_all[i]->name)))
            return codec_all[i];
    return NULL;
}

const struct codec *codec_by_suffix(slice path)
{
    for (int i = 0; codec_all[i]; i++)
        if (slice_ends(path, slice_of(codec_all[i]->suffix)))
            return codec_all[i];
    return NULL;
}

int codec_magic(slice head, slice magic)
{
    if (head.len >= magic.len)
        return slice_starts(head, magic);
    return slice_starts(magic, head) ? -1 : 0;
}
