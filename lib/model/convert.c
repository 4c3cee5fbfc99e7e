/* The writer of convert.h: a driver, it reads and writes files and uses threads. */
#include "convert.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "../os.h"
#include "../simd/floatconv.h"
#include "blocks.h"
#include "threads.h"

#define PIECE 4096 /* elements converted at once: the float32 values stay in the L1 cache */
#define WAVE  128  /* parts between two looks at signals and progress */

struct part {
    const struct convert_tensor *tensor;
    int64_t first, count;
};

struct worker {
    char *in, *out;
    ptrdiff_t in_cap, out_cap;
    float values[PIECE];
    char *row; /* float32, of tensors that are quantized row by row */
    ptrdiff_t row_cap;
    ptrdiff_t failed; /* number of the part, PTRDIFF_MAX: none */
    struct err err;
};

struct run {
    const struct model_file *model;
    const char *name;
    int fd;
    struct part *parts;
    ptrdiff_t count, wave; /* wave: first part of this round */
    struct worker *workers;
    atomic_ptrdiff_t failed;
};

/* ---- one part ---- */

static bool refuse_value(const struct part *p, int64_t at, float x, const char *why,
                         struct err *err)
{
    return err_set(err, ERR_CONFIG, "tensor %s: element %lld is %g%s",
                   ERR_QUOTE(p->tensor->out.name), (long long)(p->first + at), (double)x, why);
}

/* Magnitudes from here on become infinite: in F16, or in the F16 scale of a block. */
static float type_limit(int type)
{
    float limit = tensor_layout(type)->limit;

    return limit > 0 ? limit : INFINITY;
}

/* Names the first of n values from element `at` of the part that cannot be written. */
static bool check_values(const struct part *p, const float *x, int64_t at, int64_t n,
                         struct err *err)
{
    const struct tensor_layout *to = tensor_layout(p->tensor->out.type);
    char why[64];

    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return refuse_value(p, at + i, x[i], ": only finite weights can be converted", err);
        if (fabsf(x[i]) >= type_limit(to->type)) {
            snprintf(why, sizeof why, ", too large for %s: use BF16 or F32", to->name);
            return refuse_value(p, at + i, x[i], why, err);
        }
    }
    return true;
}

static bool convert_part(const struct part *p, const char *src, char *dst, float *values,
                         struct err *err)
{
    const struct tensor_layout *from = tensor_layout(p->tensor->from->type);
    const struct tensor_layout *to = tensor_layout(p->tensor->out.type);
    float limit = type_limit(to->type);

    for (int64_t i = 0; i < p->count; i += PIECE) {
        int64_t n = MIN(PIECE, p->count - i);
        tensor_to_f32(from->type, src + i / from->block * from->block_bytes, values, n);
        if (!floatconv()->below(values, n, limit) && !check_values(p, values, i, n, err))
            return false;
        if (from != to)
            tensor_from_f32(to->type, values, dst + i / to->block * to->block_bytes, n);
    }
    return true;
}

/* With importance, or a better search, a row is quantized as a whole. */
static bool convert_rows(const struct part *p, const char *src, char *dst, float *values,
                         struct err *err)
{
    const struct tensor *to = &p->tensor->out;
    int from = (int)p->tensor->from->type;
    int64_t n = to->ne[0], matrix = n * to->ne[1], row_bytes = tensor_row_bytes((int)to->type, n);
    float limit = type_limit((int)to->type);

    for (int64_t i = 0; i < p->count; i += n) {
        tensor_to_f32(from, src + tensor_row_bytes(from, i), values, n);
        if (!floatconv()->below(values, n, limit) && !check_values(p, values, i, n, err))
            return false;
        const float *w = p->tensor->importance;
        w = w ? w + (p->first + i) / matrix * n : NULL;
        if (p->tensor->best)
            blocks_best_row((int)to->type, values, dst + i / n * row_bytes, n, w);
        else
            tensor_from_row((int)to->type, values, dst + i / n * row_bytes, n, w);
    }
    return true;
}

static char *grow(char *buffer, ptrdiff_t *cap, int64_t need)
{
    if (need <= *cap)
        return buffer;
    free(buffer);
    buffer = malloc((size_t)need);
    if (!buffer)
        mem_oom();
    *cap = (ptrdiff_t)need;
    return buffer;
}

