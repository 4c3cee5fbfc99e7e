/* shard: write records into shards of a folder, read them back, check them. */
#include "../lib/app.h"
#include "../lib/codec.h"
#include "../lib/log.h"
#include "../lib/pack/mds.h"
#include "../lib/pack/packedin.h"
#include "../lib/pack/splits.h"
#include "../lib/pack/tokens.h"
#include "../lib/pack/unpack.h"
#include "../lib/pack/writer.h"

#include <inttypes.h>

struct conf {
    int format, dtype, stat_format;
    int64_t size, records, frame, level, eos, bos, vocab;
    const char *verify, *cat, *stat, *columns, *split;
    int packed;
};

enum mode { MODE_WRITE, MODE_VERIFY, MODE_CAT, MODE_STAT };
#define IN(mode)   (1u << (mode))
#define AT(member) offsetof(struct conf, member)

static const struct opt opts[] = {
    { 0, "verify", OPT_PATH, AT(verify), .arg = "DIR", .flags = OPT_MODE,
      .complete = OPT_COMPLETE_DIR, .group = "Reading",
      .help = "check every file of a folder of shards" },
    { 0, "cat", OPT_PATH, AT(cat), .arg = "DIR", .flags = OPT_MODE, .complete = OPT_COMPLETE_DIR,
      .group = "Reading", .help = "give the records of a folder of shards back" },
    { 0, "stat", OPT_PATH, AT(stat), .arg = "DIR", .flags = OPT_MODE, .complete = OPT_COMPLETE_DIR,
      .group = "Reading", .help = "print what a folder of shards holds" },
    { 0, "format", OPT_ENUM, AT(format), .arg = "FORMAT", .def = "jsonl.zst",
      .choices = "jsonl.zst|megatron|datatrove|llmc|npy|safetensors|mds|webdataset",
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "compressed lines, or what trainers read" },
    { 0, "size", OPT_SIZE, AT(size), .arg = "SIZE", .def = "256M", .min = 1,
      .max = (double)(1LL << 46), .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "bytes of content per shard, before compression" },
    { 0, "records", OPT_INT, AT(records), .arg = "N", .min = 1, .max = 1e15,
      .modes = IN(MODE_WRITE), .group = "Shards", .help = "at most N records per shard" },
    { 0, "frame", OPT_INT, AT(frame), .arg = "N", .def = "1000", .min = 1, .max = 1e9,
      .modes = IN(MODE_WRITE), .group = "Shards", .help = "jsonl.zst: records per zstd frame" },
    { 0, "level", OPT_INT, AT(level), .arg = "N", .def = "3", .min = 1, .max = 22,
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "of zstd; mds: without it, no compression" },
    { 0, "packed", OPT_FLAG, AT(packed), .modes = IN(MODE_WRITE), .group = "Input",
      .help = "the input is what tokenize --format packed wrote" },
    { 0, "splits", OPT_STRING, AT(split), .arg = "LIST", .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "train=0.98,val=0.02: folders by the hash of id" },
    { 0, "columns", OPT_STRING, AT(columns), .arg = "LIST", .def = "text:str",
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "mds: NAME:TYPE or NAME=PATH:TYPE, with commas" },
    { 0, "dtype", OPT_ENUM, AT(dtype), .arg = "TYPE", .def = "auto", .choices = "auto|u16|i32|u32",
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "ids: their type; auto: u16 where it fits" },
    { 0, "bos", OPT_INT, AT(bos), .arg = "ID", .def = "-1", .min = -1, .max = 2147483647,
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "ids: put this id in front of every document" },
    { 0, "eos", OPT_INT, AT(eos), .arg = "ID", .def = "-1", .min = -1, .max = 2147483647,
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "ids: put this id behind every document" },
    { 0, "vocab-size", OPT_INT, AT(vocab), .arg = "N", .min = 1, .max = 2147483648.0,
      .modes = IN(MODE_WRITE), .group = "Shards",
      .help = "ids: those that are not below N are bad" },
    { 0, "stat-format", OPT_ENUM, AT(stat_format), .arg = "FORMAT", .def = "table",
      .choices = "table|json", .modes = IN(MODE_STAT), .group = "Reading",
      .help = "how --stat prints" },
};

