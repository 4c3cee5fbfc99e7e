#include "phases.h"

#include "names.h"
#include "stat.h"

#include <math.h>
#include <stdlib.h>

struct row {
    double ms[PHASES_MAX], total;
};

struct phases {
    const struct phases_conf *conf;
    struct names names;
    struct row *rows;
    ptrdiff_t count, cap;
};

static bool take(void *self, const struct flow_record *rec, struct arena *batch, struct err *err)
{
    struct phases *p = self;
    const struct json_span *span = &rec->spans[0];
    struct json_node *t = json_parse(slice_make(rec->raw.ptr + span->start, span->len), batch, err);

    if (!t)
        return false;
    if (p->count == p->cap) {
        p->cap = p->cap * 2 + 256;
        p->rows = realloc(p->rows, (size_t)p->cap * sizeof *p->rows);
        if (!p->rows)
            mem_oom();
    }
    struct row *row = &p->rows[p->count];
    *row = (struct row){ 0 };
    for (const struct json_node *n = t->child; n; n = n->next) {
        double ms;
        if (!slice_ends(n->key, SLICE("_ms")))
            continue;
        if (!json_double(n, &ms) || !(ms >= 0))
            return rows_bad(rec, err, "a member of 'timings' is not a time");
        int32_t phase = names_add(&p->names, slice_make(n->key.ptr, n->key.len - 3));
        if (phase >= PHASES_MAX)
            return rows_bad(rec, err, "more than %d phases", PHASES_MAX);
        row->ms[phase] += ms;
        row->total += ms;
    }
    p->count++;
    return true;
}

/* ---- figures ---- */

