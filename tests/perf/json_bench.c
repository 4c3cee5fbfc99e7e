/* json_bench: MB/s of the JSON kernels, per corpus and kernel row, on one core (CPU time).
 *
 *     build/perf/json_bench [--seconds S] [--isa NAME] [--dump DIR]
 *
 * The corpora are made here, from a fixed seed:
 *   web      long records, ~4 KB of ASCII text with few escapes, four members
 *   short    ~400 bytes, eight members, one nested object, one array
 *   escapes  long multilingual text: \n \" \t, \uXXXX and raw UTF-8 mixed
 * "scan+text" validates every record completely and decodes its member `text`. The limits beside
 * it: memchr (finding the line ends and nothing else) and memcpy, in the same run. --dump writes
 * the corpora for a comparison with another parser.
 */
#include "arena.h"
#include "buf.h"
#include "json.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CORPUS_BYTES (16 << 20)

static uint64_t rng_state;

static uint32_t rng(uint32_t below)
{
    rng_state = rng_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((rng_state >> 33) % below);
}

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* neighbours on the machine do not count */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* ---- corpora ---- */

static void put(struct buf *b, const char *text)
{
    buf_append(b, slice_of(text));
}

static void put_words(struct buf *b, int bytes)
{
    static const char *const words[] = { "the",    "of",   "and",   "model", "language", "in",
                                         "a",      "data", "is",    "that",  "for",      "corpus",
                                         "people", "with", "on",    "was",   "training", "record",
                                         "by",     "from", "which", "water" };
    ptrdiff_t end = b->len + bytes;

    while (b->len < end) {
        put(b, words[rng(countof(words))]);
        buf_append_byte(b, rng(12) == 0 ? ',' : ' ');
    }
}

static void make_web(struct buf *b)
{
    static int number;
    int paragraphs = 4 + (int)rng(10);

    buf_printf(b,
               "{\"id\":\"web-%06d\",\"url\":\"https://example.org/a/%u/page-%d.html\",\"text\":\"",
               number, rng(100000), number);
    number++;
    for (int i = 0; i < paragraphs; i++) {
        put_words(b, 200 + (int)rng(500));
        put(b, rng(4) == 0 ? "he said \\\"yes\\\".\\n" : ".\\n");
    }
    buf_printf(b, "\",\"timestamp\":\"2024-04-%02uT12:%02u:00Z\"}\n", 1 + rng(28), rng(60));
}

static void make_short(struct buf *b)
{
    static int number;

    buf_printf(b,
               "{\"id\": %d, \"source\": \"forum/%u.tar!posts/%u.txt\", \"lang\": \"en\", "
               "\"score\": %u.%03u, ",
               number++, rng(50), rng(100000), rng(2), rng(1000));
    put(b, "\"text\": \"");
    put_words(b, 150 + (int)rng(130));
    buf_printf(b,
               ".\", \"tokens\": %u, \"tags\": [\"news\", \"%s\", \"q%u\"], \"meta\": {\"year\": "
               "%u, \"ok\": %s}}\n",
               rng(400), rng(2) ? "sport" : "politics", rng(10), 1990 + rng(35),
               rng(2) ? "true" : "null");
}

static void make_escapes(struct buf *b)
{
    static const char *const runs[] = {
        "das Mädchen fährt über die Brücke ",
        "это обычный русский текст ",
        "日本語の文章です。",
        "\\u044d\\u0442\\u043e \\u0442\\u0435\\u043a\\u0441\\u0442 ",
        "l\\u2019\\u00e9t\\u00e9 ",
        "he said \\\"no\\\"\\n",
        "plain words here ",
        "\\ttab\\n",
        "😀 ",
        "\\ud83d\\ude00 ",
        "العربية ",
        "C:\\\\dir\\\\file ",
    };
    ptrdiff_t end = b->len + 2000 + rng(3000);

    put(b, "{\"text\":\"");
    while (b->len < end)
        put(b, runs[rng(countof(runs))]);
    buf_printf(b, "\",\"id\":%u,\"title\":\"\\u00fcber %u\"}\n", rng(100000), rng(100));
}

