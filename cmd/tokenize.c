/* tokenize: text to token ids and back. */
#include "../lib/app.h"
#include "../lib/model/chatrecords.h"
#include "../lib/model/tokopen.h"
#include "../lib/os.h"
#include "../lib/out.h"
#include "../lib/pack/packed.h"
#include "../lib/tok/mrt.h"
#include "../lib/tok/records_detail.h"
#include "../lib/tok/study.h"
#include "../lib/tok/training.h"

#include <stdlib.h>

struct conf {
    const char *tokenizer, *pattern, *pair_field, *chat_template;
    bool chat, generation_prompt, rendered, explain, lint;
    const char *diff;
    bool count, decode, add_special, skip_special, drop_field;
    bool offsets, tokens, truncate, chunk;
    int special, format, invalid, train, split, alphabet;
    int64_t max_length, overlap;
    double dropout;
    bool words, merge_counts, compile;
    int64_t vocab_size, min_frequency, memory;
    struct opt_list special_tokens;
};

#define VOCAB_SIZE_MAX (1 << 28)
#define AT(member)     offsetof(struct conf, member)
enum {
    MODE_ENCODE = 1 << TOK_RECORDS_ENCODE,
    MODE_COUNT = 1 << TOK_RECORDS_COUNT,
    MODE_DECODE = 1 << TOK_RECORDS_DECODE,
    WORDS = TOK_RECORDS_DECODE + 1,
    MERGE_COUNTS,
    TRAIN,
    CHAT,
    COMPILE,
    EXPLAIN,
    DIFF,
    LINT,
    MODE_WORDS = 1 << WORDS,
    MODE_MERGE = 1 << MERGE_COUNTS,
    MODE_TRAIN = 1 << TRAIN,
    MODE_CHAT = 1 << CHAT,
    MODE_EXPLAIN = 1 << EXPLAIN,
    MODE_DIFF = 1 << DIFF,
    MODE_LINT = 1 << LINT,
    MODE_COMPILE = 1 << COMPILE,
};

#define READS_TOKENIZER                                                                            \
    (MODE_ENCODE | MODE_COUNT | MODE_DECODE | MODE_CHAT | MODE_EXPLAIN | MODE_DIFF | MODE_LINT)

