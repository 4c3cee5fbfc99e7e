#include "leaves.h"

#include "../buf.h"
#include "../hash.h"
#include "../json.h"
#include "../log.h"
#include "../os.h"
#include "archive.h"
#include "magic.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

/* A byte stream with its first bytes kept for sniffing. */
struct stream {
    ptrdiff_t (*read)(void *self, char *dst, ptrdiff_t cap, struct err *err);
    void *self;
    ptrdiff_t head_len, head_at;
    bool ended;
    char head[MAGIC_HEAD_BYTES + RECORD_PADDING];
};

/* A folder on the way down. */
struct folder {
    struct os_entry *entries;
    ptrdiff_t count, next;
    char *path;
};

/* The ids of the members so far, by hash, and how often each was seen. */
struct names {
    struct name_seen {
        uint64_t hash; /* 0: free */
        int64_t times;
    } * slots;
    ptrdiff_t count, cap; /* cap: a power of two */
};

/* An opened archive; level 0 lies in a file, level 1 in a member of level 0. */
struct level {
    struct arc *arc;
    struct leaves *owner;
    int spool; /* fd of a copy that can be sought, -1: none */
    int64_t members;
    bool dead;   /* broken, and said so */
    char *label; /* id of the archive itself */
    struct names names;
};

struct leaves {
    struct leaves_conf conf;
    ptrdiff_t next_operand;
    struct folder *folders;
    ptrdiff_t folder_count, folder_cap;
    int fd;
    bool is_pipe, is_file;
    int64_t file_size, budget;
    char *path; /* of the open file, as the system knows it */
    struct buf source, id, reason;
    struct level levels[2];
    int depth;                /* opened levels */
    struct stream streams[3]; /* the file, a member of level 0, a member of level 1 */
    int leaf_stream;          /* the one that leaves_read reads, -1: none */
    struct leaves_counts counts;
};

/* ---- names ---- */

static void append_escaped(struct buf *b, slice s)
{
    while (s.len) {
        ptrdiff_t good = json_utf8_prefix(s);
        for (ptrdiff_t i = 0; i < good; i++) {
            unsigned char c = (unsigned char)s.ptr[i];
            if (c < 0x20 || c == 0x7f)
                buf_printf(b, "%%%02X", c);
            else
                buf_append_byte(b, (char)c);
        }
        if (good < s.len)
            buf_printf(b, "%%%02X", (unsigned char)s.ptr[good]);
        s = slice_from(s, MIN(good + 1, s.len));
    }
}

/* ARCHIVE!MEMBER. False: the name has a ".." part. */
static bool member_id(struct buf *id, const char *archive, slice name)
{
    bool inside = true, first = true;
    buf_clear(id);
    buf_append(id, slice_of(archive));
    buf_append_byte(id, '!');
    while (name.len) {
        ptrdiff_t end = slice_find(name, '/');
        slice part = slice_make(name.ptr, end < 0 ? name.len : end);
        name = slice_from(name, end < 0 ? name.len : end + 1);
        if (part.len == 0 || slice_eq(part, SLICE(".")))
            continue;
        inside = inside && !slice_eq(part, SLICE(".."));
        if (!first)
            buf_append_byte(id, '/');
        append_escaped(id, part);
        first = false;
    }
    return inside;
}

static struct name_seen *find_name(const struct names *n, uint64_t hash)
{
    ptrdiff_t i = (ptrdiff_t)(hash & (uint64_t)(n->cap - 1));
    while (n->slots[i].hash && n->slots[i].hash != hash)
        i = (i + 1) & (n->cap - 1);
    return &n->slots[i];
}

static struct name_seen *add_name(struct names *n, slice id)
{
    uint64_t hash = hash64_of(id, 0) | 1;
    if (n->count * 4 >= n->cap * 3) {
        struct names bigger = { .cap = MAX(64, n->cap * 2), .count = n->count };
        bigger.slots = calloc((size_t)bigger.cap, sizeof *bigger.slots);
        if (!bigger.slots)
            mem_oom();
        for (ptrdiff_t i = 0; i < n->cap; i++)
            if (n->slots[i].hash)
                *find_name(&bigger, n->slots[i].hash) = n->slots[i];
        free(n->slots);
        *n = bigger;
    }
    struct name_seen *s = find_name(n, hash);
    n->count += s->hash == 0;
    s->hash = hash;
    return s;
}