#define NOT_WRITING (COMMON_INPUT | COMMON_REJECTS | COMMON_TARGET | COMMON_PART)
static const struct command_mode modes[] = {
    [MODE_WRITE] = { NULL, "write shards", 0, false },
    [MODE_VERIFY] = { "verify", "check a folder", NOT_WRITING | COMMON_JOBS | COMMON_PROGRESS,
                      true },
    [MODE_CAT] = { "cat", "read a folder back", NOT_WRITING, true },
    [MODE_STAT] = { "stat", "print what a folder holds",
                    NOT_WRITING | COMMON_JOBS | COMMON_PROGRESS, true },
};

static const char *const synopsis[] = { "-o DIR [options] [FILE...]", "--verify DIR", "--cat DIR",
                                        "--stat DIR", NULL };
static const struct command_example examples[] = {
    { "compressed shards of 64 MiB of text", "shard -o shards --size 64M < corpus.jsonl" },
    { "token ids for training",
      "tokenize -t demo corpus.jsonl | shard -o train --format megatron --eos 0" },
    { "packed ids, without JSON in between; a part kept for validation",
      "shard --packed -o ids --format npy --splits train=0.9,val=0.1 in.packed" },
    { "samples for MosaicML's streaming, compressed",
      "shard -o mds --format mds --columns id:str,text:str --level 3 < corpus.jsonl" },
    { "check a copy", "shard --verify shards" },
    { "read it back", "shard --cat shards | head -n 2" },
    { 0 },
};

static const struct command self = {
    .name = "shard",
    .summary = "write records into shards, read them back, check them",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .modes = modes,
    .mode_count = countof(modes),
    .common =
        COMMON_INPUT | COMMON_REJECTS | COMMON_TARGET | COMMON_JOBS | COMMON_PROGRESS | COMMON_PART,
    .operands = "FILE...",
    .order = "records keep the order of the input",
    .memory = "as a filter; a frame (4 MiB or the longest record), or 4 bytes per document",
    .libraries = "zstd, xxHash",
};

/* ---- writing ---- */

struct run {
    const struct pack_options *options;
    const struct mds_columns *columns;
    struct splits *splits;
    int id_field; /* of the record's id, -1: not asked for */
};

static bool work(void *arg, void *scratch, const struct flow_record *rec, struct arena *arena,
                 struct flow_verdict *v, struct err *err)
{
    const struct pack_options *o = ((struct run *)arg)->options;
    (void)scratch, (void)err;
    v->at = -1;
    v->out = SLICE("");
    v->out_records = -1;
    if (!pack_is_tokens(o->format)) {
        slice *sample = arena_new(arena, slice, 1);
        const char *why = NULL;
        *sample = rec->raw;
        if (o->format == PACK_MDS)
            why = mds_sample(((struct run *)arg)->columns, rec->raw, rec->spans, arena, sample);
        if (!why && sample->len > 1 << 30)
            why = "longer than 1 GiB";
        if (why)
            *v = (struct flow_verdict){ FLOW_BAD, .reason = why, .at = -1 };
        v->data = sample;
        return true;
    }
    struct tokens *t = arena_new(arena, struct tokens, 1);
    slice array = slice_make(rec->raw.ptr + rec->spans[0].start, rec->spans[0].len);
    ptrdiff_t at = 0;
    const char *wrong = tokens_parse(array, 1, arena, t, &at);
    if (!wrong && t->count && o->vocab && t->max >= o->vocab)
        wrong = arena_printf(arena, "token id %u, where --vocab-size is %" PRId64, t->max, o->vocab)
                    .ptr;
    if (!wrong && t->max > UINT16_MAX && o->dtype == PACK_U16)
        wrong = arena_printf(arena, "token id %u does not fit --dtype u16", t->max).ptr;
    if (wrong)
        *v = (struct flow_verdict){ FLOW_BAD, .reason = wrong, .at = rec->spans[0].start + at };
    v->data = t;
    return true;
}

