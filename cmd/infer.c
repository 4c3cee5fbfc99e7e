/* infer: run a language model over records: complete prompts or score texts. */
#include "../lib/app.h"
#include "../lib/hash.h"
#include "../lib/log.h"
#include "../lib/model/generate.h"
#include "../lib/model/imatrix.h"
#include "../lib/model/occurrence.h"
#include "../lib/model/prompt.h"
#include "../lib/os.h"
#include "../lib/out.h"

#include <math.h>
#include <stdlib.h>

struct conf {
    const char *model, *chat_template, *imatrix_out;
    int64_t max_tokens, batch, top_k;
    double temperature, top_p, min_p;
    struct opt_list stop;
    int64_t dims;
    int special, logits, pooling;
    bool score, embed, classify, ids, timings, ignore_eos, l2;
};

#define AT(member) offsetof(struct conf, member)
enum mode { MODE_TEXT, MODE_SCORE, MODE_EMBED, MODE_CLASSIFY };
#define GENERATES (1u << MODE_TEXT)
#define EMBEDS    (1u << MODE_EMBED)
#define READS     (1u << MODE_SCORE | 1u << MODE_EMBED | 1u << MODE_CLASSIFY)

static const struct opt opts[] = {
    { 'm', "model", OPT_PATH, AT(model), .arg = "MODEL", .flags = OPT_REQUIRED, .group = "Model",
      .help = "GGUF file, safetensors folder, or demo" },
    { 0, "chat-template", OPT_PATH, AT(chat_template), .arg = "FILE", .modes = GENERATES,
      .group = "Model", .help = "Jinja template for messages, not the model's" },
    { 0, "special", OPT_ENUM, AT(special), .arg = "HOW", .def = "parse", .choices = "parse|text",
      .group = "Model", .help = "special tokens in texts: their ids, or text" },
    { 0, "batch", OPT_INT, AT(batch), .arg = "N", .def = "8", .min = 1, .max = 1024,
      .group = "Model", .help = "records computed at once" },
    { 0, "max-tokens", OPT_INT, AT(max_tokens), .arg = "N", .def = "256", .min = 1, .max = 1e9,
      .modes = GENERATES, .group = "Generation", .help = "length of a completion in tokens" },
    { 0, "stop", OPT_STRING, AT(stop), .arg = "TEXT", .flags = OPT_REPEAT, .modes = GENERATES,
      .group = "Generation", .help = "end the completion before this text" },
    { 0, "temperature", OPT_FLOAT, AT(temperature), .arg = "T", .def = "0", .min = 0, .max = 100,
      .modes = GENERATES, .group = "Generation", .help = "draw tokens; 0 takes the likeliest" },
    { 0, "top-k", OPT_INT, AT(top_k), .arg = "N", .def = "0", .min = 0, .max = 1e9,
      .modes = GENERATES, .needs = "temperature", .group = "Generation",
      .help = "draw among the N likeliest; 0: all" },
    { 0, "top-p", OPT_FLOAT, AT(top_p), .arg = "P", .def = "1", .min = 1e-9, .max = 1,
      .modes = GENERATES, .needs = "temperature", .group = "Generation",
      .help = "draw among the likeliest that reach this probability" },
    { 0, "min-p", OPT_FLOAT, AT(min_p), .arg = "P", .def = "0", .min = 0, .max = 1,
      .modes = GENERATES, .needs = "temperature", .group = "Generation",
      .help = "draw among those with P times the best probability" },
    { 0, "ignore-eos", OPT_FLAG, AT(ignore_eos), .modes = GENERATES, .group = "Generation",
      .help = "go on after the model's end token" },
    { 0, "score", OPT_FLAG, AT(score), .flags = OPT_MODE, .group = "Output",
      .help = "add nll and n of the member text (or ids)" },
    { 0, "embed", OPT_FLAG, AT(embed), .flags = OPT_MODE, .group = "Output",
      .help = "add embedding of the member text (or ids)" },
    { 0, "pooling", OPT_ENUM, AT(pooling), .arg = "HOW", .def = "model",
      .choices = "model|none|mean|cls|last", .modes = EMBEDS, .group = "Output",
      .help = "how states of tokens become one vector" },
    { 0, "l2", OPT_FLAG, AT(l2), .modes = EMBEDS, .group = "Output",
      .help = "scale embeddings to length 1" },
    { 0, "dims", OPT_INT, AT(dims), .arg = "N", .def = "0", .min = 0, .max = 1 << 20,
      .modes = EMBEDS, .group = "Output", .help = "keep the first N dimensions; 0: all" },
    { 0, "classify", OPT_FLAG, AT(classify), .flags = OPT_MODE, .group = "Output",
      .help = "add label and scores of the member text (or ids)" },
    { 0, "ids", OPT_FLAG, AT(ids), .modes = GENERATES, .group = "Output",
      .help = "add completion_ids" },
    { 0, "logits", OPT_ENUM, AT(logits), .arg = "WHICH", .def = "none", .choices = "none|last|all",
      .modes = GENERATES, .group = "Output",
      .help = "add logits after the prompt, or after each token" },
    { 0, "imatrix-out", OPT_PATH, AT(imatrix_out), .arg = "FILE", .flags = OPT_WRITES,
      .modes = READS, .group = "Output", .help = "write what matters to quantize --imatrix" },
    { 0, "timings", OPT_FLAG, AT(timings), .group = "Output",
      .help = "add timings: milliseconds by phase" },
};