static slice last_part(slice id)
{
    for (ptrdiff_t i = id.len; i > 0; i--)
        if (id.ptr[i - 1] == '/' || id.ptr[i - 1] == '!')
            return slice_from(id, i);
    return id;
}

/* The second member of a name gets "~2" in front of its suffixes, the third "~3"; a name that is
 * taken by a member which is really called so is passed over. */
static void distinguish(struct names *n, struct buf *id)
{
    struct name_seen *s = add_name(n, buf_slice(id));
    int64_t times = ++s->times;
    uint64_t hash = s->hash;
    if (times == 1)
        return;
    slice last = last_part(buf_slice(id));
    ptrdiff_t stem = 1;
    while (stem < last.len && last.ptr[stem] != '.')
        stem++;
    slice rest = slice_from(last, MIN(stem, last.len));
    char *suffixes = strndup(rest.ptr, (size_t)rest.len);
    if (!suffixes)
        mem_oom();
    ptrdiff_t len = id->len - rest.len;
    do {
        id->len = len;
        buf_printf(id, "~%lld%s", (long long)times++, suffixes);
        s = add_name(n, buf_slice(id));
    } while (s->times++);
    find_name(n, hash)->times = times - 1;
    free(suffixes);
}

static bool glob_matches(const char *const *globs, ptrdiff_t count, const char *id)
{
    slice last = last_part(slice_of(id));
    char base[4096];
    slice bare = magic_strip_suffix(last);
    snprintf(base, sizeof base, "%.*s", SLICE_ARG(bare));
    for (ptrdiff_t i = 0; i < count; i++)
        if (fnmatch(globs[i], id, 0) == 0 || fnmatch(globs[i], last.ptr, 0) == 0 ||
            fnmatch(globs[i], base, 0) == 0)
            return true;
    return false;
}

static bool wanted(struct leaves *l, const char *id, bool is_leaf)
{
    bool out = glob_matches(l->conf.exclude, l->conf.exclude_count, id) ||
               (is_leaf && l->conf.include_count &&
                !glob_matches(l->conf.include, l->conf.include_count, id));
    l->counts.excluded += out;
    return !out;
}

/* ---- streams ---- */

static ptrdiff_t stream_read(struct stream *s, char *dst, ptrdiff_t cap, struct err *err)
{
    ptrdiff_t kept = s->head_len - s->head_at;
    if (kept > 0) {
        ptrdiff_t n = MIN(kept, cap);
        memcpy(dst, s->head + s->head_at, (size_t)n);
        s->head_at += n;
        return n;
    }
    if (s->ended)
        return 0;
    ptrdiff_t n = s->read(s->self, dst, cap, err);
    s->ended = n == 0;
    return n;
}

/* Fills the head. From a pipe it is exactly the first LIVE_HEAD bytes, however they arrive, so that
 * nobody waits for many and what is decided does not depend on how they were written. */
#define LIVE_HEAD 512
static ptrdiff_t stream_peek(struct stream *s, bool live, struct err *err)
{
    ptrdiff_t want = live ? LIVE_HEAD : MAGIC_HEAD_BYTES;
    s->head_len = s->head_at = 0;
    s->ended = false;
    while (s->head_len < want && !s->ended) {
        ptrdiff_t n = s->read(s->self, s->head + s->head_len, want - s->head_len, err);
        if (n < 0)
            return n;
        s->head_len += n;
        s->ended = n == 0;
    }
    memset(s->head + s->head_len, 0, RECORD_PADDING);
    return 1;
}

static ptrdiff_t file_read(void *self, char *dst, ptrdiff_t cap, struct err *err)
{
    struct leaves *l = self;
    return os_read(l->fd, l->path, dst, cap, err);
}

static bool file_pread(void *self, char *dst, ptrdiff_t len, int64_t offset, struct err *err)
{
    struct leaves *l = self;
    return os_pread_full(l->fd, l->path, dst, len, offset, err);
}

