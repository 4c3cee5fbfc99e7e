/* collect: turn files, folders and archives into records. */
#include "../lib/app.h"
#include "../lib/log.h"
#include "../lib/os.h"
#include "../lib/source/gather.h"
#include "../lib/source/operands.h"

struct conf {
    int input_type, header, html;
    struct opt_list include, exclude;
    const char *text_column, *delimiter, *quote, *charset;
    int64_t max_total;
};

#define AT(member) offsetof(struct conf, member)

/* One ASCII character, or a word for one. */
static bool parse_char(const char *text, const char *word, char meaning, char *out)
{
    if (text && strcmp(text, word) == 0)
        *out = meaning;
    else if (text)
        *out = text[0];
    return !text || strcmp(text, word) == 0 || (text[0] > 0 && text[0] != '\n' && !text[1]);
}

static bool check_delimiter(const char *value, struct err *err)
{
    char c;
    return parse_char(value, "tab", '\t', &c) || err_set(err, ERR_USAGE, "one character, or tab");
}

static bool check_quote(const char *value, struct err *err)
{
    char c;
    return parse_char(value, "none", 0, &c) || err_set(err, ERR_USAGE, "one character, or none");
}

static const struct opt opts[] = {
    { 0, "input-type", OPT_ENUM, AT(input_type), .arg = "TYPE", .def = "auto",
      .choices = "auto|text|jsonl|json|csv|tsv|warc|arc|html|subtitles", .group = "Input",
      .help = "what files and members hold; auto: suffix, content" },
    { 0, "include", OPT_STRING, AT(include), .arg = "GLOB", .flags = OPT_REPEAT, .group = "Input",
      .help = "take only files and members that match" },
    { 0, "exclude", OPT_STRING, AT(exclude), .arg = "GLOB", .flags = OPT_REPEAT, .group = "Input",
      .help = "leave out files, members, folders that match" },
    { 0, "charset", OPT_STRING, AT(charset), .arg = "NAME", .group = "Input",
      .help = "charset of what has no mark (default: detect)" },
    { 0, "html", OPT_ENUM, AT(html), .arg = "HOW", .def = "main", .choices = "main|full|raw",
      .group = "Input", .help = "of pages: main content, all text, or the markup" },
    { 0, "max-total", OPT_SIZE, AT(max_total), .arg = "SIZE", .def = "1024G", .min = 1,
      .max = (double)(1LL << 60), .group = "Input",
      .help = "end when more than this comes out of archives" },
    { 0, "text-column", OPT_STRING, AT(text_column), .arg = "NAME", .group = "Tables",
      .help = "the column that is the text (default: text)" },
    { 0, "delimiter", OPT_STRING, AT(delimiter), .arg = "CHAR", .check = check_delimiter,
      .group = "Tables", .help = "between fields (default: , for CSV, tab for TSV)" },
    { 0, "quote", OPT_STRING, AT(quote), .arg = "CHAR", .def = "\"", .check = check_quote,
      .group = "Tables", .help = "around fields, or none" },
    { 0, "header", OPT_FLAG, AT(header), .flags = OPT_TRISTATE, .group = "Tables",
      .help = "the first row names the columns (default)" },
};

#ifdef HAVE_UCHARDET
#define LIBRARY_CHARSET ", uchardet"
#else
#define LIBRARY_CHARSET " (without uchardet)"
#endif
#ifdef HAVE_LIBXML_2_0
#define LIBRARY_HTML ", libxml2"
#else
#define LIBRARY_HTML " (without libxml2)"
#endif

static const char *const synopsis[] = { "[options] [FILE|FOLDER|ARCHIVE...]", NULL };
static const struct command_example examples[] = {
    { "every file of a folder and of the archives in it", "collect corpus > corpus.jsonl" },
    { "only the Markdown of an archive", "collect --include '*.md' docs.tar.gz > docs.jsonl" },
    { "a table", "collect --text-column body articles.csv > articles.jsonl" },
    { "all text of saved pages, menus too", "collect --html full pages > pages.jsonl" },
    { "what cannot be read goes to a file of its own",
      "collect --rejects bad.jsonl corpus > good.jsonl" },
    { 0 },
};

static const struct command self = {
    .name = "collect",
    .summary = "turn files, folders and archives into records",
    .synopsis = synopsis,
    .examples = examples,
    .opts = opts,
    .opt_count = countof(opts),
    .common = COMMON_INPUT | COMMON_OUTPUT | COMMON_REJECTS | COMMON_JOBS | COMMON_PROGRESS,
    .operands = "FILE...",
    .order = "operands in order; folders in byte order; archives in theirs",
    .memory = "(2 * jobs + 3) * (1 MiB + 2 * longest record); 43 bytes per member of an archive",
    .libraries = "libarchive, libcsv" LIBRARY_CHARSET LIBRARY_HTML,
};