static const char *const synopsis[] = {
    "-m MODEL [options] [FILE...]",
    "-m MODEL --score [options] [FILE...]",
    "-m MODEL --embed [options] [FILE...]",
    "-m MODEL --classify [options] [FILE...]",
    NULL,
};
static const struct command_example examples[] = {
    { "complete prompts with the demo model",
      "infer -m demo --max-tokens 32 < prompts.jsonl > completions.jsonl" },
    { "draw tokens instead of taking the likeliest, 16 records at once",
      "infer -m demo --temperature 0.8 --top-p 0.9 --batch 16 < prompts.jsonl" },
    { "end before the first list", "infer -m demo --stop '- ' < prompts.jsonl" },
    { "one vector of length 1 for each text",
      "infer -m demo --embed --pooling mean --l2 < texts.jsonl" },
    { "perplexity of texts", "infer -m demo --score --report score.json < texts.jsonl" },
    { 0 },
};
static const struct command_mode modes[] = {
    { .summary = "complete the prompt, messages or ids of each record" },
    { .option = "score",
      .summary = "add the negative log-likelihood of each text or ids",
      .common_off = COMMON_SEED },
    { .option = "embed",
      .summary = "add a vector for each text or ids",
      .common_off = COMMON_SEED },
    { .option = "classify",
      .summary = "add the label of each text or ids",
      .common_off = COMMON_SEED },
};

static const struct command self = {
    .name = "infer",
    .summary = "run a language model over records",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_INPUT | COMMON_REJECTS | COMMON_OUTPUT | COMMON_JOBS | COMMON_SEED |
              COMMON_PROGRESS | COMMON_PART,
    .operands = "FILE...",
    .order = "output order = input order",
    .memory = "weights twice (file and packed), batch * (prompt + max tokens) positions",
};

/* ---- records ---- */

enum field {
    F_ID,
    F_IDS,
    F_TEXT, /* or prompt */
    F_MESSAGES,
    F_TOOLS,
    F_LOGITS,
    F_TIMINGS,
    F_FIRST, /* members that are written, by mode */
    F_COMPLETION = F_FIRST,
    F_FINISH,
    F_USAGE,
    F_COMPLETION_IDS,
    FIELDS,
    F_NLL = F_FIRST,
    F_N,
    F_EMBEDDING = F_FIRST,
    F_LABEL = F_FIRST,
    F_SCORES,
};

