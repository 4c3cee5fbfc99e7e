#include "archive.h"

#include "../codec.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#define BLOCK_BYTES (128 << 10)
#define TAIL_MAX    (64 << 20) /* unpacked bytes behind the end of an archive that are looked at */

struct arc {
    struct archive *lib;
    struct arc_input input;
    struct err failed; /* of a callback: more exact than what libarchive says about it */
    int64_t position;  /* how far the input was taken; with pread, where it is taken next */
    locale_t utf8, before;
    /* libarchive does not check what a gzip member says of its content: our decoder does. */
    void *gzip;
    const char *fault; /* of the decoder, told after the bytes before it */
    ptrdiff_t raw_len, raw_at;
    char raw[BLOCK_BYTES]; /* the input's first bytes, then what the decoder has not taken */
    char block[BLOCK_BYTES];
};

/* ---- input ---- */

/* Some bytes of the input as they are; 0 at its end, -1: see a->failed. */
static ptrdiff_t take(struct arc *a, char *dst, ptrdiff_t cap)
{
    ptrdiff_t n;
    if (a->input.pread) {
        n = (ptrdiff_t)MIN((int64_t)cap, a->input.size - a->position);
        if (n > 0 && !a->input.pread(a->input.self, dst, n, a->position, &a->failed))
            n = -1;
        n = MAX(n, -1);
    } else {
        n = a->input.read(a->input.self, dst, cap, &a->failed);
    }
    a->position += MAX(n, 0);
    return n < 0 ? -1 : n;
}

static ptrdiff_t gzip_failed(struct arc *a, const char *why)
{
    int64_t at = a->position - a->raw_len + a->raw_at;
    const char *what = a->fault ? "bad gzip: " : "";
    err_set(&a->failed, ERR_DATA, "byte %lld: %s%s", (long long)at, what, why);
    return -1;
}

/* Unpacked bytes into a->block; as take(). */
static ptrdiff_t gunzip(struct arc *a)
{
    for (;;) {
        struct codec_io io = { .src = a->raw + a->raw_at,
                               .src_len = a->raw_len - a->raw_at,
                               .dst = a->block,
                               .dst_cap = BLOCK_BYTES };
        if (!a->fault)
            codec_gzip.decode(a->gzip, &io, false, &a->fault);
        a->raw_at += io.src_pos;
        if (io.dst_len)
            return io.dst_len;
        if (a->fault)
            return gzip_failed(a, a->fault);
        if (a->raw_at < a->raw_len)
            continue;
        a->raw_at = 0;
        a->raw_len = take(a, a->raw, BLOCK_BYTES);
        if (a->raw_len <= 0) {
            bool failed = a->raw_len < 0;
            a->raw_len = 0;
            if (failed)
                return -1;
            return codec_gzip.decode_may_end(a->gzip) ? 0 : gzip_failed(a, "truncated gzip input");
        }
    }
}

/* Decides who decodes. What a pipe gave for that is the first thing that libarchive reads. */
static bool look_at_head(struct arc *a)
{
    ptrdiff_t n = 1;
    while (codec_gzip.detect(slice_make(a->raw, a->raw_len)) < 0 && n > 0) {
        n = take(a, a->raw + a->raw_len, BLOCK_BYTES - a->raw_len);
        a->raw_len += MAX(n, 0);
    }
    if (n < 0)
        return false;
    if (codec_gzip.detect(slice_make(a->raw, a->raw_len)) == 1)
        a->gzip = codec_gzip.decode_new();
    else if (a->input.pread)
        a->position = a->raw_len = 0;
    return true;
}

/* Archives end before their stream does: what follows is unpacked for its checksum alone. */
static bool check_tail(struct arc *a)
{
    for (int64_t seen = 0; a->gzip;) {
        ptrdiff_t n = gunzip(a);
        if (n <= 0)
            return n == 0;
        seen += n;
        if (seen > TAIL_MAX)
            return err_set(&a->failed, ERR_DATA, "byte %lld: too much behind the archive's end",
                           (long long)a->position);
    }
    return true;
}

/* ---- callbacks ---- */

static la_ssize_t on_read(struct archive *lib, void *client, const void **block)
{
    struct arc *a = client;
    ptrdiff_t n;
    *block = a->block;
    if (a->gzip) {
        n = gunzip(a);
    } else if (a->raw_len) {
        *block = a->raw;
        n = a->raw_len;
        a->raw_len = 0;
    } else {
        n = take(a, a->block, BLOCK_BYTES);
    }
    if (n < 0)
        archive_set_error(lib, EIO, "read failed");
    return n < 0 ? ARCHIVE_FATAL : n;
}

