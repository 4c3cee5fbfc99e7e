/* The driver of modelfile.h: the only file of the topic that opens files. */
#include "modelfile.h"

#include <stdlib.h>

#include "../json.h"
#include "../os.h"
#include "gguf.h"
#include "hfmodel.h"
#include "safetensors.h"

#define GGUF_HEAD_FIRST ((int64_t)1 << 20)
#define CONFIG_MAX      ((ptrdiff_t)16 << 20)
#define TOKENIZER_MAX   ((ptrdiff_t)512 << 20)
#define SHARDS_MAX      4096
#define SLURPED_MAX     8
#define NOTICES_MAX     20

struct model_source {
    int *fds;
    const char **names;
    int64_t *sizes;
    slice *maps; /* NULL when not mapped */
    int count;
    slice slurped[SLURPED_MAX]; /* config files: freed at close */
    int slurped_count;
};

/* ---- files ---- */

/* False with ERR_NOINPUT; the descriptor belongs to the source from here on. */
static bool add_file(struct model_source *s, const char *path, struct arena *arena, struct err *err)
{
    struct os_stat st;
    int fd = os_open_read(path, err);

    if (fd < 0)
        return false;
    s->fds[s->count] = fd;
    s->names[s->count] = arena_cstr_dup(arena, slice_of(path));
    s->count++;
    if (!os_fstat(fd, &st, err))
        return false;
    if (!st.is_file)
        return err_set(err, ERR_NOINPUT, "%s: not a regular file", path);
    s->sizes[s->count - 1] = st.size;
    return true;
}

static void make_files(struct model_source *s, ptrdiff_t count, struct arena *arena)
{
    s->fds = arena_new(arena, int, count);
    s->names = arena_new(arena, const char *, count);
    s->sizes = arena_new(arena, int64_t, count);
}

static bool read_at(const struct model_source *s, int file, void *dst, int64_t size, int64_t offset,
                    struct err *err)
{
    return os_pread_full(s->fds[file], s->names[file], dst, size, offset, err);
}

static void add_notice(struct model_file *m, slice text)
{
    if (!m->notices)
        m->notices = arena_new(m->arena, slice, NOTICES_MAX);
    if (m->notice_count < NOTICES_MAX)
        ((slice *)m->notices)[m->notice_count++] = text;
}

/* ---- weights in memory ---- */

/* What the mapping cannot show as it is: rows to interleave, or data that lies at an odd place. */
static bool needs_copy(const struct tensor *t, const void *data)
{
    const struct tensor_layout *l = tensor_layout(t->type);
    uintptr_t align = l->block == 1 ? (uintptr_t)l->block_bytes : 2;

    return t->head_rows > 0 || t->transposed || t->parts || (uintptr_t)data % align != 0;
}

static bool map_tensors(struct model_file *m, struct err *err)
{
    struct model_source *s = m->source;

    s->maps = arena_new(m->arena, slice, s->count);
    for (int i = 0; i < s->count; i++) {
        if (!os_map(s->names[i], &s->maps[i], err))
            return false;
        if (s->maps[i].len != s->sizes[i])
            return err_set(err, ERR_CONFIG, "%s: changed while it was opened", s->names[i]);
    }
    for (ptrdiff_t i = 0; i < m->tensor_count; i++) {
        struct tensor *t = &m->tensors[i];
        if (t->file < 0)
            continue;
        t->data = s->maps[t->file].ptr + t->offset;
        if (needs_copy(t, t->data)) {
            void *copy = arena_alloc_raw(m->arena, t->bytes, 64);
            if (!model_file_read(m, t, copy, err))
                return false;
            t->data = copy;
        }
    }
    return true;
}

/* ---- GGUF ---- */

static void add_stop(struct model_file *m, int64_t id)
{
    if (id < 0 || m->stop_count == MODEL_STOP_MAX)
        return;
    for (int i = 0; i < m->stop_count; i++)
        if (m->stop[i] == id)
            return;
    m->stop[m->stop_count++] = id;
}

