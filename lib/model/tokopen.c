#include "tokopen.h"

#include "../json.h"
#include "../os.h"
#include "modelfile.h"

#define FILE_MAX ((ptrdiff_t)1 << 30)

static bool exists(const char *path)
{
    struct os_stat st;

    return os_stat(path, &st, NULL) && st.exists && !st.is_dir;
}

static const char *beside(const char *path, const char *name, struct arena *arena)
{
    const char *slash = strrchr(path, '/');

    return slash ? arena_printf(arena, "%.*s/%s", (int)(slash - path), path, name).ptr : name;
}

/* The bytes in the arena; ptr NULL when there is no such file. */
static bool slurp(const char *path, struct arena *arena, slice *bytes, struct err *err)
{
    slice got;

    *bytes = (slice){ NULL, 0 };
    if (!os_slurp(path, FILE_MAX, &got, err))
        return false;
    *bytes = arena_dup(arena, got);
    os_free(got);
    return true;
}

/* What the folder says about case. */
static void read_case(const char *path, struct tok_conf *conf, struct arena *arena)
{
    const char *config = beside(path, "tokenizer_config.json", arena);
    slice text;

    if (!exists(config) || !slurp(config, arena, &text, NULL))
        return;
    const struct json_node *n = json_get(json_parse(text, arena, NULL), "do_lower_case");
    if (n && (n->type == JSON_TRUE || n->type == JSON_FALSE))
        conf->lettercase = n->type == JSON_TRUE ? TOK_CASE_LOWER : TOK_CASE_KEEP;
}

static bool ends_with(const char *path, const char *name)
{
    return slice_ends(slice_of(path), slice_of(name));
}

/* What lies beside the file and belongs to it. */
static bool read_company(struct tok_conf *conf, const struct tok_source *src, slice bytes,
                         struct arena *work, struct err *err)
{
    const char *merges = NULL;

    if (src->pattern && patterns_is_name(src->pattern))
        conf->pattern_name = src->pattern;
    else if (src->pattern && !slurp(src->pattern, work, &conf->pattern_file, err))
        return false;
    if (ends_with(conf->name, "vocab.json"))
        merges = arena_printf(work, "%.*smerges.txt", (int)strlen(conf->name) - 10, conf->name).ptr;
    if (merges && exists(merges) && !slurp(merges, work, &conf->merges, err))
        return false;
    if (ends_with(conf->name, ".txt"))
        read_case(conf->name, conf, work);
    (void)bytes;
    return true;
}

static bool is_compiled(const char *path)
{
    char magic[8] = { 0 };
    int fd = os_open_read(path, NULL);
    bool is =
        fd >= 0 && os_pread_full(fd, path, magic, 8, 0, NULL) && memcmp(magic, "MRTOKMRT", 8) == 0;

    if (fd >= 0)
        os_close_quiet(fd);
    return is;
}

static struct tok *open_file(const char *path, const struct tok_source *src, struct arena *arena,
                             struct err *err)
{
    struct tok_conf conf = { .name = path };
    struct arena work = { 0 };
    struct tok *t = NULL;
    slice bytes;

    if (is_compiled(path)) { /* stays mapped until the process ends */
        conf.bytes_stay = true;
        return os_map(path, &bytes, err) ? tok_load(&conf, bytes, arena, err) : NULL;
    }
    if (!os_slurp(path, FILE_MAX, &bytes, err))
        return NULL;
    if (read_company(&conf, src, bytes, &work, err))
        t = tok_load(&conf, bytes, arena, err);
    os_free(bytes);
    arena_release(&work);
    return t;
}

static struct tok *open_model(const char *path, struct arena *arena, struct err *err)
{
    struct model_file *m = model_file_open(path, false, arena, err);
    struct tok *t = m ? model_file_tokenizer(m, arena, err) : NULL;

    if (m)
        model_file_close(m);
    return t;
}