static const struct opt opts[] = {
    { 't', "tokenizer", OPT_PATH, AT(tokenizer), .arg = "FILE", .flags = OPT_REQUIRED,
      .modes = READS_TOKENIZER | MODE_COMPILE, .group = "Tokenizer",
      .help = "tokenizer of any format; demo: that of the demo model" },
    { 0, "pattern", OPT_STRING, AT(pattern), .arg = "NAME|FILE", .modes = READS_TOKENIZER,
      .group = "Tokenizer", .help = "how tiktoken's ranks cut text: cl100k_base ..., JSON" },
    { 0, "count", OPT_FLAG, AT(count), .flags = OPT_MODE, .group = "Mode",
      .help = "add n_tokens instead of ids" },
    { 0, "decode", OPT_FLAG, AT(decode), .flags = OPT_MODE, .group = "Mode",
      .help = "turn ids into text" },
    { 0, "chat", OPT_FLAG, AT(chat), .flags = OPT_MODE, .group = "Mode",
      .help = "turn messages into ids, by the model's template" },
    { 0, "explain", OPT_FLAG, AT(explain), .flags = OPT_MODE, .group = "Mode",
      .help = "what each stage makes of each text" },
    { 0, "diff", OPT_PATH, AT(diff), .arg = "FILE", .flags = OPT_MODE, .group = "Mode",
      .help = "the first text that gives other ids than -t, and where" },
    { 0, "lint", OPT_FLAG, AT(lint), .flags = OPT_MODE, .group = "Mode",
      .help = "what is odd about a tokenizer" },
    { 0, "words", OPT_FLAG, AT(words), .flags = OPT_MODE, .group = "Mode",
      .help = "count the words of all texts" },
    { 0, "merge-counts", OPT_FLAG, AT(merge_counts), .flags = OPT_MODE, .group = "Mode",
      .help = "add up what --words gave" },
    { 0, "train", OPT_ENUM, AT(train), .arg = "MODEL", .choices = "bpe", .flags = OPT_MODE,
      .group = "Mode", .help = "learn a tokenizer from texts or counted words" },
    { 0, "chat-template", OPT_PATH, AT(chat_template), .arg = "FILE", .modes = MODE_CHAT,
      .group = "Chat", .help = "Jinja template in place of the model's own" },
    { 0, "generation-prompt", OPT_FLAG, AT(generation_prompt), .modes = MODE_CHAT, .group = "Chat",
      .help = "end with what begins the answer" },
    { 0, "rendered", OPT_FLAG, AT(rendered), .modes = MODE_CHAT, .group = "Chat",
      .help = "add the text that the ids stand for as text" },
    { 0, "compile", OPT_FLAG, AT(compile), .flags = OPT_MODE, .group = "Mode",
      .help = "write the tokenizer as a file that loads at once" },
    { 0, "special", OPT_ENUM, AT(special), .arg = "HOW", .def = "text",
      .choices = "text|parse|error|drop",
      .modes = MODE_ENCODE | MODE_COUNT | MODE_EXPLAIN | MODE_DIFF, .group = "Special tokens",
      .help = "written in the text: text, ids, an error, or left out" },
    { 0, "add-special", OPT_FLAG, AT(add_special),
      .modes = MODE_ENCODE | MODE_COUNT | MODE_EXPLAIN | MODE_DIFF, .group = "Special tokens",
      .help = "add what the tokenizer puts around a text" },
    { 0, "skip-special", OPT_FLAG, AT(skip_special), .modes = MODE_DECODE,
      .group = "Special tokens", .help = "leave special tokens out of the text" },
    { 0, "pair-field", OPT_FIELD, AT(pair_field), .arg = "PATH", .modes = MODE_ENCODE,
      .group = "Input", .help = "second text of a pair; adds type_ids" },
    { 0, "bpe-dropout", OPT_FLOAT, AT(dropout), .arg = "P", .min = 0, .max = 1,
      .modes = MODE_ENCODE, .group = "Input", .help = "pass each merge over with this chance" },
    { 0, "max-length", OPT_INT, AT(max_length), .arg = "N", .min = 1, .max = 1 << 30,
      .modes = MODE_ENCODE, .group = "Length", .needs = "truncate|chunk",
      .help = "at most so many ids, special tokens included" },
    { 0, "truncate", OPT_FLAG, AT(truncate), .modes = MODE_ENCODE, .group = "Length",
      .needs = "max-length", .help = "cut off what is longer" },
    { 0, "chunk", OPT_FLAG, AT(chunk), .modes = MODE_ENCODE, .group = "Length",
      .needs = "max-length", .help = "go on in further records, with chunk:N" },
    { 0, "overlap", OPT_INT, AT(overlap), .arg = "N", .min = 0, .max = 1 << 30,
      .modes = MODE_ENCODE, .group = "Length", .needs = "chunk",
      .help = "ids that a chunk repeats of the one before" },
    { 0, "offsets", OPT_FLAG, AT(offsets), .modes = MODE_ENCODE, .group = "Output",
      .help = "add which bytes of the text each id stands for" },
    { 0, "tokens", OPT_FLAG, AT(tokens), .modes = MODE_ENCODE, .group = "Output",
      .help = "add the pieces as the tokenizer writes them" },
    { 0, "invalid", OPT_ENUM, AT(invalid), .arg = "HOW", .def = "replace",
      .choices = "replace|bytes|error", .modes = MODE_DECODE, .group = "Output",
      .help = "ids that are no UTF-8: U+FFFD, base64, or an error" },
    { 0, "format", OPT_ENUM, AT(format), .arg = "FORMAT", .def = "ids", .choices = "ids|packed",
      .modes = MODE_ENCODE, .group = "Output",
      .help = "records with ids, or the bytes that shard takes" },
    { 0, "vocab-size", OPT_INT, AT(vocab_size), .arg = "N", .min = 1, .max = VOCAB_SIZE_MAX,
      .flags = OPT_REQUIRED, .modes = MODE_TRAIN, .group = "Training",
      .help = "tokens of the new tokenizer, all included" },
    { 0, "split", OPT_ENUM, AT(split), .arg = "NAME", .def = "gpt2",
      .choices = "gpt2|llama3|qwen2|o200k|tekken", .modes = MODE_WORDS | MODE_TRAIN,
      .group = "Training", .help = "pattern that cuts texts into words" },
    { 0, "min-frequency", OPT_INT, AT(min_frequency), .arg = "N", .def = "0", .min = 0, .max = 9e15,
      .modes = MODE_TRAIN, .group = "Training", .help = "pairs that are seldomer become no token" },
    { 0, "special-token", OPT_STRING, AT(special_tokens), .arg = "TEXT", .flags = OPT_REPEAT,
      .modes = MODE_TRAIN, .group = "Training", .help = "a token of its own; the first ids" },
    { 0, "alphabet", OPT_ENUM, AT(alphabet), .arg = "WHICH", .def = "all", .choices = "all|seen",
      .modes = MODE_TRAIN, .group = "Training",
      .help = "bytes that are tokens: all 256, or those that occur" },
    { 0, "memory", OPT_SIZE, AT(memory), .arg = "SIZE", .def = "1G", .min = 1 << 20,
      .max = (double)(1LL << 46), .modes = MODE_WORDS | MODE_MERGE | MODE_TRAIN,
      .group = "Training", .help = "for counting; more goes to a temporary file" },
    { 0, "drop-field", OPT_FLAG, AT(drop_field), .modes = MODE_ENCODE | MODE_DECODE | MODE_CHAT,
      .group = "Output", .help = "remove the member that was read" },
};