static la_int64_t on_seek(struct archive *lib, void *client, la_int64_t offset, int whence)
{
    struct arc *a = client;
    int64_t base = whence == SEEK_CUR ? a->position : whence == SEEK_END ? a->input.size : 0, to;
    if (__builtin_add_overflow(base, offset, &to) || to < 0) {
        archive_set_error(lib, EINVAL, "offset outside the file");
        return ARCHIVE_FATAL;
    }
    a->position = MIN(to, a->input.size);
    return a->position;
}

static la_int64_t on_skip(struct archive *lib, void *client, la_int64_t request)
{
    struct arc *a = client;
    (void)lib;
    int64_t n = MIN((int64_t)request, a->input.size - a->position);
    a->position += n;
    return n;
}

/* ---- errors ---- */

/* Names in archives may be UTF-8 or UTF-16; libarchive converts them by the locale of the thread. */
static void enter(struct arc *a)
{
    if (a->utf8)
        a->before = uselocale(a->utf8);
}

static void leave(struct arc *a)
{
    if (a->utf8)
        uselocale(a->before);
}

static bool fail(struct arc *a, struct err *err)
{
    if (a->failed.class) {
        *err = a->failed;
        return false;
    }
    /* ENOMEM too is the archive's fault: a name or a table that claims to have gigabytes. */
    const char *text = archive_error_string(a->lib);
    return err_set(err, ERR_DATA, "byte %lld: %s", (long long)a->position,
                   text && *text ? ERR_QUOTE(slice_of(text)) : "truncated or damaged");
}

/* What an offset counts in. */
static const char *content_of(struct arc *a)
{
    return a->gzip || archive_filter_count(a->lib) > 1 ? " of its content" : "";
}

/* ---- ends and beginnings that libarchive passes over ---- */

/* At the end of a zip lies its directory, at most a comment before the end of the file. Without it
 * libarchive falls back on the headers in front of the members, and the cut is not noticed. */
#define ZIP_END_BYTES (22 + 65535)

static bool zip_has_end(struct arc *a)
{
    static const char mark[4] = { 'P', 'K', 5, 6 };
    ptrdiff_t n = (ptrdiff_t)MIN((int64_t)ZIP_END_BYTES, a->input.size);
    char *tail = malloc((size_t)n + 1);
    if (!tail)
        mem_oom();
    bool found = !a->input.pread(a->input.self, tail, n, a->input.size - n, &a->failed) ||
                 memmem(tail, (size_t)n, mark, sizeof mark);
    free(tail);
    return found && !a->failed.class;
}

/* After libarchive's end. A tar ends with blocks of zeros, which are taken like a header; without
 * them the position is still where the last header was looked for. */
static bool check_end(struct arc *a)
{
    int family = archive_format(a->lib) & ARCHIVE_FORMAT_BASE_MASK;
    int64_t at = archive_filter_bytes(a->lib, 0);
    if (family == ARCHIVE_FORMAT_TAR && archive_read_header_position(a->lib) == at)
        return err_set(&a->failed, ERR_DATA,
                       "byte %lld%s: truncated: the zeros that end a tar are missing",
                       (long long)at + 1, content_of(a));
    if (family == ARCHIVE_FORMAT_ZIP && a->input.pread && !zip_has_end(a))
        return a->failed.class ? false
                               : err_set(&a->failed, ERR_DATA,
                                         "byte %lld: truncated: the directory that ends a zip is "
                                         "missing",
                                         (long long)a->input.size + 1);
    return true;
}