#define FIELDS_READ(text)                                                                          \
    [F_ID] = { "id", false, 0 }, [F_IDS] = { "ids", false, FLOW_ARRAY },                           \
    [F_TEXT] = { text, false, FLOW_STRING }, [F_MESSAGES] = { "messages", false, FLOW_ARRAY },     \
    [F_TOOLS] = { "tools", false, FLOW_ARRAY }, [F_LOGITS] = { "logits", false, 0 },               \
    [F_TIMINGS] = { "timings", false, 0 }

static const struct {
    int count;
    struct flow_field items[FIELDS];
} fields[] = {
    [MODE_TEXT] = { FIELDS,
                    { FIELDS_READ("prompt"), [F_COMPLETION] = { "completion", false, 0 },
                      [F_FINISH] = { "finish_reason", false, 0 }, [F_USAGE] = { "usage", false, 0 },
                      [F_COMPLETION_IDS] = { "completion_ids", false, 0 } } },
    [MODE_SCORE] = { F_N + 1,
                     { FIELDS_READ("text"), [F_NLL] = { "nll", false, 0 },
                       [F_N] = { "n", false, 0 } } },
    [MODE_EMBED] = { F_EMBEDDING + 1,
                     { FIELDS_READ("text"), [F_EMBEDDING] = { "embedding", false, 0 } } },
    [MODE_CLASSIFY] = { F_SCORES + 1,
                        { FIELDS_READ("text"), [F_LABEL] = { "label", false, 0 },
                          [F_SCORES] = { "scores", false, 0 } } },
};

/* A record on its way: from pull to push. */
struct job {
    struct job *next, **back; /* in run.jobs: what is left when the run fails */
    struct flow_record *rec;
    struct arena arena;
    int64_t pulled_ns, ready_ns;
    ptrdiff_t bad_at; /* byte of a bad record, -1: none */
    ptrdiff_t prompt_tokens;
};

struct run {
    struct job *jobs;
    const struct conf *conf;
    enum mode mode;
    enum model_pooling pooling;
    struct app *app;
    struct flow *flow;
    struct threads *pool;
    struct model_file *file;
    struct model *model;
    struct model_state *state;
    struct generator *generator;
    struct imatrix *imatrix;
    struct prompt_maker prompts;
    struct occurrence seen;
    struct tok_ids ids; /* of the record that is being read */
    int64_t load_ns;
    struct err tok_err; /* why the model's tokenizer cannot be used: fatal when a text comes */
};

/* Finished records wait for slower ones before them: no more than this many per slot. */
#define WINDOW_PER_SLOT 64

static void job_free(struct job *job)
{
    *job->back = job->next;
    if (job->next)
        job->next->back = job->back;
    arena_release(&job->arena);
    free(job);
}

static bool settle_bad(struct run *r, struct job *job, const char *reason, struct err *err)
{
    struct flow_verdict v = { .action = FLOW_BAD, .reason = reason, .at = job->bad_at };
    bool ok = flow_push(r->flow, job->rec, &v, err);
    job_free(job);
    return ok;
}

/* Draws depend on the record alone: its id, or its prompt and how often that came before. */
static uint64_t record_rng(struct run *r, const struct job *job)
{
    if (!(r->conf->temperature > 0))
        return 0;
    struct json_span id = job->rec->spans[F_ID];
    uint64_t hash;
    if (id.count) {
        hash = hash64_of(slice_make(job->rec->raw.ptr + id.start, id.len), 1);
    } else {
        slice ids = { (const char *)r->ids.ids, r->ids.count * (ptrdiff_t)sizeof *r->ids.ids };
        hash = hash64_of(ids, 2);
        hash = sample_seed(occurrence_next(&r->seen, hash), hash);
    }
    return sample_seed((uint64_t)r->app->common.seed, hash);
}

static slice raw_of(const struct flow_record *rec, enum field f)
{
    return slice_make(rec->raw.ptr + rec->spans[f].start, rec->spans[f].len);
}

/* r->ids from the record's input: ids when they are there (they were made from the text), else its
 * one text. A reason when it is bad, else NULL. */