static const char *const synopsis[] = {
    "-t FILE [options] [FILE...]",
    "-t FILE --count [options] [FILE...]",
    "-t FILE --decode [options] [FILE...]",
    "-t FILE --compile [-o FILE]",
    "--words [options] [FILE...]",
    "--merge-counts [options] [FILE...]",
    "--train MODEL --vocab-size N [options] [FILE...]",
    NULL,
};
static const struct command_example examples[] = {
    { "add the ids of each text", "tokenize -t demo < in.jsonl > ids.jsonl" },
    { "ids in place of the text, with what the model expects around them",
      "tokenize -t demo --add-special --drop-field < in.jsonl > ids.jsonl" },
    { "for training: as bytes, without the text",
      "tokenize -t demo --format packed in.jsonl > in.packed" },
    { "how many tokens a corpus has, in the report",
      "tokenize -t demo --count --report report.json < in.jsonl > counts.jsonl" },
    { "a tokenizer that many short runs use", "tokenize -t demo --compile -o demo.mrt" },
    { "learn a tokenizer from texts",
      "tokenize --train bpe --vocab-size 1000 -o new.json in.jsonl" },
    { "the same from parts that were counted on their own",
      "tokenize --words in.jsonl > a && tokenize --merge-counts a > all" },
    { "and then", "tokenize --train bpe --vocab-size 1000 all > same.json" },
    { "and back", "tokenize -t demo < in.jsonl | tokenize -t demo --decode > out.jsonl" },
    { 0 },
};
static const struct command_mode modes[] = {
    { .option = NULL, .summary = "add the ids of each text" },
    { .option = "count",
      .summary = "add the number of tokens of each text",
      .common_off = COMMON_SEED },
    { .option = "decode",
      .summary = "add the text of each list of ids",
      .common_off = COMMON_SEED },
    { .option = "words", .summary = "count words", .common_off = COMMON_SEED },
    { .option = "merge-counts", .summary = "add up counts", .common_off = COMMON_SEED },
    { .option = "train", .summary = "learn a tokenizer", .common_off = COMMON_SEED },
    { .option = "chat", .summary = "add the ids of each conversation", .common_off = COMMON_SEED },
    { .option = "compile",
      .summary = "write the tokenizer as a file that loads at once",
      .common_off = (COMMON_FILTER & ~COMMON_OUTPUT) | COMMON_SEED,
      .no_operands = true },
    { .option = "explain",
      .summary = "one line for each stage of each text",
      .common_off = COMMON_SEED },
    { .option = "diff", .summary = "compare two tokenizers", .common_off = COMMON_SEED },
    { .option = "lint",
      .summary = "one line for each finding",
      .common_off = COMMON_FILTER | COMMON_SEED,
      .no_operands = true },
};
static const struct command self = {
    .name = "tokenize",
    .summary = "turn text into token ids and back",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common = COMMON_FILTER | COMMON_SEED,
    .operands = "FILE...",
    .order = "output order = input order",
    .memory = "(2 * jobs + 2) * (1 MiB + 8 * longest record) + 13 MiB per job + the vocabulary",
    .libraries = "PCRE2, utf8proc, xxHash",
};