static int64_t part_bytes(int type, int64_t elements)
{
    const struct tensor_layout *l = tensor_layout(type);

    return elements / l->block * l->block_bytes;
}

static bool convert_any(const struct part *p, struct worker *w)
{
    if (!p->tensor->by_rows)
        return convert_part(p, w->in, w->out, w->values, &w->err);
    w->row = grow(w->row, &w->row_cap, p->tensor->out.ne[0] * 4);
    return convert_rows(p, w->in, w->out, (float *)(void *)w->row, &w->err);
}

static bool run_part(const struct run *r, const struct part *p, struct worker *w)
{
    const struct tensor *from = p->tensor->from, *to = &p->tensor->out;
    int64_t in_bytes = part_bytes(from->type, p->count), out_bytes = part_bytes(to->type, p->count);
    int64_t at = to->offset + part_bytes(to->type, p->first);

    w->in = grow(w->in, &w->in_cap, in_bytes);
    w->out = grow(w->out, &w->out_cap, out_bytes);
    if (!model_file_read_part(r->model, from, p->first, p->count, w->in, &w->err) ||
        !convert_any(p, w))
        return false;
    const char *bytes = from->type == to->type ? w->in : w->out;
    return os_pwrite_all(r->fd, r->name, slice_make(bytes, out_bytes), at, &w->err);
}

static void run_task(void *arg, ptrdiff_t task, int thread)
{
    struct run *r = arg;
    struct worker *w = &r->workers[thread];
    ptrdiff_t index = r->wave + task;

    /* Parts before a failed one still run, so that the message is the same for any number of
     * threads: the first in the order of the file. */
    if (index > atomic_load(&r->failed) || run_part(r, &r->parts[index], w))
        return;
    if (w->failed == PTRDIFF_MAX)
        w->failed = index;
    ptrdiff_t seen = atomic_load(&r->failed);
    while (index < seen && !atomic_compare_exchange_weak(&r->failed, &seen, index))
        ;
}

/* ---- all parts ---- */

/* A whole number of units, about CONVERT_PART elements, a multiple of every block. */
static int64_t part_length(const struct convert_tensor *t)
{
    int64_t unit = model_file_unit(t->from);

    if (t->by_rows) /* whole rows; a unit is one, or some of them */
        unit = MAX(unit, t->out.ne[0]);

    return unit == 1 ? CONVERT_PART : MAX(CONVERT_PART / unit, 1) * unit;
}

static void make_parts(struct run *r, const struct convert_plan *p)
{
    ptrdiff_t count = 0;

    for (ptrdiff_t i = 0; i < p->count; i++) {
        int64_t n = tensor_elements(&p->tensors[i].out), length = part_length(&p->tensors[i]);
        count += (ptrdiff_t)((n + length - 1) / length);
    }
    r->parts = calloc((size_t)MAX(count, 1), sizeof *r->parts);
    if (!r->parts)
        mem_oom();
    for (ptrdiff_t i = 0; i < p->count; i++) {
        const struct convert_tensor *t = &p->tensors[i];
        int64_t n = tensor_elements(&t->out), length = part_length(t);
        for (int64_t at = 0; at < n; at += length)
            r->parts[r->count++] = (struct part){ t, at, MIN(length, n - at) };
    }
}

static bool first_failure(struct run *r, int threads, struct err *err)
{
    for (int i = 0; i < threads; i++) {
        if (r->workers[i].failed == atomic_load(&r->failed)) {
            if (err)
                *err = r->workers[i].err;
            break;
        }
    }
    return false;
}

static bool run_parts(struct run *r, struct threads *pool, const struct convert_conf *conf,
                      struct err *err)
{
    int64_t done = 0;

    for (r->wave = 0; r->wave < r->count; r->wave += WAVE) {
        ptrdiff_t n = MIN(WAVE, r->count - r->wave);
        if (os_stopped())
            return err_set(err, ERR_STOP, "stopped by a signal");
        threads_run(pool, run_task, r, n);
        if (atomic_load(&r->failed) != PTRDIFF_MAX)
            return first_failure(r, threads_count(pool), err);
        for (ptrdiff_t i = 0; i < n; i++)
            done +=
                part_bytes(r->parts[r->wave + i].tensor->from->type, r->parts[r->wave + i].count);
        if (conf->progress)
            conf->progress(conf->progress_arg, done);
    }
    return true;
}