static void gguf_tokenizer(struct model_file *m)
{
    static const char *const stops[] = { "tokenizer.ggml.eos_token_id",
                                         "tokenizer.ggml.eot_token_id",
                                         "tokenizer.ggml.eom_token_id" };
    const struct model_value *tokens = model_get(m, "tokenizer.ggml.tokens");
    int64_t id;

    m->has_tokenizer =
        tokens && tokens->type == MODEL_ARRAY && tokens->strings && tokens->count > 0;
    if (model_get_int(m, "tokenizer.ggml.bos_token_id", &id))
        m->bos = id;
    for (ptrdiff_t i = 0; i < countof(stops); i++)
        if (model_get_int(m, stops[i], &id))
            add_stop(m, id);
    model_get_string(m, "tokenizer.chat_template", &m->chat_template);
}

static bool open_gguf(struct model_file *m, struct err *err)
{
    struct model_source *s = m->source;
    int64_t size = s->sizes[0], have = MIN(size, GGUF_HEAD_FIRST);
    struct gguf g;

    for (;;) {
        char *head = arena_alloc_raw(m->arena, have, 64);
        if (!read_at(s, 0, head, have, 0, err))
            return false;
        enum gguf_status status = gguf_parse(slice_make(head, have), size, m->arena, &g, err);
        if (status == GGUF_OK)
            break;
        if (status == GGUF_BAD)
            return err_context(err, "%s", m->path);
        have = MIN(size, have * 8);
    }
    m->kind = MODEL_GGUF;
    m->version = g.version;
    m->alignment = g.alignment;
    m->keys = g.keys;
    m->tensors = g.tensors;
    m->tensor_count = g.tensor_count;
    gguf_tokenizer(m);
    if (!model_get_string(m, "general.architecture", &m->arch))
        m->arch = SLICE("");
    return true;
}

/* ---- safetensors ---- */

static bool read_shard(struct model_file *m, int file, struct safetensors *st, struct err *err)
{
    struct model_source *s = m->source;
    int64_t size = s->sizes[file];
    char first[8] = { 0 };

    if (!read_at(s, file, first, MIN(size, 8), 0, err))
        return false;
    int64_t n = safetensors_header_size(slice_make(first, MIN(size, 8)), size, err);
    if (n >= 0) {
        char *json = arena_alloc(m->arena, n + RECORD_PADDING, 1, 64);
        if (!read_at(s, file, json, n, 8, err))
            return false;
        if (safetensors_parse(slice_make(json, n), size, m->arena, st, err)) {
            for (ptrdiff_t i = 0; i < st->tensor_count; i++)
                st->tensors[i].file = file;
            return true;
        }
    }
    return err_context(err, "%s", s->names[file]);
}

static bool open_safetensors(struct model_file *m, struct err *err)
{
    struct safetensors st;

    if (!read_shard(m, 0, &st, err))
        return false;
    m->kind = MODEL_SAFETENSORS;
    m->tensors = st.tensors;
    m->tensor_count = st.tensor_count;
    m->keys = st.keys;
    return true;
}

/* ---- folders ---- */

static const char *join(struct model_file *m, const char *name)
{
    return arena_printf(m->arena, "%s/%s", m->path, name).ptr;
}

/* Empty when the file is missing. */
static bool slurp(struct model_file *m, const char *name, ptrdiff_t max, slice *bytes,
                  struct err *err)
{
    const char *path = join(m, name);
    struct os_stat st;

    *bytes = SLICE("");
    if (!os_stat(path, &st, err))
        return false;
    if (!st.exists)
        return true;
    if (!os_slurp(path, max, bytes, err))
        return false;
    ASSERT(m->source->slurped_count < SLURPED_MAX);
    m->source->slurped[m->source->slurped_count++] = *bytes;
    return true;
}

/* *root is NULL when the file is missing. */
static bool slurp_json(struct model_file *m, const char *name, struct json_node **root,
                       struct err *err)
{
    slice bytes;

    *root = NULL;
    if (!slurp(m, name, CONFIG_MAX, &bytes, err))
        return false;
    if (bytes.len == 0)
        return true;
    *root = json_parse(bytes, m->arena, err);
    if (!*root)
        return err_context(err, "%s", join(m, name));
    if ((*root)->type != JSON_OBJECT)
        return err_set(err, ERR_CONFIG, "%s: not a JSON object", join(m, name));
    return true;
}