enum { FORMAT_IDS, FORMAT_PACKED };

struct run {
    struct tok_records records;
    struct tok_detail detail;
    bool detailed;
    int64_t tokens, bytes;
    bool packed;
    struct packed_head head;
    int64_t documents; /* packed: written so far; the head goes before the first */
};

struct counts {
    int64_t tokens, bytes;
};

static void *scratch_new(void *arg)
{
    struct run *r = arg;
    return r->detailed ? (void *)tok_detail_scratch_new(&r->detail)
                       : (void *)tok_records_scratch_new(&r->records);
}

static void scratch_free(void *arg, void *scratch)
{
    struct run *r = arg;

    if (r->detailed)
        tok_detail_scratch_free(scratch);
    else
        tok_records_scratch_free(scratch);
}

/* {"id":...,"source":...}, as they are in the record: what the reader of packed ids gets to know. */
static slice packed_meta(const struct flow_record *rec, struct arena *arena)
{
    struct json_span id = rec->spans[TOK_SPANS], source = rec->spans[TOK_SPANS + 1];
    const char *raw = rec->raw.ptr;

    if (id.count && source.count)
        return arena_printf(arena, "{\"id\":%.*s,\"source\":%.*s}", (int)id.len, raw + id.start,
                            (int)source.len, raw + source.start);
    if (id.count || source.count) {
        const char *key = id.count ? "id" : "source";
        struct json_span value = id.count ? id : source;
        return arena_printf(arena, "{\"%s\":%.*s}", key, (int)value.len, raw + value.start);
    }
    return SLICE("");
}

static slice packed_record(struct run *r, void *scratch, const struct flow_record *rec,
                           struct arena *arena, struct tok_record_result *result)
{
    const struct tok_ids *ids =
        tok_record_ids(&r->records, scratch, rec->raw, rec->spans, arena, result);

    if (!ids)
        return SLICE("");
    slice meta = packed_meta(rec, arena);
    ptrdiff_t size = packed_doc_bytes(&r->head, meta.len, ids->count);
    char *p = arena_alloc_raw(arena, size, 8);
    packed_doc_store(p, &r->head, meta, ids->ids, ids->count);
    return slice_make(p, size);
}

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    struct tok_record_result result;
    struct counts *counts = arena_new(arena, struct counts, 1);

    (void)err;
    if (r->detailed)
        tok_record_detail(&r->detail, scratch, rec->raw, rec->spans, rec->top, arena, &result);
    else if (r->packed)
        result.out = packed_record(r, scratch, rec, arena, &result);
    else
        tok_record(&r->records, scratch, rec->raw, rec->spans, rec->top, arena, &result);
    *counts = (struct counts){ result.tokens, result.bytes };
    *verdict = (struct flow_verdict){ .action = result.reason ? FLOW_BAD : FLOW_KEEP,
                                      .out = result.out,
                                      .out_records = result.out_records,
                                      .reason = result.reason,
                                      .at = result.at,
                                      .data = counts };
    return true;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *verdict, struct err *err)
{
    struct run *r = arg;
    const struct counts *counts = verdict->data;

    (void)rec, (void)err;
    if (verdict->action == FLOW_KEEP && counts) {
        r->tokens += counts->tokens;
        r->bytes += counts->bytes;
        if (r->packed && r->documents++ == 0) {
            char *p = arena_alloc_raw(arena, PACKED_HEAD_BYTES + verdict->out.len, 8);
            packed_head_store(p, &r->head);
            memcpy(p + PACKED_HEAD_BYTES, verdict->out.ptr, (size_t)verdict->out.len);
            verdict->out = slice_make(p, PACKED_HEAD_BYTES + verdict->out.len);
        }
    }
    return true;
}