static int slowest_first(const void *a, const void *b)
{
    double x = ((const struct row *)a)->total, y = ((const struct row *)b)->total;

    return (x < y) - (x > y);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* The values of one phase (-1: the latency) in ascending order. */
static double *sorted(const struct phases *p, int phase, struct arena *arena)
{
    double *x = arena_new(arena, double, p->count);

    for (ptrdiff_t i = 0; i < p->count; i++)
        x[i] = phase < 0 ? p->rows[i].total : p->rows[i].ms[phase];
    qsort(x, (size_t)p->count, sizeof *x, ascending);
    return x;
}

struct figures {
    double total, share, mean, p50, p90, p99, max;
};

static struct figures figures_of(const struct phases *p, int phase, double whole,
                                 struct arena *arena)
{
    double *x = sorted(p, phase, arena);
    struct figures f = { 0 };

    for (ptrdiff_t i = 0; i < p->count; i++)
        f.total += x[i];
    f.share = whole > 0 ? f.total / whole : 0;
    f.mean = f.total / (double)p->count;
    f.p50 = stat_quantile(x, p->count, 0.5);
    f.p90 = stat_quantile(x, p->count, 0.9);
    f.p99 = stat_quantile(x, p->count, 0.99);
    f.max = x[p->count - 1];
    return f;
}

static void add_line(struct buf *b, bool json, slice name, struct figures f, bool first)
{
    if (!json) {
        buf_printf(b, "%-12.*s %12.3f %7.2f%% %10.3f %10.3f %10.3f %10.3f %10.3f\n",
                   (int)MIN(name.len, 12), name.ptr, f.total, f.share * 100, f.mean, f.p50, f.p90,
                   f.p99, f.max);
        return;
    }
    buf_append(b, first ? SLICE("{\"phase\":") : SLICE(",{\"phase\":"));
    json_append_string(b, name);
    buf_printf(b,
               ",\"total_ms\":%.6f,\"share\":%.6f,\"mean_ms\":%.6f,\"p50_ms\":%.6f,\"p90_ms\":%.6f,"
               "\"p99_ms\":%.6f,\"max_ms\":%.6f}",
               f.total, f.share, f.mean, f.p50, f.p90, f.p99, f.max);
}

static void write_figures(const struct phases *p, struct arena *arena, struct buf *b)
{
    struct figures all = figures_of(p, -1, 0, arena);
    bool json = p->conf->json;

    all.share = 1;
    if (json)
        buf_printf(b, "{\"schema\":1,\"rows\":%td,\"phases\":[", p->count);
    else
        buf_printf(b, "%td requests, in ms\n%-12s %12s %8s %10s %10s %10s %10s %10s\n", p->count,
                   "phase", "total", "share", "mean", "p50", "p90", "p99", "max");
    for (int i = 0; i < p->names.count; i++)
        add_line(b, json, p->names.text[i], figures_of(p, i, all.total, arena), i == 0);
    if (json)
        buf_append(b, SLICE("],\"latency\":"));
    add_line(b, json, SLICE("latency"), all, true);
    if (json)
        buf_append(b, SLICE("}\n"));
}

/* ---- the picture ---- */

/* Okabe and Ito's colours, which colour-blind people can tell apart, then greys. */
static const char *const colours[PHASES_MAX] = { "#0072B2", "#E69F00", "#009E73", "#CC79A7",
                                                 "#56B4E9", "#D55E00", "#F0E442", "#999999",
                                                 "#666666", "#BBBBBB", "#444444", "#DDDDDD" };
enum { WIDTH = 760, LEFT = 150, RIGHT = 90, BAR = 34, GAP = 14, TOP = 70, BINS = 40, HIST = 140 };

static void svg_text(struct buf *b, slice s)
{
    for (ptrdiff_t i = 0; i < s.len; i++)
        switch (s.ptr[i]) {
        case '<':
            buf_append(b, SLICE("&lt;"));
            break;
        case '&':
            buf_append(b, SLICE("&amp;"));
            break;
        default:
            buf_append_byte(b, (unsigned char)s.ptr[i] < ' ' ? ' ' : s.ptr[i]);
        }
}

static void svg_bar(const struct phases *p, const char *label, ptrdiff_t slowest, int y,
                    double scale, struct buf *b)
{
    double x = LEFT, total = 0;

    buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", LEFT - 10,
               y + BAR / 2 + 5, label);
    for (int phase = 0; phase < p->names.count; phase++) {
        double mean = 0;
        for (ptrdiff_t i = 0; i < slowest; i++)
            mean += p->rows[i].ms[phase] / (double)slowest;
        if (mean * scale > 0.05) {
            buf_printf(b,
                       "<rect x=\"%.2f\" y=\"%d\" width=\"%.2f\" height=\"%d\" fill=\"%s\"><title>",
                       x, y, mean * scale, BAR, colours[phase]);
            svg_text(b, p->names.text[phase]);
            buf_printf(b, ": %.3f ms</title></rect>\n", mean);
        }
        x += mean * scale;
        total += mean;
    }
    buf_printf(b, "<text x=\"%.2f\" y=\"%d\">%.4g ms</text>\n", x + 8, y + BAR / 2 + 5, total);
}

static void svg_histogram(const struct phases *p, int top, struct buf *b)
{
    int64_t bins[BINS] = { 0 }, most = 1;
    double max = p->rows[0].total, width = (double)(WIDTH - LEFT - RIGHT) / BINS;

    for (ptrdiff_t i = 0; i < p->count; i++) {
        int k = max > 0 ? MIN((int)(p->rows[i].total / max * BINS), BINS - 1) : 0;
        most = MAX(most, ++bins[k]);
    }
    buf_printf(b, "<text x=\"%d\" y=\"%d\" class=\"h\">Requests by latency</text>\n", LEFT,
               top - 10);
    for (int k = 0; k < BINS; k++) {
        double height = (double)bins[k] / (double)most * HIST;
        if (bins[k])
            buf_printf(b,
                       "<rect x=\"%.2f\" y=\"%.2f\" width=\"%.2f\" height=\"%.2f\" "
                       "fill=\"#0072B2\"><title>%.4g to %.4g ms: %lld</title></rect>\n",
                       LEFT + k * width, top + HIST - height, width - 1, height, max * k / BINS,
                       max * (k + 1) / BINS, (long long)bins[k]);
    }
    buf_printf(b, "<path d=\"M%d %d H%d\" stroke=\"#888\"/>\n", LEFT, top + HIST, WIDTH - RIGHT);
    for (int k = 0; k <= 4; k++)
        buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">%.3g</text>\n",
                   LEFT + (WIDTH - LEFT - RIGHT) * k / 4, top + HIST + 18, max * k / 4);
    buf_printf(b, "<text x=\"%d\" y=\"%d\">ms</text>\n", WIDTH - RIGHT + 24, top + HIST + 18);
    buf_printf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%lld</text>\n", LEFT - 10, top + 10,
               (long long)most);
}