static const char *record_read(struct run *r, struct job *job)
{
    const struct flow_record *rec = job->rec;
    const struct json_span *s = rec->spans;
    struct flow_verdict v = { 0 };
    struct err why = { 0 };
    slice text, none = { "", 0 };
    bool generates = r->mode == MODE_TEXT;
    int given = generates ? !!s[F_TEXT].count + !!s[F_MESSAGES].count : !!s[F_TEXT].count;
    bool ok;

    r->ids.count = 0;
    job->bad_at = -1;
    if (!s[F_IDS].count && given != 1)
        return generates ? "needs \"ids\", or exactly one of \"prompt\" and \"messages\""
                         : "needs \"text\" or \"ids\"";
    if (s[F_IDS].count) {
        ok = prompt_of_ids(&r->prompts, raw_of(rec, F_IDS), &job->arena, &r->ids, &why);
    } else if (generates && s[F_MESSAGES].count) {
        ok = prompt_of_messages(&r->prompts, raw_of(rec, F_MESSAGES),
                                s[F_TOOLS].count ? raw_of(rec, F_TOOLS) : none, &job->arena, &text,
                                &r->ids, &why);
    } else {
        if (!flow_text(rec, F_TEXT, &job->arena, &text, &v)) {
            job->bad_at = v.at;
            return v.reason;
        }
        ok = prompt_of_text(&r->prompts, text, &r->ids, &why);
    }
    if (!ok)
        return arena_cstr_dup(&job->arena, slice_of(why.text));
    if (r->ids.count == 0)
        return "the prompt has no tokens";
    int64_t context = r->model->shape.context,
            room = context - r->ids.count + (r->mode == MODE_SCORE);
    if (room < 0) /* what is generated last is not computed: a full context gives one token */
        return arena_printf(&job->arena, "%td tokens do not fit into the model's context of %lld",
                            r->ids.count, (long long)context)
            .ptr;
    return NULL;
}

static bool record_start(struct run *r, struct flow_record *rec, struct err *err)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        mem_oom();
    job->next = r->jobs;
    job->back = &r->jobs;
    if (job->next)
        job->next->back = &job->next;
    r->jobs = job;
    job->rec = rec;
    job->pulled_ns = os_now_ns();
    const char *reason = record_read(r, job);
    if (reason && r->tok_err.class && !rec->spans[F_IDS].count) {
        *err = r->tok_err;
        job_free(job);
        return false;
    }
    if (reason)
        return settle_bad(r, job, reason, err);
    job->prompt_tokens = r->ids.count;
    struct generate_request request = {
        .ids = r->ids.ids,
        .count = r->ids.count,
        .max_tokens = MIN(r->conf->max_tokens, r->model->shape.context - r->ids.count + 1),
        .kind = (enum generate_kind)r->mode,
        .logits = (enum generate_logits)r->conf->logits,
        .pooling = r->pooling,
        .rng = record_rng(r, job),
        .user = job,
    };
    job->ready_ns = os_now_ns();
    generator_add(r->generator, &request);
    return true;
}

/* ---- results ---- */

struct edits {
    const struct flow_field *fields;
    struct json_edit items[FIELDS];
    int count;
};

/* Sets a member; edits stay sorted by where they start. */
static void edit_add(struct edits *e, struct job *job, enum field f, slice value)
{
    const struct flow_record *rec = job->rec;
    struct json_edit edit =
        json_edit_set(rec->raw, rec->top, rec->spans[f], e->fields[f].path, value, &job->arena);
    int at = e->count++;
    for (; at > 0 && e->items[at - 1].start > edit.start; at--)
        e->items[at] = e->items[at - 1];
    e->items[at] = edit;
}

static slice buf_take(struct job *job, struct buf *b)
{
    slice s = arena_dup(&job->arena, buf_slice(b));
    buf_clear(b);
    return s;
}

