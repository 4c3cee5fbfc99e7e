#include "in.h"

#include "buf.h"
#include "codec.h"
#include "os.h"

#include <errno.h>
#include <stdlib.h>

#define RAW_BYTES      (256 << 10) /* read at once in front of a decoder */
#define NAME_LIST_MAX  ((ptrdiff_t)1 << 30)
#define SLURP_FIRST    (64 << 10)
#define SHOWN_NAME_MAX 600

struct in {
    const char **paths; /* operands, then the names of the list */
    ptrdiff_t path_count;
    slice name_list; /* what --files-from held; paths point into it */
    bool raw_only;

    ptrdiff_t index;           /* of the input that is open or was last; -1: none yet */
    int fd;                    /* -1: none open */
    const struct codec *codec; /* NULL: bytes go through */
    void *decoder;

    char *raw; /* read ahead: the sniffed head, then the decoder's input */
    ptrdiff_t raw_pos, raw_len;
    int64_t raw_offset;    /* of raw[raw_pos] in the file */
    bool raw_eof, drained; /* drained: the decoder has nothing more to give for what it has taken */
    const char *fault;     /* of the decoder, found while it still had bytes to give; NULL: none */

    int64_t taken_bytes, total_bytes;
    bool failed;
    struct err why; /* of the failure, repeated by later reads */
    char shown[SHOWN_NAME_MAX];
};

/* Formats that people compress with and that are not read here: better named than read as text. */
static const struct {
    slice magic;
    const char *name, *tool;
} unsupported[] = {
    { { "BZh91AY&SY", 10 }, "bzip2", "bzip2 -dc" },
    { { "\x04\x22\x4D\x18", 4 }, "lz4", "lz4 -dc" },
};

/* ---- the list of inputs ---- */

static bool is_stdin(const char *path)
{
    return path[0] == '-' && path[1] == '\0';
}

/* Splits the list in place; its last name needs no terminator. */
static bool names_split(struct in *in, char end, const char *list_name, struct err *err)
{
    char *text = (char *)in->name_list.ptr;
    ptrdiff_t left = in->name_list.len, line = 0;
    ptrdiff_t room = in->path_count + 1;

    for (ptrdiff_t i = 0; i < left; i++)
        room += text[i] == end;
    in->paths = realloc(in->paths, (size_t)room * sizeof *in->paths);
    if (!in->paths)
        mem_oom();
    while (left > 0) {
        ptrdiff_t len = slice_find(slice_make(text, left), end);
        ptrdiff_t step = len < 0 ? left : len + 1;
        len = len < 0 ? left : len;
        line++;
        if (end == '\n' && memchr(text, '\0', (size_t)len))
            return err_set(err, ERR_USAGE,
                           "%s:%td: a NUL byte in a name; is the list NUL-separated"
                           " (-0)?",
                           list_name, line);
        if (len == 0 && end == '\0')
            return err_set(err, ERR_USAGE, "%s: name %td is empty", list_name, line);
        text[len] = '\0';
        if (len > 0)
            in->paths[in->path_count++] = text;
        text += step;
        left -= step;
    }
    return true;
}

static bool names_read(struct in *in, const struct in_conf *conf, struct err *err)
{
    const char *shown = is_stdin(conf->files_from) ? "stdin" : conf->files_from;

    if (!in_slurp(conf->files_from, NAME_LIST_MAX, &in->name_list, err))
        return err_context(err, "--files-from");
    return names_split(in, conf->null_names ? '\0' : '\n', shown, err);
}

/* What can be known before the first byte is read is said then: a run over many files must not find
 * out in the end that one of them is not there. */
static bool paths_check(struct in *in, bool list_is_stdin, struct err *err)
{
    bool stdin_used = list_is_stdin;

    for (ptrdiff_t i = 0; i < in->path_count; i++) {
        const char *path = in->paths[i];
        struct os_stat st;
        if (is_stdin(path)) {
            if (stdin_used)
                return err_set(err, ERR_USAGE, "stdin ('-') is named more than once");
            stdin_used = true;
            if (!os_fstat(0, &st, NULL))
                st = (struct os_stat){ 0 };
        } else {
            if (!os_stat(path, &st, err))
                return false;
            if (!st.exists)
                return err_sys(err, ERR_NOINPUT, ENOENT, "cannot open %s",
                               ERR_QUOTE(slice_of(path)));
        }
        if (st.is_dir)
            return err_set(err, ERR_NOINPUT, "%s is a directory, not a file",
                           ERR_QUOTE(is_stdin(path) ? SLICE("stdin") : slice_of(path)));
        if (!st.is_file || in->total_bytes < 0 ||
            __builtin_add_overflow(in->total_bytes, st.size, &in->total_bytes))
            in->total_bytes = -1;
    }
    return true;
}

/* ---- one input ---- */

