#include "out.h"

#include "codec.h"
#include "os.h"

#include <stdlib.h>

#define BUFFER_BYTES (256 << 10) /* small writes are gathered up to this */
#define DIRECT_BYTES (64 << 10)  /* a call with more goes to the descriptor without a copy */
#define BLOCK_BYTES  (128 << 10) /* what an encoder is given at a time, whatever the writes were */

struct out {
    char *name; /* for messages */
    int fd;
    bool is_stdout, has_temp, live;
    struct os_temp temp; /* while has_temp; owns fd */

    char *buffer; /* bytes for the descriptor; after the encoder when there is one */
    ptrdiff_t buffered;
    int64_t bytes;

    const struct codec *codec; /* NULL: bytes go through */
    void *encoder;
    char *block; /* input of the encoder, up to BLOCK_BYTES */
    ptrdiff_t block_len;
};

/* ---- the text of --compress ---- */

static const char *const unwritable[] = { ".bz2", ".lz4", ".br", ".zip", ".7z" };

/* *codec NULL: none. */
static bool compress_parse(const char *text, const char *path, const struct codec **codec,
                           int *level, struct err *err)
{
    slice s = text ? slice_of(text) : SLICE("");
    ptrdiff_t colon = slice_find(s, ':');
    slice name = colon < 0 ? s : slice_make(s.ptr, colon);
    slice digits = colon < 0 ? SLICE("") : slice_from(s, colon + 1);

    *codec = NULL;
    if (!text) {
        *codec = path ? codec_by_suffix(slice_of(path)) : NULL;
        *level = *codec ? (*codec)->level_default : 0;
        for (int i = 0; path && i < countof(unwritable); i++)
            if (slice_ends(slice_of(path), slice_of(unwritable[i])))
                return err_set(err, ERR_USAGE,
                               "%s: %s is not written here: use .zst, .gz or .xz, "
                               "or say --compress none",
                               ERR_QUOTE(slice_of(path)), unwritable[i]);
        return true;
    }
    if (slice_eq(s, SLICE("none")))
        return true;
    *codec = s.len == 0 ? &codec_zstd : codec_by_name(name);
    if (!*codec)
        return err_set(err, ERR_USAGE,
                       "unknown compression %s: zstd, gzip, xz (each with :LEVEL) "
                       "or none",
                       ERR_QUOTE(s));
    *level = (*codec)->level_default;
    if (colon < 0)
        return true;
    int n = 0;
    bool good = digits.len >= 1 && digits.len <= 2;
    for (ptrdiff_t i = 0; good && i < digits.len; i++) {
        good = digits.ptr[i] >= '0' && digits.ptr[i] <= '9';
        n = n * 10 + (digits.ptr[i] - '0');
    }
    if (!good || n < (*codec)->level_min || n > (*codec)->level_max)
        return err_set(err, ERR_USAGE, "compression level %s of %s is not in %d..%d",
                       ERR_QUOTE(digits), (*codec)->name, (*codec)->level_min, (*codec)->level_max);
    *level = n;
    return true;
}

bool out_compress_check(const char *compress, struct err *err)
{
    const struct codec *codec;
    int level;

    return compress_parse(compress, NULL, &codec, &level, err);
}

/* ---- opening ---- */

/* Names of open descriptors: writing must go on where the descriptor stands, and there is no folder
 * to put a temporary in. */
static bool is_descriptor(const char *path)
{
    static const char *const prefixes[] = { "/dev/fd/", "/dev/std", "/proc/self/fd/" };

    for (int i = 0; i < countof(prefixes); i++)
        if (slice_starts(slice_of(path), slice_of(prefixes[i])))
            return true;
    return false;
}

static bool target_open(struct out *o, const struct out_conf *conf, struct err *err)
{
    struct os_stat st;

    if (!os_stat(conf->path, &st, err)) {
        if (err)
            err->class = ERR_CANTCREAT;
        return false;
    }
    if (is_descriptor(conf->path) || (st.exists && !st.is_file && !st.is_dir)) {
        o->fd = os_open_write(conf->path, true, true, err);
        return o->fd >= 0;
    }
    o->has_temp = os_temp_create(&o->temp, conf->path, conf->force, err);
    o->fd = o->temp.fd;
    if (o->has_temp && conf->owner_only && !os_make_private(o->fd, conf->path, err)) {
        os_temp_discard(&o->temp);
        return false;
    }
    return o->has_temp;
}

struct out *out_open(const struct out_conf *conf, struct err *err)
{
    const struct codec *codec;
    int level;
    bool is_stdout = !conf->path || strcmp(conf->path, "-") == 0;

    if (!compress_parse(conf->compress, is_stdout ? NULL : conf->path, &codec, &level, err))
        return NULL;
    struct out *o = calloc(1, sizeof *o);
    if (!o)
        mem_oom();
    o->is_stdout = is_stdout;
    o->live = conf->live;
    o->fd = 1;
    o->name = strdup(is_stdout ? "stdout" : conf->path);
    o->buffer = malloc(BUFFER_BYTES);
    if (!o->name || !o->buffer)
        mem_oom();
    if (!is_stdout && !target_open(o, conf, err)) {
        o->fd = -1;
        out_abort(o);
        return NULL;
    }
    if (codec) {
        o->codec = codec;
        o->encoder = codec->encode_new(level);
        o->block = malloc(BLOCK_BYTES);
        if (!o->block)
            mem_oom();
    }
    return o;
}