static void add_timings(struct edits *e, struct job *job, const struct generate_result *res,
                        struct buf *b)
{
    const struct {
        const char *name;
        int64_t from, to;
    } phases[] = {
        { "tokenize", job->pulled_ns, job->ready_ns }, { "queue", job->ready_ns, res->started_ns },
        { "prefill", res->started_ns, res->first_ns }, { "decode", res->first_ns, res->last_ns },
        { "post", res->last_ns, os_now_ns() },
    };
    for (ptrdiff_t i = 0; i < countof(phases); i++)
        buf_printf(b, "%s\"%s_ms\":%.3f", i ? "," : "{", phases[i].name,
                   (double)(phases[i].to - phases[i].from) * 1e-6);
    buf_append(b, SLICE("}"));
    edit_add(e, job, F_TIMINGS, buf_take(job, b));
}

static void append_row(struct buf *b, const float *v, ptrdiff_t n)
{
    buf_append_byte(b, '[');
    for (ptrdiff_t i = 0; i < n; i++)
        buf_printf(b, "%s%.9g", i ? "," : "", (double)v[i]);
    buf_append_byte(b, ']');
}

/* `columns` of the `stride` numbers of each row; nested: a row is an array in an array. */
static void append_matrix(struct buf *b, const float *v, ptrdiff_t rows, ptrdiff_t columns,
                          ptrdiff_t stride, bool nested)
{
    if (nested)
        buf_append_byte(b, '[');
    for (ptrdiff_t i = 0; i < rows; i++) {
        if (i)
            buf_append_byte(b, ',');
        append_row(b, v + i * stride, columns);
    }
    if (nested)
        buf_append_byte(b, ']');
}

static void add_embedding(struct run *r, struct edits *e, struct job *job,
                          const struct generate_result *res, struct buf *b)
{
    ptrdiff_t columns = res->columns;
    float *v = arena_alloc_raw(&job->arena, res->rows * columns * (ptrdiff_t)sizeof *v, 64);

    memcpy(v, res->values, sizeof *v * (size_t)(res->rows * columns));
    if (r->conf->dims)
        columns = MIN(columns, (ptrdiff_t)r->conf->dims);
    for (ptrdiff_t i = 0; r->conf->l2 && i < res->rows; i++) {
        double squares = 0;
        float *row = v + i * res->columns;
        for (ptrdiff_t k = 0; k < columns; k++)
            squares += (double)row[k] * (double)row[k];
        for (ptrdiff_t k = 0; squares > 0 && k < columns; k++)
            row[k] = (float)((double)row[k] / sqrt(squares));
    }
    append_matrix(b, v, res->rows, columns, res->columns, r->pooling == MODEL_POOL_NONE);
    edit_add(e, job, F_EMBEDDING, buf_take(job, b));
}

static void add_label(struct run *r, struct edits *e, struct job *job,
                      const struct generate_result *res, struct buf *b)
{
    const slice *names = r->model->classifier.names;
    double sum = 0;
    int best = 0;

    for (int i = 1; i < res->columns; i++)
        best = res->values[i] > res->values[best] ? i : best;
    if (names)
        json_append_bytes(b, names[best]);
    else
        buf_printf(b, "\"LABEL_%d\"", best);
    edit_add(e, job, F_LABEL, buf_take(job, b));
    for (int i = 0; i < res->columns; i++)
        sum += exp((double)(res->values[i] - res->values[best]));
    buf_append_byte(b, '{');
    for (int i = 0; i < res->columns; i++) {
        slice def = arena_printf(&job->arena, "LABEL_%d", i);
        if (i)
            buf_append_byte(b, ',');
        json_append_bytes(b, names ? names[i] : def);
        buf_printf(b, ":%.9g", exp((double)(res->values[i] - res->values[best])) / sum);
    }
    buf_append_byte(b, '}');
    edit_add(e, job, F_SCORES, buf_take(job, b));
    append_row(b, res->values, res->columns);
    edit_add(e, job, F_LOGITS, buf_take(job, b));
}