/* Like the name, safe in a message: quoted when it holds bytes that a terminal should not see. */
static const char *shown_name(struct in *in)
{
    const char *name = in_name(in);
    ptrdiff_t len = slice_of(name).len;

    err_quote(in->shown, sizeof in->shown, slice_of(name));
    bool same = slice_of(in->shown).len == len + 2 && memcmp(in->shown + 1, name, (size_t)len) == 0;
    return same ? name : in->shown;
}

static bool raw_fill(struct in *in, struct err *err)
{
    ptrdiff_t n =
        os_read(in->fd, shown_name(in), in->raw + in->raw_len, RAW_BYTES - in->raw_len, err);

    if (n < 0)
        return false;
    in->raw_eof = n == 0;
    in->raw_len += n;
    in->taken_bytes += n;
    return true;
}

/* Which codec do the first bytes ask for? -1: more bytes decide. */
static int sniff(slice head, const struct codec **codec, int *bad)
{
    bool open = false;

    *codec = NULL;
    *bad = -1;
    for (int i = 0; codec_all[i]; i++) {
        int hit = codec_all[i]->detect(head);
        if (hit > 0) {
            *codec = codec_all[i];
            return 1;
        }
        if (hit < 0) {
            open = true;
            *codec = codec_all[i];
        }
    }
    for (int i = 0; i < countof(unsupported); i++) {
        int hit = codec_magic(head, unsupported[i].magic);
        if (hit > 0) {
            *bad = i;
            return 1;
        }
        open |= hit < 0;
    }
    return open ? -1 : 0;
}

/* Reads until it is clear what the input is: one read nearly always, and never more bytes than
 * that takes, so a slow pipe's first short record is not held back. */
static bool detect(struct in *in, struct err *err)
{
    const struct codec *codec = NULL;
    int known = -1, bad;

    while (known < 0 && !in->raw_eof) {
        if (!raw_fill(in, err))
            return false;
        known = sniff(slice_make(in->raw, in->raw_len), &codec, &bad);
        if (known > 0 && bad >= 0)
            return err_set(err, ERR_DATA, "%s: %s is not read here; use: %s FILE | ...",
                           shown_name(in), unsupported[bad].name, unsupported[bad].tool);
    }
    /* The file ended inside a magic number. One byte may be text, two that fit are a format. */
    if (known == 0 || (known < 0 && in->raw_len < 2))
        codec = NULL;
    in->codec = codec;
    in->decoder = codec ? codec->decode_new() : NULL;
    return true;
}

static bool input_open(struct in *in, struct err *err)
{
    const char *path = in->paths[++in->index];

    in->raw_pos = in->raw_len = 0;
    in->raw_offset = 0;
    in->raw_eof = in->drained = false;
    in->fault = NULL;
    in->fd = is_stdin(path) ? 0 : os_open_read(path, err);
    if (in->fd < 0)
        return false;
    return in->raw_only || detect(in, err);
}

static void input_close(struct in *in)
{
    if (in->decoder)
        in->codec->decode_free(in->decoder);
    in->codec = NULL;
    in->decoder = NULL;
    if (in->fd > 0)
        os_close_quiet(in->fd);
    in->fd = -1;
}

static bool corrupt(struct in *in, const char *why, struct err *err)
{
    return err_set(err, ERR_DATA, "%s: byte %lld of the compressed file: bad %s: %s",
                   shown_name(in), (long long)in->raw_offset, in->codec->name, why);
}

/* Fills dst from the decoder: returns with what there is rather than wait for more. *got 0: the
 * input has ended. */
static bool read_decoded(struct in *in, char *dst, ptrdiff_t cap, ptrdiff_t *got, struct err *err)
{
    for (;;) {
        struct codec_io io = { in->raw + in->raw_pos, in->raw_len - in->raw_pos, 0, dst, cap, 0 };
        if (in->fault || !in->codec->decode(in->decoder, &io, in->raw_eof, &in->fault))
            in->drained = false; /* the next read says so without waiting */
        else
            in->drained = io.dst_len < cap;
        in->raw_pos += io.src_pos;
        in->raw_offset += io.src_pos;
        *got = io.dst_len;
        if (io.dst_len > 0)
            return true;
        if (in->fault)
            return corrupt(in, in->fault, err);
        if (in->raw_eof) {
            if (in->codec->decode_may_end(in->decoder))
                return true;
            return err_set(err, ERR_DATA, "%s: ends at byte %lld, in the middle of a %s %s",
                           shown_name(in), (long long)in->raw_offset + in->raw_len - in->raw_pos,
                           in->codec->name, in->codec->unit);
        }
        if (in->raw_pos > 0 && in->raw_len > in->raw_pos)
            memmove(in->raw, in->raw + in->raw_pos, (size_t)(in->raw_len - in->raw_pos));
        in->raw_len -= in->raw_pos;
        in->raw_pos = 0;
        if (!raw_fill(in, err))
            return false;
    }
}