static const struct corpus {
    const char *name;
    void (*make)(struct buf *b);
} corpora[] = { { "web", make_web }, { "short", make_short }, { "escapes", make_escapes } };

static void fill(struct buf *b, const struct corpus *c)
{
    rng_state = 42;
    buf_clear(b);
    while (b->len < CORPUS_BYTES)
        c->make(b);
}

/* ---- measured loops: one pass over the corpus each; the results are kept in `sink` ---- */

struct pass {
    slice corpus, quoted;     /* quoted: the whole corpus as one JSON string */
    struct json_query *query; /* `text` */
    struct arena arena;
    struct buf out;
    uint64_t sink;
};

static void pass_memchr(struct pass *w)
{
    const char *p = w->corpus.ptr, *end = p + w->corpus.len;

    while (p < end) {
        p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1;
        w->sink++;
    }
}

static void pass_memcpy(struct pass *w)
{
    w->out.len = 0;
    memcpy(buf_reserve(&w->out, w->corpus.len), w->corpus.ptr, (size_t)w->corpus.len);
    w->sink += (unsigned char)w->out.ptr[w->corpus.len / 2];
}

static void scan_lines(struct pass *w, bool text_too)
{
    const char *p = w->corpus.ptr, *end = p + w->corpus.len;

    while (p < end) {
        const char *line_end = memchr(p, '\n', (size_t)(end - p));
        slice record = { p, line_end - p }, text;
        struct json_span span, top;
        struct json_fault fault;
        if (!json_scan(record, w->query, &span, &top, &fault)) {
            printf("corpus is not JSON: byte %td: %s\n", fault.at, fault.what);
            exit(1);
        }
        if (text_too &&
            json_string(record, span, JSON_SURROGATE_FAIL, &w->arena, &text, NULL, &fault))
            w->sink += (uint64_t)text.len;
        arena_reset(&w->arena);
        p = line_end + 1;
    }
}

static void pass_scan(struct pass *w)
{
    scan_lines(w, false);
}

static void pass_scan_text(struct pass *w)
{
    scan_lines(w, true);
}

/* The corpus as one quoted string, decoded: MB/s of the result. */
static void pass_decode(struct pass *w)
{
    ptrdiff_t len = w->quoted.len - 2;
    char *dst = buf_reserve((buf_clear(&w->out), &w->out), len);

    w->sink += (uint64_t)json_unescape(slice_make(w->quoted.ptr + 1, len), dst, JSON_SURROGATE_FAIL,
                                       NULL, NULL);
}

static void pass_utf8(struct pass *w)
{
    w->sink += json_utf8_valid(w->corpus);
}

/* The whole corpus, with its quotes and newlines, as text to quote: many more escapes than usual.
 */
static void pass_quote(struct pass *w)
{
    buf_clear(&w->out);
    json_append_string(&w->out, w->corpus);
    w->sink += (uint64_t)w->out.len;
}

static const struct measure {
    const char *name;
    void (*run)(struct pass *w);
} measures[] = { { "scan", pass_scan },     { "scan+text", pass_scan_text },
                 { "utf8", pass_utf8 },     { "quote", pass_quote },
                 { "decode", pass_decode }, { "memchr", pass_memchr },
                 { "memcpy", pass_memcpy } };

/* Best of the passes that fit into the time: noise only ever slows down. */
static double best_mb_per_s(struct pass *w, void (*run)(struct pass *w), double seconds)
{
    double best = 1e9, until = now_s() + seconds;

    run(w);
    do {
        double t = now_s();
        run(w);
        t = now_s() - t;
        best = MIN(best, t);
    } while (now_s() < until);
    return (double)w->corpus.len / best * 1e-6;
}