static void total_error(const struct level *v, struct err *err)
{
    err_set(err, ERR_DATA, "%s: more than --max-total bytes come out of archives", v->label);
}

static ptrdiff_t member_read(void *self, char *dst, ptrdiff_t cap, struct err *err)
{
    struct level *v = self;
    ptrdiff_t n = arc_read(v->arc, dst, cap, err);
    if (n > 0) {
        v->owner->budget -= n;
        v->owner->counts.bytes_unpacked += n;
    }
    if (n > 0 && v->owner->budget < 0) {
        total_error(v, err);
        return ARC_READ_FATAL;
    }
    return n;
}

static ptrdiff_t nested_read(void *self, char *dst, ptrdiff_t cap, struct err *err)
{
    return stream_read(self, dst, cap, err);
}

static bool spool_pread(void *self, char *dst, ptrdiff_t len, int64_t offset, struct err *err)
{
    struct level *v = self;
    return os_pread_full(v->spool, v->label, dst, len, offset, err);
}

/* ---- levels ---- */

static void level_close(struct leaves *l)
{
    struct level *v = &l->levels[--l->depth];
    arc_close(v->arc);
    os_close_quiet(v->spool);
    free(v->label);
    free(v->names.slots);
    *v = (struct level){ .spool = -1 };
}

/* zip and 7z keep their index at the end: what cannot be sought is copied to an unnamed file. */
static bool spool(struct level *v, struct stream *from, int64_t *size, struct err *err)
{
    static const ptrdiff_t step = 1 << 16;
    char *block = malloc((size_t)step);
    if (!block)
        mem_oom();
    v->spool = os_temp_anonymous(err);
    ptrdiff_t n = v->spool < 0 ? -1 : 1;
    for (*size = 0; n > 0; *size += n) {
        n = stream_read(from, block, step, err);
        if (n > 0 && !os_write_all(v->spool, v->label, slice_make(block, n), err))
            n = -1;
        if (n <= 0)
            break;
    }
    free(block);
    return n == 0;
}

static bool level_open(struct leaves *l, enum magic_container kind, const char *id, struct err *err)
{
    struct level *v = &l->levels[l->depth];
    struct stream *from = &l->streams[l->depth];
    bool seeks = kind == MAGIC_ZIP || kind == MAGIC_7Z;
    struct arc_input input = { .self = from, .read = nested_read };
    int64_t size = 0;
    *v = (struct level){ .owner = l, .spool = -1, .label = strdup(id) };
    if (!v->label)
        mem_oom();
    l->depth++;
    if (l->depth == 1 && l->is_file) {
        input.self = l;
        input.pread = file_pread;
        input.size = l->file_size;
    } else if (seeks) {
        if (!spool(v, from, &size, err)) {
            level_close(l);
            return false;
        }
        input.self = v;
        input.pread = spool_pread;
        input.size = size;
    }
    v->arc = arc_open(&input, err);
    if (!v->arc) {
        level_close(l);
        return false;
    }
    struct stream *to = &l->streams[l->depth];
    to->read = member_read;
    to->self = v;
    l->counts.archives++;
    return true;
}

/* ---- leaves ---- */

static void fill_leaf(struct leaves *l, struct leaf *leaf, const char *reason)
{
    *leaf = (struct leaf){
        .id = buf_cstr(&l->id), .source = buf_cstr(&l->source), .size = -1, .reason = reason
    };
}

static enum leaf_status bad(struct leaves *l, struct leaf *leaf, const char *reason)
{
    fill_leaf(l, leaf, reason);
    return LEAF_BAD;
}

static void set_id(struct leaves *l, const char *id)
{
    buf_clear(&l->id);
    buf_append(&l->id, slice_of(id));
}

/* A failure inside an archive: its data are bad, or the machine is. */
static enum leaf_status broken(struct leaves *l, struct leaf *leaf, const struct err *err)
{
    if (err->class != ERR_DATA || l->budget < 0)
        return LEAF_FAIL;
    buf_clear(&l->reason);
    buf_append(&l->reason, slice_of(err->text));
    return bad(l, leaf, buf_cstr(&l->reason));
}

enum step { STEP_LEAF, STEP_AGAIN, STEP_BAD, STEP_FAIL };