/* ---- writing ---- */

static bool buffer_flush(struct out *o, struct err *err)
{
    slice s = slice_make(o->buffer, o->buffered);

    o->buffered = 0;
    return os_write_all(o->fd, o->name, s, err);
}

/* The bytes of one call stay together: when they do not fit, what was there goes out first, so
 * whole lines given by the caller are whole lines in every write(2). */
static bool plain_writev(struct out *o, const slice *parts, ptrdiff_t count, ptrdiff_t total,
                         struct err *err)
{
    if (total > BUFFER_BYTES - o->buffered || total >= DIRECT_BYTES) {
        if (!buffer_flush(o, err))
            return false;
        if (total >= DIRECT_BYTES)
            return os_writev_all(o->fd, o->name, parts, count, err);
    }
    for (ptrdiff_t i = 0; i < count; i++) {
        if (parts[i].len)
            memcpy(o->buffer + o->buffered, parts[i].ptr, (size_t)parts[i].len);
        o->buffered += parts[i].len;
    }
    return true;
}

static bool encode_block(struct out *o, slice s, enum codec_op op, struct err *err)
{
    struct codec_io io = { .src = s.ptr,
                           .src_len = s.len,
                           .dst = o->buffer,
                           .dst_cap = BUFFER_BYTES,
                           .dst_len = o->buffered };
    const char *why = NULL;
    bool done = false;

    while (!done) {
        if (!o->codec->encode(o->encoder, &io, op, &done, &why))
            return err_set(err, ERR_BUG, "%s: %s: %s", o->name, o->codec->name, why);
        o->buffered = io.dst_len;
        if (o->buffered == BUFFER_BYTES && !buffer_flush(o, err))
            return false;
        io.dst_len = o->buffered;
    }
    return true;
}

/* Cuts the input into blocks of BLOCK_BYTES whatever the writes were: same bytes, same file. A
 * block goes to the encoder only when more follows it: the last one always goes with CODEC_END. */
static bool encode(struct out *o, slice s, struct err *err)
{
    while (s.len > 0) {
        if (o->block_len == BLOCK_BYTES) {
            if (!encode_block(o, slice_make(o->block, BLOCK_BYTES), CODEC_CONTINUE, err))
                return false;
            o->block_len = 0;
        }
        if (o->block_len == 0 && s.len > BLOCK_BYTES) {
            if (!encode_block(o, slice_make(s.ptr, BLOCK_BYTES), CODEC_CONTINUE, err))
                return false;
            s = slice_from(s, BLOCK_BYTES);
            continue;
        }
        ptrdiff_t n = MIN(s.len, BLOCK_BYTES - o->block_len);
        memcpy(o->block + o->block_len, s.ptr, (size_t)n);
        o->block_len += n;
        s = slice_from(s, n);
    }
    return true;
}

bool out_writev(struct out *o, const slice *parts, ptrdiff_t count, struct err *err)
{
    ptrdiff_t total = 0;

    for (ptrdiff_t i = 0; i < count; i++)
        total += parts[i].len;
    o->bytes += total;
    if (!o->codec)
        return plain_writev(o, parts, count, total, err);
    for (ptrdiff_t i = 0; i < count; i++)
        if (!encode(o, parts[i], err))
            return false;
    return true;
}

bool out_write(struct out *o, slice s, struct err *err)
{
    return out_writev(o, &s, 1, err);
}

bool out_flush(struct out *o, struct err *err)
{
    if (o->codec) {
        if (!o->live)
            return true;
        if (!encode_block(o, slice_make(o->block, o->block_len), CODEC_FLUSH, err))
            return false;
        o->block_len = 0;
    }
    return buffer_flush(o, err);
}

/* ---- ending ---- */

static void out_free(struct out *o)
{
    if (o->encoder)
        o->codec->encode_free(o->encoder);
    free(o->name);
    free(o->buffer);
    free(o->block);
    free(o);
}

bool out_commit(struct out *o, struct err *err)
{
    if ((o->codec && !encode_block(o, slice_make(o->block, o->block_len), CODEC_END, err)) ||
        !buffer_flush(o, err)) {
        out_abort(o);
        return false;
    }
    bool ok = true;
    if (o->has_temp)
        ok = os_temp_commit(&o->temp, err);
    else if (!o->is_stdout)
        ok = os_close(o->fd, o->name, err);
    out_free(o);
    return ok;
}

void out_abort(struct out *o)
{
    if (!o)
        return;
    if (o->has_temp)
        os_temp_discard(&o->temp);
    else if (!o->is_stdout)
        os_close_quiet(o->fd);
    out_free(o);
}

int64_t out_bytes(const struct out *o)
{
    return o->bytes;
}

const char *out_name(const struct out *o)
{
    return o->name;
}