static void add_completion(struct run *r, struct edits *e, struct job *job,
                           const struct generate_result *res, struct buf *b)
{
    if (r->prompts.tok) {
        json_append_bytes(b, res->text);
        edit_add(e, job, F_COMPLETION, buf_take(job, b));
    }
    edit_add(e, job, F_FINISH,
             res->finish == GENERATE_STOP ? SLICE("\"stop\"") : SLICE("\"length\""));
    buf_printf(b, "{\"prompt_tokens\":%td,\"completion_tokens\":%td}", job->prompt_tokens,
               res->count);
    edit_add(e, job, F_USAGE, buf_take(job, b));
    if (r->conf->ids || !r->prompts.tok) {
        buf_append(b, SLICE("["));
        for (ptrdiff_t i = 0; i < res->count; i++)
            buf_printf(b, "%s%u", i ? "," : "", res->ids[i]);
        buf_append(b, SLICE("]"));
        edit_add(e, job, F_COMPLETION_IDS, buf_take(job, b));
    }
    if (res->values) {
        append_matrix(b, res->values, res->rows, res->columns, res->columns,
                      r->conf->logits == GENERATE_LOGITS_ALL);
        edit_add(e, job, F_LOGITS, buf_take(job, b));
    }
}

static bool record_finish(struct run *r, struct generate_result *res, struct err *err)
{
    struct job *job = res->user;
    struct edits e = { .fields = fields[r->mode].items };
    struct buf b = { 0 };

    switch (r->mode) {
    case MODE_TEXT:
        add_completion(r, &e, job, res, &b);
        break;
    case MODE_SCORE:
        buf_append_double(&b, res->nll);
        edit_add(&e, job, F_NLL, buf_take(job, &b));
        buf_append_i64(&b, res->count);
        edit_add(&e, job, F_N, buf_take(job, &b));
        break;
    case MODE_EMBED:
        add_embedding(r, &e, job, res, &b);
        break;
    case MODE_CLASSIFY:
        add_label(r, &e, job, res, &b);
        break;
    }
    if (r->conf->timings)
        add_timings(&e, job, res, &b);
    buf_release(&b);
    struct flow_verdict v = { .out = json_splice(job->rec->raw, e.items, e.count, &job->arena) };
    generator_release(r->generator, res);
    bool ok = flow_push(r->flow, job->rec, &v, err);
    job_free(job);
    return ok;
}

/* ---- the run ---- */

/* Fills free slots. *ended when the input has. */
static bool pull_records(struct run *r, int64_t *pulled, bool *ended, struct err *err)
{
    struct flow_record *rec;
    while (!*ended && generator_has_room(r->generator)) {
        const struct job *oldest = generator_oldest(r->generator);
        if (oldest && *pulled - oldest->rec->index >= WINDOW_PER_SLOT * r->conf->batch)
            return true;
        enum flow_pull pull = flow_pull(r->flow, false, &rec, err);
        if (pull == FLOW_IDLE && !generator_active(r->generator)) /* output is flushed now */
            pull = flow_pull(r->flow, true, &rec, err);
        switch (pull) {
        case FLOW_GOT:
            *pulled = rec->index + 1;
            if (!record_start(r, rec, err))
                return false;
            break;
        case FLOW_IDLE:
            return true;
        case FLOW_END:
            *ended = true;
            break;
        case FLOW_FAIL:
            return false;
        }
    }
    return true;
}

static bool records_run(struct run *r, struct err *err)
{
    int64_t pulled = 0;
    bool ended = false;
    struct generate_result *res;

    while (!ended || generator_active(r->generator)) {
        if (os_stopped()) /* long completions are not waited for */
            return err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        if (!pull_records(r, &pulled, &ended, err) || !generator_step(r->generator, err))
            return false;
        bool finished = false;
        for (; (res = generator_finished(r->generator)); finished = true)
            if (!record_finish(r, res, err))
                return false;
        if (finished && !flow_flush(r->flow, err))
            return false;
    }
    return true;
}