/* What begins in streams[depth]: a leaf, or a container that becomes the next level. */
static enum step begin(struct leaves *l, bool raw, struct leaf *leaf, struct err *err)
{
    struct stream *s = &l->streams[l->depth];
    ptrdiff_t n = stream_peek(s, l->depth == 0 && l->is_pipe, err);
    if (n < 0) {
        if (l->depth)
            l->levels[l->depth - 1].dead = n == ARC_READ_FATAL;
        return broken(l, leaf, err) == LEAF_BAD ? STEP_BAD : STEP_FAIL;
    }
    slice head = slice_make(s->head, s->head_len);
    slice name = last_part(slice_of(buf_cstr(&l->id)));
    enum magic_container kind = magic_container(head, raw ? magic_strip_suffix(name) : name);
    if (kind == MAGIC_PLAIN) {
        if (!wanted(l, buf_cstr(&l->id), true))
            return STEP_AGAIN;
        if (l->depth && !raw)
            distinguish(&l->levels[l->depth - 1].names, &l->id);
        fill_leaf(l, leaf, NULL);
        leaf->head = head;
        leaf->whole = s->ended;
        leaf->size = l->depth == 0 && l->is_file ? l->file_size : -1;
        l->leaf_stream = l->depth;
        return STEP_LEAF;
    }
    if (l->depth == countof(l->levels)) {
        bad(l, leaf, "an archive inside an archive inside an archive: nested too deep");
        return STEP_BAD;
    }
    if (l->depth && !raw)
        distinguish(&l->levels[l->depth - 1].names, &l->id);
    if (level_open(l, kind, buf_cstr(&l->id), err))
        return STEP_AGAIN;
    return broken(l, leaf, err) == LEAF_BAD ? STEP_BAD : STEP_FAIL;
}

/* The end of a level. A compressed stream of nothing is an empty file, not nothing. */
static enum step level_end(struct leaves *l, struct leaf *leaf)
{
    struct level *v = &l->levels[l->depth - 1];
    bool empty_file = v->members == 0 && arc_was_empty(v->arc);
    set_id(l, v->label);
    level_close(l);
    if (!empty_file || !wanted(l, buf_cstr(&l->id), true))
        return STEP_AGAIN;
    struct stream *s = &l->streams[l->depth]; /* its bytes are all read */
    s->head_len = s->head_at = 0;
    s->ended = true;
    fill_leaf(l, leaf, NULL);
    leaf->head = slice_make(s->head, 0);
    leaf->whole = true;
    leaf->size = 0;
    l->leaf_stream = l->depth;
    return STEP_LEAF;
}

static enum step next_member(struct leaves *l, struct leaf *leaf, struct err *err)
{
    struct level *v = &l->levels[l->depth - 1];
    struct arc_member m;
    int64_t before = l->budget;
    if (v->dead) {
        level_close(l);
        return STEP_AGAIN;
    }
    if (v->members && !arc_skip(v->arc, &l->budget, err)) {
        if (l->budget < 0)
            total_error(v, err);
        goto failed;
    }
    l->counts.bytes_unpacked += before - l->budget;
    switch (arc_next(v->arc, &m, err)) {
    case ARC_END:
        return level_end(l, leaf);
    case ARC_FAIL:
        goto failed;
    case ARC_MEMBER:
        break;
    }
    v->members++;
    if (m.raw) {
        set_id(l, v->label);
        return begin(l, true, leaf, err);
    }
    if (m.kind == ARC_DIR)
        return STEP_AGAIN;
    l->counts.members++;
    bool inside = member_id(&l->id, v->label, m.path);
    if (m.kind != ARC_FILE) {
        *(m.kind == ARC_LINK ? &l->counts.links : &l->counts.specials) += 1;
        log_debug("%s: %s, skipped", buf_cstr(&l->id), m.kind == ARC_LINK ? "a link" : "a device");
        return STEP_AGAIN;
    }
    if (!inside || m.encrypted) {
        bad(l, leaf, m.encrypted ? "encrypted" : "the member's name leaves the archive ('..')");
        return STEP_BAD;
    }
    /* Decided by the name before its bytes are looked at. */
    if (l->conf.exclude_count &&
        glob_matches(l->conf.exclude, l->conf.exclude_count, buf_cstr(&l->id))) {
        l->counts.excluded++;
        return STEP_AGAIN;
    }
    return begin(l, false, leaf, err);
failed:
    set_id(l, v->label);
    level_close(l);
    return broken(l, leaf, err) == LEAF_BAD ? STEP_BAD : STEP_FAIL;
}