static bool write_file(const struct model_file *m, const struct convert_plan *p,
                       const struct convert_conf *conf, int fd, struct err *err)
{
    struct run r = { .model = m, .name = conf->output, .fd = fd };
    struct threads *pool = threads_new(conf->jobs, err);

    if (!pool)
        return false;
    atomic_init(&r.failed, PTRDIFF_MAX);
    make_parts(&r, p);
    r.workers = calloc((size_t)conf->jobs, sizeof *r.workers);
    if (!r.workers)
        mem_oom();
    for (int i = 0; i < conf->jobs; i++)
        r.workers[i].failed = PTRDIFF_MAX;
    bool ok = os_pwrite_all(fd, conf->output, buf_slice(&p->header), 0, err) &&
              run_parts(&r, pool, conf, err);
    threads_free(pool);
    for (int i = 0; i < conf->jobs; i++) {
        free(r.workers[i].in);
        free(r.workers[i].out);
        free(r.workers[i].row);
    }
    free(r.workers);
    free(r.parts);
    return ok;
}

/* The folder that holds path. */
static const char *folder_of(const char *path, char *dst, size_t size)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + (slash == path) : 0;

    if (n == 0 || n >= size)
        return ".";
    memcpy(dst, path, n);
    dst[n] = '\0';
    return dst;
}

bool convert_check_output(const char *output, bool force, struct err *err)
{
    static const char *const descriptors[] = { "/dev/fd/", "/dev/std", "/proc/self/fd/" };
    struct os_stat st;
    char folder[4096];

    /* Parts are written at their places: a pipe has none, and a link must not be replaced. */
    for (ptrdiff_t i = 0; i < countof(descriptors); i++)
        if (slice_starts(slice_of(output), slice_of(descriptors[i])))
            return err_set(err, ERR_CANTCREAT, "%s: a model is written to a file", output);
    if (!os_stat(output, &st, err))
        return false;
    if (st.exists && (st.is_dir || (st.is_file && !force)))
        return err_set(err, ERR_CANTCREAT,
                       st.is_dir ? "%s is a folder" : "%s exists: use --force to replace it",
                       ERR_QUOTE(slice_of(output)));
    if (!os_stat(folder_of(output, folder, sizeof folder), &st, err))
        return false;
    if (!st.exists || !st.is_dir)
        return err_set(err, ERR_CANTCREAT, "%s: there is no folder %s", output,
                       ERR_QUOTE(slice_of(folder_of(output, folder, sizeof folder))));
    return true;
}

bool convert_check_space(const struct convert_plan *p, const char *output, int64_t *free_bytes,
                         struct err *err)
{
    char folder[4096];
    int64_t left;

    if (!os_free_bytes(folder_of(output, folder, sizeof folder), &left, err)) {
        if (err)
            err->class = ERR_CANTCREAT;
        return false;
    }
    if (free_bytes)
        *free_bytes = left;
    if (p->bytes_out <= left)
        return true;
    return err_set(err, ERR_IO, "%s: needs %lld bytes, %lld are free there", output,
                   (long long)p->bytes_out, (long long)left);
}

bool convert_write(const struct model_file *m, const struct convert_plan *p,
                   const struct convert_conf *conf, struct err *err)
{
    struct os_temp temp;
    struct os_stat st;

    if (!os_stat(conf->output, &st, err))
        return false;
    if (st.exists && !st.is_file && !st.is_dir) { /* a device takes the bytes as they come */
        int fd = os_open_write(conf->output, true, false, err);
        if (fd < 0)
            return false;
        bool ok = write_file(m, p, conf, fd, err);
        return os_close(fd, conf->output, ok ? err : NULL) && ok;
    }
    if (!os_temp_create(&temp, conf->output, conf->force, err))
        return false;
    /* The size first: padding is what nobody writes. */
    if (convert_check_space(p, conf->output, NULL, err) &&
        os_truncate(temp.fd, conf->output, p->bytes_out, err) &&
        write_file(m, p, conf, temp.fd, err))
        return os_temp_commit(&temp, err);
    os_temp_discard(&temp);
    return false;
}