/* Fills dst with the bytes as they are: the sniffed head first, then straight from the file. */
static bool read_plain(struct in *in, char *dst, ptrdiff_t cap, ptrdiff_t *got, struct err *err)
{
    ptrdiff_t n = MIN(cap, in->raw_len - in->raw_pos);

    if (n > 0) {
        memcpy(dst, in->raw + in->raw_pos, (size_t)n);
        in->raw_pos += n;
        *got = n;
        return true;
    }
    *got = in->raw_eof ? 0 : os_read(in->fd, shown_name(in), dst, cap, err);
    if (*got < 0)
        return false;
    in->raw_eof = *got == 0;
    in->taken_bytes += *got;
    return true;
}

/* ---- public ---- */

struct in *in_open(const struct in_conf *conf, struct err *err)
{
    static const char *const only_stdin[] = { "-" };
    struct in *in = calloc(1, sizeof *in);
    bool none = conf->path_count == 0 && !conf->files_from;
    const char *const *paths = none ? only_stdin : conf->paths;

    if (!in)
        mem_oom();
    in->path_count = none ? 1 : conf->path_count;
    in->paths = malloc((size_t)(in->path_count + 1) * sizeof *in->paths);
    in->raw = malloc(RAW_BYTES + RECORD_PADDING);
    if (!in->paths || !in->raw)
        mem_oom();
    for (ptrdiff_t i = 0; i < in->path_count; i++)
        in->paths[i] = paths[i];
    in->raw_only = conf->raw;
    in->index = -1;
    in->fd = -1;
    if ((conf->files_from && !names_read(in, conf, err)) ||
        !paths_check(in, conf->files_from && is_stdin(conf->files_from), err)) {
        in_close(in);
        return NULL;
    }
    return in;
}

enum in_status in_read(struct in *in, char *dst, ptrdiff_t cap, ptrdiff_t *got, struct err *err)
{
    ASSERT(cap >= 1);
    *got = 0;
    if (in->failed) {
        if (err)
            *err = in->why;
        return IN_FAIL;
    }
    if (in->fd < 0) {
        if (in->index + 1 >= in->path_count)
            return IN_END;
        in->failed = !input_open(in, &in->why);
    }
    if (!in->failed)
        in->failed = !(in->decoder ? read_decoded : read_plain)(in, dst, cap, got, &in->why);
    if (in->failed) {
        *got = 0;
        if (err)
            *err = in->why;
        return IN_FAIL;
    }
    if (*got > 0)
        return IN_DATA;
    input_close(in);
    return in->index + 1 < in->path_count ? IN_NEXT : IN_END;
}

bool in_ready(struct in *in)
{
    if (in->failed || in->fd < 0 || in->raw_eof)
        return true;
    if (in->decoder ? !in->drained : in->raw_pos < in->raw_len)
        return true;
    return os_wait_readable(in->fd, 0);
}

const char *in_name(const struct in *in)
{
    const char *path = in->path_count ? in->paths[MAX(in->index, 0)] : "-";

    return is_stdin(path) ? "stdin" : path;
}

ptrdiff_t in_index(const struct in *in)
{
    return MAX(in->index, 0);
}

int64_t in_raw_bytes(const struct in *in)
{
    return in->taken_bytes;
}

int64_t in_raw_total(const struct in *in)
{
    return in->total_bytes;
}

void in_close(struct in *in)
{
    if (!in)
        return;
    input_close(in);
    free(in->paths);
    free(in->raw);
    os_free(in->name_list);
    free(in);
}

bool in_slurp(const char *path, ptrdiff_t max_bytes, slice *bytes, struct err *err)
{
    const char *paths[] = { path };
    struct in_conf conf = { .paths = paths, .path_count = 1 };
    struct in *in = in_open(&conf, err);
    struct buf b = BUF_INIT(0);
    enum in_status status = IN_DATA;
    ptrdiff_t got;

    *bytes = (slice){ 0 };
    if (!in)
        return false;
    while (status == IN_DATA && b.len <= max_bytes) {
        /* One byte more than allowed, so that a file of exactly max_bytes is known to end. */
        ptrdiff_t room = MIN(MAX(b.len, SLURP_FIRST), max_bytes - b.len + 1);
        status = in_read(in, buf_reserve(&b, room), room, &got, err);
        b.len += got;
    }
    bool ok = status == IN_END;
    if (!ok && status != IN_FAIL)
        err_set(err, ERR_DATA, "%s: larger than %td bytes", shown_name(in), max_bytes);
    in_close(in);
    if (!ok) {
        buf_release(&b);
        return false;
    }
    memset(b.ptr + b.len, 0, RECORD_PADDING);
    *bytes = buf_slice(&b);
    return true;
}