/* ---- files and folders ---- */

static void file_close(struct leaves *l)
{
    while (l->depth)
        level_close(l);
    if (l->fd > 0)
        os_close_quiet(l->fd);
    free(l->path);
    l->path = NULL;
    l->fd = -1;
}

static bool is_output(const struct leaves *l, const struct os_stat *st)
{
    for (ptrdiff_t i = 0; i < l->conf.skip_count; i++)
        if (l->conf.skip[i].device == st->device && l->conf.skip[i].inode == st->inode)
            return true;
    return false;
}

static enum step open_file(struct leaves *l, char *path, bool is_operand, struct leaf *leaf,
                           struct err *err)
{
    struct os_stat st = { 0 };
    bool is_stdin = is_operand && strcmp(path, "-") == 0;
    l->path = path;
    buf_clear(&l->source);
    append_escaped(&l->source, is_stdin ? SLICE("stdin") : slice_of(path));
    buf_clear(&l->id);
    buf_append(&l->id, buf_slice(&l->source));
    l->fd = is_stdin ? 0 : os_open_read(path, err);
    if (l->fd < 0 || !os_fstat(l->fd, &st, err)) {
        if (is_operand || err->class != ERR_NOINPUT)
            return STEP_FAIL;
        err->class = ERR_DATA; /* one file of a folder: bad, and the walk goes on */
        enum leaf_status s = broken(l, leaf, err);
        file_close(l);
        return s == LEAF_BAD ? STEP_BAD : STEP_FAIL;
    }
    if (st.is_file && is_output(l, &st)) {
        log_warn("%s is the output of this run: skipped", ERR_QUOTE(slice_of(path)));
        l->counts.excluded++;
        file_close(l);
        return STEP_AGAIN;
    }
    l->is_file = st.is_file && !is_stdin; /* stdin may stand in the middle of a file */
    l->is_pipe = !st.is_file;
    l->file_size = st.size;
    l->counts.files++;
    l->streams[0].read = file_read;
    l->streams[0].self = l;
    return begin(l, false, leaf, err);
}

static bool push_folder(struct leaves *l, char *path, struct err *err)
{
    if (l->folder_count == l->folder_cap) {
        l->folder_cap = MAX(16, l->folder_cap * 2);
        l->folders = realloc(l->folders, (size_t)l->folder_cap * sizeof *l->folders);
        if (!l->folders)
            mem_oom();
    }
    struct folder *f = &l->folders[l->folder_count++];
    *f = (struct folder){ .path = path };
    l->counts.folders++;
    return os_list_dir(path, &f->entries, &f->count, err);
}

/* ".NAME.PID-N.tmp": what a run of ours is writing, or left when it was killed. */
static bool is_temporary(const char *name)
{
    slice s = slice_of(name);
    if (*name != '.' || !slice_ends(s, SLICE(".tmp")))
        return false;
    ptrdiff_t i = s.len - 4, digits[2] = { 0, 0 };
    for (int k = 0; k < 2; k++) {
        while (i > 0 && name[i - 1] >= '0' && name[i - 1] <= '9')
            i--, digits[k]++;
        if (i == 0 || name[i - 1] != (k ? '.' : '-'))
            return false;
        i--;
    }
    return digits[0] > 0 && digits[1] > 0;
}

static char *join(const char *folder, const char *name)
{
    ptrdiff_t n = (ptrdiff_t)strlen(folder);
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name) < 0)
        mem_oom();
    return path;
}