static bool commit(void *arg, const struct flow_record *rec, struct arena *arena,
                   struct flow_verdict *v, struct err *err)
{
    struct run *r = arg;
    struct tokens *t = v->data;
    if (v->action != FLOW_KEEP)
        return true;
    slice id = r->id_field < 0 ? SLICE("") : flow_id(rec, r->id_field, arena);
    struct writer *w = splits_of(r->splits, id);
    if (r->options->format == PACK_JSONL_ZST)
        return writer_line(w, rec->raw, err);
    if (!pack_is_tokens(r->options->format))
        return writer_sample(w, *(slice *)v->data, err);
    return writer_ids(w, t->ids, t->count, t->max, err);
}

static bool finish(void *arg, struct flow *f, struct err *err)
{
    (void)f;
    return splits_finish(((struct run *)arg)->splits, err);
}

/* Which options mean something for which formats. */
#define LINES   (1u << PACK_JSONL_ZST)
#define SAMPLES (1u << PACK_MDS)
#define IDS                                                                                        \
    (1u << PACK_MEGATRON | 1u << PACK_DATATROVE | 1u << PACK_LLMC | 1u << PACK_NPY |               \
     1u << PACK_SAFETENSORS)

static bool options_fit(struct app *app, enum pack_format f, struct err *err)
{
    static const struct {
        const char *name;
        unsigned formats;
    } some[] = { { "frame", LINES },     { "level", LINES | SAMPLES },
                 { "columns", SAMPLES }, { "dtype", IDS },
                 { "eos", IDS },         { "bos", IDS },
                 { "vocab-size", IDS } };
    for (ptrdiff_t i = 0; i < countof(some); i++)
        if (app_given(app, some[i].name) && !(some[i].formats & 1u << f))
            return err_set(err, ERR_USAGE, "--%s has no effect with --format %s", some[i].name,
                           pack_format_name(f));
    return true;
}

static bool token_options(struct pack_options *o, struct err *err)
{
    bool wide = o->dtype == PACK_I32 || o->dtype == PACK_U32;
    if (wide && o->dtype != pack_wide_dtype(o->format))
        return err_set(err, ERR_USAGE, "--format %s has %s, not --dtype %s",
                       pack_format_name(o->format), pack_dtype_name(pack_wide_dtype(o->format)),
                       pack_dtype_name(o->dtype));
    if (o->vocab && MAX(o->eos, o->bos) >= o->vocab)
        return err_set(err, ERR_USAGE, "--%s is not below --vocab-size",
                       o->eos >= o->vocab ? "eos" : "bos");
    if (o->dtype == PACK_U16 && (MAX(o->eos, o->bos) > UINT16_MAX || o->vocab > UINT16_MAX + 1))
        return err_set(err, ERR_USAGE, "--dtype u16 holds ids up to 65535");
    if (o->vocab > UINT16_MAX + 1)
        o->dtype = pack_wide_dtype(o->format);
    return true;
}

static bool write_options(struct app *app, const struct conf *c, struct pack_options *o,
                          struct mds_columns *columns, struct err *err)
{
    *o = (struct pack_options){ .format = (enum pack_format)c->format,
                                .size = c->size,
                                .records = c->records,
                                .frame = c->frame,
                                .level = c->level,
                                .eos = c->eos,
                                .bos = c->bos,
                                .vocab = c->vocab,
                                .dtype = (enum pack_dtype)c->dtype,
                                .tokenizer = "",
                                .columns = "",
                                .split = "" };
    if (!options_fit(app, o->format, err))
        return false;
    if (o->format == PACK_MDS) {
        struct buf text = { 0 };
        if (!mds_columns_parse(slice_of(c->columns), columns, &app->arena, err))
            return err_context(err, "--columns");
        mds_columns_text(columns, &text);
        o->columns = arena_cstr_dup(&app->arena, buf_slice(&text));
        buf_release(&text);
        if (!app_given(app, "level"))
            o->level = 0;
        if (o->size > UINT32_MAX)
            return err_set(err, ERR_USAGE, "--size: shards of --format mds are below 4 GiB");
    }
    if (pack_is_tokens(o->format) && !token_options(o, err))
        return false;
    return app->common.output ||
           err_set(err, ERR_USAGE, "-o DIR is missing: the folder that shards are written to");
}