/* libarchive looks for the next header of a cpio when it does not find one, and only warns. */
static bool skipped_bytes(struct arc *a)
{
    const char *text = archive_error_string(a->lib);
    if ((archive_format(a->lib) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_CPIO || !text ||
        strncmp(text, "Skipped", 7) != 0)
        return false;
    err_set(&a->failed, ERR_DATA, "byte %lld%s: not the header of a member",
            (long long)archive_read_header_position(a->lib) + 1, content_of(a));
    return true;
}

/* ---- public ---- */

const char *arc_library(void)
{
    return archive_version_string();
}

struct arc *arc_open(const struct arc_input *input, struct err *err)
{
    struct arc *a = calloc(1, sizeof *a);
    if (!a)
        mem_oom();
    a->input = *input;
    a->utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    a->lib = archive_read_new();
    if (!a->lib)
        mem_oom();
    archive_read_support_filter_gzip(a->lib);
    archive_read_support_filter_bzip2(a->lib);
    archive_read_support_filter_xz(a->lib);
    archive_read_support_filter_lzma(a->lib);
    archive_read_support_filter_zstd(a->lib);
    archive_read_support_filter_lz4(a->lib);
    archive_read_support_filter_compress(a->lib);
    archive_read_support_format_tar(a->lib);
    archive_read_support_format_cpio(a->lib);
    archive_read_support_format_zip(a->lib);
    archive_read_support_format_7zip(a->lib);
    archive_read_support_format_empty(a->lib);
    archive_read_support_format_raw(a->lib);
    archive_read_set_read_callback(a->lib, on_read);
    archive_read_set_callback_data(a->lib, a);
    if (!look_at_head(a)) {
        *err = a->failed;
        arc_close(a);
        return NULL;
    }
    if (input->pread && !a->gzip) {
        archive_read_set_seek_callback(a->lib, on_seek);
        archive_read_set_skip_callback(a->lib, on_skip);
    }
    enter(a);
    bool ok = archive_read_open1(a->lib) == ARCHIVE_OK || fail(a, err);
    leave(a);
    if (ok)
        return a;
    arc_close(a);
    return NULL;
}

static void describe(struct arc *a, struct archive_entry *e, struct arc_member *m)
{
    const char *path = archive_entry_pathname_utf8(e);
    if (!path)
        path = archive_entry_pathname(e);
    mode_t type = archive_entry_filetype(e);
    bool link = archive_entry_hardlink(e) || archive_entry_symlink(e) || type == AE_IFLNK;
    int format = archive_format(a->lib);
    *m = (struct arc_member){
        .path = slice_of(path ? path : ""),
        .raw = format == ARCHIVE_FORMAT_RAW,
        .encrypted = archive_entry_is_data_encrypted(e) > 0,
        /* A cpio member without a type is a file, as in old tars. */
        .kind = link                            ? ARC_LINK
                : type == AE_IFDIR              ? ARC_DIR
                : type == AE_IFREG || type == 0 ? ARC_FILE
                                                : ARC_SPECIAL,
    };
    if (m->raw)
        m->path = SLICE("");
}

enum arc_status arc_next(struct arc *a, struct arc_member *m, struct err *err)
{
    struct archive_entry *e = NULL;
    enter(a);
    int r = archive_read_next_header(a->lib, &e);
    /* RETRY: a header is damaged, and the next call would pass over its member without a word. */
    enum arc_status st = ARC_FAIL;
    if (r == ARCHIVE_EOF && check_end(a) && check_tail(a))
        st = ARC_END;
    else if ((r == ARCHIVE_OK || (r == ARCHIVE_WARN && !skipped_bytes(a))) && e)
        st = ARC_MEMBER;
    if (st == ARC_MEMBER) {
        describe(a, e, m);
    } else if (st == ARC_FAIL) {
        fail(a, err);
    }
    leave(a);
    return st;
}

ptrdiff_t arc_read(struct arc *a, char *dst, ptrdiff_t cap, struct err *err)
{
    la_ssize_t n;
    int retries = 0;
    do {
        n = archive_read_data(a->lib, dst, (size_t)cap);
    } while (n == ARCHIVE_RETRY && ++retries < 16);
    if (n >= 0)
        return n;
    fail(a, err);
    return n == ARCHIVE_FAILED || n == ARCHIVE_WARN ? ARC_READ_MEMBER : ARC_READ_FATAL;
}

bool arc_skip(struct arc *a, int64_t *budget, struct err *err)
{
    const void *block;
    size_t len;
    la_int64_t offset;
    for (;;) { /* blocks, not bytes: a hole of a sparse member costs nothing */
        int r = archive_read_data_block(a->lib, &block, &len, &offset);
        if (r == ARCHIVE_EOF)
            return true;
        if (r == ARCHIVE_FATAL)
            return fail(a, err);
        if (r == ARCHIVE_FAILED) /* the rest of this member is out of reach, the next one is not */
            return true;
        *budget -= (int64_t)len;
        if (*budget < 0)
            return err_set(err, ERR_DATA, "expands beyond the limit");
    }
}

bool arc_was_empty(struct arc *a)
{
    return archive_format(a->lib) == ARCHIVE_FORMAT_EMPTY;
}

void arc_close(struct arc *a)
{
    if (!a)
        return;
    archive_read_free(a->lib);
    if (a->gzip)
        codec_gzip.decode_free(a->gzip);
    if (a->utf8)
        freelocale(a->utf8);
    free(a);
}