static bool is_gguf(const char *path, struct err *err)
{
    char magic[4] = { 0 };
    int fd = os_open_read(path, err);
    bool gguf =
        fd >= 0 && os_pread_full(fd, path, magic, 4, 0, err) && memcmp(magic, "GGUF", 4) == 0;

    if (fd >= 0)
        os_close_quiet(fd);
    return gguf;
}

struct tok *tok_open(const struct tok_source *src, struct arena *arena, struct err *err)
{
    static const char *const names[] = {
        "tokenizer.json",          "tekken.json", "tokenizer.model", "spiece.model",
        "sentencepiece.bpe.model", "vocab.json",  "vocab.txt"
    };
    struct os_stat st;

    if (!os_stat(src->path, &st, err))
        return NULL;
    if (st.exists && st.is_dir) {
        for (ptrdiff_t i = 0; i < countof(names); i++) {
            const char *path = arena_printf(arena, "%s/%s", src->path, names[i]).ptr;
            if (exists(path))
                return open_file(path, src, arena, err);
        }
        err_set(err, ERR_NOINPUT, "%s: the folder holds no tokenizer", src->path);
        return NULL;
    }
    if (st.exists && st.is_file && is_gguf(src->path, NULL))
        return open_model(src->path, arena, err);
    return open_file(src->path, src, arena, err);
}

/* ---- conversations ---- */

static bool chat_of_model(const char *path, struct tok_chat *chat, struct arena *arena,
                          struct err *err)
{
    struct model_file *m = model_file_open(path, false, arena, err);

    if (!m)
        return false;
    if (m->chat_template.len)
        chat->chat_template = arena_dup(arena, m->chat_template);
    model_get_int(m, "tokenizer.ggml.bos_token_id", &chat->bos);
    model_get_int(m, "tokenizer.ggml.eos_token_id", &chat->eos);
    model_file_close(m);
    return true;
}

/* "bos_token": "<s>" or {"content": "<s>", ...} */
static int64_t named_token(const struct tok *t, const struct json_node *root, const char *key)
{
    const struct json_node *n = json_get(root, key);

    if (n && n->type == JSON_OBJECT)
        n = json_get(n, "content");
    return n && n->type == JSON_STRING ? tok_id_of(t, n->text) : -1;
}

/* A text, or a list of named ones. */
static slice template_of(const struct json_node *root)
{
    const struct json_node *n = json_get(root, "chat_template");
    slice found = { "", 0 };

    if (n && n->type == JSON_STRING)
        return n->text;
    for (const struct json_node *m = n && n->type == JSON_ARRAY ? n->child : NULL; m; m = m->next)
        if (found.len == 0 || slice_eq(json_get_string(m, "name", SLICE("")), SLICE("default")))
            found = json_get_string(m, "template", SLICE(""));
    return found;
}

bool tok_open_chat(const struct tok_source *src, const struct tok *t, struct tok_chat *chat,
                   struct arena *arena, struct err *err)
{
    struct os_stat st;
    slice text;

    *chat = (struct tok_chat){ .bos = -1, .eos = -1 };
    if (!os_stat(src->path, &st, err))
        return false;
    if (st.exists && st.is_file && is_gguf(src->path, NULL))
        return chat_of_model(src->path, chat, arena, err);
    const char *name = st.is_dir ? arena_printf(arena, "%s/x", src->path).ptr : src->path;
    const char *config = beside(name, "tokenizer_config.json", arena);
    const char *jinja = beside(name, "chat_template.jinja", arena);
    if (exists(config)) {
        if (!slurp(config, arena, &text, err))
            return false;
        struct json_node *root = json_parse(text, arena, err);
        if (!root)
            return err_context(err, "%s", config);
        chat->chat_template = template_of(root);
        chat->bos = named_token(t, root, "bos_token");
        chat->eos = named_token(t, root, "eos_token");
    }
    return !exists(jinja) || slurp(jinja, arena, &chat->chat_template, err);
}