static void report_splits(struct app *app, const struct splits *s)
{
    struct report *r = &app->report;
    int64_t disk = 0, shards = 0, resumed = 0, tokens = 0, content = 0;
    for (int i = 0; i < s->count; i++) {
        const struct manifest *m = &s->splits[i].dir.found;
        for (ptrdiff_t j = 0; j < m->count; j++)
            for (int k = 0; k < m->shards[j].file_count; k++)
                disk += m->shards[j].files[k].bytes;
        shards += m->count;
        resumed += writer_resumed(s->splits[i].writer);
        tokens += writer_tokens(s->splits[i].writer);
        content += writer_content(s->splits[i].writer);
    }
    report_int(r, "shards_total", shards, "shards in the folder");
    report_int(r, "resumed_shards_total", resumed, "of them, there before this run");
    report_int(r, "tokens_total", tokens, "token ids written or read over");
    report_int(r, "content_bytes_total", content, "before compression");
    report_int(r, "shard_bytes_total", disk, "bytes of all shard files");
}

/* The id of a packed document: its meta is an object with "id", a string or a number. */
static bool packed_id(slice meta, const struct json_query *q, struct arena *arena, slice *id)
{
    struct json_span span, top;
    struct json_fault fault;
    char *padded = arena_alloc_raw(arena, meta.len + RECORD_PADDING, 1);
    if (meta.len)
        memcpy(padded, meta.ptr, (size_t)meta.len);
    memset(padded + meta.len, 0, RECORD_PADDING);
    slice raw = slice_make(padded, meta.len);
    if (!json_scan(raw, q, &span, &top, &fault) || span.count != 1)
        return false;
    *id = slice_make(raw.ptr + span.start, span.len);
    return span.type != JSON_STRING ||
           json_string(raw, span, JSON_SURROGATE_FAIL, arena, id, NULL, &fault);
}

static bool write_packed_doc(struct splits *s, const struct pack_options *o, int width,
                             const struct packed_doc *doc, const struct json_query *q,
                             struct arena *arena, int64_t number, struct err *err)
{
    uint32_t *ids = (uint32_t *)arena_alloc_raw(arena, (doc->count + 2) * 4, 4) + 1, max = 0;
    slice id = SLICE("");
    if (s->text && !packed_id(doc->meta, q, arena, &id))
        return err_set(err, ERR_DATA, "document %" PRId64 ": no id to split by", number);
    max = tokens_load(ids, doc->ids, doc->count, width);
    if (max > UINT16_MAX && o->dtype == PACK_U16)
        return err_set(err, ERR_DATA, "document %" PRId64 ": token id %u does not fit --dtype u16",
                       number, max);
    return writer_ids(splits_of(s, id), ids, doc->count, max, err);
}

/* The head says which tokenizer the ids are of: it belongs to the options of the folder. */
static bool packed_options(struct app *app, const struct packed_head *head, struct pack_options *o,
                           struct err *err)
{
    if (o->vocab && o->vocab != head->vocab_size)
        return err_set(err, ERR_USAGE,
                       "--vocab-size %" PRId64 ", where the tokenizer of the ids has %" PRId64,
                       o->vocab, head->vocab_size);
    o->vocab = head->vocab_size;
    o->tokenizer = arena_cstr_dup(&app->arena, slice_of(head->fingerprint));
    return token_options(o, err);
}

static bool run_packed(struct app *app, struct pack_options *o, struct splits *s, struct err *err)
{
    static const char *const id_path[] = { "id" };
    struct flow_conf fc = app_flow_conf(app);
    struct packed_head head = { 0 };
    struct packed_doc doc;
    struct json_query q;
    struct arena arena = { 0 };
    if (app->common.part)
        return err_set(err, ERR_USAGE, "--part has no effect with --packed: use it in tokenize");
    if (!pack_is_tokens(o->format) || app->common.rejects)
        return err_set(err, ERR_USAGE,
                       app->common.rejects
                           ? "--rejects has no effect with --packed: a damaged stream cannot go on"
                           : "--packed needs a --format of token ids");
    struct packed_input *in = packed_input_open(&fc.in, err);
    bool ok = in && json_query_init(&q, id_path, 1, &app->arena, err);
    if (ok && packed_input_head(in, &head, err))
        ok = packed_options(app, &head, o, err);
    ok = ok && !err->class &&
         splits_open(s, app->common.output, o, app->common.force, &app->arena, err);
    if (ok) {
        splits_start(s, NULL, 1);
        while (ok && packed_input_next(in, &doc, err)) {
            ok = write_packed_doc(s, o, head.id_bytes, &doc, &q, &arena, ++app->report.in, err);
            app->report.out += ok;
            arena_reset(&arena);
        }
        ok = ok && !err->class && splits_finish(s, err);
        app->report.bytes_in = packed_input_bytes(in);
        report_splits(app, s);
    }
    splits_close(s);
    arena_release(&arena);
    packed_input_close(in);
    return ok;
}