static bool finish(void *arg, struct flow *flow, struct err *err)
{
    struct run *r = arg;
    char end[PACKED_END_BYTES];

    if (!r->packed || r->documents == 0)
        return true;
    packed_end_store(end, r->documents, r->tokens);
    return flow_emit(flow, slice_make(end, PACKED_END_BYTES), 0, err);
}

static void report(struct app *app, const struct run *r)
{
    struct report *rep = &app->report;
    const struct tok *t = r->records.t;
    char fingerprint[33];

    tok_fingerprint(t, fingerprint);
    report_int(rep, "tokens_total", r->tokens, "tokens of all texts");
    report_int(rep, "text_bytes_total", r->bytes, "bytes of all texts, unescaped");
    report_float(rep, "tokens_per_byte", r->bytes ? (double)r->tokens / (double)r->bytes : 0,
                 "tokens per byte of text");
    report_int(rep, "vocab_size", tok_vocab_size(t), "ids are below it");
    report_text(rep, "tokenizer", slice_of(tok_describe(t)));
    report_text(rep, "fingerprint", slice_of(fingerprint));
}

static const unsigned specials[] = { TOK_SPECIAL_TEXT, TOK_SPECIAL_PARSE, TOK_SPECIAL_ERROR,
                                     TOK_SPECIAL_DROP };

static bool load(struct app *app, const struct conf *conf, struct run *r, struct err *err)
{
    struct tok_source src = { .pattern = conf->pattern };

    src.path = app_data_path(app, conf->tokenizer, "tldr-7m/tokenizer.json", err);
    if (!src.path)
        return false;
    r->records = (struct tok_records){
        .t = tok_open(&src, &app->arena, err),
        .mode = (enum tok_records_mode)app->options.mode,
        .encode_flags = specials[conf->special] | (conf->add_special ? TOK_ADD_SPECIAL : 0u),
        .decode_flags = conf->skip_special ? TOK_SKIP_SPECIAL : 0u,
        .invalid = (enum tok_invalid)conf->invalid,
        .drop_source = conf->drop_field,
        .text_field = app->common.field,
    };
    r->detail = (struct tok_detail){
        .records = &r->records,
        .offsets = conf->offsets,
        .tokens = conf->tokens,
        .pair_field = conf->pair_field,
        .max_length = conf->max_length,
        .chunk = conf->chunk,
        .overlap = conf->overlap,
        .dropout = conf->dropout,
        .seed = (uint64_t)app->common.seed,
    };
    r->detailed =
        conf->offsets || conf->tokens || conf->pair_field || conf->max_length || conf->dropout > 0;
    return r->records.t != NULL;
}

/* --words, --merge-counts, --train */
static bool run_training(struct app *app, const struct conf *conf, struct err *err)
{
    static const char *const patterns[] = { "gpt-2", "llama-bpe", "qwen2", "gpt-4o", "tekken" };
    struct flow_conf fc = app_flow_conf(app);
    struct training_conf tc = {
        .mode = (enum training_mode)(app->options.mode - WORDS),
        .text_field = app->common.field,
        .memory_bytes = conf->memory,
        .train = { .byte_level = true,
                   .all_bytes = conf->alphabet == 0,
                   .prefix = "",
                   .vocab_size = conf->vocab_size,
                   .min_frequency = (uint64_t)conf->min_frequency,
                   .special_count = conf->special_tokens.count },
        .output = app->common.output,
        .force = app->common.force,
    };
    slice *special = arena_new(&app->arena, slice, conf->special_tokens.count);

    for (ptrdiff_t i = 0; i < conf->special_tokens.count; i++)
        special[i] = slice_of(conf->special_tokens.items[i]);
    tc.train.special = special;
    ASSERT(pieces_by_pre(slice_of(patterns[conf->split]), &tc.pattern, &tc.split));
    if (conf->split == 0)
        tc.pattern = SLICE(""); /* ByteLevel's own */
    return training_run(&tc, &fc, &app->report, &app->progress, err);
}