static void report(struct run *r)
{
    struct report *rep = &r->app->report;
    struct generator_totals t = generator_totals(r->generator);

    report_text(rep, "model", slice_of(r->conf->model));
    report_text(rep, "weights", slice_of(r->model->weight_types));
    report_int(rep, "weight_bytes", r->model->weight_bytes, "bytes that one step reads at least");
    report_float(rep, "load_seconds", (double)r->load_ns * 1e-9, "time to load the model");
    report_int(rep, "prompt_tokens", t.prompt_tokens, "tokens read");
    if (t.prefill_ns)
        report_float(rep, "prompt_tokens_per_second",
                     (double)t.prompt_tokens * 1e9 / (double)t.prefill_ns, "speed of reading");
    if (r->mode >= MODE_EMBED)
        return;
    if (r->mode == MODE_SCORE) {
        report_int(rep, "scored_tokens", t.scored_tokens, "tokens with a likelihood");
        report_float(rep, "nll", t.nll, "sum of negative log-likelihoods");
        if (t.scored_tokens)
            report_float(rep, "perplexity", exp(t.nll / (double)t.scored_tokens),
                         "exp(nll / scored tokens)");
        return;
    }
    report_int(rep, "completion_tokens", t.completion_tokens, "tokens generated");
    if (t.decode_ns)
        report_float(rep, "completion_tokens_per_second",
                     (double)t.completion_tokens * 1e9 / (double)t.decode_ns,
                     "speed of generation");
}

static bool options_check(const struct app *app, const struct conf *conf, struct err *err)
{
    if (opt_given(&self, &app->options, "seed") && !(conf->temperature > 0))
        return err_set(err, ERR_USAGE, "option '--seed' has no effect without '--temperature'");
    for (ptrdiff_t i = 0; i < conf->stop.count; i++)
        if (!conf->stop.items[i][0])
            return err_set(err, ERR_USAGE, "option '--stop' needs a text that is not empty");
    return true;
}

/* Can the model do what is asked? */
static bool mode_check(struct run *r, struct err *err)
{
    const struct model_shape *s = &r->model->shape;
    static const enum model_pooling poolings[] = { MODEL_POOL_UNSET, MODEL_POOL_NONE,
                                                   MODEL_POOL_MEAN, MODEL_POOL_CLS,
                                                   MODEL_POOL_LAST };

    if (s->encoder && r->mode < MODE_EMBED)
        return err_set(err, ERR_USAGE, "%s is an encoder: give --embed%s", r->conf->model,
                       s->labels ? " or --classify" : "");
    if (r->mode == MODE_CLASSIFY && !s->labels)
        return err_set(err, ERR_USAGE, "option '--classify': %s has no classifier", r->conf->model);
    if (r->mode == MODE_EMBED && r->conf->dims > s->dim)
        return err_set(err, ERR_USAGE, "option '--dims %lld': %s has %d dimensions",
                       (long long)r->conf->dims, r->conf->model, s->dim);
    r->pooling = poolings[r->conf->pooling];
    if (r->pooling == MODEL_POOL_UNSET)
        r->pooling = s->pooling == MODEL_POOL_RANK ? MODEL_POOL_CLS : s->pooling;
    if (r->pooling == MODEL_POOL_UNSET)
        r->pooling = s->encoder ? MODEL_POOL_MEAN : MODEL_POOL_LAST;
    return true;
}

static bool chat_load(struct run *r, struct err *err)
{
    struct arena *a = &r->app->arena;
    slice source = r->file->chat_template;
    if (r->conf->chat_template && !os_slurp(r->conf->chat_template, JINJA_SOURCE_MAX, &source, err))
        return false;
    if (!source.len)
        return true;
    r->prompts.chat = jinja_compile(source, a, err);
    if (r->prompts.chat)
        return true;
    if (r->conf->chat_template)
        return err_context(err, "%s", r->conf->chat_template);
    /* A template that we cannot read must not stop those who do not use it. */
    log_warn("%s: chat template: %s", r->conf->model, err->text);
    *err = (struct err){ 0 };
    return true;
}

