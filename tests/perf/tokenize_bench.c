/* tokenize_bench: MB/s of the tokenizer library on one core, by processor time.
 *
 *     build/perf/tokenize_bench [--seconds S] [--isa NAME] [TOKENIZER TEXT]...
 *
 * Without arguments: the demo tokenizer on the project's own manuals and sources, and, with the
 * conformance data (DATA), GPT-2, Qwen 2, cl100k and o200k on a whole English and a whole Japanese book. "cold" is
 * the first pass with empty word caches, "warm" the best of the later ones. Limits beside it: the
 * splitter alone (pieces, no ids) and decode. The worst cases are 10 MB of one thing, as a multiple
 * of the time of prose.
 */
#include "json.h"
#include "os.h"
#include "simd/cpu.h"
#include "tok/pieces.h"
#include "tok/tok.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double seconds = 0.5;

/* Processor time: other load on the machine disturbs it less. */
static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static slice read_file(const char *path)
{
    struct err err;
    slice bytes;

    if (!os_slurp(path, (ptrdiff_t)1 << 30, &bytes, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(66);
    }
    return bytes;
}

struct loaded {
    struct tok *t;
    struct arena arena;
};

/* pattern: of tiktoken's ranks, or NULL */
static bool load(struct loaded *l, const char *path, const char *pattern)
{
    struct tok_conf conf = { .name = path, .pattern_name = pattern };
    struct err err;
    struct os_stat st;

    *l = (struct loaded){ 0 };
    if (!os_stat(path, &st, &err) || !st.exists)
        return false;
    slice bytes = read_file(path);
    double best = 1e9;
    for (int i = 0; i < 5; i++) {
        double start = now_s();
        tok_free(l->t);
        arena_release(&l->arena);
        l->t = tok_load(&conf, bytes, &l->arena, &err);
        best = MIN(best, now_s() - start);
        if (!l->t) {
            fprintf(stderr, "%s\n", err.text);
            exit(78);
        }
    }
    printf("%-42.42s load %5.1f ms (%td ids, %.1f MB)\n", path + MAX(0, (int)strlen(path) - 42),
           best * 1e3, tok_vocab_size(l->t), (double)bytes.len / 1e6);
    os_free(bytes);
    return true;
}

static double split_only(slice text)
{
    static struct pieces_window w;
    double best = 1e9, begin = now_s();

    w.classify = textmask_pick();
    while (now_s() - begin < seconds / 2) {
        double start = now_s();
        for (ptrdiff_t pos = 0; pos < text.len;)
            pos = pieces_window(&pieces_gpt2, text, pos, &w);
        best = MIN(best, now_s() - start);
    }
    return best;
}

static double decode(const struct tok *t, const struct tok_ids *ids)
{
    struct buf out = { 0 };
    struct err err;
    double best = 1e9, begin = now_s();

    while (now_s() - begin < seconds / 2) {
        double start = now_s();
        buf_clear(&out);
        if (!tok_decode(t, ids->ids, ids->count, 0, &out, &err))
            exit(70);
        best = MIN(best, now_s() - start);
    }
    buf_release(&out);
    return best;
}

/* Best seconds of one pass; *cold is the first. */
static double encode(const struct tok *t, slice text, double *cold, struct tok_ids *ids)
{
    struct tok_scratch *s = tok_scratch_new(t);
    struct err err;
    double best = 1e9, begin = now_s();

    *cold = 0;
    for (int pass = 0; pass < 2 || now_s() - begin < seconds; pass++) {
        double start = now_s();
        ids->count = 0;
        if (!tok_encode(t, s, text, TOK_SPECIAL_TEXT, ids, &err))
            exit(70);
        double took = now_s() - start;
        if (pass == 0)
            *cold = took;
        else
            best = MIN(best, took);
    }
    tok_scratch_free(s);
    return best;
}

static void measure(const struct tok *t, const char *name, slice text)
{
    struct tok_ids ids = { 0 };
    double cold, mb = (double)text.len / 1e6, warm = encode(t, text, &cold, &ids);

    printf("    %-28s %5.2f MB %8td ids  cold %4.0f  warm %4.0f  split %5.0f  decode %5.0f MB/s\n",
           name, mb, ids.count, mb / cold, mb / warm, mb / split_only(text), mb / decode(t, &ids));
    tok_ids_release(&ids);
}

static void worst_cases(const struct tok *t, slice prose)
{
    static const char *const unit[] = { "a",  "^",    " ",       "\n", "9", "\xE4\xB8\xAD",
                                        "ab", "a b ", "\xC3\xBF" };
    struct tok_ids ids = { 0 };
    ptrdiff_t size = 10 << 20;
    char *text = malloc((size_t)size);
    double cold, prose_s = encode(t, prose, &cold, &ids) / (double)prose.len;

    if (!text)
        exit(71);
    printf("    10 MB of one thing, cold, as a multiple of warm prose:");
    for (ptrdiff_t u = 0; u < countof(unit); u++) {
        ptrdiff_t n = (ptrdiff_t)strlen(unit[u]), len = size / n * n;
        double keep = seconds;
        for (ptrdiff_t i = 0; i < len; i += n)
            memcpy(text + i, unit[u], (size_t)n);
        seconds = 0;
        encode(t, slice_make(text, len), &cold, &ids);
        seconds = keep;
        printf(" %s%s %.1f", u ? ", " : "", unit[u][0] == '\n' ? "\\n" : unit[u],
               cold / (double)len / prose_s);
        fflush(stdout);
    }
    printf("\n");
    free(text);
    tok_ids_release(&ids);
}

static slice own_text(void)
{
    static const char *const files[] = { "man/tokenize.1",       "man/clean.1", "man/dedup.1",
                                         "lib/json.h",           "lib/flow.h",  "lib/tok/tok.h",
                                         "lib/tok/pieces_mask.c" };
    struct buf all = { 0 };

    for (int round = 0; round < 8; round++)
        for (ptrdiff_t i = 0; i < countof(files); i++) {
            slice s = read_file(files[i]);
            buf_append(&all, s);
            os_free(s);
        }
    return buf_slice(&all);
}

static void by_default(void)
{
    static const char *const vocab[][2] = { { "gpt2/tokenizer.json", NULL },
                                            { "qwen2/tokenizer.json", NULL },
                                            { "cl100k_base/cl100k_base.tiktoken", "cl100k_base" },
                                            { "o200k_base/o200k_base.tiktoken", "o200k_base" } };
    static const char *const books[] = { "pride_and_prejudice.txt", "wagahai.txt" };
    const char *build = getenv("BUILD"), *data = getenv("DATA");
    char path[4096], text_path[4096];
    struct loaded l;

    snprintf(path, sizeof path, "%s/share/millrace/tldr-7m/tokenizer.json",
             build ? build : "build");
    if (load(&l, path, NULL)) {
        slice own = own_text();
        measure(l.t, "manuals and sources", own);
        worst_cases(l.t, own);
        tok_free(l.t);
        arena_release(&l.arena);
    }
    for (ptrdiff_t v = 0; data && v < countof(vocab); v++) {
        snprintf(path, sizeof path, "%s/tokenizers/%s", data, vocab[v][0]);
        if (!load(&l, path, vocab[v][1]))
            continue;
        for (ptrdiff_t b = 0; b < countof(books); b++) {
            snprintf(text_path, sizeof text_path, "%s/tokenizers/corpora/%s", data, books[b]);
            slice text = read_file(text_path);
            measure(l.t, books[b], text);
            os_free(text);
        }
        tok_free(l.t);
        arena_release(&l.arena);
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = { { "seconds", 1, NULL, 's' },
                                           { "isa", 1, NULL, 'i' },
                                           { 0 } };
    struct err err;
    struct loaded l;

    cpu_init();
    os_big_pages();
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 's')
            seconds = strtod(optarg, NULL);
        else if (c != 'i' || !cpu_choose(optarg, &err))
            return 2;
    }
    printf("isa %s\n", cpu_isa_name());
    if (optind == argc)
        by_default();
    for (; optind + 1 < argc; optind += 2) {
        if (!load(&l, argv[optind], NULL))
            return 66;
        slice text = read_file(argv[optind + 1]);
        measure(l.t, argv[optind + 1], text);
        os_free(text);
        tok_free(l.t);
        arena_release(&l.arena);
    }
    return 0;
}