static bool check(struct app *app, const struct conf *conf, struct err *err)
{
    bool decode = app->options.mode == TOK_RECORDS_DECODE;
    bool detailed =
        conf->offsets || conf->tokens || conf->pair_field || conf->max_length || conf->dropout > 0;

    if (decode && strpbrk(app->common.field, ".\\"))
        return err_set(err, ERR_USAGE, "--field %s: --decode writes a member of the record itself",
                       app->common.field);
    if (strcmp(app->common.field, decode || !conf->count ? TOK_IDS_FIELD : TOK_COUNT_FIELD) == 0)
        return err_set(err, ERR_USAGE, "--field %s: that is the other member", app->common.field);
    if (conf->format == FORMAT_PACKED && conf->drop_field)
        return err_set(err, ERR_USAGE, "--drop-field has no effect with --format packed");
    if (conf->format == FORMAT_PACKED && detailed)
        return err_set(err, ERR_USAGE,
                       "--format packed holds ids alone: not with --offsets, "
                       "--tokens, --pair-field, --max-length or --bpe-dropout");
    if (conf->truncate && conf->chunk)
        return err_set(err, ERR_USAGE, "--truncate and --chunk: one of them");
    if (!(conf->dropout > 0) && app->common.seed != 0)
        return err_set(err, ERR_USAGE, "--seed has no effect without --bpe-dropout");
    return true;
}

/* ---- --chat ---- */

struct chat_run {
    struct run run; /* first: what commit counts in */
    struct chat_records records;
};

static void *chat_scratch_new(void *arg)
{
    struct chat_run *r = arg;
    return chat_records_scratch_new(&r->records);
}

static void chat_scratch_free(void *arg, void *scratch)
{
    (void)arg;
    chat_records_scratch_free(scratch);
}

static bool chat_work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                      struct flow_verdict *verdict, struct err *err)
{
    struct chat_run *r = arg;
    struct tok_record_result result;
    struct counts *counts = arena_new(arena, struct counts, 1);

    (void)err;
    chat_record(&r->records, scratch, rec->raw, rec->spans, rec->top, arena, &result);
    *counts = (struct counts){ result.tokens, result.bytes };
    *verdict = (struct flow_verdict){ .action = result.reason ? FLOW_BAD : FLOW_KEEP,
                                      .out = result.out,
                                      .reason = result.reason,
                                      .at = result.at,
                                      .data = counts };
    return true;
}

static bool load_chat(struct app *app, const struct conf *conf, struct chat_run *r, struct err *err)
{
    struct tok_source src = { .pattern = conf->pattern };
    struct tok_chat chat;

    src.path = app_data_path(app, conf->tokenizer, "tldr-7m/tokenizer.json", err);
    if (!src.path || !(r->run.records.t = tok_open(&src, &app->arena, err)) ||
        !tok_open_chat(&src, r->run.records.t, &chat, &app->arena, err))
        return false;
    if (conf->chat_template &&
        !os_slurp(conf->chat_template, JINJA_SOURCE_MAX, &chat.chat_template, err))
        return false;
    if (chat.chat_template.len == 0)
        return err_set(err, ERR_CONFIG, "%s: no chat template beside it; give --chat-template",
                       src.path);
    r->records = (struct chat_records){
        .t = r->run.records.t,
        .chat = jinja_compile(chat.chat_template, &app->arena, err),
        .bos = chat.bos,
        .eos = chat.eos,
        .generation_prompt = conf->generation_prompt,
        .text = conf->rendered,
        .drop_source = conf->drop_field,
        .field = opt_given(&self, &app->options, "field") ? app->common.field : "messages",
    };
    return r->records.chat ||
           err_context(err, "%s", conf->chat_template ? conf->chat_template : src.path);
}

static bool run_chat(struct app *app, const struct conf *conf, struct err *err)
{
    static const struct flow_filter filter = { chat_work, commit, NULL, chat_scratch_new,
                                               chat_scratch_free };
    struct chat_run r = { 0 };

    if (!load_chat(app, conf, &r, err))
        return false;
    struct flow_field fields[CHAT_SPANS] = {
        { r.records.field, true, FLOW_ARRAY },
        { TOK_IDS_FIELD, false, 0 },
        { "tools", false, 0 },
        { "text", false, 0 },
    };
    struct flow_conf fc = app_flow_conf(app);
    fc.fields = fields;
    fc.field_count = CHAT_SPANS;
    struct flow *flow = flow_open(&fc, &app->report, &app->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &r, err);
    if (flow && !ok)
        flow_abort(flow);
    ok = ok && flow_close(flow, err);
    report(app, &r.run);
    tok_free((struct tok *)(uintptr_t)r.run.records.t);
    return ok;
}