/* The next entry of the innermost folder. */
static enum step next_entry(struct leaves *l, struct leaf *leaf, struct err *err)
{
    struct folder *f = &l->folders[l->folder_count - 1];
    if (f->next == f->count) {
        os_list_free(f->entries, f->count);
        free(f->path);
        l->folder_count--;
        return STEP_AGAIN;
    }
    const struct os_entry *e = &f->entries[f->next++];
    if (e->is_link || (!e->is_dir && !e->is_file)) {
        *(e->is_link ? &l->counts.links : &l->counts.specials) += 1;
        log_debug("%s/%s: %s, skipped", f->path, e->name, e->is_link ? "a link" : "not a file");
        return STEP_AGAIN;
    }
    char *path = join(f->path, e->name);
    bool leave =
        is_temporary(e->name) || glob_matches(l->conf.exclude, l->conf.exclude_count, path);
    l->counts.excluded += leave;
    if (leave) {
        free(path);
        return STEP_AGAIN;
    }
    if (!e->is_dir)
        return open_file(l, path, false, leaf, err);
    return push_folder(l, path, err) ? STEP_AGAIN : STEP_FAIL;
}

static enum step next_operand(struct leaves *l, struct leaf *leaf, struct err *err)
{
    static const char *const stdin_only[] = { "-" };
    const char *const *list = l->conf.operand_count ? l->conf.operands : stdin_only;
    char *path = strdup(list[l->next_operand++]);
    struct os_stat st = { 0 };
    if (!path)
        mem_oom();
    if (strcmp(path, "-") != 0 && os_stat(path, &st, NULL) && st.is_dir)
        return push_folder(l, path, err) ? STEP_AGAIN : STEP_FAIL;
    return open_file(l, path, true, leaf, err);
}

/* ---- public ---- */

struct leaves *leaves_open(const struct leaves_conf *conf)
{
    struct leaves *l = calloc(1, sizeof *l);
    if (!l)
        mem_oom();
    l->conf = *conf;
    l->fd = -1;
    l->leaf_stream = -1;
    l->budget = conf->max_total > 0 ? conf->max_total : INT64_MAX;
    l->levels[0].spool = l->levels[1].spool = -1;
    return l;
}

enum leaf_status leaves_next(struct leaves *l, struct leaf *leaf, struct err *err)
{
    ptrdiff_t operands = l->conf.nothing ? 0 : MAX(1, l->conf.operand_count);
    l->leaf_stream = -1;
    for (;;) {
        enum step st;
        if (os_stopped()) {
            err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
            return LEAF_FAIL;
        }
        if (l->depth) {
            st = next_member(l, leaf, err);
        } else {
            if (l->path)
                file_close(l);
            if (l->folder_count)
                st = next_entry(l, leaf, err);
            else if (l->next_operand < operands)
                st = next_operand(l, leaf, err);
            else
                return LEAF_END;
        }
        if (st != STEP_AGAIN)
            return st == STEP_LEAF ? LEAF_DOC : st == STEP_BAD ? LEAF_BAD : LEAF_FAIL;
    }
}

ptrdiff_t leaves_read(struct leaves *l, char *dst, ptrdiff_t cap, struct err *err)
{
    if (l->leaf_stream < 0)
        return 0;
    ptrdiff_t n = stream_read(&l->streams[l->leaf_stream], dst, cap, err);
    if (n >= 0)
        return n;
    if (l->leaf_stream > 0) /* what the caller says about the leaf is said about the archive */
        l->levels[l->leaf_stream - 1].dead = n == ARC_READ_FATAL;
    l->leaf_stream = -1;
    return err->class == ERR_DATA && l->budget >= 0 ? LEAF_READ_BAD : LEAF_READ_FAIL;
}

bool leaves_ready(const struct leaves *l)
{
    const struct stream *s = &l->streams[0];
    return l->leaf_stream != 0 || !l->is_pipe || s->head_at < s->head_len || s->ended ||
           os_wait_readable(l->fd, 0);
}

const struct leaves_counts *leaves_counts(const struct leaves *l)
{
    return &l->counts;
}

void leaves_close(struct leaves *l)
{
    if (!l)
        return;
    file_close(l);
    while (l->folder_count) {
        struct folder *f = &l->folders[--l->folder_count];
        os_list_free(f->entries, f->count);
        free(f->path);
    }
    free(l->folders);
    buf_release(&l->source);
    buf_release(&l->id);
    buf_release(&l->reason);
    free(l);
}