/* The rows are sorted, slowest first. */
static void draw(const struct phases *p, struct buf *b)
{
    static const struct {
        const char *label;
        int part;
    } bars[] = {
        { "all", 1 }, { "slowest half", 2 }, { "slowest tenth", 10 }, { "slowest hundredth", 100 }
    };
    int shown = 0, height;
    double longest = 0;

    for (int i = 0; i < (int)countof(bars) && p->count >= bars[i].part; i++) {
        double mean = 0;
        for (ptrdiff_t k = 0; k < p->count / bars[i].part; k++)
            mean += p->rows[k].total / (double)(p->count / bars[i].part);
        longest = MAX(longest, mean);
        shown = i + 1;
    }
    height = TOP + shown * (BAR + GAP) + 60 + HIST + 40;
    buf_printf(b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "height=\"%d\" font-family=\"sans-serif\" font-size=\"13\">\n"
               "<style>.h{font-size:15px;font-weight:bold}</style>\n"
               "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n"
               "<text x=\"%d\" y=\"24\" class=\"h\">Where the time goes, %td requests</text>\n",
               WIDTH, height, WIDTH, height, WIDTH, height, LEFT, p->count);
    double x = LEFT;
    for (int i = 0; i < p->names.count; i++) {
        buf_printf(b, "<rect x=\"%.0f\" y=\"38\" width=\"12\" height=\"12\" fill=\"%s\"/>\n", x,
                   colours[i]);
        buf_printf(b, "<text x=\"%.0f\" y=\"49\">", x + 17);
        svg_text(b, p->names.text[i]);
        buf_append(b, SLICE("</text>\n"));
        x += 34 + 7.5 * (double)p->names.text[i].len;
    }
    for (int i = 0; i < shown; i++)
        svg_bar(p, bars[i].label, p->count / bars[i].part, TOP + i * (BAR + GAP),
                longest > 0 ? (WIDTH - LEFT - RIGHT) / longest : 0, b);
    svg_histogram(p, TOP + shown * (BAR + GAP) + 40, b);
    buf_append(b, SLICE("</svg>\n"));
}

static bool write_plot(const struct phases *p, const struct bench_env *env, struct err *err)
{
    struct bench_env file = *env;
    struct buf text = BUF_INIT(0);

    draw(p, &text);
    file.output = p->conf->plot;
    bool ok = rows_write(&file, buf_slice(&text), err);
    buf_release(&text);
    return ok;
}

bool phases_run(const struct bench_env *env, const struct phases_conf *conf, struct err *err)
{
    struct flow_field fields[] = { { "timings", true, FLOW_TYPE(JSON_OBJECT) } };
    struct phases p = { .conf = conf, .names.arena = env->arena };
    struct buf text = BUF_INIT(0);
    bool ok = rows_read(env, conf->paths, conf->path_count, fields, 1, take, &p, err) &&
              (p.count > 0 || err_set(err, ERR_DATA, "no rows"));

    if (ok) {
        qsort(p.rows, (size_t)p.count, sizeof *p.rows, slowest_first);
        write_figures(&p, env->arena, &text);
        ok = (!conf->plot || write_plot(&p, env, err)) && rows_write(env, buf_slice(&text), err);
    }
    buf_release(&text);
    free(p.rows);
    names_release(&p.names);
    return ok;
}