static bool exists(struct model_file *m, const char *name)
{
    struct os_stat st;

    return os_stat(join(m, name), &st, NULL) && st.exists;
}

static bool refuse_pickle(const char *path, struct err *err)
{
    return err_set(err, ERR_CONFIG,
                   "%s: a Python pickle, which can run any code when it is read; "
                   "convert it once where you trust it: AutoModelForCausalLM.from_pretrained(DIR)"
                   ".save_pretrained(NEW, safe_serialization=True)",
                   path);
}

static bool no_weights(struct model_file *m, struct err *err)
{
    static const char *const pickles[] = { "pytorch_model.bin", "pytorch_model.bin.index.json",
                                           "consolidated.00.pth" };

    for (ptrdiff_t i = 0; i < countof(pickles); i++)
        if (exists(m, pickles[i]))
            return refuse_pickle(join(m, pickles[i]), err);
    return err_set(err, ERR_NOINPUT,
                   "%s: neither model.safetensors nor "
                   "model.safetensors.index.json is there",
                   m->path);
}

static int place_of(const struct safetensors_index *index, slice name)
{
    ptrdiff_t low = 0, high = index->place_count;

    while (low < high) {
        ptrdiff_t mid = low + (high - low) / 2;
        int c = slice_cmp(index->places[mid].tensor, name);
        if (c == 0)
            return index->places[mid].file;
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return -1;
}

/* All shards of the index: each tensor lies in the shard that the index names, and nowhere else. */
static bool read_shards(struct model_file *m, const struct safetensors_index *index,
                        struct hf_source *src, struct err *err)
{
    struct tensor *all = arena_new(m->arena, struct tensor, index->place_count);

    for (int file = 0; file < (int)index->file_count; file++) {
        struct safetensors st;
        if (!add_file(m->source, join(m, index->files[file]), m->arena, err)) {
            err->class = ERR_CONFIG; /* the model is incomplete */
            return err_context(err, "%s", join(m, "model.safetensors.index.json"));
        }
        if (!read_shard(m, file, &st, err))
            return false;
        for (ptrdiff_t i = 0; i < st.tensor_count; i++) {
            if (place_of(index, st.tensors[i].name) != file)
                return err_set(err, ERR_CONFIG, "%s: tensor %s is not here by the index",
                               m->source->names[file], ERR_QUOTE(st.tensors[i].name));
            all[src->tensor_count++] = st.tensors[i];
        }
    }
    if (src->tensor_count != index->place_count)
        return err_set(err, ERR_CONFIG, "%s: the index names %td tensors, the shards hold %td",
                       m->path, index->place_count, src->tensor_count);
    src->tensors = all;
    return true;
}

static bool read_weights(struct model_file *m, struct hf_source *src, struct err *err)
{
    struct safetensors_index index;
    struct safetensors st;
    slice bytes;

    if (exists(m, "model.safetensors")) {
        make_files(m->source, 1, m->arena);
        if (!add_file(m->source, join(m, "model.safetensors"), m->arena, err) ||
            !read_shard(m, 0, &st, err))
            return false;
        src->tensors = st.tensors;
        src->tensor_count = st.tensor_count;
        return true;
    }
    if (!slurp(m, "model.safetensors.index.json", CONFIG_MAX, &bytes, err))
        return false;
    if (bytes.len == 0)
        return no_weights(m, err);
    if (!safetensors_parse_index(bytes, m->arena, &index, err))
        return err_context(err, "%s", join(m, "model.safetensors.index.json"));
    if (index.file_count > SHARDS_MAX)
        return err_set(err, ERR_CONFIG, "%s: more than %d shards", m->path, SHARDS_MAX);
    make_files(m->source, index.file_count, m->arena);
    return read_shards(m, &index, src, err);
}

static void read_ids(struct model_file *m, const struct json_node *n)
{
    int64_t id;

    m->bos = json_get_int(n, "bos_token_id", m->bos);
    const struct json_node *eos = json_get(n, "eos_token_id");
    if (eos && json_int(eos, &id))
        add_stop(m, id);
    for (eos = eos && eos->type == JSON_ARRAY ? eos->child : NULL; eos; eos = eos->next)
        if (json_int(eos, &id))
            add_stop(m, id);
}

static void read_template(struct model_file *m, const struct json_node *config)
{
    const struct json_node *n = json_get(config, "chat_template");

    if (n && n->type == JSON_STRING)
        m->chat_template = n->text;
    if (!n || n->type != JSON_ARRAY)
        return;
    for (n = n->child; n; n = n->next)
        if (!m->chat_template.len ||
            slice_eq(json_get_string(n, "name", SLICE("")), SLICE("default")))
            m->chat_template = json_get_string(n, "template", SLICE(""));
}

/* "eos_token": "</s>", or an object with its "content". */
static void read_special_tokens(struct model_file *m, const struct json_node *config)
{
    static const char *const members[MODEL_TOKEN_COUNT] = { "bos_token", "eos_token", "unk_token",
                                                            "pad_token" };

    for (int i = 0; i < MODEL_TOKEN_COUNT; i++) {
        const struct json_node *n = json_get(config, members[i]);
        slice content = json_get_string(n, "content", SLICE(""));
        m->special_tokens[i] = json_get_string(config, members[i], content);
    }
}

static bool read_tokenizer(struct model_file *m, struct err *err)
{
    struct json_node *config;

    if (!slurp(m, "tokenizer.json", TOKENIZER_MAX, &m->tokenizer_json, err) ||
        !slurp(m, "chat_template.jinja", CONFIG_MAX, &m->chat_template, err) ||
        !slurp_json(m, "tokenizer_config.json", &config, err))
        return false;
    m->has_tokenizer = m->tokenizer_json.len > 0;
    if (!m->has_tokenizer)
        add_notice(m, exists(m, "tokenizer.model")
                          ? SLICE("only tokenizer.json is read, not tokenizer.model: the model has "
                                  "no tokenizer and takes ids only")
                          : SLICE("no tokenizer.json: the model has no tokenizer and takes ids "
                                  "only"));
    if (m->chat_template.len == 0)
        read_template(m, config);
    read_special_tokens(m, config);
    return true;
}

static const char *base_name(const char *path, struct arena *arena)
{
    ptrdiff_t end = (ptrdiff_t)strlen(path);

    while (end > 1 && path[end - 1] == '/')
        end--;
    ptrdiff_t start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    slice s = slice_make(path + start, end - start);
    if (s.len == 0 || s.ptr[0] == '.' || s.ptr[0] == '/')
        return "model";
    return arena_cstr_dup(arena, s);
}

/* Norms that store w - 1: float32 values in memory, few and small. */
static bool add_ones(struct model_file *m, struct err *err)
{
    for (ptrdiff_t i = 0; i < m->tensor_count; i++) {
        struct tensor *t = &m->tensors[i];
        if (!t->plus_one)
            continue;
        int64_t n = tensor_elements(t);
        void *raw = arena_alloc_raw(m->arena, MAX(t->bytes, 1), 64);
        float *values = arena_new(m->arena, float, (ptrdiff_t)MAX(n, 1));
        if (!model_file_read(m, t, raw, err))
            return false;
        if (!tensor_to_f32((int)t->type, raw, values, n))
            return err_set(err, ERR_CONFIG, "tensor %s is %s, which cannot be converted",
                           ERR_QUOTE(t->name), tensor_type_name((int)t->type));
        for (int64_t k = 0; k < n; k++)
            values[k] += 1;
        *t = (struct tensor){ .name = t->name,
                              .type = TENSOR_F32,
                              .dims = t->dims,
                              .ne = { n, 1, 1, 1 },
                              .data = values,
                              .bytes = n * 4,
                              .file = -1 };
    }
    return true;
}

/* Sentence encoders say in a folder of their own how token vectors become one. */
static bool read_pooling(struct model_file *m, struct err *err)
{
    static const struct {
        const char *member;
        int type;
    } modes[] = { { "pooling_mode_mean_tokens", 1 },
                  { "pooling_mode_cls_token", 2 },
                  { "pooling_mode_lasttoken", 3 } };
    struct json_node *config;

    if (!slurp_json(m, "1_Pooling/config.json", &config, err))
        return false;
    for (ptrdiff_t i = 0; config && i < countof(modes); i++)
        if (json_get_bool(config, modes[i].member, false)) {
            model_keys_set(&m->keys,
                           arena_printf(m->arena, "%.*s.pooling_type", SLICE_ARG(m->arch)),
                           model_u32((uint32_t)modes[i].type));
            return true;
        }
    return true;
}

static bool open_folder(struct model_file *m, struct err *err)
{
    struct json_node *config, *generation;
    struct hf_source src = { .name = base_name(m->path, m->arena) };
    struct hf_model hf;

    m->kind = MODEL_FOLDER;
    if (!slurp_json(m, "config.json", &config, err) ||
        !slurp_json(m, "generation_config.json", &generation, err))
        return false;
    if (!config)
        return err_set(err, ERR_NOINPUT, "%s: no config.json in this folder", m->path);
    src.config = config;
    src.generation = generation;
    if (!read_weights(m, &src, err) || !read_tokenizer(m, err))
        return false;
    if (!hf_map(&src, m->arena, &hf, err))
        return err_context(err, "%s", m->path);
    m->keys = hf.keys;
    m->tensors = hf.tensors;
    m->tensor_count = hf.tensor_count;
    m->arch = slice_of(hf.arch->name);
    for (ptrdiff_t i = 0; i < hf.notice_count; i++)
        add_notice(m, hf.notices[i]);
    if (!add_ones(m, err) || (hf.arch->encoder && !read_pooling(m, err)))
        return err_context(err, "%s", m->path);
    if (generation)
        read_ids(m, generation);
    if (m->stop_count == 0)
        read_ids(m, config);
    return true;
}

/* ---- opening ---- */

static bool open_by_content(struct model_file *m, struct err *err)
{
    struct model_source *s = m->source;
    char head[9] = { 0 };

    make_files(s, 1, m->arena);
    if (!add_file(s, m->path, m->arena, err))
        return false;
    ptrdiff_t n = (ptrdiff_t)MIN(s->sizes[0], 9);
    if (!read_at(s, 0, head, n, 0, err))
        return false;
    slice start = slice_make(head, n);
    if (gguf_is_magic(start))
        return open_gguf(m, err);
    if (slice_starts(start, SLICE("PK\3\4")) || slice_starts(start, SLICE("\x80\2")) ||
        slice_starts(start, SLICE("\x80\4")))
        return refuse_pickle(m->path, err);
    if (slice_ends(slice_of(m->path), SLICE(".safetensors")) || (n == 9 && head[8] == '{'))
        return open_safetensors(m, err);
    return err_set(err, ERR_CONFIG, "%s: byte 0: neither GGUF nor safetensors", m->path);
}

struct model_file *model_file_open(const char *path, bool map, struct arena *arena, struct err *err)
{
    struct model_file *m = arena_new(arena, struct model_file, 1);
    struct os_stat st;

    *m = (struct model_file){ .path = arena_cstr_dup(arena, slice_of(path)),
                              .alignment = 32,
                              .version = 3,
                              .bos = -1,
                              .arena = arena,
                              .arch = SLICE(""),
                              .chat_template = SLICE(""),
                              .tokenizer_json = SLICE(""),
                              .source = arena_new(arena, struct model_source, 1) };
    m->keys.arena = arena;
    if (!os_stat(path, &st, err))
        return NULL;
    bool ok = st.exists && st.is_dir ? open_folder(m, err) : open_by_content(m, err);
    if (ok && map)
        ok = map_tensors(m, err);
    if (ok)
        return m;
    model_file_close(m);
    return NULL;
}

void model_file_close(struct model_file *m)
{
    if (!m)
        return;
    struct model_source *s = m->source;
    for (int i = 0; i < s->count; i++) {
        os_close_quiet(s->fds[i]);
        if (s->maps && s->maps[i].ptr)
            os_unmap(s->maps[i]);
    }
    for (int i = 0; i < s->slurped_count; i++)
        os_free(s->slurped[i]);
    *s = (struct model_source){ 0 };
}

/* ---- access ---- */

const struct tensor *model_tensor(const struct model_file *m, const char *name)
{
    slice key = slice_of(name);

    for (ptrdiff_t i = 0; i < m->tensor_count; i++)
        if (slice_eq(m->tensors[i].name, key))
            return &m->tensors[i];
    return NULL;
}

const struct model_value *model_get(const struct model_file *m, const char *key)
{
    slice want = slice_of(key);
    bool with_arch = slice_starts(want, SLICE("%s."));

    if (!with_arch)
        return model_keys_get(&m->keys, want);
    want = slice_from(want, 2);
    for (ptrdiff_t i = 0; i < m->keys.count; i++) {
        slice name = m->keys.items[i].name;
        if (slice_starts(name, m->arch) && slice_eq(slice_from(name, m->arch.len), want))
            return &m->keys.items[i].value;
    }
    return NULL;
}

bool model_get_int(const struct model_file *m, const char *key, int64_t *out)
{
    return model_value_int(model_get(m, key), out);
}

bool model_get_float(const struct model_file *m, const char *key, double *out)
{
    return model_value_float(model_get(m, key), out);
}

bool model_get_string(const struct model_file *m, const char *key, slice *out)
{
    const struct model_value *v = model_get(m, key);

    if (!v || v->type != MODEL_STRING)
        return false;
    *out = v->text;
    return true;
}

/* Elements of what is interleaved: a row, or one element of a bias. */
static int64_t row_length(const struct tensor *t)
{
    return t->dims == 1 ? 1 : t->ne[0];
}

int64_t model_file_unit(const struct tensor *t)
{
    if (t->transposed) /* every row is made of all of the source */
        return MAX(1, tensor_elements(t));
    return t->head_rows ? t->head_rows * row_length(t) : 1;
}

static void transpose(const char *src, char *dst, int64_t rows, int64_t columns, int64_t size)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t c = 0; c < columns; c++)
            memcpy(dst + (r * columns + c) * size, src + (c * rows + r) * size, (size_t)size);
}