static bool run_records(struct app *app, const struct pack_options *o, struct splits *s,
                        const struct mds_columns *columns, struct err *err)
{
    static const struct flow_filter filter = { .work = work, .commit = commit, .finish = finish };
    struct flow_field fields[MDS_COLUMNS_MAX + 1];
    struct flow_conf fc = app_flow_conf(app);
    struct run r = { o, columns, s, -1 };
    fc.no_output = true;
    fc.output = NULL;
    fc.fields = fields;
    for (int i = 0; i < columns->count; i++)
        fields[fc.field_count++] = (struct flow_field){ columns->columns[i].path, true, 0 };
    if (pack_is_tokens(o->format))
        fields[fc.field_count++] = (struct flow_field){ "ids", true, FLOW_ARRAY };
    if (s->text) {
        r.id_field = fc.field_count;
        fields[fc.field_count++] =
            (struct flow_field){ "id", true, FLOW_STRING | FLOW_TYPE(JSON_NUMBER) };
    }
    struct flow *f = NULL;
    bool ok = splits_open(s, app->common.output, o, app->common.force, &app->arena, err) &&
              (f = flow_open(&fc, &app->report, &app->progress, err)) != NULL;
    if (ok) {
        splits_start(s, f, fc.jobs);
        ok = flow_filter_run(f, &filter, &r, err);
        report_splits(app, s);
    }
    if (ok)
        ok = flow_close(f, err);
    else
        flow_abort(f);
    splits_close(s);
    return ok;
}

static bool run_write(struct app *app, const struct conf *conf, struct err *err)
{
    struct mds_columns columns = { 0 };
    struct pack_options o;
    static struct splits s; /* large */
    if (!write_options(app, conf, &o, &columns, err))
        return false;
    if (conf->split && !splits_parse(slice_of(conf->split), &s, &app->arena, err))
        return err_context(err, "--splits");
    return conf->packed ? run_packed(app, &o, &s, err) : run_records(app, &o, &s, &columns, err);
}

/* ---- reading ---- */

static bool run_cat(struct app *app, const struct conf *conf, struct err *err)
{
    struct flow_conf fc = app_flow_conf(app);
    struct unpack *u = unpack_open(conf->cat, err);
    struct flow *f = u ? flow_open(&fc, &app->report, &app->progress, err) : NULL;
    bool ok = f && flow_source_run(f, &unpack_source, u, err);
    if (ok)
        ok = flow_close(f, err);
    else
        flow_abort(f);
    unpack_close(u);
    return ok;
}

static bool run_stat(struct app *app, const struct conf *conf, struct err *err)
{
    struct manifest m;
    struct buf text = { 0 };
    if (!pack_dir_manifest(conf->stat, &m, &app->arena, err))
        return false;
    if (conf->stat_format)
        manifest_stat_json(&m, &text);
    else
        manifest_stat_table(&m, &text);
    struct out *out = out_open(&(struct out_conf){ 0 }, err);
    bool ok = out && out_write(out, buf_slice(&text), err);
    if (ok)
        ok = out_commit(out, err);
    else
        out_abort(out);
    buf_release(&text);
    return ok;
}

static bool run(struct app *app, void *arg, struct err *err)
{
    const struct conf *conf = arg;
    struct manifest m;
    switch (app->options.mode) {
    case MODE_VERIFY:
        return unpack_verify(conf->verify, &m, &app->arena, err);
    case MODE_CAT:
        return run_cat(app, conf, err);
    case MODE_STAT:
        return run_stat(app, conf, err);
    }
    return run_write(app, conf, err);
}

int main(int argc, char **argv)
{
    static struct conf conf;
    return app_run(&self, &conf, argc, argv, run);
}