/* Our own outputs may lie in a folder that is walked. */
static void skip_outputs(struct app *app, struct gather_conf *gc)
{
    const char *paths[] = { app->common.output, app->common.rejects, app->common.report };
    struct leaves_file *skip = arena_new(&app->arena, struct leaves_file, countof(paths) + 1);
    struct os_stat st;
    ptrdiff_t n = 0;
    if (os_fstat(1, &st, NULL) && st.is_file)
        skip[n++] = (struct leaves_file){ st.device, st.inode };
    for (ptrdiff_t i = 0; i < countof(paths); i++)
        if (paths[i] && os_stat(paths[i], &st, NULL) && st.exists && st.is_file)
            skip[n++] = (struct leaves_file){ st.device, st.inode };
    gc->leaves.skip = skip;
    gc->leaves.skip_count = n;
}

static void report_counts(struct app *app, const struct gather *g)
{
    const struct leaves_counts *l = gather_leaves(g);
    const struct gather_counts *c = gather_counts(g);
    struct report *r = &app->report;
    report_int(r, "files_total", l->files, "files opened");
    report_int(r, "folders_total", l->folders, "folders walked");
    report_int(r, "archives_total", l->archives, "archives and compressed files opened");
    report_int(r, "members_total", l->members, "members of archives seen");
    report_int(r, "texts_total", c->text, "files read as text");
    report_int(r, "pages_total", c->html, "files read as HTML");
    report_int(r, "subtitles_total", c->subtitles, "files read as subtitles");
    report_int(r, "mended_pages_total", c->records.mended_pages,
               "pages with bytes that are not UTF-8, replaced");
    report_int(r, "streams_total", c->jsonl + c->json + c->csv + c->tsv,
               "files read as JSON Lines, JSON, CSV or TSV");
    report_int(r, "web_archives_total", c->warc + c->arc, "WARC and ARC files read");
    report_int(r, "web_records_total", c->records.web_records, "records of web archives");
    report_int(r, "web_other_total", c->records.web_other, "of them, requests and the like");
    report_int(r, "web_status_total", c->records.web_status, "of them, status other than 2xx");
    report_int(r, "web_media_total", c->records.web_media, "of them, media that are no text");
    report_int(r, "excluded_total", l->excluded, "left out by --include and --exclude");
    report_int(r, "skipped_links_total", l->links, "links, which have no content of their own");
    report_int(r, "skipped_special_total", l->specials, "devices, FIFOs and sockets");
    report_int(r, "unpacked_bytes_total", l->bytes_unpacked, "bytes out of archives");
    if (l->links)
        log_notice("%lld %s skipped: they have no content of their own", (long long)l->links,
                   l->links == 1 ? "link" : "links");
}

static bool run(struct app *app, void *arg, struct err *err)
{
    const struct conf *conf = arg;
    struct flow_conf fc = app_flow_conf(app);
    struct gather_conf gc = {
        .leaves = { .include = conf->include.items,
                    .include_count = conf->include.count,
                    .exclude = conf->exclude.items,
                    .exclude_count = conf->exclude.count,
                    .max_total = conf->max_total },
        .format = (enum magic_format)conf->input_type,
        .text_column = conf->text_column,
        .charset = conf->charset,
        .html = (enum webpage_mode)conf->html,
        .header = conf->header != 0,
        .max_record = fc.max_record,
    };
    parse_char(conf->delimiter, "tab", '\t', &gc.delimiter);
    parse_char(conf->quote, "none", 0, &gc.quote);
    if (!operands_list(&fc.in, &app->arena, &gc.leaves.operands, &gc.leaves.operand_count,
                       &gc.leaves.nothing, err))
        return false;
    skip_outputs(app, &gc);
    struct gather *g = gather_open(&gc, err);
    struct flow *f = g ? flow_open(&fc, &app->report, &app->progress, err) : NULL;
    bool ok = f && flow_source_run(f, &gather_source, g, err);
    if (f)
        report_counts(app, g);
    if (ok)
        ok = flow_close(f, err);
    else
        flow_abort(f);
    gather_close(g);
    return ok;
}

int main(int argc, char **argv)
{
    static struct conf conf;
    return app_run(&self, &conf, argc, argv, run);
}