/* What lies in the file in another order: read as it is there, then put right. */
static bool read_reordered(const struct model_file *m, const struct tensor *t, int64_t count,
                           int64_t bytes, int64_t offset, void *dst, struct err *err)
{
    void *source_order = malloc((size_t)MAX(bytes, 1));

    if (!source_order)
        mem_oom();
    bool ok = read_at(m->source, t->file, source_order, bytes, offset, err);
    if (ok && t->transposed)
        transpose(source_order, dst, t->ne[1], t->ne[0], bytes / MAX(count, 1));
    else if (ok)
        hf_interleave_heads(source_order, dst, count / row_length(t), t->head_rows,
                            tensor_row_bytes(t->type, row_length(t)));
    free(source_order);
    return ok;
}

static bool read_parts(const struct model_file *m, const struct tensor *t, int64_t first,
                       int64_t count, char *dst, struct err *err)
{
    int64_t each = tensor_elements(&t->parts[0]);

    while (count > 0) {
        int64_t at = first % each, n = MIN(count, each - at);
        if (!model_file_read_part(m, &t->parts[first / each], at, n, dst, err))
            return false;
        dst += tensor_row_bytes(t->type, n);
        first += n;
        count -= n;
    }
    return true;
}

bool model_file_read_part(const struct model_file *m, const struct tensor *t, int64_t first,
                          int64_t count, void *dst, struct err *err)
{
    const struct tensor_layout *l = tensor_layout(t->type);
    int64_t bytes = count / l->block * l->block_bytes;
    int64_t offset = t->offset + first / l->block * l->block_bytes;

    ASSERT(first >= 0 && count >= 0 && first + count <= tensor_elements(t));
    ASSERT(first % l->block == 0 && count % l->block == 0);
    if (t->parts)
        return read_parts(m, t, first, count, dst, err);
    if (t->file < 0) {
        memcpy(dst, (const char *)t->data + (offset - t->offset), (size_t)bytes);
        return true;
    }
    if (!t->head_rows && !t->transposed)
        return read_at(m->source, t->file, dst, bytes, offset, err);
    ASSERT(first % model_file_unit(t) == 0 && count % model_file_unit(t) == 0);
    return read_reordered(m, t, count, bytes, offset, dst, err);
}

bool model_file_read(const struct model_file *m, const struct tensor *t, void *dst, struct err *err)
{
    return model_file_read_part(m, t, 0, tensor_elements(t), dst, err);
}