/* A tokenizer.json in kind: one object of 100,000 members and an array of as many strings. */
static void bench_dom(double seconds)
{
    struct buf b = { 0 };
    struct arena arena = { 0 };
    double best = 1e9, until = now_s() + seconds;

    rng_state = 7;
    put(&b, "{\"model\": {\"type\": \"BPE\", \"vocab\": {\n");
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "%s  \"\\u0120tok%d%u\": %d", i ? ",\n" : "", i, rng(1000), i);
    put(&b, "}, \"merges\": [");
    for (int i = 0; i < 100000; i++)
        buf_printf(&b, "%s\n  \"a%u b%u\"", i ? "," : "", rng(10000), rng(10000));
    put(&b, "]}}");
    do {
        double t = now_s();
        if (!json_parse(buf_slice(&b), &arena, NULL))
            exit(1);
        t = now_s() - t;
        best = MIN(best, t);
        arena_release(&arena);
    } while (now_s() < until);
    printf("%-10s %-8s %10.1f ms for %.1f MB of tokenizer.json in kind\n", jsonscan_kernel()->name,
           "dom", best * 1e3, (double)b.len * 1e-6);
    buf_release(&b);
}

static void dump(const char *dir)
{
    for (ptrdiff_t i = 0; i < countof(corpora); i++) {
        struct buf b = { 0 };
        char path[4096];
        fill(&b, &corpora[i]);
        snprintf(path, sizeof path, "%s/%s.jsonl", dir, corpora[i].name);
        FILE *f = fopen(path, "w");
        if (!f || fwrite(b.ptr, 1, (size_t)b.len, f) != (size_t)b.len || fclose(f) != 0) {
            perror(path);
            exit(1);
        }
        buf_release(&b);
    }
}

static void bench_isa(const char *isa, double seconds)
{
    static const char *const paths[] = { "text" };
    struct pass w = { 0 };
    struct arena arena = { 0 };
    struct buf b = { 0 }, quoted = { 0 };
    struct json_query query;
    struct err err;

    if (!cpu_choose(isa, &err) || !json_query_init(&query, paths, 1, &arena, &err)) {
        printf("%s\n", err.text);
        exit(2);
    }
    w.query = &query;
    for (ptrdiff_t i = 0; i < countof(corpora); i++) {
        fill(&b, &corpora[i]);
        w.corpus = buf_slice(&b);
        buf_clear(&quoted);
        json_append_string(&quoted, w.corpus);
        w.quoted = buf_slice(&quoted);
        printf("%-10s %-8s", jsonscan_kernel()->name, corpora[i].name);
        for (ptrdiff_t m = 0; m < countof(measures); m++)
            printf(" %9.0f", best_mb_per_s(&w, measures[m].run, seconds));
        printf("\n");
        fflush(stdout);
    }
    bench_dom(seconds);
    arena_release(&arena);
    arena_release(&w.arena);
    buf_release(&w.out);
    buf_release(&quoted);
    buf_release(&b);
}

int main(int argc, char **argv)
{
    static const struct option options[] = { { "seconds", required_argument, NULL, 's' },
                                             { "isa", required_argument, NULL, 'i' },
                                             { "dump", required_argument, NULL, 'd' },
                                             { NULL, 0, NULL, 0 } };
    double seconds = 0.3;
    char list[64];
    int c;

    snprintf(list, sizeof list, "%s", cpu_isa_list());
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (c == 's')
            seconds = strtod(optarg, NULL);
        else if (c == 'i')
            snprintf(list, sizeof list, "%s", optarg);
        else if (c == 'd')
            return dump(optarg), 0;
        else
            return 2;
    }
    printf("# MB/s, one core of %s\n%-10s %-8s", cpu_model_name(), "# row", "corpus");
    for (ptrdiff_t m = 0; m < countof(measures); m++)
        printf(" %9s", measures[m].name);
    printf("\n");
    for (char *save, *isa = strtok_r(list, " ", &save); isa; isa = strtok_r(NULL, " ", &save))
        bench_isa(isa, seconds);
    return 0;
}