static bool model_open(struct run *r, struct err *err)
{
    struct arena *a = &r->app->arena;
    int64_t start = os_now_ns();
    const char *path = app_data_path(r->app, r->conf->model, "tldr-7m", err);
    if (!path || !(r->pool = threads_new((int)r->app->common.jobs, err)) ||
        !(r->file = model_file_open(path, true, a, err)))
        return false;
    if (!(r->model = model_load(r->file, r->pool, a, err)))
        return err_context(err, "%s", path);
    if (!mode_check(r, err))
        return false;
    r->prompts = (struct prompt_maker){
        .bos = r->file->bos,
        .eos = r->file->stop_count ? r->file->stop[0] : -1,
        .vocab = r->model->shape.vocab,
        .special_text = r->conf->special == 1,
    };
    const struct tok *tok = NULL;
    if (r->file->has_tokenizer && !(tok = model_file_tokenizer(r->file, a, &r->tok_err)))
        log_warn("%s; only ids can be read", r->tok_err.text);
    r->prompts.tok = tok;
    r->prompts.scratch = tok ? tok_scratch_new(tok) : NULL;
    if (r->mode == MODE_TEXT && !chat_load(r, err))
        return false;
    r->load_ns = os_now_ns() - start;
    return true;
}

static void generator_open(struct run *r)
{
    const struct conf *c = r->conf;
    slice *stops = arena_new(&r->app->arena, slice, c->stop.count);
    for (ptrdiff_t i = 0; i < c->stop.count; i++)
        stops[i] = slice_of(c->stop.items[i]);
    struct generator_conf gc = {
        .batch = (int)c->batch,
        .sample = { c->temperature, c->top_k, c->top_p, c->min_p },
        .stop_ids = r->file->stop,
        .stop_id_count = c->ignore_eos ? 0 : r->file->stop_count,
        .stop_texts = stops,
        .stop_text_count = (int)c->stop.count,
        .now_ns = os_now_ns,
    };
    r->state = model_state_new(r->model, r->pool, generator_step_tokens(r->model, gc.batch));
    r->generator = generator_new(r->model, r->state, r->prompts.tok, &gc);
    if (c->imatrix_out) {
        r->imatrix = imatrix_new(r->model);
        model_state_collect(r->state, r->imatrix);
    }
}

static bool imatrix_write(struct run *r, struct err *err)
{
    const struct out_conf oc = { .path = r->conf->imatrix_out, .force = r->app->common.force };
    struct buf bytes = { 0 };

    if (!r->imatrix)
        return true;
    struct out *out = out_open(&oc, err);
    if (!out)
        return false;
    imatrix_build(r->imatrix, r->file, &bytes);
    report_int(&r->app->report, "imatrix_tokens", imatrix_tokens(r->imatrix), "tokens collected");
    bool ok = out_write(out, buf_slice(&bytes), err);
    buf_release(&bytes);
    if (ok)
        return out_commit(out, err);
    out_abort(out);
    return false;
}

static bool run(struct app *app, void *arg, struct err *err)
{
    static struct run r;
    struct flow_conf fc = app_flow_conf(app);

    r.conf = arg;
    r.app = app;
    r.mode = (enum mode)app->options.mode;
    if (!options_check(app, r.conf, err) || !model_open(&r, err))
        return false;
    generator_open(&r);
    fc.fields = fields[r.mode].items;
    fc.field_count = fields[r.mode].count;
    bool ok = false;
    if ((r.flow = flow_open(&fc, &app->report, &app->progress, err))) {
        ok = records_run(&r, err);
        report(&r);
        if (ok)
            ok = imatrix_write(&r, err) && flow_close(r.flow, err);
        else
            flow_abort(r.flow);
    }
    while (r.jobs)
        job_free(r.jobs);
    generator_free(r.generator);
    imatrix_free(r.imatrix);
    model_state_free(r.state);
    occurrence_release(&r.seen);
    tok_ids_release(&r.ids);
    if (r.prompts.scratch)
        tok_scratch_free(r.prompts.scratch);
    threads_free(r.pool);
    model_file_close(r.file);
    return ok;
}

int main(int argc, char **argv)
{
    static struct conf conf;

    return app_run(&self, &conf, argc, argv, run);
}