/* --compile */
static bool run_compile(struct app *app, const struct conf *conf, struct err *err)
{
    struct tok_source src = { 0 };
    struct buf image = { 0 };
    slice json;

    src.path = app_data_path(app, conf->tokenizer, "tldr-7m/tokenizer.json", err);
    struct tok *t = src.path ? tok_open(&src, &app->arena, err) : NULL;
    if (!t || !os_slurp(src.path, (ptrdiff_t)1 << 30, &json, err)) {
        tok_free(t);
        return false;
    }
    struct out_conf oc = { .path = app->common.output,
                           .compress = app->common.compress,
                           .force = app->common.force };
    struct out *out = mrt_write(t, json, &image, err) ? out_open(&oc, err) : NULL;
    bool ok = out && out_write(out, buf_slice(&image), err);
    if (ok)
        ok = out_commit(out, err);
    else
        out_abort(out);
    buf_release(&image);
    os_free(json);
    tok_free(t);
    return ok;
}

/* ---- --explain, --diff, --lint ---- */

struct study_run {
    struct run run; /* first: what commit counts in */
    const struct tok *other;
    unsigned flags;
    int64_t texts, differing;
};

struct study_scratch {
    struct tok_scratch *a, *b;
};

static void *study_scratch_new(void *arg)
{
    struct study_run *r = arg;
    struct study_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->a = tok_scratch_new(r->run.records.t);
    s->b = r->other ? tok_scratch_new(r->other) : NULL;
    return s;
}

static void study_scratch_free(void *arg, void *scratch)
{
    struct study_scratch *s = scratch;

    (void)arg;
    tok_scratch_free(s->a);
    tok_scratch_free(s->b);
    free(s);
}

static bool study_work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                       struct flow_verdict *verdict, struct err *err)
{
    struct study_run *r = arg;
    struct study_scratch *s = scratch;
    struct buf out = { 0 };
    struct err why = { 0 };
    slice text;

    (void)err;
    *verdict = (struct flow_verdict){ .action = FLOW_KEEP, .at = -1 };
    if (!flow_text(rec, 0, arena, &text, verdict))
        return true;
    bool ok = r->other
                  ? study_diff(r->run.records.t, s->a, r->other, s->b, text, r->flags, &out, &why)
                  : study_explain(r->run.records.t, s->a, text, r->flags, &out, &why);
    verdict->out = arena_dup(arena, out.len ? buf_slice(&out) : SLICE(""));
    for (ptrdiff_t i = 0; i < out.len; i++)
        verdict->out_records += out.ptr[i] == '\n';
    verdict->out_records += 1;
    buf_release(&out);
    if (!ok)
        *verdict = (struct flow_verdict){ .action = FLOW_BAD,
                                          .reason = arena_dup(arena, slice_of(why.text)).ptr,
                                          .at = rec->spans[0].start };
    return true;
}

/* Of differences only the first is written. */
static bool study_commit(void *arg, const struct flow_record *rec, struct arena *arena,
                         struct flow_verdict *verdict, struct err *err)
{
    struct study_run *r = arg;

    (void)rec, (void)arena, (void)err;
    if (verdict->action != FLOW_KEEP)
        return true;
    r->texts++;
    r->differing += r->other && verdict->out.len > 0;
    if (r->other && (verdict->out.len == 0 || r->differing > 1))
        verdict->out_records = -1;
    return true;
}

static bool write_lines(const struct buf *text, struct err *err)
{
    const struct out_conf oc = { .path = NULL };
    struct out *out = out_open(&oc, err);

    if (!out)
        return false;
    if ((text->len == 0 ||
         (out_write(out, buf_slice(text), err) && out_write(out, SLICE("\n"), err))))
        return out_commit(out, err);
    out_abort(out);
    return false;
}

static bool run_lint(const struct tok *t, struct err *err)
{
    struct buf text = { 0 };
    int64_t findings = study_lint(t, &text);
    bool ok = write_lines(&text, err);

    buf_release(&text);
    if (ok && findings)
        return err_set(err, ERR_FINDING, "%jd findings", (intmax_t)findings);
    return ok;
}

static bool run_flow(struct app *app, struct study_run *r, struct err *err)
{
    static const struct flow_filter filter = { study_work, study_commit, NULL, study_scratch_new,
                                               study_scratch_free };
    struct flow_field field = { app->common.field, true, FLOW_STRING };
    struct flow_conf fc = app_flow_conf(app);

    fc.fields = &field;
    fc.field_count = 1;
    struct flow *flow = flow_open(&fc, &app->report, &app->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, r, err);
    if (flow && !ok)
        flow_abort(flow);
    ok = ok && flow_close(flow, err);
    if (ok && r->differing)
        return err_set(err, ERR_FINDING, "%jd of %jd texts give other ids", (intmax_t)r->differing,
                       (intmax_t)r->texts);
    return ok;
}

static bool run_study(struct app *app, const struct conf *conf, struct err *err)
{
    struct study_run r = { .flags = specials[conf->special] |
                                    (conf->add_special ? TOK_ADD_SPECIAL : 0u) };
    bool ok = load(app, conf, &r.run, err);

    if (ok && conf->diff) {
        struct tok_source src = { .path = conf->diff, .pattern = conf->pattern };
        r.other = tok_open(&src, &app->arena, err);
        ok = r.other != NULL;
    }
    if (ok)
        ok = app->options.mode == LINT ? run_lint(r.run.records.t, err) : run_flow(app, &r, err);
    tok_free((struct tok *)(uintptr_t)r.run.records.t);
    tok_free((struct tok *)(uintptr_t)r.other);
    return ok;
}

static bool run(struct app *app, void *arg, struct err *err)
{
    static const struct flow_filter filter = { work, commit, finish, scratch_new, scratch_free };
    const struct conf *conf = arg;
    struct run r = { 0 };
    bool decode = app->options.mode == TOK_RECORDS_DECODE;

    if (app->options.mode >= EXPLAIN)
        return run_study(app, conf, err);
    if (app->options.mode == CHAT)
        return run_chat(app, conf, err);
    if (app->options.mode == COMPILE)
        return run_compile(app, conf, err);
    if (app->options.mode >= WORDS)
        return run_training(app, conf, err);
    if (!check(app, conf, err))
        return false;
    r.packed = conf->format == FORMAT_PACKED;
    if (!load(app, conf, &r, err))
        return false;
    if (conf->dropout > 0 && !tok_has_merges(r.records.t))
        return err_set(err, ERR_USAGE, "--bpe-dropout: the tokenizer has no merges");
    r.head.vocab_size = tok_vocab_size(r.records.t);
    r.head.id_bytes = packed_id_bytes(r.head.vocab_size);
    tok_fingerprint(r.records.t, r.head.fingerprint);
    struct flow_field fields[TOK_SPANS + 2] = {
        { tok_records_source(&r.records), true, decode ? FLOW_ARRAY : FLOW_STRING },
        { tok_records_target(&r.records), false, 0 },
        { "id", false, 0 },
        { "source", false, 0 },
    };
    struct flow_field more[TOK_DETAIL_SPANS] = { fields[0], fields[1] };
    for (int i = TOK_SPANS; i < TOK_DETAIL_SPANS; i++)
        more[i] = (struct flow_field){ tok_detail_field(&r.detail, i), false, 0 };
    struct flow_conf fc = app_flow_conf(app);
    fc.fields = r.detailed ? more : fields;
    fc.field_count = r.detailed ? TOK_DETAIL_SPANS : r.packed ? TOK_SPANS + 2 : TOK_SPANS;
    fc.framed = r.packed;
    struct flow *flow = flow_open(&fc, &app->report, &app->progress, err);
    bool ok = flow && flow_filter_run(flow, &filter, &r, err);
    if (flow && !ok)
        flow_abort(flow);
    ok = ok && flow_close(flow, err);
    report(app, &r);
    tok_free((struct tok *)(uintptr_t)r.records.t);
    return ok;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    return app_run(&self, &conf, argc, argv, run);
}
